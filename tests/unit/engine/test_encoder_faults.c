/* Memory and threads run out at every call in turn: opening an encoder fails cleanly, a job is
 * refused, and the engine goes on. Linked with --wrap, so oneDNN's own allocations do not fail. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *s);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user);

/* Call number `first` fails, and those after it up to `last`; the count goes over all threads. */
struct fault {
    atomic_long calls, first, last;
    atomic_bool hit;
};
static struct fault memory = {.first = LONG_MAX}, threads = {.first = LONG_MAX};

static bool fails(struct fault *f) {
    long n = atomic_fetch_add(&f->calls, 1);
    bool hit = n >= atomic_load(&f->first) && n <= atomic_load(&f->last);
    if (hit)
        atomic_store(&f->hit, true);
    return hit;
}

static void break_at(struct fault *f, long n, bool lasting) {
    atomic_store(&f->hit, false);
    atomic_store(&f->last, lasting ? LONG_MAX - 1 : n);
    atomic_store(&f->first, n);
    atomic_store(&f->calls, 0);
}

/* No call fails any more; was there one that did? */
static bool mend(struct fault *f) {
    atomic_store(&f->first, LONG_MAX);
    return atomic_load(&f->hit);
}

void *__wrap_malloc(size_t size) {
    return fails(&memory) ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return fails(&memory) ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t size) {
    return fails(&memory) ? NULL : __real_realloc(p, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails(&memory) ? NULL : __real_aligned_alloc(alignment, size);
}
char *__wrap_strdup(const char *s) {
    return fails(&memory) ? NULL : __real_strdup(s);
}
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user) {
    return fails(&threads) ? EAGAIN : __real_pthread_create(t, a, f, user);
}

static const char model[] = GOLDEN_DIR "/encoder/tiny-bert";
enum { LANES = 3, LONGEST = 300, WIDTH = 40 };

static int try_open(int lanes, struct engine **en, struct err *e) {
    *e = (struct err){0};
    const struct engine_options o = {.lanes = lanes, .max_sequences = 4};
    return engine_open(model, &o, en, e);
}

/* Opens with a fault at every place; returns how many places there were. */
static long open_with(struct fault *f, int lanes, bool lasting) {
    for (long n = 0; n < 10000; n++) {
        struct engine *en;
        struct err e;
        break_at(f, n, lasting);
        int rc = try_open(lanes, &en, &e);
        if (!mend(f)) {
            assert_int_equal(rc, 0);
            engine_close(en);
            return n;
        }
        if (rc != PRECIS_ENOMEM)
            fail_msg("call %ld: %d, %s", n, rc, e.text);
        assert_int_equal(e.code, PRECIS_ENOMEM);
        assert_null(en);
    }
    fail_msg("there is no end to it");
    return 0;
}

static void opening_without_memory(void **state) {
    (void)state;
    assert_true(open_with(&memory, 1, false) > 50);
    assert_true(open_with(&memory, 2, true) > 50);
}

static void opening_without_threads(void **state) {
    (void)state;
    /* As many for packing the weights as lanes. */
    assert_int_equal(open_with(&threads, LANES, false), 2 * LANES);
    assert_int_equal(open_with(&threads, LANES, true), 2 * LANES);
}

struct outcome {
    int done;
    enum engine_finish finish;
    struct err err;
    float states[LONGEST * WIDTH];
};

static void on_hidden(void *user, const float *states, size_t n, size_t width) {
    memcpy(((struct outcome *)user)->states, states, n * width * sizeof *states);
}

static void on_done(void *user, const struct engine_result *r) {
    struct outcome *o = user;
    o->done++;
    o->finish = r->finish;
    o->err = r->err;
}

/* Submits one job and waits for it; 0: it has its states. */
static int run_one(struct engine *en, size_t n, struct outcome *o, struct err *e) {
    uint32_t ids[LONGEST];
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)((i * i + 7) % engine_info(en)->vocab);
    const struct engine_job job = {
        .ids = ids, .n_ids = n, .on_hidden = on_hidden, .on_done = on_done, .user = o};
    *o = (struct outcome){0};
    int rc = engine_submit(en, &job, NULL, e);
    engine_drain(en);
    assert_int_equal(o->done, rc ? 0 : 1);
    if (rc == 0 && o->finish == FINISH_FAILED) {
        *e = o->err;
        return o->err.code;
    }
    return rc;
}

static void jobs_without_memory(void **state) {
    (void)state;
    static struct outcome want, got;
    static const size_t lengths[] = {1, 60, LONGEST};
    for (int i = 0; i < 3; i++) {
        bool hit = true;
        for (long n = 0; hit; n++) { /* each time in a new engine, whose products are not made */
            struct engine *en;
            struct err e;
            assert_int_equal(try_open(1, &en, &e), 0);
            break_at(&memory, n, n % 2);
            int rc = run_one(en, lengths[i], &got, &e);
            hit = mend(&memory);
            assert_int_equal(rc, hit ? PRECIS_ENOMEM : 0);
            assert_int_equal(run_one(en, lengths[i], &want, &e), 0);
            if (!hit)
                assert_memory_equal(got.states, want.states, sizeof want.states);
            engine_close(en);
            assert_true(n < 1000);
        }
    }
}

static void closing_needs_no_memory(void **state) {
    (void)state;
    static struct outcome out[4];
    struct engine *en;
    struct err e;
    assert_int_equal(try_open(1, &en, &e), 0);
    uint32_t ids[LONGEST] = {0};
    memset(out, 0, sizeof out);
    for (int i = 0; i < 4; i++) {
        const struct engine_job job = {.ids = ids,
                                       .n_ids = LONGEST,
                                       .on_hidden = on_hidden,
                                       .on_done = on_done,
                                       .user = &out[i]};
        assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    }
    break_at(&memory, 0, true);
    engine_close(en);
    mend(&memory);
    for (int i = 0; i < 4; i++)
        assert_int_equal(out[i].done, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory),
        cmocka_unit_test(opening_without_threads),
        cmocka_unit_test(jobs_without_memory),
        cmocka_unit_test(closing_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

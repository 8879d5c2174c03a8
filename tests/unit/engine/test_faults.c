/* Memory and threads run out at every call in turn: opening fails cleanly, a job is refused or
 * fails, and the engine goes on. Linked with --wrap, so oneDNN's own allocations do not fail. */
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

/* Calls number first .. last fail; the count goes over all threads. */
struct fault {
    atomic_long calls, first, last, hits;
};
static struct fault memory = {.first = LONG_MAX}, threads = {.first = LONG_MAX};

static bool fails(struct fault *f) {
    long n = atomic_fetch_add(&f->calls, 1);
    bool hit = n >= atomic_load(&f->first) && n <= atomic_load(&f->last);
    if (hit)
        atomic_fetch_add(&f->hits, 1);
    return hit;
}

/* Lets call n fail, and all after it if `lasting`. */
static void break_at(struct fault *f, long n, bool lasting) {
    atomic_store(&f->hits, 0);
    atomic_store(&f->last, lasting ? LONG_MAX - 1 : n);
    atomic_store(&f->first, n);
    atomic_store(&f->calls, 0);
}

/* No call fails any more; were there any that did? */
static bool mend(struct fault *f) {
    atomic_store(&f->first, LONG_MAX);
    return atomic_load(&f->hits) > 0;
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

static const char tiny[] = GOLDEN_DIR "/engine/tiny-llama.gguf";
static const char long_rope[] = GOLDEN_DIR "/engine/families/phi3";
static const char *model = tiny;
enum {
    LANES = 3,
    PROMPT = 200,
    JOBS = 5,
    MOST_NEW = 6,
    NEAR = 100 /* tokens of long_rope's short sequences */
};

static int try_open(enum precision p, int lanes, int agents, struct engine **en, struct err *e) {
    *e = (struct err){0};
    const struct engine_options o = {.precision = p, .lanes = lanes, .max_sequences = agents};
    return engine_open(model, &o, en, e);
}

static struct engine *must_open(int lanes, int agents) {
    struct engine *en;
    struct err e;
    if (try_open(PRECISION_AUTO, lanes, agents, &en, &e) != 0)
        fail_msg("%s", e.text);
    return en;
}

/* Opens with a fault at every place; returns how many places there were. Packing in int8 also
 * remembers things for next time, and does without when that fails. */
static long open_with(struct fault *f, enum precision p, int lanes, bool lasting) {
    for (long n = 0; n < 10000; n++) {
        struct engine *en;
        struct err e;
        break_at(f, n, lasting);
        int rc = try_open(p, lanes, 4, &en, &e);
        bool hit = mend(f);
        if (hit && rc == 0 && p == PRECISION_INT8 && f == &memory) {
            engine_close(en);
            continue;
        }
        if (hit) {
            assert_int_equal(rc, PRECIS_ENOMEM);
            assert_int_equal(e.code, PRECIS_ENOMEM);
            assert_true(e.text[0] != 0);
            assert_null(en);
            continue;
        }
        assert_int_equal(rc, 0);
        engine_close(en);
        return n;
    }
    fail_msg("there is no end to it");
    return 0;
}

static void opening_without_memory(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum precision p = i ? PRECISION_INT8 : PRECISION_F32;
        assert_true(open_with(&memory, p, 1, false) > 50);
        assert_true(open_with(&memory, p, 2, true) > 50);
    }
}

/* Options that have weights or buffers of their own. */
static void opening_families_without_memory(void **state) {
    (void)state;
    static const char *const families[] = {GOLDEN_DIR "/engine/families/qwen3", long_rope,
                                           GOLDEN_DIR "/engine/families/gemma3"};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        model = families[i];
        assert_true(open_with(&memory, PRECISION_F32, 1, false) > 50);
    }
    model = tiny;
}

static void opening_without_threads(void **state) {
    (void)state;
    /* As many for packing the weights as lanes. */
    assert_int_equal(open_with(&threads, PRECISION_F32, LANES, false), 2 * LANES);
    assert_int_equal(open_with(&threads, PRECISION_F32, LANES, true), 2 * LANES);
}

struct outcome {
    int called;
    enum engine_finish finish;
    struct err err;
    size_t n;
    uint32_t ids[MOST_NEW];
};

static void on_done(void *user, const struct engine_result *r) {
    struct outcome *o = user;
    o->called++;
    o->finish = r->finish;
    o->err = r->err;
    o->n = r->n;
    memcpy(o->ids, r->ids, r->n * sizeof *r->ids);
}

/* Long enough for a team, every way of choosing, and beams that fork and copy pages; prompts begin
 * alike or not. */
static struct engine_job job_of(int i, const uint32_t *ids, bool alike, struct outcome *o) {
    static const enum sampling_strategy strategies[] = {SAMPLE_BEAM, SAMPLE_GREEDY, SAMPLE_NUCLEUS,
                                                        SAMPLE_TEMPERATURE};
    return (struct engine_job){.ids = alike ? ids : ids + i,
                               .n_ids = (size_t)(model == long_rope ? NEAR - i : PROMPT - 40 * i),
                               .max_new_tokens = MOST_NEW,
                               .sampling = {.strategy = strategies[i % 4],
                                            .temperature = 0.5f,
                                            .beams = 3,
                                            .repetition_penalty = 1.1f,
                                            .no_repeat_ngram = 3},
                               .key = (uint64_t)i,
                               .on_done = on_done,
                               .user = o};
}

static void fill(uint32_t ids[PROMPT + JOBS], size_t vocab) {
    for (size_t i = 0; i < PROMPT + JOBS; i++)
        ids[i] = (uint32_t)((i * i + 7) % vocab);
}

/* Every job succeeds. */
static void run_all(struct engine *en, const uint32_t *ids, bool alike, struct outcome out[JOBS]) {
    memset(out, 0, JOBS * sizeof *out);
    struct err e;
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, alike, &out[i]);
        if (engine_submit(en, &job, NULL, &e) != 0)
            fail_msg("%s", e.text);
    }
    engine_drain(en);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(out[i].called, 1);
        assert_int_equal(out[i].finish, FINISH_LENGTH);
        assert_int_equal(out[i].n, MOST_NEW);
    }
}

/* Jobs run while call n fails. Those that end are right, the others say what was missing; after it
 * the engine is as it was. Prompts that begin alike may do without the memory (they share less, or
 * take pages that were kept), and so may one lane when another gives pages back just then. False:
 * nothing failed. */
static bool run_broken(int lanes, long n, bool lasting, const uint32_t *ids, bool alike,
                       const struct outcome want[JOBS]) {
    struct engine *en = must_open(lanes, 3);
    struct outcome out[JOBS] = {{0}};
    int rc[JOBS];
    struct err e[JOBS] = {{0}};
    break_at(&memory, n, lasting);
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, alike, &out[i]);
        rc[i] = engine_submit(en, &job, NULL, &e[i]);
    }
    engine_drain(en);
    bool hit = mend(&memory);
    bool lost = false;
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(out[i].called, rc[i] ? 0 : 1);
        int code = rc[i] ? e[i].code : out[i].err.code;
        if (rc[i] || out[i].finish == FINISH_FAILED) {
            assert_int_equal(code, PRECIS_ENOMEM);
            lost = true;
        } else {
            assert_int_equal(out[i].n, want[i].n);
            assert_memory_equal(out[i].ids, want[i].ids, want[i].n * sizeof *want[i].ids);
        }
    }
    assert_true(hit || !lost);
    assert_true(lost || !hit || alike || lanes > 1);
    struct engine_stats st;
    engine_get_stats(en, &st);
    assert_int_equal(st.kv_bytes, 0);
    assert_int_equal(st.running + st.waiting, 0);
    struct outcome again[JOBS];
    run_all(en, ids, alike, again);
    for (int i = 0; i < JOBS; i++)
        assert_memory_equal(again[i].ids, want[i].ids, sizeof want[i].ids);
    engine_close(en);
    return hit;
}

static void run_without_memory(int most_alike) {
    uint32_t ids[PROMPT + JOBS];
    struct outcome want[JOBS];
    for (int alike = 0; alike <= most_alike; alike++) {
        struct engine *en = must_open(1, 3);
        fill(ids, engine_info(en)->vocab);
        run_all(en, ids, alike, want);
        engine_close(en);
        for (int lanes = 1; lanes <= LANES; lanes += 2) {
            long n = 0;
            while (run_broken(lanes, n, lanes > 1 && n % 2, ids, alike, want))
                n++;
            assert_true(n > 50);
        }
    }
}

static void jobs_without_memory(void **state) {
    (void)state;
    run_without_memory(1);
}

/* Sequences, and beams, that become long ones on the way give up their pages and are fed anew. */
static void long_jobs_without_memory(void **state) {
    (void)state;
    model = long_rope;
    run_without_memory(0);
    model = tiny;
}

static void closing_needs_no_memory(void **state) {
    (void)state;
    struct engine *en = must_open(2, JOBS);
    uint32_t ids[PROMPT + JOBS];
    fill(ids, engine_info(en)->vocab);
    struct outcome out[JOBS] = {{0}};
    struct err e;
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, true, &out[i]);
        assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    }
    break_at(&memory, 0, true);
    engine_close(en);
    mend(&memory);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(out[i].called, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory),
        cmocka_unit_test(opening_families_without_memory),
        cmocka_unit_test(opening_without_threads),
        cmocka_unit_test(jobs_without_memory),
        cmocka_unit_test(long_jobs_without_memory),
        cmocka_unit_test(closing_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

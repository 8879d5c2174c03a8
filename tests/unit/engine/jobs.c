#include "jobs.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "asleep.h"
#include "base/hash.h"
#include "base/rng.h"
#include "kernel/kernel.h"

int outcome_on_token(void *user, const struct engine_token *t) {
    struct outcome *o = user;
    if (t->index != o->streamed)
        abort();
    return ++o->streamed == o->stop_after;
}

void outcome_on_logits(void *user, size_t position, const float *logits) {
    struct outcome *o = user;
    if (position != o->next++)
        abort();
    o->n_scored++;
    o->scores = hash_bytes(logits, o->vocab * sizeof *logits, o->scores);
}

void outcome_on_hidden(void *user, const float *states, size_t n, size_t width) {
    struct outcome *o = user;
    o->hidden++;
    o->rows = n;
    o->width = width;
    if (o->states)
        memcpy(o->states, states, n * width * sizeof *states);
}

void outcome_on_done(void *user, const struct engine_result *r) {
    struct outcome *o = user;
    o->called++;
    o->finish = r->finish;
    o->err = r->err;
    o->n = r->n;
    for (size_t i = 0; i < r->n; i++) {
        o->ids[i] = r->ids[i];
        o->logprobs[i] = r->logprobs[i];
    }
}

void outcome_same(int job, const struct outcome *got, const struct outcome *want) {
    if (got->called != 1 || got->finish != want->finish)
        fail_msg("job %d ended %d times with %s (%s)", job, got->called,
                 engine_finish_name(got->finish), got->err.text);
    if (got->n != want->n || memcmp(got->ids, want->ids, want->n * sizeof *want->ids) != 0 ||
        memcmp(got->logprobs, want->logprobs, want->n * sizeof *want->logprobs) != 0)
        fail_msg("job %d has other tokens", job);
    if (got->n_scored != want->n_scored || got->scores != want->scores)
        fail_msg("job %d has other logits", job);
    if (got->hidden != want->hidden || got->rows != want->rows || got->width != want->width ||
        (want->states &&
         memcmp(got->states, want->states, want->rows * want->width * sizeof *want->states) != 0))
        fail_msg("job %d has other states", job);
}

bool jobs_can_run(void) {
    enum isa isa;
    struct err e;
    int rc = isa_detect(&isa, &e);
    if (rc)
        printf("SKIPPED: %s\n", e.text);
    return rc == 0;
}

struct engine *jobs_open(const char *model, struct engine_options o) {
    struct engine *en;
    struct err e;
    if (engine_open(model, &o, &en, &e) != 0)
        fail_msg("%s", e.text);
    return en;
}

uint64_t jobs_submit(struct engine *en, const struct engine_job *job) {
    uint64_t ticket;
    struct err e;
    if (engine_submit(en, job, &ticket, &e) != 0)
        fail_msg("%s", e.text);
    return ticket;
}

void jobs_fill(uint32_t *ids, size_t n, size_t vocab, uint64_t seed) {
    struct rng rng = {seed};
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)(rng_next(&rng) % vocab);
}

int jobs_precisions(const char *model, enum precision out[3]) {
    static const enum precision all[] = {PRECISION_F32, PRECISION_BF16, PRECISION_INT8};
    int n = 0;
    for (int i = getenv("PRECIS_TEST_SHORT") ? 2 : 0; i < 3; i++) {
        const struct engine_options o = {.precision = all[i], .lanes = 1};
        struct engine *en;
        struct err e;
        int rc = engine_open(model, &o, &en, &e);
        if (rc == 0)
            out[n++] = all[i];
        else if (rc != PRECIS_EUNSUPPORTED)
            fail_msg("%s", e.text);
        engine_close(en);
    }
    assert_true(n > 0);
    return n;
}

size_t jobs_limit_of(const char *model, struct engine_options o, size_t pages) {
    struct engine *probe = jobs_open(model, o);
    const struct engine_info *i = engine_info(probe);
    size_t limit = i->weight_bytes + i->scratch_bytes + i->kv_bytes_per_token * 64 * pages;
    engine_close(probe);
    return limit;
}

struct blocked {
    struct engine *en;
    struct engine_job job;
    atomic_int thread; /* its id */
    atomic_bool let_go;
    atomic_int done;
    int rc;
};

static int hold_token(void *user, const struct engine_token *t) {
    struct blocked *b = user;
    (void)t;
    while (!atomic_load(&b->let_go))
        sched_yield();
    return 0;
}

static void hold_states(void *user, const float *states, size_t n, size_t width) {
    (void)states;
    (void)n;
    (void)width;
    hold_token(user, NULL);
}

/* Cancelling what is over, or comes next, is allowed here. */
static void count_done(void *user, const struct engine_result *r) {
    struct blocked *b = user;
    engine_cancel(b->en, r->ticket + 1);
    atomic_fetch_add(&b->done, 1);
}

static void *submit_third(void *user) {
    struct blocked *b = user;
    atomic_store(&b->thread, gettid());
    b->rc = engine_submit(b->en, &b->job, NULL, NULL);
    atomic_store(&b->let_go, true);
    return NULL;
}

void jobs_closing_wakes_submit(struct engine *en) {
    const uint32_t id = 1;
    struct blocked b = {.en = en,
                        .job = {.ids = &id, .n_ids = 1, .on_done = count_done, .user = &b}};
    if (engine_info(en)->capabilities & ENGINE_EMBED) {
        b.job.on_hidden = hold_states;
    } else {
        b.job.on_token = hold_token;
        b.job.max_new_tokens = 4;
    }
    for (int i = 0; i < 2; i++)
        jobs_submit(en, &b.job);
    struct engine_stats st;
    do { /* until the first holds the lane */
        sched_yield();
        engine_get_stats(en, &st);
    } while (st.running == 0);
    assert_int_equal(st.waiting, 1);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, submit_third, &b), 0);
    while (!is_asleep(atomic_load(&b.thread)))
        sched_yield();
    engine_close(en);
    pthread_join(t, NULL);
    assert_int_equal(b.rc, PRECIS_ECANCELLED);
    assert_int_equal(atomic_load(&b.done), 2);
}

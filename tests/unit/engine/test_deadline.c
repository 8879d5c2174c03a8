/* The limit of a job's own share of lane time (engine_job.time_limit). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sample.h"
#include "jobs.h"

enum { AGENTS = 100, PROMPT = 40, LONGEST = 400 };

static const char *model;

struct timed {
    struct outcome o; /* first: the callbacks' user */
    size_t n_more, tokens_out;
    double own;
};

static void on_done(void *user, const struct engine_result *r) {
    struct timed *t = user;
    t->o.called++;
    t->o.finish = r->finish;
    t->o.err = r->err;
    t->o.n = r->n < OUTCOME_MOST_NEW ? r->n : OUTCOME_MOST_NEW;
    memcpy(t->o.ids, r->ids, t->o.n * sizeof *r->ids);
    memcpy(t->o.logprobs, r->logprobs, t->o.n * sizeof *r->logprobs);
    t->n_more = (size_t)r->n_more;
    t->tokens_out = r->tokens_out;
    t->own = r->seconds_own;
}

static struct engine_job job_of(int i, uint32_t *ids, size_t vocab, size_t most, struct timed *t) {
    jobs_fill(ids, PROMPT, vocab, (uint64_t)i);
    *t = (struct timed){0};
    return (struct engine_job){.ids = ids,
                               .n_ids = PROMPT,
                               .max_new_tokens = most,
                               .key = (uint64_t)i,
                               .on_done = on_done,
                               .user = t};
}

static void says_timeout(const struct timed *t, struct engine *en) {
    assert_int_equal(t->o.called, 1);
    assert_int_equal(t->o.finish, FINISH_FAILED);
    assert_int_equal(t->o.err.code, PRECIS_ETIMEOUT);
    assert_non_null(strstr(t->o.err.text, "timed out"));
    assert_true(t->own > 0);
    struct engine_stats st;
    engine_get_stats(en, &st);
    assert_int_equal(st.kv_bytes, 0);
    assert_int_equal(st.running, 0);
}

/* None of them has an end of its own. */
static void endless_jobs_end(void **state) {
    (void)state;
    struct engine *en = jobs_open(model, (struct engine_options){.lanes = 2});
    uint32_t ids[PROMPT];
    for (int kind = 0; kind < 3; kind++) {
        struct timed t;
        struct engine_job job = job_of(kind, ids, engine_info(en)->vocab, LONGEST, &t);
        job.time_limit = 1e-7;
        if (kind == 1) {
            job.n_more = 3;
            job.more = (struct sampling){.strategy = SAMPLE_TEMPERATURE, .temperature = 1};
        } else if (kind == 2) {
            job.sampling = (struct sampling){.strategy = SAMPLE_BEAM, .beams = 3};
        }
        jobs_submit(en, &job);
        engine_drain(en);
        says_timeout(&t, en);
        assert_int_equal(t.n_more, 0);
        assert_true(t.tokens_out < LONGEST);
    }
    engine_close(en);
}

/* The prompt is affordable, a long answer is not. */
static void ends_within_the_answer(void **state) {
    (void)state;
    struct engine *en = jobs_open(model, (struct engine_options){.lanes = 1});
    uint32_t ids[PROMPT];
    struct timed t;
    struct engine_job job;
    double whole = 0;
    for (int i = 0; i < 2; i++) { /* the first one warms up */
        job = job_of(0, ids, engine_info(en)->vocab, LONGEST, &t);
        jobs_submit(en, &job);
        engine_drain(en);
        assert_int_equal(t.o.finish, FINISH_LENGTH);
        whole = t.own;
    }
    job = job_of(0, ids, engine_info(en)->vocab, LONGEST, &t);
    job.time_limit = whole / 4;
    jobs_submit(en, &job);
    engine_drain(en);
    says_timeout(&t, en);
    assert_true(t.tokens_out > 0 && t.tokens_out < LONGEST);
    engine_close(en);
}

static void many_agents_do_not_trip_it(void **state) {
    (void)state;
    static struct timed want[AGENTS], got[AGENTS];
    const struct engine_options o = {.lanes = 2, .max_sequences = AGENTS};
    struct engine *en = jobs_open(model, o);
    size_t vocab = engine_info(en)->vocab;
    uint32_t ids[PROMPT];
    double alone = 0, all = 0;
    for (int i = 0; i < AGENTS; i++) {
        struct engine_job job = job_of(i, ids, vocab, 24, &want[i]);
        jobs_submit(en, &job);
        engine_drain(en);
        alone += want[i].own;
    }
    for (int i = 0; i < AGENTS; i++) {
        struct engine_job job = job_of(i, ids, vocab, 24, &got[i]);
        job.time_limit = alone / 5; /* of twenty, which an account of the time alone would pass */
        jobs_submit(en, &job);
    }
    engine_drain(en);
    for (int i = 0; i < AGENTS; i++) {
        outcome_same(i, &got[i].o, &want[i].o);
        all += got[i].own;
    }
    assert_true(all > alone / AGENTS); /* batched, they cost less than alone, but not like one */
    engine_close(en);
}

static void refuses_negative_limits(void **state) {
    (void)state;
    struct engine *en = jobs_open(model, (struct engine_options){.lanes = 1});
    uint32_t ids[PROMPT];
    struct timed t;
    struct err e;
    struct engine_job job = job_of(0, ids, engine_info(en)->vocab, 4, &t);
    job.time_limit = -1;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    assert_non_null(strstr(e.text, "time limit -1"));
    engine_close(en);
}

int main(int argc, char **argv) {
    assert_true(argc == 2);
    model = argv[1];
    if (!jobs_can_run())
        return 77;
    struct engine *en;
    struct err e;
    int rc = engine_open(model, &(struct engine_options){.lanes = 1}, &en, &e);
    if (rc) { /* no ONNX Runtime */
        print_message("SKIPPED: %s\n", e.text);
        return 77;
    }
    engine_close(en);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_jobs_end),
        cmocka_unit_test(ends_within_the_answer),
        cmocka_unit_test(many_agents_do_not_trip_it),
        cmocka_unit_test(refuses_negative_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Several answers to one prompt (engine_job.n_more): each is what it would be alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "jobs.h"

enum { JOBS = 12, MORE = 4, LONGEST = 300 };

static const char *model;
static bool automatic; /* the engine has one precision */

struct answered {
    struct outcome o[1 + MORE];
    size_t streamed[1 + MORE], tokens_out;
    int n_more;
};

static int on_token(void *user, const struct engine_token *t) {
    struct answered *a = user;
    if (t->index != a->streamed[t->answer] || t->ids[t->index] != t->id)
        abort();
    return ++a->streamed[t->answer] == a->o[t->answer].stop_after;
}

static void on_done(void *user, const struct engine_result *r) {
    struct answered *a = user;
    outcome_on_done(&a->o[0], r);
    a->n_more = r->n_more;
    a->tokens_out = r->tokens_out;
    for (int i = 0; i < r->n_more; i++) {
        const struct engine_answer *m = &r->more[i];
        outcome_on_done(&a->o[1 + i], &(struct engine_result){.finish = m->finish,
                                                              .ids = m->ids,
                                                              .logprobs = m->logprobs,
                                                              .n = m->n});
    }
}

/* Two of three ids may follow those before. */
static void lower(void *user, const struct engine_scores *at, struct engine_candidate *c,
                  size_t n) {
    (void)user;
    for (size_t i = 0; i < n; i++)
        if (hash_mix(hash_bytes(at->ids, at->n * sizeof *at->ids, 5), c[i].id) % 3 == 0)
            c[i].logprob = -INFINITY;
}

static struct engine_job job_of(int i, uint32_t *ids, size_t vocab) {
    static const size_t lengths[] = {1, 63, 64, 65, 128, LONGEST};
    struct engine_job job = {.ids = ids,
                             .n_ids = lengths[i % 6],
                             .max_new_tokens = (size_t)(5 + i % 30),
                             .key = (uint64_t)i};
    jobs_fill(ids, job.n_ids, vocab, (uint64_t)i);
    job.stops[0] = (uint32_t)(7 * i) % (uint32_t)vocab;
    for (uint32_t s = 1; s < 8; s++) /* some end early */
        job.stops[s] = (job.stops[0] + 13 * s) % (uint32_t)vocab;
    job.n_stops = 8;
    job.sampling = (struct sampling){.strategy = i % 2 ? SAMPLE_TEMPERATURE : SAMPLE_GREEDY,
                                     .temperature = 0.8f,
                                     .seed = 7,
                                     .repetition_penalty = i % 5 == 0 ? 1.2f : 0};
    if (i % 3 == 2)
        job.on_scores = lower;
    return job;
}

/* The colder, the longer answers have the same tokens. */
static struct sampling further(int i) {
    return (struct sampling){.strategy = i % 4 < 2 ? SAMPLE_TEMPERATURE : SAMPLE_NUCLEUS,
                             .temperature = i % 5 < 2 ? 1.2f : 0.3f,
                             .top_k = i % 4 == 1 ? 0 : 20,
                             .seed = 9};
}

/* What its answer `number` is, asked for alone. */
static void ask_alone(struct engine *en, int i, int number, size_t stop_after, struct outcome *o) {
    uint32_t ids[LONGEST];
    struct engine_job job = job_of(i, ids, engine_info(en)->vocab);
    if (number) {
        job.sampling = further(i);
        job.key = hash_mix(job.key, (uint64_t)number);
    }
    *o = (struct outcome){.stop_after = stop_after};
    job.on_token = outcome_on_token;
    job.on_done = outcome_on_done;
    job.user = o;
    jobs_submit(en, &job);
    engine_drain(en);
}

static void each_answer_is_what_it_is_alone(void **state) {
    (void)state;
    enum precision precisions[3] = {PRECISION_AUTO};
    for (int p = automatic ? 1 : jobs_precisions(model, precisions); p-- > 0;)
        for (int lanes = 1; lanes <= 3; lanes++) {
            struct engine_options o = {
                .precision = precisions[p], .lanes = lanes, .max_sequences = 4};
            struct engine *en = jobs_open(model, o);
            static struct answered got[JOBS];
            uint32_t ids[LONGEST];
            memset(got, 0, sizeof got);
            for (int i = 0; i < JOBS; i++) {
                struct engine_job job = job_of(i, ids, engine_info(en)->vocab);
                got[i].o[i % 3].stop_after = i % 4 == 3 ? 3 : 0;
                job.n_more = i % (MORE + 1);
                job.more = further(i);
                job.on_token = on_token;
                job.on_done = on_done;
                job.user = &got[i];
                jobs_submit(en, &job);
            }
            engine_drain(en);
            struct engine_stats st;
            engine_get_stats(en, &st);
            assert_int_equal(st.kv_bytes, 0);
            for (int i = 0; i < JOBS; i++) {
                size_t tokens = 0;
                assert_int_equal(got[i].n_more, i % (MORE + 1));
                for (int k = 0; k <= got[i].n_more; k++) {
                    struct outcome want;
                    ask_alone(en, i, k, got[i].o[k].stop_after, &want);
                    outcome_same(100 * i + k, &got[i].o[k], &want);
                    assert_int_equal(got[i].streamed[k], want.n);
                    tokens += want.n;
                }
                assert_int_equal(got[i].tokens_out, tokens);
            }
            engine_close(en);
        }
}

static void a_cancelled_job_has_no_further_ones(void **state) {
    (void)state;
    struct engine *en = jobs_open(model, (struct engine_options){.lanes = 1});
    uint32_t ids[LONGEST];
    struct answered got = {0};
    struct engine_job job = job_of(0, ids, engine_info(en)->vocab);
    job.n_more = MORE;
    job.on_done = on_done;
    job.user = &got;
    jobs_submit(en, &job);
    engine_cancel(en, 0);
    engine_drain(en);
    assert_int_equal(got.o[0].called, 1);
    if (got.o[0].finish == FINISH_CANCELLED)
        assert_int_equal(got.n_more, 0);
    engine_close(en);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    struct engine *en = jobs_open(model, (struct engine_options){.lanes = 1});
    uint32_t ids[LONGEST];
    struct err e;
    for (int i = 0; i < 4; i++) {
        struct answered got = {0};
        struct engine_job job = job_of(0, ids, engine_info(en)->vocab);
        job.on_done = on_done;
        job.user = &got;
        job.n_more = i == 0 ? -1 : i == 1 ? ENGINE_MAX_BEAMS : 1;
        if (i == 2)
            job.sampling.strategy = SAMPLE_BEAM;
        if (i == 3)
            job.more.temperature = 9;
        assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    }
    engine_close(en);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_what_it_is_alone),
        cmocka_unit_test(a_cancelled_job_has_no_further_ones),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    model = argc > 1 ? argv[1] : "";
    automatic = argc > 2 && strcmp(argv[2], "auto") == 0;
    if (!jobs_can_run())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

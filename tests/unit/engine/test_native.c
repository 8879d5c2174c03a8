/* The native engine on a tiny model: outputs that depend on the job alone, bounds, cancelling,
 * sampling. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/rng.h"
#include "engine/sample.h"
#include "jobs.h"

enum { JOBS = 24 };

static const char model[] = GOLDEN_DIR "/engine/tiny-llama-3to1.gguf";

static struct engine *open_tiny(struct engine_options o) {
    return jobs_open(model, o);
}

/* Whether a made-up constraint lets an id follow those before it: two of three do. */
static bool may_follow(const uint32_t *ids, size_t n, uint32_t id) {
    return hash_mix(hash_bytes(ids, n * sizeof *ids, 5), id) % 3 != 0;
}

static void lower(void *user, const struct engine_scores *at, struct engine_candidate *c,
                  size_t n) {
    const struct outcome *o = user;
    if (at->vocab != o->vocab || !(at->logsumexp > -INFINITY))
        abort();
    for (size_t i = 0; i < n; i++)
        if (!may_follow(at->ids, at->n, c[i].id))
            c[i].logprob = -INFINITY;
        else if (c[i].id % 5 == 0)
            c[i].logprob -= 0.5f;
        else if (c[i].id % 5 == 1)
            c[i].logprob += 100; /* is not heeded */
}

/* Job i of a mixed load: prompts of 1 to 700 tokens, every strategy, some scored, some constrained.
 */
static struct engine_job mixed_job(int i, uint32_t *ids, size_t vocab, struct outcome *o) {
    static const enum sampling_strategy strategies[] = {SAMPLE_GREEDY, SAMPLE_TEMPERATURE,
                                                        SAMPLE_NUCLEUS, SAMPLE_BEAM};
    static const size_t lengths[] = {1, 63, 64, 65, 128, 300, 513, 700};
    size_t n = lengths[i % 8];
    jobs_fill(ids, n, vocab, (uint64_t)i);
    *o = (struct outcome){.vocab = vocab};
    struct engine_job job = {.ids = ids,
                             .n_ids = n,
                             .max_new_tokens = (size_t)(5 + i % 30),
                             .key = (uint64_t)i,
                             .on_token = outcome_on_token,
                             .on_done = outcome_on_done,
                             .user = o};
    job.sampling = (struct sampling){.strategy = strategies[i % 4],
                                     .temperature = 0.8f,
                                     .seed = 7,
                                     .beams = 3,
                                     .repetition_penalty = i % 5 == 0 ? 1.2f : 0,
                                     .no_repeat_ngram = i % 7 == 0 ? 3 : 0};
    if (i % 6 == 1)
        job.on_logits = outcome_on_logits;
    if (i % 3 == 2)
        job.on_scores = lower;
    return job;
}

static void run_mixed(struct engine *en, struct outcome out[JOBS]) {
    uint32_t ids[700];
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = mixed_job(i, ids, engine_info(en)->vocab, &out[i]);
        jobs_submit(en, &job);
    }
    engine_drain(en);
    for (int i = 0; i < JOBS; i++) {
        if (out[i].finish == FINISH_FAILED)
            fail_msg("job %d: %s", i, out[i].err.text);
        assert_int_equal(out[i].streamed, out[i].n);
        for (size_t t = 0; i % 3 == 2 && t < out[i].n; t++)
            assert_true(may_follow(out[i].ids, t, out[i].ids[t]));
    }
}

static void outputs_depend_on_the_job_alone(void **state) {
    (void)state;
    /* The largest job needs 16 pages: 10 that its three beams share, and two of each. */
    static const struct {
        int lanes, agents;
        size_t pages; /* 0: no limit */
    } setups[] = {{1, 1, 0},  {1, 20, 0},  {2, 1, 0},  {2, 7, 0},
                  {3, 20, 0}, {2, 100, 0}, {3, 5, 24}, {2, 7, 16}};
    enum precision precisions[3];
    for (int p = jobs_precisions(model, precisions); p-- > 0;) {
        static struct outcome want[JOBS], got[JOBS];
        for (size_t s = 0; s < sizeof setups / sizeof setups[0]; s++) {
            struct engine_options o = {.precision = precisions[p],
                                       .lanes = setups[s].lanes,
                                       .max_sequences = setups[s].agents};
            if (setups[s].pages)
                o.memory_limit = jobs_limit_of(model, o, setups[s].pages);
            struct engine *en = open_tiny(o);
            run_mixed(en, s ? got : want);
            struct engine_stats st;
            engine_get_stats(en, &st);
            assert_int_equal(st.kv_bytes, 0);
            assert_true(st.most_running <= setups[s].agents);
            if (setups[s].pages)
                assert_true(st.most_kv_bytes <=
                            engine_info(en)->kv_bytes_per_token * 64 * setups[s].pages);
            engine_close(en);
            for (int i = 0; i < JOBS; i++)
                outcome_same(i, s ? &got[i] : &want[i], &want[i]);
        }
    }
}

static void allow_nothing(void *user, const struct engine_scores *at, struct engine_candidate *c,
                          size_t n) {
    (void)user;
    for (size_t i = 0; i < n; i++)
        c[i].logprob = at->n < 2 ? c[i].logprob : -INFINITY;
}

static void a_constraint_that_leaves_nothing_fails_the_job(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 1});
    uint32_t ids[700];
    for (int i = 0; i < 4; i++) { /* every strategy */
        struct outcome o;
        struct engine_job job = mixed_job(i, ids, engine_info(en)->vocab, &o);
        job.on_logits = NULL;
        job.on_scores = allow_nothing;
        jobs_submit(en, &job);
        engine_drain(en);
        assert_int_equal(o.finish, FINISH_FAILED);
        assert_int_equal(o.err.code, PRECIS_EINPUT);
        assert_non_null(strstr(o.err.text, "constraint"));
        assert_int_equal(o.n, job.sampling.strategy == SAMPLE_BEAM ? 0 : 2);
    }
    engine_close(en);
}

static void a_callback_and_the_length_end_a_job(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 1});
    uint32_t ids[700];
    struct outcome o;
    struct engine_job job = mixed_job(4, ids, engine_info(en)->vocab, &o);
    o.stop_after = 3;
    jobs_submit(en, &job);
    engine_drain(en);
    assert_int_equal(o.finish, FINISH_CALLBACK);
    assert_int_equal(o.n, 3);
    uint32_t second = o.ids[1];
    job = mixed_job(4, ids, engine_info(en)->vocab, &o);
    job.stops[0] = second;
    job.n_stops = 1;
    jobs_submit(en, &job);
    engine_drain(en);
    assert_int_equal(o.finish, FINISH_STOP);
    assert_true(o.n <= 1);
    job = mixed_job(4, ids, engine_info(en)->vocab, &o);
    job.max_new_tokens = 0;
    jobs_submit(en, &job);
    engine_drain(en);
    assert_int_equal(o.finish, FINISH_LENGTH);
    assert_int_equal(o.n, 0);
    engine_close(en);
}

static void cancelling_ends_every_job_once(void **state) {
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct engine *en =
            open_tiny((struct engine_options){.lanes = 2, .max_sequences = round < 2 ? 3 : 40});
        static uint32_t ids[JOBS][700];
        static struct outcome out[JOBS];
        uint64_t tickets[JOBS];
        int n = round < 2 ? 5 : JOBS;
        for (int i = 0; i < n; i++) {
            struct engine_job job = mixed_job(i, ids[i], engine_info(en)->vocab, &out[i]);
            job.on_logits = NULL;
            tickets[i] = jobs_submit(en, &job);
        }
        if (round % 2)
            engine_cancel(en, 0);
        else
            engine_cancel(en, tickets[n - 1]);
        engine_cancel(en, 123456);
        if (round < 3)
            engine_drain(en);
        engine_close(en);
        for (int i = 0; i < n; i++)
            assert_int_equal(out[i].called, 1);
    }
}

/* What follows each of these positions, of a prompt that is fed alone or as part of a longer one.
 */
struct scored {
    size_t vocab;
    float *logits; /* [positions, vocab] */
};

static const size_t edges[] = {1, 2, 63, 64, 65, 127, 128, 129, 448, 511, 512, 513, 576, 600};
enum { EDGES = sizeof edges / sizeof edges[0], LONGEST = 600 };

static void keep_edges(void *user, size_t position, const float *logits) {
    struct scored *s = user;
    for (size_t i = 0; i < EDGES; i++)
        if (edges[i] == position + 1)
            memcpy(s->logits + i * s->vocab, logits, s->vocab * sizeof *logits);
}

static void keep_nothing(void *user, const struct engine_result *r) {
    (void)user;
    if (r->finish != FINISH_LENGTH || r->n != 0)
        abort();
}

/* A prompt that is like no other takes the place of the pages that were kept. */
static void push_out(struct engine *en, size_t seed) {
    uint32_t ids[LONGEST];
    jobs_fill(ids, LONGEST, engine_info(en)->vocab, seed);
    struct engine_job job = {.ids = ids, .n_ids = LONGEST, .on_done = keep_nothing};
    engine_drain(en);
    jobs_submit(en, &job);
    engine_drain(en);
}

static void a_prefix_has_the_logits_of_the_whole(void **state) {
    (void)state;
    enum precision precisions[3];
    for (int p = 2 * jobs_precisions(model, precisions); p-- > 0;) {
        struct engine *en = open_tiny((struct engine_options){
            .precision = precisions[p / 2], .lanes = 1 + p % 2, .max_sequences = 4});
        size_t vocab = engine_info(en)->vocab;
        struct scored whole = {vocab, calloc(EDGES * vocab, sizeof(float))},
                      alone = {vocab, calloc(EDGES * vocab, sizeof(float))};
        uint32_t ids[LONGEST];
        for (size_t t = 0; t < LONGEST; t++)
            ids[t] = (uint32_t)((t * t + 3) % vocab);
        struct engine_job job = {.ids = ids,
                                 .n_ids = LONGEST,
                                 .on_logits = keep_edges,
                                 .on_done = keep_nothing,
                                 .user = &whole};
        jobs_submit(en, &job);
        for (size_t i = 0; i < EDGES; i++) {
            push_out(en, i);
            job.user = &alone;
            job.n_ids = edges[i];
            job.logits_from = edges[i] - 1;
            jobs_submit(en, &job);
        }
        engine_drain(en);
        struct engine_stats st;
        engine_get_stats(en, &st);
        assert_int_equal(st.tokens_shared, 0);
        engine_close(en);
        for (size_t i = 0; i < EDGES; i++)
            if (memcmp(whole.logits + i * vocab, alone.logits + i * vocab, vocab * 4) != 0)
                fail_msg("precision %d: position %zu", p, edges[i] - 1);
        free(whole.logits);
        free(alone.logits);
    }
}

static void the_context_ends_the_output(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 2});
    size_t context = engine_info(en)->context;
    uint32_t *ids = calloc(context, sizeof *ids);
    for (int beams = 1; beams <= 2; beams++)
        for (size_t room = 0; room <= 2; room++) {
            struct outcome o = {0};
            struct engine_job job = {.ids = ids,
                                     .n_ids = context - room,
                                     .max_new_tokens = room ? 40 : 0,
                                     .on_token = outcome_on_token,
                                     .on_done = outcome_on_done,
                                     .user = &o};
            job.sampling.strategy = beams > 1 ? SAMPLE_BEAM : SAMPLE_GREEDY;
            job.sampling.beams = beams;
            jobs_submit(en, &job);
            engine_drain(en);
            assert_int_equal(o.finish, FINISH_LENGTH);
            assert_int_equal(o.n, room);
            assert_int_equal(o.streamed, room);
        }
    free(ids);
    engine_close(en);
}

struct canceller {
    struct engine *en;
    int called, waited;
};

static void cancel_another(void *user, const struct engine_result *r) {
    struct canceller *c = user;
    c->called++;
    c->waited += r->seconds_waited > 0;
    engine_cancel(c->en, r->ticket + 1);
}

static void a_callback_may_cancel_while_closing(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 1, .max_sequences = 8});
    struct canceller c = {.en = en};
    uint32_t ids[700] = {0};
    struct engine_job job = {
        .ids = ids, .n_ids = 700, .max_new_tokens = 5, .on_done = cancel_another, .user = &c};
    for (int i = 0; i < 8; i++)
        jobs_submit(en, &job);
    engine_close(en);
    assert_int_equal(c.called, 8);
    assert_int_equal(c.waited, 8); /* also those that never ran */
}

static void closing_wakes_a_waiting_submit(void **state) {
    (void)state;
    jobs_closing_wakes_submit(open_tiny((struct engine_options){.lanes = 1, .max_sequences = 1}));
}

/* Candidates come with single tokens; with beams nothing is made up. */
static int check_candidates(void *user, const struct engine_token *t) {
    int want = *(int *)user;
    if (t->n_top != want || (t->top != NULL) != (want > 0))
        abort();
    for (int i = 0; i + 1 < t->n_top; i++)
        if (t->top[i].logprob < t->top[i + 1].logprob)
            abort();
    if (want > 0 && (t->top[0].id != t->id || t->top[0].logprob != t->logprob))
        abort();
    return 0;
}

static void ignore_result(void *user, const struct engine_result *r) {
    (void)user;
    (void)r;
}

static void candidates_are_real(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 1});
    uint32_t ids[3] = {1, 2, 3};
    for (int beams = 1; beams <= 3; beams += 2) {
        int want = beams == 1 ? 5 : 0;
        struct engine_job job = {.ids = ids,
                                 .n_ids = 3,
                                 .max_new_tokens = 6,
                                 .top = 5,
                                 .on_token = check_candidates,
                                 .on_done = ignore_result,
                                 .user = &want};
        job.sampling.strategy = beams > 1 ? SAMPLE_BEAM : SAMPLE_GREEDY;
        job.sampling.beams = beams;
        jobs_submit(en, &job);
        engine_drain(en);
    }
    engine_close(en);
}

static void what_cannot_run_is_refused(void **state) {
    (void)state;
    struct engine *en = open_tiny((struct engine_options){.lanes = 1});
    const struct engine_info *info = engine_info(en);
    uint32_t *ids = calloc(info->context + 1, sizeof *ids);
    struct outcome o = {0};
    struct engine_job job = {.ids = ids,
                             .n_ids = info->context,
                             .max_new_tokens = 1,
                             .on_done = outcome_on_done,
                             .user = &o};
    struct err e = {0};
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "context"));
    job.n_ids = 0;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    job.n_ids = 1;
    ids[0] = (uint32_t)info->vocab;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    ids[0] = 0;
    job.sampling.temperature = -1;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    job.sampling.temperature = NAN;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_EUSAGE);
    assert_int_equal(o.called, 0);
    size_t fixed = info->weight_bytes + info->scratch_bytes, page = info->kv_bytes_per_token * 64;
    engine_close(en);
    struct engine_options small = {.lanes = 1, .memory_limit = fixed / 2};
    assert_int_equal(engine_open(model, &small, &en, &e), PRECIS_ELIMIT);
    assert_null(en);
    small.memory_limit = fixed + 2 * page;
    en = open_tiny(small);
    job = (struct engine_job){
        .ids = ids, .n_ids = 300, .max_new_tokens = 1, .on_done = outcome_on_done, .user = &o};
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "memory limit"));
    engine_close(en);
    assert_int_equal(engine_open("/nonexistent.gguf", &small, &en, &e), PRECIS_ENOTFOUND);
    struct engine_options many = {.lanes = 1, .max_sequences = INT_MAX};
    assert_int_equal(engine_open(model, &many, &en, &e), PRECIS_EUSAGE);
    many = (struct engine_options){.lanes = INT_MAX};
    assert_int_equal(engine_open(model, &many, &en, &e), PRECIS_EUSAGE);
    free(ids);
}

/* Draws follow the distribution: a chi-square over 20,000 draws from 5 classes (df 4, p =
 * 0.001: 18.5). */
static void draws_follow_the_distribution(void **state) {
    (void)state;
    enum { V = 5, DRAWS = 20000 };
    const float logits[V] = {0.0f, 1.0f, -1.0f, 2.0f, 0.5f};
    struct kernel k;
    struct err e;
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_F32, &k, &e), 0);
    struct chooser *c;
    assert_int_equal(chooser_new(V, &c, &e), 0);
    struct sampling s = {.strategy = SAMPLE_TEMPERATURE, .temperature = 0.7f};
    s = sampling_complete(&s);
    int seen[V] = {0};
    struct rng rng = {1};
    for (int i = 0; i < DRAWS; i++) {
        struct choice choice;
        assert_int_equal(choose(c, &k, &s, NULL, &rng, NULL, 0, logits, 0, &choice, &e), 0);
        seen[choice.id]++;
    }
    double total = 0, chi = 0;
    for (int i = 0; i < V; i++)
        total += exp((double)logits[i] / 0.7);
    for (int i = 0; i < V; i++) {
        double want = DRAWS * exp((double)logits[i] / 0.7) / total;
        chi += (seen[i] - want) * (seen[i] - want) / want;
    }
    if (chi > 18.5)
        fail_msg("chi-square %g", chi);
    chooser_free(c);
}

/* At any temperature no banned or impossible token is drawn, and a tiny one is greedy. */
static void extreme_temperatures_draw_what_is_likely(void **state) {
    (void)state;
    enum { V = 5 };
    const float logits[V] = {-1e4f, 9.0f, 8.0f, -INFINITY, 7.0f};
    static const float temperatures[] = {1e-45f, 1e-39f, 1e-7f, 1e-6f, 1e-3f};
    struct kernel k;
    struct err e;
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_F32, &k, &e), 0);
    struct chooser *c;
    assert_int_equal(chooser_new(V, &c, &e), 0);
    for (size_t i = 0; i < sizeof temperatures / sizeof temperatures[0]; i++)
        for (int top_k = 0; top_k <= 3; top_k += 3)
            for (int nucleus = 0; nucleus < 2; nucleus++) {
                struct sampling s = {.strategy = nucleus ? SAMPLE_NUCLEUS : SAMPLE_TEMPERATURE,
                                     .temperature = temperatures[i],
                                     .top_k = top_k};
                s = sampling_complete(&s);
                struct rng rng = {i};
                struct choice choice;
                assert_int_equal(choose(c, &k, &s, NULL, &rng, NULL, 0, logits, 0, &choice, &e), 0);
                assert_int_equal(choice.id, 1);
            }
    chooser_free(c);
}

static void top_of_equals_a_sort(void **state) {
    (void)state;
    enum { N = 500 };
    float x[N];
    struct rng rng = {3};
    for (int i = 0; i < N; i++)
        x[i] = (float)(rng_next(&rng) % 60); /* many equal values */
    struct engine_candidate top[N];
    for (size_t n = 1; n <= N; n += 83) {
        top_of(x, N, n, top);
        for (size_t i = 0; i < n; i++) {
            size_t ahead = 0; /* how many come before it in a stable descending sort */
            for (size_t j = 0; j < N; j++)
                ahead += x[j] > x[top[i].id] || (x[j] == x[top[i].id] && j < top[i].id);
            assert_int_equal(ahead, i);
            assert_true(top[i].logprob == x[top[i].id]);
        }
    }
}

int main(void) {
    if (!jobs_can_run())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_depend_on_the_job_alone),
        cmocka_unit_test(a_constraint_that_leaves_nothing_fails_the_job),
        cmocka_unit_test(a_callback_and_the_length_end_a_job),
        cmocka_unit_test(cancelling_ends_every_job_once),
        cmocka_unit_test(a_prefix_has_the_logits_of_the_whole),
        cmocka_unit_test(the_context_ends_the_output),
        cmocka_unit_test(a_callback_may_cancel_while_closing),
        cmocka_unit_test(closing_wakes_a_waiting_submit),
        cmocka_unit_test(candidates_are_real),
        cmocka_unit_test(what_cannot_run_is_refused),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(extreme_temperatures_draw_what_is_likely),
        cmocka_unit_test(top_of_equals_a_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

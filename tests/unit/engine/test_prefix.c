/* Prompts that begin alike, in the native engine: the results of each job alone, whatever is
 * shared, cancelled or evicted; and the order in which jobs are admitted. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "jobs.h"
#include "kernel/kernel.h"

enum { JOBS = 20, MOST_PROMPT = 700, PAGE = 64 };

static const char model[] = GOLDEN_DIR "/engine/tiny-llama-3to1.gguf";

static struct engine *open_tiny(struct engine_options o) {
    return jobs_open(model, o);
}

/* Prompts that share 0, 100, 200 or 500 tokens, some of them all; every strategy; some scored, from
 * the start, from within a shared page, and from the end. */
static struct engine_job job_of(int i, uint32_t *ids, size_t vocab, struct outcome *o) {
    static const enum sampling_strategy strategies[] = {SAMPLE_GREEDY, SAMPLE_BEAM, SAMPLE_NUCLEUS,
                                                        SAMPLE_BEAM, SAMPLE_TEMPERATURE};
    static const size_t commons[] = {200, 100, 500, 200, 0, 500, MOST_PROMPT};
    static const size_t lengths[] = {230, 129, 600, 320, 256, 128, 513, 700};
    struct rng common = {1}, own = {(uint64_t)i + 2};
    size_t n = lengths[i % 8];
    for (size_t t = 0; t < n; t++)
        ids[t] = (uint32_t)(rng_next(t < commons[i % 7] ? &common : &own) % vocab);
    struct engine_job job = {
        .ids = ids,
        .n_ids = n,
        .max_new_tokens = (size_t)(i % 9 == 8 ? 0 : 2 + i % 10),
        .sampling = {.strategy = strategies[i % 5], .temperature = 0.8f, .beams = 3, .seed = 7},
        .key = (uint64_t)i,
        .on_done = outcome_on_done,
        .user = o};
    if (i % 3 == 1) {
        job.on_logits = outcome_on_logits;
        job.logits_from = i % 2 ? n - 1 : (size_t)(i % 4) * 35;
    }
    *o = (struct outcome){.vocab = vocab, .next = job.logits_from};
    return job;
}

/* One job after the other; between them a prompt that is like no other, which pushes out the pages
 * that were kept: nothing is shared. */
static void run_alone(enum precision p, struct outcome out[JOBS]) {
    struct engine *en = open_tiny((struct engine_options){.precision = p, .lanes = 1});
    size_t vocab = engine_info(en)->vocab;
    for (int i = 0; i < JOBS; i++) {
        uint32_t ids[MOST_PROMPT];
        struct engine_job job = job_of(i, ids, vocab, &out[i]);
        jobs_submit(en, &job);
        engine_drain(en);
        struct outcome ignored = {0};
        jobs_fill(ids, MOST_PROMPT, vocab, (uint64_t)i + 1000);
        job = (struct engine_job){
            .ids = ids, .n_ids = MOST_PROMPT, .on_done = outcome_on_done, .user = &ignored};
        jobs_submit(en, &job);
        engine_drain(en);
    }
    struct engine_stats st;
    engine_get_stats(en, &st);
    assert_int_equal(st.tokens_shared, 0);
    engine_close(en);
}

/* All jobs in one engine; returns the sum of their prompts. */
static size_t run_together(struct engine *en, const struct outcome want[JOBS]) {
    static struct outcome got[JOBS];
    size_t tokens = 0;
    for (int i = 0; i < JOBS; i++) {
        uint32_t ids[MOST_PROMPT];
        struct engine_job job = job_of(i, ids, engine_info(en)->vocab, &got[i]);
        jobs_submit(en, &job);
        tokens += job.n_ids;
    }
    engine_drain(en);
    for (int i = 0; i < JOBS; i++)
        outcome_same(i, &got[i], &want[i]);
    return tokens;
}

/* Sanitizers take a part of the cases. */
static bool is_short(void) {
    return getenv("PRECIS_TEST_SHORT") != NULL;
}

static void sharing_changes_no_result(void **state) {
    (void)state;
    static const struct {
        int lanes, agents;
        size_t pages; /* 0: no limit */
    } setups[] = {{1, 1, 0}, {1, 20, 0}, {2, 2, 0}, {2, 20, 0}, {3, 20, 0}, {1, 3, 18}, {3, 5, 24}};
    enum precision precisions[3];
    for (int p = jobs_precisions(model, precisions); p-- > 0;) {
        static struct outcome want[JOBS];
        run_alone(precisions[p], want);
        for (size_t s = 0; s < sizeof setups / sizeof setups[0]; s += is_short() ? 3 : 1) {
            struct engine_options o = {.precision = precisions[p],
                                       .lanes = setups[s].lanes,
                                       .max_sequences = setups[s].agents};
            if (setups[s].pages)
                o.memory_limit = jobs_limit_of(model, o, setups[s].pages);
            struct engine *en = open_tiny(o);
            struct engine_stats st;
            size_t tokens = run_together(en, want);
            engine_get_stats(en, &st);
            assert_int_equal(st.tokens_in + st.tokens_shared, tokens);
            assert_true(st.tokens_shared > 0);
            assert_int_equal(st.kv_bytes, 0);
            tokens += run_together(en, want); /* with what was kept */
            engine_get_stats(en, &st);
            assert_int_equal(st.tokens_in + st.tokens_shared, tokens);
            if (setups[s].pages)
                assert_true(st.most_kv_bytes <=
                            engine_info(en)->kv_bytes_per_token * PAGE * setups[s].pages);
            engine_close(en);
        }
    }
}

static void a_prefix_is_computed_once(void **state) {
    (void)state;
    enum { COMMON = 200, LENGTH = 260, N = 30 };
    for (int agents = 1; agents <= 4; agents += 3) {
        struct engine *en = open_tiny((struct engine_options){.lanes = 1, .max_sequences = agents});
        static struct outcome out[N];
        uint32_t ids[LENGTH];
        for (int i = 0; i < N; i++) {
            for (int t = 0; t < LENGTH; t++)
                ids[t] = (uint32_t)(t < COMMON ? t : t + i) % (uint32_t)engine_info(en)->vocab;
            out[i] = (struct outcome){0};
            struct engine_job job = {.ids = ids,
                                     .n_ids = LENGTH,
                                     .max_new_tokens = 3,
                                     .on_done = outcome_on_done,
                                     .user = &out[i]};
            jobs_submit(en, &job);
            if (i == 0)
                engine_drain(en);
        }
        engine_drain(en);
        struct engine_stats st;
        engine_get_stats(en, &st);
        size_t common = COMMON / PAGE * PAGE;
        assert_int_equal(st.tokens_shared, (N - 1) * common);
        assert_int_equal(st.tokens_in, N * LENGTH - (N - 1) * common);
        engine_close(en);
    }
}

/* Cancels every third job as soon as it says something, and some before. */
struct cancelling {
    struct engine *en;
    uint64_t tickets[JOBS];
    atomic_int submitted;
    struct outcome out[JOBS];
};

struct cancelled_job {
    struct cancelling *c;
    int i;
};

static void on_done_cancel_next(void *user, const struct engine_result *r) {
    struct cancelled_job *j = user;
    outcome_on_done(&j->c->out[j->i], r);
    int next = j->i + 1;
    if (j->i % 3 == 0 && next < atomic_load(&j->c->submitted))
        engine_cancel(j->c->en, j->c->tickets[next]);
}

static void on_logits_of_job(void *user, size_t position, const float *logits) {
    struct cancelled_job *j = user;
    outcome_on_logits(&j->c->out[j->i], position, logits);
}

static void cancelling_leaves_whole_prefixes(void **state) {
    (void)state;
    static struct outcome want[JOBS];
    run_alone(PRECISION_F32, want);
    for (int lanes = 1; lanes <= 3; lanes++)
        for (int round = 0; round < (is_short() ? 1 : 3); round++) {
            static struct cancelling c;
            memset(&c, 0, sizeof c);
            c.en = open_tiny((struct engine_options){
                .precision = PRECISION_F32, .lanes = lanes, .max_sequences = 4});
            struct cancelled_job jobs[JOBS];
            for (int i = 0; i < JOBS; i++) {
                uint32_t ids[MOST_PROMPT];
                jobs[i] = (struct cancelled_job){&c, i};
                struct engine_job job = job_of(i, ids, engine_info(c.en)->vocab, &c.out[i]);
                job.on_done = on_done_cancel_next;
                job.on_logits = job.on_logits ? on_logits_of_job : NULL;
                job.user = &jobs[i];
                c.tickets[i] = jobs_submit(c.en, &job);
                atomic_store(&c.submitted, i + 1);
                if (i % 5 == round)
                    engine_cancel(c.en, c.tickets[i]);
            }
            engine_drain(c.en);
            for (int i = 0; i < JOBS; i++)
                if (c.out[i].finish != FINISH_CANCELLED)
                    outcome_same(i, &c.out[i], &want[i]);
            run_together(c.en, want);
            engine_close(c.en);
        }
}

/* Holds the lane in its first token until it is let go; then the order of the ends is noted. */
struct ordered {
    atomic_bool held, let_go;
    int done[40], n;
};

struct ordered_job {
    struct ordered *o;
    int index, begun, ended; /* by position of the prompt, for those that are scored */
};

static int hold(void *user, const struct engine_token *t) {
    struct ordered_job *j = user;
    (void)t;
    atomic_store(&j->o->held, true);
    while (!atomic_load(&j->o->let_go))
        sched_yield();
    return 0;
}

static void note_end(void *user, const struct engine_result *r) {
    struct ordered_job *j = user;
    (void)r;
    j->o->done[j->o->n++] = j->index;
}

static void submit_ordered(struct engine *en, struct ordered_job *j, size_t n_ids, bool holds) {
    static const uint32_t ids[MOST_PROMPT];
    struct engine_job job = {
        .ids = ids, .n_ids = n_ids, .max_new_tokens = holds, .on_done = note_end, .user = j};
    if (holds)
        job.on_token = hold;
    jobs_submit(en, &job);
    while (holds && !atomic_load(&j->o->held))
        sched_yield();
}

static void the_longest_prompt_goes_first(void **state) {
    (void)state;
    enum { N = 6 };
    static const size_t lengths[N] = {1, 5, 3, 60, 4, 60};
    static const int want[N] = {0, 3, 5, 1, 4, 2};
    struct engine *en = open_tiny((struct engine_options){.lanes = 1, .max_sequences = N});
    struct ordered o = {0};
    struct ordered_job jobs[N];
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct ordered_job){.o = &o, .index = i};
        submit_ordered(en, &jobs[i], lengths[i], i == 0);
    }
    atomic_store(&o.let_go, true);
    engine_drain(en);
    assert_int_equal(o.n, N);
    assert_memory_equal(o.done, want, sizeof want);
    engine_close(en);
}

static void a_short_prompt_is_passed_over_a_bounded_number_of_times(void **state) {
    (void)state;
    enum { N = 30, AGENTS = 3 };
    struct engine *en = open_tiny((struct engine_options){.lanes = 1, .max_sequences = AGENTS});
    struct ordered o = {0};
    struct ordered_job jobs[N];
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct ordered_job){.o = &o, .index = i};
        submit_ordered(en, &jobs[i], i == 1 ? 1 : 600, i == 0);
        if (i == AGENTS)
            atomic_store(&o.let_go, true);
    }
    engine_drain(en);
    assert_int_equal(o.n, N);
    int at = 0;
    while (o.done[at] != 1)
        at++;
    /* After the one that held the lane and as many as may pass it. */
    if (at > 1 + AGENTS)
        fail_msg("%d ended before it", at);
    engine_close(en);
}

/* Jobs whose prompts a lane has begun and not ended. */
struct reading {
    struct ordered_job *jobs;
    int n, most;
};

struct reader {
    struct reading *r;
    size_t seen, n;
};

static void count_reading(void *user, size_t position, const float *logits) {
    struct reader *me = user;
    (void)position;
    (void)logits;
    me->r->n += me->seen == 0;
    if (me->r->n > me->r->most)
        me->r->most = me->r->n;
    me->r->n -= ++me->seen == me->n;
}

static void ignore_end(void *user, const struct engine_result *r) {
    (void)user;
    (void)r;
}

static void a_lane_reads_one_prompt_after_the_other(void **state) {
    (void)state;
    enum { N = 12 };
    struct engine *en = open_tiny((struct engine_options){.lanes = 1, .max_sequences = N});
    struct reading r = {0};
    struct reader readers[N];
    uint32_t ids[MOST_PROMPT];
    for (int i = 0; i < N; i++) {
        for (int t = 0; t < MOST_PROMPT; t++)
            ids[t] = (uint32_t)(t * (i + 1)) % (uint32_t)engine_info(en)->vocab;
        readers[i] = (struct reader){.r = &r, .n = (size_t)(MOST_PROMPT - 30 * i)};
        struct engine_job job = {.ids = ids,
                                 .n_ids = readers[i].n,
                                 .max_new_tokens = 20,
                                 .sampling = {.strategy = i % 2 ? SAMPLE_BEAM : SAMPLE_GREEDY},
                                 .on_logits = count_reading,
                                 .on_done = ignore_end,
                                 .user = &readers[i]};
        jobs_submit(en, &job);
    }
    engine_drain(en);
    for (int i = 0; i < N; i++)
        assert_int_equal(readers[i].seen, readers[i].n);
    assert_int_equal(r.most, 1);
    engine_close(en);
}

int main(void) {
    if (!jobs_can_run())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sharing_changes_no_result),
        cmocka_unit_test(a_prefix_is_computed_once),
        cmocka_unit_test(cancelling_leaves_whole_prefixes),
        cmocka_unit_test(the_longest_prompt_goes_first),
        cmocka_unit_test(a_short_prompt_is_passed_over_a_bounded_number_of_times),
        cmocka_unit_test(a_lane_reads_one_prompt_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

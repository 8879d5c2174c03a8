/* The forward pass in int8 on models of many shapes: near the same model in f32, so that every
 * gain, sign and rotation that packing folds in is undone by another; and steps of a few rows,
 * which lanes split by outputs and hand to one another, bit for bit the same for any number of
 * lanes. */
#include <math.h>
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

#include "jobs.h"
#include "kernel/kernel.h"
#include "toy_model.h"

static char folder[] = "/tmp/precis-packing-XXXXXX";
static char model[sizeof folder + 16];

static struct engine *open_toy(const struct toy *t, struct engine_options o) {
    toy_write(t, model);
    return jobs_open(model, o);
}

/* Logits after every position of a prompt. */
struct scores {
    float *v; /* [positions, vocab] */
    size_t vocab;
    enum engine_finish finish;
};

static void keep_logits(void *user, size_t position, const float *logits) {
    struct scores *s = user;
    memcpy(s->v + position * s->vocab, logits, s->vocab * sizeof *logits);
}

static void keep_finish(void *user, const struct engine_result *r) {
    struct scores *s = user;
    s->finish = r->finish;
}

static float *score(struct engine *en, const uint32_t *ids, size_t n) {
    size_t vocab = engine_info(en)->vocab;
    struct scores s = {calloc(n * vocab, sizeof(float)), vocab, FINISH_FAILED};
    struct engine_job job = {
        .ids = ids, .n_ids = n, .on_logits = keep_logits, .on_done = keep_finish, .user = &s};
    assert_non_null(s.v);
    jobs_submit(en, &job);
    engine_drain(en);
    assert_int_equal(s.finish, FINISH_LENGTH);
    return s.v;
}

/* KL(softmax(p) || softmax(q)). */
static double divergence(const float *p, const float *q, size_t n) {
    double sum_p = 0, sum_q = 0, kl = 0;
    for (size_t i = 0; i < n; i++) {
        sum_p += exp((double)p[i]);
        sum_q += exp((double)q[i]);
    }
    for (size_t i = 0; i < n; i++)
        kl += exp((double)p[i]) / sum_p * ((double)p[i] - (double)q[i]);
    return kl - log(sum_p) + log(sum_q);
}

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Widths with odd parts (96 = 3 * 32, 80 = 5 * 16, 176 = 11 * 16, 48 = 3 * 16), heads that do not
 * add up to the hidden size, and vocabularies that are no multiple of a panel. */
static const struct toy shapes[] = {
    {"llama", 64, 128, 2, 4, 2, 16, 100, false, true, 1},
    {"llama", 96, 256, 3, 6, 2, 16, 131, false, false, 2},
    {"llama", 80, 176, 2, 2, 1, 64, 512, false, true, 3},
    {"llama", 128, 512, 4, 2, 2, 64, 700, false, false, 4},
    {"llama", 16, 16, 1, 1, 1, 16, 17, false, false, 5},
    {"llama", 48, 1536, 2, 9, 3, 32, 1000, false, false, 6},
    {"qwen2", 64, 176, 2, 4, 1, 16, 100, true, true, 7},
    {"qwen2", 96, 48, 2, 3, 3, 64, 513, true, false, 8},
    {"qwen2", 80, 320, 3, 5, 1, 32, 77, true, true, 9},
    {"qwen2", 256, 768, 2, 4, 2, 128, 300, true, false, 10},
    {"llama", 64, 128, 2, 4, 2, 16, 100, true, true, 11},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, PROMPT = 150 };

/* Means over the positions of a prompt, measured in every class of instruction sets: KL 0.006 to
 * 0.081, cosine 0.984 to 0.999. Tiny random models with such gains lose more to int8 than real ones
 * do. With any one gain, sign, rotation or order left out of the packing a shape's cosine is below
 * 0.97. */
#define MOST_DIVERGENCE 0.12
#define LEAST_COSINE 0.975

static void int8_is_near_f32(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        uint32_t ids[PROMPT];
        float *logits[2];
        jobs_fill(ids, PROMPT, shapes[i].vocab, shapes[i].seed);
        for (int int8 = 0; int8 < 2; int8++) {
            struct engine *en = open_toy(
                &shapes[i], (struct engine_options){
                                .precision = int8 ? PRECISION_INT8 : PRECISION_F32, .lanes = 2});
            logits[int8] = score(en, ids, PROMPT);
            engine_close(en);
        }
        double kl = 0, mean = 0;
        for (size_t p = 0; p < PROMPT; p++) {
            size_t at = p * shapes[i].vocab;
            kl += divergence(logits[0] + at, logits[1] + at, shapes[i].vocab) / PROMPT;
            mean += cosine(logits[0] + at, logits[1] + at, shapes[i].vocab) / PROMPT;
        }
        free(logits[0]);
        free(logits[1]);
        print_message("shape %d: KL %.5f, cosine %.5f\n", i, kl, mean);
        if (!(kl <= MOST_DIVERGENCE && mean >= LEAST_COSINE))
            fail_msg("shape %d: KL %g, cosine %g", i, kl, mean);
    }
}

/* What int8 cannot take is refused when asked for, and computed in floats when not. */
static void other_shapes_are_left_to_floats(void **state) {
    (void)state;
    static const struct toy others[] = {
        {"llama", 72, 128, 1, 4, 2, 16, 100, false, true, 1},
        {"llama", 64, 72, 1, 4, 2, 16, 100, false, true, 1},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct engine *en = open_toy(&others[i], (struct engine_options){.lanes = 1});
        assert_true(engine_info(en)->precision != PRECISION_INT8);
        engine_close(en);
        struct err e;
        const struct engine_options o = {.precision = PRECISION_INT8, .lanes = 1};
        assert_int_equal(engine_open(model, &o, &en, &e), PRECIS_EUNSUPPORTED);
        assert_non_null(strstr(e.text, "int8"));
        assert_null(en);
    }
}

enum { JOBS = 17, MOST_NEW = OUTCOME_MOST_NEW, LONGEST = 70 };

struct task {
    struct outcome outcome;
    size_t tokens;
    bool beams;
    struct engine *en;
    atomic_ullong ticket;
    struct task *other; /* to be cancelled at token cancel_at of this one; or NULL */
    size_t cancel_at;
};

/* Jobs that wait for one another, a bounded time, so that they decode side by side however fast the
 * model is; without beams, whose tokens come at their end. */
static atomic_int beginning;

static int count_tokens(void *user, const struct engine_token *t) {
    struct task *o = user;
    if (t->index == 0 && !o->beams)
        atomic_fetch_sub(&beginning, 1);
    for (int i = 0; i < 5 || (i < 1000 && atomic_load(&beginning) > 0); i++)
        sched_yield();
    uint64_t ticket = o->other ? atomic_load(&o->other->ticket) : 0;
    if (++o->tokens >= o->cancel_at && ticket)
        engine_cancel(o->en, ticket);
    return 0;
}

/* Short prompts and long answers of different lengths, so that lanes soon only decode, each some of
 * them; some with beams, which are several rows each. */
static struct engine_job short_job(int i, size_t vocab, uint32_t ids[LONGEST], struct task *o) {
    static const enum sampling_strategy strategies[] = {SAMPLE_GREEDY, SAMPLE_NUCLEUS, SAMPLE_BEAM};
    static const size_t lengths[] = {1, 5, 33, 64, LONGEST};
    size_t n = lengths[i % 5];
    jobs_fill(ids, n, vocab, (uint64_t)i + 1);
    return (struct engine_job){
        .ids = ids,
        .n_ids = n,
        .max_new_tokens = (size_t)(MOST_NEW - 5 * (i % 8)),
        .sampling = {.strategy = strategies[i % 3], .temperature = 0.8f, .beams = 3, .seed = 3},
        .key = (uint64_t)i,
        .on_token = count_tokens,
        .on_done = outcome_on_done,
        .user = o};
}

static void run_jobs(struct engine *en, int n, struct task out[JOBS]) {
    int agents = engine_info(en)->max_sequences, first = n < agents ? n : agents;
    atomic_store(&beginning, first - first / 3);
    for (int i = 0; i < n; i++) {
        uint32_t ids[LONGEST];
        out[i].en = en;
        out[i].beams = i % 3 == 2;
        struct engine_job job = short_job(i, engine_info(en)->vocab, ids, &out[i]);
        atomic_store(&out[i].ticket, jobs_submit(en, &job));
    }
}

/* Keys and values in int8, and in floats. */
static const struct toy *const decoded[] = {&shapes[1], &shapes[6]};
enum { DECODED = sizeof decoded / sizeof *decoded };

static struct task want[JOBS];

/* Each job in an engine of one lane that runs nothing else. */
static void run_alone(const struct toy *t) {
    struct engine *en = open_toy(
        t, (struct engine_options){.precision = PRECISION_INT8, .lanes = 1, .max_sequences = 1});
    memset(want, 0, sizeof want);
    run_jobs(en, JOBS, want);
    engine_drain(en);
    engine_close(en);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(want[i].outcome.finish, FINISH_LENGTH);
}

/* With as many agents as lanes each lane admits one job, and soon hands it over. */
static void few_sequences_on_many_lanes(void **state) {
    (void)state;
    static const struct {
        int lanes, agents, jobs;
    } setups[] = {{1, 20, 5}, {2, 2, 1}, {2, 2, 2}, {3, 3, 2},    {3, 3, 3},
                  {3, 6, 6},  {5, 5, 5}, {3, 7, 7}, {2, 6, JOBS}, {3, 20, JOBS}};
    for (int d = 0; d < DECODED; d++) {
        run_alone(decoded[d]);
        for (size_t s = 0; s < sizeof setups / sizeof *setups; s++) {
            struct engine *en =
                open_toy(decoded[d], (struct engine_options){.precision = PRECISION_INT8,
                                                             .lanes = setups[s].lanes,
                                                             .max_sequences = setups[s].agents});
            static struct task got[JOBS];
            memset(got, 0, sizeof got);
            run_jobs(en, setups[s].jobs, got);
            engine_drain(en);
            for (int i = 0; i < setups[s].jobs; i++)
                outcome_same(i, &got[i].outcome, &want[i].outcome);
            struct engine_stats st;
            engine_get_stats(en, &st);
            assert_int_equal(st.kv_bytes, 0);
            engine_close(en);
        }
    }
}

/* Sequences that were handed over can be cancelled, by the callback of another, and do not disturb
 * those that go on; closing ends them all. */
static void cancelled_while_handed_over(void **state) {
    (void)state;
    enum { N = 6 };
    run_alone(decoded[0]);
    for (int round = 0; round < 8; round++) {
        struct engine *en = open_toy(
            decoded[0],
            (struct engine_options){.precision = PRECISION_INT8, .lanes = 3, .max_sequences = 9});
        static struct task out[JOBS];
        memset(out, 0, sizeof out);
        out[0].other = &out[1 + round % (N - 1)];
        out[0].cancel_at = (size_t)(1 + 6 * round % MOST_NEW);
        run_jobs(en, N, out);
        if (round % 4 != 3)
            engine_drain(en);
        engine_close(en);
        for (int i = 0; i < N; i++)
            if (out[i].outcome.finish == FINISH_CANCELLED)
                assert_int_equal(out[i].outcome.called, 1);
            else
                outcome_same(i, &out[i].outcome, &want[i].outcome);
    }
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(model, sizeof model, "%s/model.gguf", folder);
    return setenv("XDG_CACHE_HOME", folder, 1);
}

static int drop_folder(void **state) {
    (void)state;
    static const char *const made[] = {"model.gguf", "precis/hashes", "precis", ""};
    char path[128];
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        if (remove(path) != 0)
            return -1;
    }
    return 0;
}

int main(void) {
    if (!jobs_can_run())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(int8_is_near_f32),
        cmocka_unit_test(other_shapes_are_left_to_floats),
        cmocka_unit_test(few_sequences_on_many_lanes),
        cmocka_unit_test(cancelled_while_handed_over),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

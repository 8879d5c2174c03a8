/* Memory and threads run out at every call in turn: opening fails cleanly, a job is refused or
 * fails, and the engine goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "jobs.h"

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

static struct engine *must_open(int lanes, int agents) {
    return jobs_open(model, (struct engine_options){.lanes = lanes, .max_sequences = agents});
}

/* Opens with a fault at every place; returns how many places there were. Packing in int8 also
 * remembers things for next time, and does without when that fails. */
static long open_with(struct fault *f, enum precision p, int lanes, enum fault_kind kind) {
    const struct engine_options o = {.precision = p, .lanes = lanes, .max_sequences = 4};
    for (long n = 0;; n++) {
        struct engine *en;
        struct err e = {0};
        fault_begin(f, n, kind);
        int rc = engine_open(model, &o, &en, &e);
        bool may_do_without = rc == 0 && p == PRECISION_INT8 && f == &fault_memory;
        bool failed = may_do_without ? fault_end(f) != NULL : fault_reported(f, rc, &e);
        assert_true((rc == 0) == (en != NULL));
        engine_close(en);
        if (!failed)
            return n;
    }
}

static void opening_without_memory(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum precision p = i ? PRECISION_INT8 : PRECISION_F32;
        assert_true(open_with(&fault_memory, p, 1, FAULT_ONCE) > 50);
        assert_true(open_with(&fault_memory, p, 2, FAULT_LASTING) > 50);
    }
}

/* Options that have weights or buffers of their own. */
static void opening_families_without_memory(void **state) {
    (void)state;
    static const char *const families[] = {GOLDEN_DIR "/engine/families/qwen3", long_rope,
                                           GOLDEN_DIR "/engine/families/gemma3"};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        model = families[i];
        assert_true(open_with(&fault_memory, PRECISION_F32, 1, FAULT_ONCE) > 50);
    }
    model = tiny;
}

static void opening_without_threads(void **state) {
    (void)state;
    /* As many for packing the weights as lanes. */
    assert_int_equal(open_with(&fault_threads, PRECISION_F32, LANES, FAULT_ONCE), 2 * LANES);
    assert_int_equal(open_with(&fault_threads, PRECISION_F32, LANES, FAULT_LASTING), 2 * LANES);
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
                               .on_done = outcome_on_done,
                               .user = o};
}

static void fill(uint32_t ids[PROMPT + JOBS], size_t vocab) {
    for (size_t i = 0; i < PROMPT + JOBS; i++)
        ids[i] = (uint32_t)((i * i + 7) % vocab);
}

/* Every job succeeds. */
static void run_all(struct engine *en, const uint32_t *ids, bool alike, struct outcome out[JOBS]) {
    memset(out, 0, JOBS * sizeof *out);
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, alike, &out[i]);
        jobs_submit(en, &job);
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
static bool run_broken(int lanes, long n, enum fault_kind kind, const uint32_t *ids, bool alike,
                       const struct outcome want[JOBS]) {
    struct engine *en = must_open(lanes, 3);
    struct outcome out[JOBS] = {{0}};
    int rc[JOBS];
    struct err e[JOBS] = {{0}};
    fault_begin(&fault_memory, n, kind);
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, alike, &out[i]);
        rc[i] = engine_submit(en, &job, NULL, &e[i]);
    }
    engine_drain(en);
    bool hit = fault_end(&fault_memory);
    bool lost = false;
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(out[i].called, rc[i] ? 0 : 1);
        int code = rc[i] ? e[i].code : out[i].err.code;
        if (rc[i] || out[i].finish == FINISH_FAILED) {
            assert_int_equal(code, PRECIS_ENOMEM);
            lost = true;
        } else {
            outcome_same(i, &out[i], &want[i]);
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
        outcome_same(i, &again[i], &want[i]);
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
            while (run_broken(lanes, n, lanes > 1 && n % 2 ? FAULT_LASTING : FAULT_ONCE, ids, alike,
                              want))
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
    for (int i = 0; i < JOBS; i++) {
        struct engine_job job = job_of(i, ids, true, &out[i]);
        jobs_submit(en, &job);
    }
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    engine_close(en);
    fault_end(&fault_memory);
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

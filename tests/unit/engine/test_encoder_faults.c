/* Memory and threads run out at every call in turn: opening an encoder fails cleanly, a job is
 * refused, and the engine goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "jobs.h"

static const char model[] = GOLDEN_DIR "/encoder/tiny-bert";
enum { LANES = 3, LONGEST = 300, WIDTH = 40 };

static enum precision precision;

static int try_open(int lanes, struct engine **en, struct err *e) {
    *e = (struct err){0};
    const struct engine_options o = {
        .precision = precision, .auto_is_float = true, .lanes = lanes, .max_sequences = 4};
    return engine_open(model, &o, en, e);
}

static int open_once(void *user, struct err *e) {
    struct engine *en;
    int rc = try_open(*(const int *)user, &en, e);
    assert_true((rc == 0) == (en != NULL));
    engine_close(en);
    return rc;
}

static void opening_without_memory(void **state) {
    (void)state;
    int lanes = 1;
    assert_true(fault_each(&fault_memory, FAULT_ONCE, open_once, &lanes) > 50);
    lanes = 2;
    assert_true(fault_each(&fault_memory, FAULT_LASTING, open_once, &lanes) > 50);
}

static void opening_without_threads(void **state) {
    (void)state;
    /* As many for packing the weights as lanes. */
    int lanes = LANES;
    assert_int_equal(fault_each(&fault_threads, FAULT_ONCE, open_once, &lanes), 2 * LANES);
    assert_int_equal(fault_each(&fault_threads, FAULT_LASTING, open_once, &lanes), 2 * LANES);
}

/* Submits one job and waits for it; 0: it has its states. */
static int run_one(struct engine *en, size_t n, struct outcome *o, struct err *e) {
    uint32_t ids[LONGEST];
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)((i * i + 7) % engine_info(en)->vocab);
    const struct engine_job job = {.ids = ids,
                                   .n_ids = n,
                                   .on_hidden = outcome_on_hidden,
                                   .on_done = outcome_on_done,
                                   .user = o};
    *o = (struct outcome){.states = o->states};
    int rc = engine_submit(en, &job, NULL, e);
    engine_drain(en);
    assert_int_equal(o->called, rc ? 0 : 1);
    if (rc == 0 && o->finish == FINISH_FAILED) {
        *e = o->err;
        return o->err.code;
    }
    return rc;
}

static void jobs_without_memory(void **state) {
    (void)state;
    static float states[2][LONGEST * WIDTH];
    struct outcome want = {.states = states[0]}, got = {.states = states[1]};
    static const size_t lengths[] = {1, 60, LONGEST};
    for (int i = 0; i < 3; i++) {
        bool hit = true;
        for (long n = 0; hit; n++) { /* each time in a new engine, whose products are not made */
            struct engine *en;
            struct err e;
            assert_int_equal(try_open(1, &en, &e), 0);
            fault_begin(&fault_memory, n, n % 2 ? FAULT_LASTING : FAULT_ONCE);
            int rc = run_one(en, lengths[i], &got, &e);
            hit = fault_end(&fault_memory);
            assert_int_equal(rc, hit ? PRECIS_ENOMEM : 0);
            assert_int_equal(run_one(en, lengths[i], &want, &e), 0);
            if (!hit)
                outcome_same(i, &got, &want);
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
                                       .on_hidden = outcome_on_hidden,
                                       .on_done = outcome_on_done,
                                       .user = &out[i]};
        jobs_submit(en, &job);
    }
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    engine_close(en);
    fault_end(&fault_memory);
    for (int i = 0; i < 4; i++)
        assert_int_equal(out[i].called, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory),
        cmocka_unit_test(opening_without_threads),
        cmocka_unit_test(jobs_without_memory),
        cmocka_unit_test(closing_needs_no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    precision = PRECISION_INT8;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}

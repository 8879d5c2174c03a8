/* The ONNX engine when memory runs out: every allocation of precis fails once, among them those
 * that ONNX Runtime asks it for.
 *
 * usage: test_onnx_faults FOLDER   Exit code 77: ONNX Runtime, or its header at build time, is
 * missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "fault.h"

enum { SKIPPED = 77, MOST_PATH = 4096 };

static const char *folder;

static void on_done(void *user, const struct engine_result *r) {
    struct engine_result *out = user;
    *out = *r;
}

/* Opens, runs a job, closes. The first error's code. */
static int attempt(const char *name, enum sampling_strategy strategy, struct err *e) {
    char path[MOST_PATH];
    static const uint32_t ids[] = {7, 8, 9};
    struct engine *en;
    struct engine_result r = {0};
    *e = (struct err){0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int rc = engine_open(path, &(struct engine_options){.lanes = 1}, &en, e);
    if (rc)
        return rc;
    struct engine_job job = {.ids = ids,
                             .n_ids = 3,
                             .max_new_tokens = 3,
                             .sampling = {.strategy = strategy, .beams = 2},
                             .on_done = on_done,
                             .user = &r};
    rc = engine_submit(en, &job, NULL, e);
    if (rc == 0) {
        engine_drain(en);
        *e = r.err;
        rc = r.finish == FINISH_FAILED ? r.err.code : 0;
    }
    engine_close(en);
    return rc;
}

static void check(const char *name, enum sampling_strategy strategy) {
    struct err e;
    if (attempt(name, strategy, &e)) /* the library is loaded once, and stays */
        fail_msg("%s: %s", name, e.text);
    bool failed = true;
    for (long n = 0; failed; n++) {
        fault_begin(&fault_memory, n, FAULT_ONCE);
        int rc = attempt(name, strategy, &e);
        failed = rc ? fault_reported(&fault_memory, rc, &e) : fault_end(&fault_memory) != NULL;
    }
}

static void test_decoder(void **state) {
    (void)state;
    check("llama", SAMPLE_BEAM);
}

static void test_sequence_to_sequence(void **state) {
    (void)state;
    check("t5-merged", SAMPLE_GREEDY);
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    folder = argv[1];
    struct err e;
    int rc = attempt("llama", SAMPLE_GREEDY, &e);
    if (rc && (strstr(e.text, "setup.sh --onnx"))) {
        fprintf(stderr, "skipped: %s\n", e.text);
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decoder),
                                       cmocka_unit_test(test_sequence_to_sequence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

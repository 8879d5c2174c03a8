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

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

enum { SKIPPED = 77, MOST_PATH = 4096, MOST_FAULTS = 20000 };

static atomic_long countdown; /* the allocation that makes it 0 fails */

static bool fails(void) {
    return atomic_fetch_sub(&countdown, 1) == 1;
}

#define WRAP(type, name, parameters, ...)                                                          \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        return fails() ? NULL : __real_##name(__VA_ARGS__);                                        \
    }

WRAP(void *, malloc, (size_t n), n)
WRAP(void *, calloc, (size_t n, size_t size), n, size)
WRAP(void *, realloc, (void *p, size_t n), p, n)
WRAP(void *, aligned_alloc, (size_t alignment, size_t n), alignment, n)
WRAP(char *, strdup, (const char *s), s)
WRAP(char *, strndup, (const char *s, size_t n), s, n)

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
    atomic_store(&countdown, 0);
    if (attempt(name, strategy, &e)) /* the library is loaded once, and stays */
        fail_msg("%s: %s", name, e.text);
    for (long i = 1; i < MOST_FAULTS; i++) {
        atomic_store(&countdown, i);
        int rc = attempt(name, strategy, &e);
        bool reached = atomic_load(&countdown) < 1;
        if (rc != 0 && rc != PRECIS_ENOMEM)
            fail_msg("%s: allocation %ld: code %d: %s", name, i, rc, e.text);
        if (!reached)
            return;
    }
    fail_msg("%s: more than %d allocations", name, MOST_FAULTS);
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

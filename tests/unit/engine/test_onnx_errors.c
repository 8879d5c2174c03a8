/* ONNX models that cannot run, and jobs that fail: one clear error each.
 *
 * usage: test_onnx_errors FOLDER         the graphs of tests/golden/onnx
 *        test_onnx_errors FOLDER TEXT... opening any says all of this (the library's own troubles)
 * Exit code 77: ONNX Runtime, or its header at build time, is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/engine.h"

enum { SKIPPED = 77, MOST_PATH = 4096 };

static const char *folder;

static int try_open(const char *name, const struct engine_options *o, struct engine **en,
                    struct err *e) {
    char path[MOST_PATH];
    *e = (struct err){0};
    if (*name == '/')
        return engine_open(name, o, en, e);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return engine_open(path, o, en, e);
}

static void check_refused(const char *name, int code, const char *const texts[]) {
    struct engine *en;
    struct err e;
    int rc = try_open(name, &(struct engine_options){.lanes = 1}, &en, &e);
    if (rc == 0)
        fail_msg("%s: was opened", name);
    assert_null(en);
    if (rc != code)
        fail_msg("%s: code %d, not %d: %s", name, rc, code, e.text);
    for (int i = 0; texts[i]; i++)
        if (!strstr(e.text, texts[i]))
            fail_msg("%s: \"%s\" does not say \"%s\"", name, e.text, texts[i]);
}

#define REFUSED(name, code, ...) check_refused(name, code, (const char *const[]){__VA_ARGS__, NULL})

static void test_graphs(void **state) {
    (void)state;
    REFUSED("odd/unknown_input.onnx", PRECIS_EUNSUPPORTED, "odd/unknown_input.onnx",
            "'pixel_values'");
    REFUSED("odd/no_logits.onnx", PRECIS_EUNSUPPORTED, "'logits'", "'scores'");
    REFUSED("odd/no_ids.onnx", PRECIS_EUNSUPPORTED, "'tokens'");
    REFUSED("odd/real_ids.onnx", PRECIS_EUNSUPPORTED, "'input_ids'", "float32", "int64");
    REFUSED("odd/fixed_length.onnx", PRECIS_EUNSUPPORTED, "'input_ids'", "16");
    REFUSED("odd/two_rows.onnx", PRECIS_EUNSUPPORTED, "'input_ids'", "2");
    REFUSED("odd/classifier.onnx", PRECIS_EUNSUPPORTED, "'logits'", "2 dimensions");
    REFUSED("odd/whole_past.onnx", PRECIS_EUNSUPPORTED, "'past_key_values.0.key'", "int64");
    REFUSED("odd/no_present.onnx", PRECIS_EUNSUPPORTED, "'present.0.key'");
    REFUSED("odd/unknown_op.onnx", PRECIS_EINPUT, "odd/unknown_op.onnx", "Nonsense");
    REFUSED("odd", PRECIS_EINPUT, "which graph", "good.onnx");
    REFUSED("nothing.onnx", PRECIS_ENOTFOUND, "nothing.onnx");
}

/* A copy in a folder of its own, cut to `size` bytes. */
static void copy_cut(const char *name, size_t size, const char *to) {
    char path[MOST_PATH];
    struct mapping m;
    struct err e;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_map(path, &m, &e))
        fail_msg("%s", e.text);
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    size = size < m.size ? size : m.size;
    assert_int_equal(fwrite(m.data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    file_unmap(&m);
}

static void test_files(void **state) {
    (void)state;
    char own[] = "/tmp/precis-onnx-XXXXXX", path[64];
    assert_non_null(mkdtemp(own));
    snprintf(path, sizeof path, "%s/model.onnx", own);
    copy_cut("llama-external/model.onnx", SIZE_MAX, path);
    REFUSED(path, PRECIS_ENOTFOUND, path, "external data", "model.onnx_data");
    copy_cut("llama/model.onnx", 20000, path);
    REFUSED(path, PRECIS_EINPUT, path);
    copy_cut("llama/model.onnx", 0, path);
    REFUSED(path, PRECIS_EINPUT, path);
    copy_cut("llama.json", SIZE_MAX, path);
    REFUSED(path, PRECIS_EINPUT, path);
    unlink(path);
    rmdir(own);
}

static void test_options(void **state) {
    (void)state;
    struct engine *en;
    struct err e;
    assert_int_equal(
        try_open("llama", &(struct engine_options){.precision = PRECISION_INT8}, &en, &e),
        PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "f32"));
    assert_int_equal(try_open("llama", &(struct engine_options){.memory_limit = 1000}, &en, &e),
                     PRECIS_ELIMIT);
    assert_int_equal(try_open("llama", &(struct engine_options){.device = DEVICE_COREML}, &en, &e),
                     PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "CoreML"));
    assert_int_equal(
        try_open("llama", &(struct engine_options){.precision = PRECISION_F32}, &en, &e), 0);
    assert_string_equal(engine_info(en)->device, "cpu");
    engine_close(en);
}

static void on_done(void *user, const struct engine_result *r) {
    struct engine_result *out = user;
    *out = *r;
}

static void check_fails(const char *name, const char *text) {
    struct engine *en;
    struct err e;
    if (try_open(name, &(struct engine_options){.lanes = 1}, &en, &e))
        fail_msg("%s", e.text);
    static const uint32_t ids[] = {1, 2, 3};
    struct engine_result r = {0};
    struct engine_job job = {
        .ids = ids, .n_ids = 3, .max_new_tokens = 4, .on_done = on_done, .user = &r};
    assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    engine_drain(en);
    if (!text) {
        assert_int_equal(r.finish, FINISH_LENGTH);
    } else {
        assert_int_equal(r.finish, FINISH_FAILED);
        if (!strstr(r.err.text, text))
            fail_msg("%s: \"%s\" does not say \"%s\"", name, r.err.text, text);
    }
    engine_close(en);
}

static void test_jobs(void **state) {
    (void)state;
    check_fails("odd/good.onnx", NULL);
    check_fails("odd/nan.onnx", "not a number");
    check_fails("odd/wrong_present.onnx", "'present.0.key' came with 2 positions instead of 3");
}

static struct {
    pthread_mutex_t lock;
    struct engine *engine;
    int tokens, dones, cancelled;
} c = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int cancel_all(void *user, const struct engine_token *t) {
    (void)user;
    (void)t;
    pthread_mutex_lock(&c.lock);
    bool now = ++c.tokens == 3;
    pthread_mutex_unlock(&c.lock);
    if (now)
        engine_cancel(c.engine, 0);
    return 0;
}

static void count_done(void *user, const struct engine_result *r) {
    (void)user;
    pthread_mutex_lock(&c.lock);
    c.dones++;
    c.cancelled += r->finish == FINISH_CANCELLED;
    pthread_mutex_unlock(&c.lock);
}

/* Jobs beyond what may run wait; a cancel ends them all, a close as well. */
static void test_cancel(void **state) {
    (void)state;
    struct err e;
    static const uint32_t ids[] = {1, 2, 3}, wrong[] = {64};
    for (int close = 0; close < 2; close++) {
        if (try_open("llama", &(struct engine_options){.lanes = 2, .max_sequences = 4}, &c.engine,
                     &e))
            fail_msg("%s", e.text);
        c.tokens = c.dones = c.cancelled = 0;
        struct engine_job job = {.ids = ids,
                                 .n_ids = 3,
                                 .max_new_tokens = 400,
                                 .on_token = close ? NULL : cancel_all,
                                 .on_done = count_done};
        for (int i = 0; i < 4; i++)
            assert_int_equal(engine_submit(c.engine, &job, NULL, &e), 0);
        if (!close) {
            engine_drain(c.engine);
            assert_true(c.cancelled > 0);
            job.ids = wrong;
            job.n_ids = 1;
            assert_int_equal(engine_submit(c.engine, &job, NULL, &e), PRECIS_EUSAGE);
            job.n_ids = 1 << 20;
        }
        engine_close(c.engine);
        assert_int_equal(c.dones, 4);
    }
}

/* A sequence whose memory does not fit beside the others waits for them. */
static void test_memory(void **state) {
    (void)state;
    struct engine *en;
    struct err e;
    assert_int_equal(try_open("llama", &(struct engine_options){.lanes = 2}, &en, &e), 0);
    const struct engine_info i = *engine_info(en);
    engine_close(en);
    size_t limit = i.weight_bytes + i.scratch_bytes + 150 * i.kv_bytes_per_token;
    assert_int_equal(
        try_open("llama", &(struct engine_options){.lanes = 2, .memory_limit = limit}, &en, &e), 0);
    static uint32_t ids[300];
    c.dones = c.cancelled = 0;
    struct engine_job job = {.ids = ids, .n_ids = 80, .max_new_tokens = 20, .on_done = count_done};
    for (int k = 0; k < 6; k++)
        assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    engine_drain(en);
    struct engine_stats s;
    engine_get_stats(en, &s);
    assert_int_equal(c.dones, 6);
    assert_int_equal(s.most_running, 1);
    assert_true(s.most_kv_bytes <= 150 * i.kv_bytes_per_token);
    job.n_ids = 200;
    assert_int_equal(engine_submit(en, &job, NULL, &e), PRECIS_ELIMIT);
    engine_close(en);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    folder = argv[1];
    struct engine *en;
    struct err e;
    int rc = try_open("llama", &(struct engine_options){.lanes = 1}, &en, &e);
    engine_close(en);
    bool unbuilt = rc == PRECIS_EUNSUPPORTED && strstr(e.text, "this build cannot");
    if (unbuilt || (argc == 2 && rc == PRECIS_ENOTFOUND && strstr(e.text, "setup.sh --onnx"))) {
        fprintf(stderr, "skipped: %s\n", e.text);
        return SKIPPED;
    }
    for (int i = 2; i < argc; i++)
        if (rc == 0 || !strstr(e.text, argv[i])) {
            fprintf(stderr, "\"%s\" does not say \"%s\"\n", rc ? e.text : "opened", argv[i]);
            return 1;
        }
    if (argc > 2)
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graphs),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_options), cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_cancel),  cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

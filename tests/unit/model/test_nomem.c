/* Memory runs out at every allocation in turn: an error, nothing leaked (the sanitizer build sees
 * that), nothing half-made. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "gguf_build.h"
#include "model/config_gguf.h"

static void more(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 3);
    for (int i = 0; i < 3; i++)
        put_string(b, "token");
    put_key_array(b, "other", GGUF_STRING, 1);
    put_string(b, "text");
}

static char path[] = "/tmp/precis-nomem-XXXXXX";

static int make_file(void **state) {
    (void)state;
    struct buf b = {0};
    put_tiny(&b,
             &(struct tiny){.architecture = "llama", .more = more, .more_keys = 2, .layers = 2});
    int fd = mkstemp(path);
    bool ok = fd >= 0 && !buf_failed(&b) && write(fd, b.data, b.len) == (ssize_t)b.len;
    close(fd);
    buf_free(&b);
    return ok ? 0 : -1;
}

static int drop_file(void **state) {
    (void)state;
    return unlink(path);
}

static int open_once(void *user, struct err *e) {
    struct gguf *g;
    (void)user;
    int rc = gguf_open(path, &g, e);
    if (rc) {
        assert_non_null(strstr(e->text, path));
        assert_null(g);
    }
    gguf_close(g);
    return rc;
}

static void opening_fails_cleanly(void **state) {
    (void)state;
    /* The file's bytes, the handle, its path, the keys, two arrays, the tensors and their offsets,
     * two tables, the order of the data. */
    assert_int_equal(fault_each(&fault_memory, FAULT_ONCE, open_once, NULL), 11);
}

static int read_once(void *user, struct err *e) {
    struct tensor_set set = {.path = path};
    struct model_config m;
    int rc = tensor_set_from_gguf(&set, user, e);
    if (!rc)
        rc = config_gguf_read(user, &set, &m, e);
    tensor_set_free(&set);
    return rc;
}

static void reading_the_configuration_fails_cleanly(void **state) {
    (void)state;
    struct err e;
    struct gguf *g;
    assert_int_equal(gguf_open(path, &g, &e), 0);
    fault_each(&fault_memory, FAULT_ONCE, read_once, g);
    gguf_close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails_cleanly),
        cmocka_unit_test(reading_the_configuration_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}

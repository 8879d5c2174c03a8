/* Memory runs out at every allocation in turn: an error, nothing leaked (the sanitizer build sees
 * that), nothing half-made. Linked with --wrap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf_build.h"
#include "model/config_gguf.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static long left = -1; /* allocations until one fails; negative: none does */

static bool fails(void) {
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}
char *__wrap_strdup(const char *s) {
    return fails() ? NULL : __real_strdup(s);
}

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

static void opening_fails_cleanly(void **state) {
    (void)state;
    struct err e;
    struct gguf *g;
    int rc = PRECIS_ENOMEM;
    long n = 0;
    for (; rc == PRECIS_ENOMEM && n < 100; n++) {
        memset(&e, 0, sizeof e);
        left = n;
        rc = gguf_open(path, &g, &e);
        left = -1;
        if (rc == 0)
            break;
        assert_int_equal(rc, PRECIS_ENOMEM);
        assert_int_equal(e.code, PRECIS_ENOMEM);
        assert_non_null(strstr(e.text, path));
        assert_null(g);
    }
    assert_int_equal(rc, 0);
    /* The file's bytes, the handle, its path, the keys, two arrays, the tensors and their offsets,
     * two tables, the order of the data. */
    assert_int_equal(n, 11);
    gguf_close(g);
}

static void reading_the_configuration_fails_cleanly(void **state) {
    (void)state;
    struct err e;
    struct gguf *g;
    struct model_config m;
    int rc = PRECIS_ENOMEM;
    assert_int_equal(gguf_open(path, &g, &e), 0);
    for (long n = 0; rc == PRECIS_ENOMEM && n < 100; n++) {
        struct tensor_set set = {.path = path};
        memset(&e, 0, sizeof e);
        left = n;
        rc = tensor_set_from_gguf(&set, g, &e);
        if (!rc)
            rc = config_gguf_read(g, &set, &m, &e);
        left = -1;
        tensor_set_free(&set);
        assert_int_equal(e.code, rc);
    }
    assert_int_equal(rc, 0);
    gguf_close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails_cleanly),
        cmocka_unit_test(reading_the_configuration_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}

/* Memory runs out at every allocation in turn while the store is read and changed, and while an
 * ONNX file is read: an error, nothing leaked (the sanitizer build sees that), nothing half-made.
 * Linked with --wrap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/hub_cache.h"
#include "model/hub_http.h"
#include "model/onnx_read.h"

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

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char cache[] = "/tmp/precis-store-XXXXXX";
static char repo[HUB_CACHE_SIZE];

static void put(const char *below, const char *text) {
    char path[HUB_CACHE_SIZE];
    assert_int_equal(hub_cache_join(path, repo, below, NULL), 0);
    char *slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(file_make_dirs(path, NULL), 0);
    *slash = '/';
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_cache(void **state) {
    (void)state;
    if (!mkdtemp(cache))
        return -1;
    setenv("HF_HUB_CACHE", cache, 1);
    return hub_cache_repo("org/name", repo, NULL);
}

static void fill(void) {
    put("blobs/aaaa", "weights");
    put("blobs/bbbb", "card");
    assert_int_equal(hub_cache_link(repo, COMMIT, "a-Q8_0.gguf", "aaaa", NULL), 0);
    assert_int_equal(hub_cache_link(repo, COMMIT, "sub/README.md", "bbbb", NULL), 0);
    assert_int_equal(hub_cache_write_ref(repo, "main", COMMIT, NULL), 0);
}

static int drop_cache(void **state) {
    (void)state;
    struct hub_removed r = {0};
    return hub_remove_path(cache, &r, NULL);
}

/* Calls `once` with ever later failures until it succeeds. */
static void at_every_allocation(int (*once)(struct err *e)) {
    for (long n = 0;; n++) {
        struct err e = {0};
        assert_true(n < 10000);
        left = n;
        int rc = once(&e);
        bool failed = left < 0;
        left = -1;
        if (rc == 0 && !failed)
            return;
        if (rc != 0 && (rc != PRECIS_ENOMEM || !e.text[0]))
            fail_msg("%ld: %d %s", n, rc, e.text);
    }
}

static int list_once(struct err *e) {
    static const char json[] = "{\"sha\": \"" COMMIT "\", \"siblings\": [{\"rfilename\": "
                               "\"config.json\"}, {\"rfilename\": \"model.safetensors\"}]}";
    struct hub_list l;
    int rc = hub_list_parse(&l, "x", json, sizeof json - 1, e);
    if (rc == 0)
        hub_list_free(&l);
    return rc;
}

static int find_once(struct err *e) {
    char out[HUB_CACHE_SIZE];
    struct hub_name n;
    int rc = hub_name_parse("hf:org/name", &n, e);
    return rc ? rc : hub_cache_find(&n, out, sizeof out, e);
}

static int scan_once(struct err *e) {
    struct hub_pulled_list l;
    int rc = hub_cache_scan(&l, e);
    if (rc == 0) {
        assert_int_equal(l.n, 1);
        assert_string_equal(l.v[0].repo, "org/name");
        assert_int_equal(l.v[0].bytes, 11);
        hub_cache_scan_free(&l);
    }
    return rc;
}

static int link_once(struct err *e) {
    return hub_cache_link(repo, COMMIT, "sub/sub/README.md", "bbbb", e);
}

static int remove_once(struct err *e) {
    struct hub_name n;
    struct hub_removed r;
    int rc = hub_name_parse("hf:org/name:*.gguf", &n, e);
    return rc ? rc : hub_cache_remove(&n, &r, e);
}

static int open_once(struct err *e) {
    struct hub_http_options o = {.timeout = 1};
    struct hub_http *h;
    int rc = hub_http_open(&o, &h, e);
    if (rc == 0)
        hub_http_close(h);
    return rc;
}

static int onnx_once(struct err *e) {
    struct onnx_info m;
    int rc = onnx_read_open(CORPUS_DIR "/onnx/model", &m, e);
    if (rc == 0) {
        assert_int_equal(m.n_inputs, 1);
        onnx_read_close(&m);
    }
    return rc;
}

static void lists(void **state) {
    (void)state;
    at_every_allocation(list_once);
}

static void store(void **state) {
    (void)state;
    fill();
    at_every_allocation(find_once);
    at_every_allocation(scan_once);
    at_every_allocation(link_once);
    at_every_allocation(remove_once);
    assert_int_not_equal(access(repo, F_OK), 0);
}

static void connections(void **state) {
    (void)state;
    setenv("HF_TOKEN", "token", 1);
    struct err e;
    assert_int_equal(open_once(&e), 0); /* what libcurl does once */
    at_every_allocation(open_once);
}

static void onnx(void **state) {
    (void)state;
    at_every_allocation(onnx_once);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(store),
        cmocka_unit_test(connections),
        cmocka_unit_test(onnx),
    };
    return cmocka_run_group_tests(tests, make_cache, drop_cache);
}

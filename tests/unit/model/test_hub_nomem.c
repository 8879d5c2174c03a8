/* Memory runs out at every allocation in turn while the store is read and changed, and while an
 * ONNX file is read: an error, nothing leaked (the sanitizer build sees that), nothing half-made.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "model/hub_cache.h"
#include "model/hub_http.h"
#include "model/onnx_read.h"
#include "tree.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char cache[] = "/tmp/precis-store-XXXXXX";
static char repo[HUB_CACHE_SIZE];

static int make_cache(void **state) {
    (void)state;
    if (!mkdtemp(cache))
        return -1;
    setenv("HF_HUB_CACHE", cache, 1);
    return hub_cache_repo("org/name", repo, NULL);
}

static void fill(void) {
    tree_write(cache, "models--org--name/blobs/aaaa", "weights");
    tree_write(cache, "models--org--name/blobs/bbbb", "card");
    assert_int_equal(hub_cache_link(repo, COMMIT, "a-Q8_0.gguf", "aaaa", NULL), 0);
    assert_int_equal(hub_cache_link(repo, COMMIT, "sub/README.md", "bbbb", NULL), 0);
    assert_int_equal(hub_cache_write_ref(repo, "main", COMMIT, NULL), 0);
}

static int drop_cache(void **state) {
    (void)state;
    struct hub_removed r = {0};
    return hub_remove_path(cache, &r, NULL);
}

static int list_once(void *user, struct err *e) {
    (void)user;
    static const char json[] = "{\"sha\": \"" COMMIT "\", \"siblings\": [{\"rfilename\": "
                               "\"config.json\"}, {\"rfilename\": \"model.safetensors\"}]}";
    struct hub_list l;
    int rc = hub_list_parse(&l, "x", json, sizeof json - 1, e);
    if (rc == 0)
        hub_list_free(&l);
    return rc;
}

static int find_once(void *user, struct err *e) {
    (void)user;
    char out[HUB_CACHE_SIZE];
    struct hub_name n;
    int rc = hub_name_parse("hf:org/name", &n, e);
    return rc ? rc : hub_cache_find(&n, out, sizeof out, e);
}

static int scan_once(void *user, struct err *e) {
    (void)user;
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

static int link_once(void *user, struct err *e) {
    (void)user;
    return hub_cache_link(repo, COMMIT, "sub/sub/README.md", "bbbb", e);
}

static int remove_once(void *user, struct err *e) {
    (void)user;
    struct hub_name n;
    struct hub_removed r;
    int rc = hub_name_parse("hf:org/name:*.gguf", &n, e);
    return rc ? rc : hub_cache_remove(&n, &r, e);
}

static int open_once(void *user, struct err *e) {
    (void)user;
    struct hub_http_options o = {.timeout = 1};
    struct hub_http *h;
    int rc = hub_http_open(&o, &h, e);
    if (rc == 0)
        hub_http_close(h);
    return rc;
}

static int onnx_once(void *user, struct err *e) {
    (void)user;
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
    fault_each(&fault_memory, FAULT_ONCE, list_once, NULL);
}

static void store(void **state) {
    (void)state;
    fill();
    fault_each(&fault_memory, FAULT_ONCE, find_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, scan_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, link_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, remove_once, NULL);
    assert_int_not_equal(access(repo, F_OK), 0);
}

static void connections(void **state) {
    (void)state;
    setenv("HF_TOKEN", "token", 1);
    struct err e;
    assert_int_equal(open_once(NULL, &e), 0); /* what libcurl does once */
    fault_each(&fault_memory, FAULT_ONCE, open_once, NULL);
}

static void onnx(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, onnx_once, NULL);
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

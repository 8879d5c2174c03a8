/* Memory and the operating system fail at every call in turn while vectors are written, opened,
 * changed and searched: an error, nothing left in the folder or leaked (the sanitizer build sees
 * that), and the old file still there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "made_vectors.h"

enum { N = 1100, WIDTH = 24, K = 5 };

static char folder[] = "/tmp/precis-vectors-XXXXXX";
static char path[64], graph_path[64];
static float *v;
static struct vectors *m;

FAULT_WRAP(&fault_memory, void *, mmap64,
           (void *at, size_t n, int prot, int flags, int fd, off_t from),
           (at, n, prot, flags, fd, from), MAP_FAILED)
FAULT_WRAP(&fault_memory, int, fsync, (int fd), (fd), -1)
FAULT_WRAP(&fault_memory, int, rename, (const char *from, const char *to), (from, to), -1)
FAULT_WRAP(&fault_memory, int, fstat64, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(&fault_memory, size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f),
           (p, size, n, f), 0)
FAULT_WRAP(&fault_memory, int, fseeko64, (FILE * f, off_t to, int whence), (f, to, whence), -1)

static int files_in_folder(void) {
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/vectors", folder);
    snprintf(graph_path, sizeof graph_path, "%s/graph", folder);
    v = made_vectors(N, WIDTH, 1);
    made_file(path, v, N, WIDTH);
    m = made_open(path);
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    vectors_close(m);
    free(v);
    unlink(path);
    unlink(graph_path);
    return rmdir(folder);
}

static int write_matrix(void *user, struct err *e) {
    (void)user;
    struct vectors_writer *w;
    int rc = vectors_writer_new(path, WIDTH, made_generation, &w, e);
    assert_true((rc == 0) == (w != NULL));
    for (size_t i = 0; rc == 0 && i < N; i++)
        rc = vectors_writer_add(w, made_id(i), v + i * WIDTH, e);
    if (rc == 0)
        return vectors_writer_commit(w, e);
    struct err again;
    if (w) /* what failed once does not make a file */
        assert_int_equal(vectors_writer_commit(w, &again), rc);
    return rc;
}

static int open_matrix(void *user, struct err *e) {
    (void)user;
    struct vectors *of;
    int rc = vectors_open(path, made_generation, 2, &of, e);
    assert_true((rc == 0) == (of != NULL));
    vectors_close(of);
    return rc;
}

static int change(void *user, struct err *e) {
    (void)user;
    struct vectors_overlay *o;
    int rc = vectors_overlay_new(m, 0, &o, e);
    assert_true((rc == 0) == (o != NULL));
    for (size_t i = 0; rc == 0 && i < N; i++)
        rc = vectors_overlay_put(o, made_id(i) + (int64_t)i % 2, v + i * WIDTH, e);
    for (size_t i = 0; rc == 0 && i < N; i += 2)
        rc = vectors_overlay_remove(o, made_id(i), e);
    vectors_overlay_free(o);
    return rc;
}

static int search(void *user, struct err *e) {
    struct vectors_hit hits[K];
    size_t n;
    struct vectors_query q = {.v = v, .k = K, .exact = user != NULL};
    return vectors_search(m, NULL, &q, hits, &n, e);
}

static int write_graph(void *user, struct err *e) {
    (void)user;
    return vectors_graph_write(m, graph_path, 2, NULL, NULL, e);
}

static int open_graph(void *user, struct err *e) {
    (void)user;
    return vectors_graph_open(m, graph_path, e);
}

/* Like fault_each, for calls that fail with PRECIS_EIO too, or PRECIS_ENOTFOUND where the file is
 * the failure's victim. */
static void each(int (*once)(void *user, struct err *e), int files) {
    const long step = once == write_graph && getenv("PRECIS_TEST_SHORT") ? 11 : 1;
    for (long n = 0;; n += step) {
        struct err e = {0};
        fault_begin(&fault_memory, n, FAULT_ONCE);
        int rc = once(NULL, &e);
        const char *call = fault_end(&fault_memory);
        if (call ? (rc != PRECIS_ENOMEM && rc != PRECIS_EIO) || e.code != rc || !e.text[0]
                 : rc != 0)
            fail_msg("call %ld (%s): %d: %s", n, call ? call : "none", rc, e.text);
        assert_int_equal(files_in_folder(), call ? files : files + (once == write_graph));
        if (!call)
            break;
    }
}

static void test_matrix(void **state) {
    (void)state;
    each(write_matrix, 1);
    each(open_matrix, 1);
    each(change, 1);
    each(search, 1);
    assert_true(fault_each(&fault_threads, FAULT_ONCE, open_matrix, NULL) >= 1);
}

static void test_graph(void **state) {
    (void)state;
    if (!vectors_graph_supported())
        skip();
    each(write_graph, 1);
    assert_true(fault_each(&fault_threads, FAULT_ONCE, write_graph, NULL) >= 2);
    each(open_graph, 2);
    assert_true(vectors_has_graph(m));
    each(search, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matrix), cmocka_unit_test(test_graph)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

/* Files of matrices and graphs that are missing, stale, foreign, cut or damaged: to be made again,
 * and never read beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "made_vectors.h"
#include "search/vectors_format.h"

enum { N = 70, WIDTH = 20 };

static char folder[] = "/tmp/precis-vectors-XXXXXX";
static char path[64], graph_path[64];
static float *v;
static uint8_t *matrix, *graph; /* whole files; NULL graph: built without hnswlib */
static size_t matrix_size, graph_size;
static struct vectors *m;

/* The bytes end where their allocation does, so that a read beyond them shows. */
static uint8_t *copy_of(const void *data, size_t size) {
    void *bytes = NULL;
    assert_int_equal(posix_memalign(&bytes, VECTORS_ALIGN, size ? size : 1), 0);
    memcpy(bytes, data, size);
    return bytes;
}

static uint8_t *read_all(const char *name, size_t *size) {
    struct mapping file;
    assert_int_equal(file_map(name, &file, NULL), 0);
    uint8_t *bytes = copy_of(file.data, file.size);
    *size = file.size;
    file_unmap(&file);
    return bytes;
}

static int make_files(void **state) {
    (void)state;
    struct err e = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/vectors", folder);
    snprintf(graph_path, sizeof graph_path, "%s/graph", folder);
    v = made_vectors(N, WIDTH, 1);
    made_file(path, v, N, WIDTH);
    m = made_open(path);
    if (vectors_graph_supported()) {
        assert_int_equal(vectors_graph_write(m, graph_path, 1, NULL, NULL, &e), 0);
        graph = read_all(graph_path, &graph_size);
    }
    matrix = read_all(path, &matrix_size);
    return 0;
}

static int drop_files(void **state) {
    (void)state;
    vectors_close(m);
    free(v);
    free(matrix);
    free(graph);
    unlink(path);
    unlink(graph_path);
    return rmdir(folder);
}

static void ask(const struct vectors *of, bool exact) {
    struct vectors_hit hits[N];
    size_t n;
    struct err e = {0};
    struct vectors_query q = {.v = v, .k = 10, .exact = exact};
    assert_int_equal(vectors_search(of, NULL, &q, hits, &n, &e), 0);
    assert_true(n <= 10);
}

/* Opens these bytes, which are freed. 0, or PRECIS_ENOTFOUND with a line. */
static int open_matrix(uint8_t *bytes, size_t size) {
    struct vectors *of;
    struct err e = {0};
    int rc = vectors_open_memory("matrix", made_generation, bytes, size, &of, &e);
    assert_true((rc == 0) == (of != NULL));
    if (rc && (rc != PRECIS_ENOTFOUND || !strstr(e.text, "matrix: ")))
        fail_msg("%d: %s", rc, e.text);
    if (rc == 0)
        ask(of, true);
    vectors_close(of);
    free(bytes);
    return rc;
}

static int open_graph(uint8_t *bytes, size_t size) {
    struct vectors *of = NULL;
    struct err e = {0};
    assert_int_equal(vectors_open_memory("matrix", made_generation, matrix, matrix_size, &of, &e),
                     0);
    int rc = vectors_graph_open_memory(of, "graph", bytes, size, &e);
    assert_true((rc == 0) == vectors_has_graph(of));
    if (rc && (rc != PRECIS_ENOTFOUND || !strstr(e.text, "graph: ")))
        fail_msg("%d: %s", rc, e.text);
    ask(of, false);
    vectors_close(of);
    free(bytes);
    return rc;
}

static void test_whole(void **state) {
    (void)state;
    assert_int_equal(open_matrix(copy_of(matrix, matrix_size), matrix_size), 0);
    if (graph)
        assert_int_equal(open_graph(copy_of(graph, graph_size), graph_size), 0);
}

static void test_cut(void **state) {
    (void)state;
    for (size_t size = 0; size < matrix_size; size++)
        assert_int_equal(open_matrix(copy_of(matrix, size), size), PRECIS_ENOTFOUND);
    for (size_t size = 0; size < graph_size; size++)
        assert_int_equal(open_graph(copy_of(graph, size), size), PRECIS_ENOTFOUND);
}

static void test_longer(void **state) {
    (void)state;
    for (size_t more = 1; more < 70; more++) {
        uint8_t *bytes = calloc(1, matrix_size + more);
        memcpy(bytes, matrix, matrix_size);
        assert_int_equal(open_matrix(copy_of(bytes, matrix_size + more), matrix_size + more),
                         PRECIS_ENOTFOUND);
        free(bytes);
    }
}

static void test_flipped(void **state) {
    (void)state;
    for (size_t i = 0; i < matrix_size; i++) {
        uint8_t *bytes = copy_of(matrix, matrix_size);
        bytes[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(open_matrix(bytes, matrix_size), PRECIS_ENOTFOUND);
    }
    for (size_t i = 0; i < graph_size; i++) {
        uint8_t *bytes = copy_of(graph, graph_size);
        bytes[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(open_graph(bytes, graph_size), PRECIS_ENOTFOUND);
    }
}

static const char *reason_of(const void *data, size_t size) {
    static struct err e;
    struct vectors *of;
    uint8_t *bytes = copy_of(data, size);
    assert_int_equal(vectors_open_memory("matrix", made_generation, bytes, size, &of, &e),
                     PRECIS_ENOTFOUND);
    free(bytes);
    return e.text;
}

static void test_reasons(void **state) {
    (void)state;
    struct vectors *of;
    struct err e = {0};
    struct vectors_header *h = (void *)copy_of(matrix, matrix_size);
    h->order = 0x04030201;
    assert_string_equal(reason_of(h, matrix_size),
                        "matrix: was written on a machine of another byte order");
    h->order = VECTORS_ORDER;
    h->version++;
    assert_string_equal(reason_of(h, matrix_size), "matrix: is of another version of the format");
    h->version--;
    h->count = UINT64_MAX / 768;
    assert_string_equal(reason_of(h, matrix_size), "matrix: has a damaged header");
    h->count = UINT32_MAX - 1;
    assert_string_equal(reason_of(h, matrix_size), "matrix: has not the length of its rows");
    free(h);
    static const uint8_t other[VECTORS_GENERATION_SIZE] = "another generation";
    assert_int_equal(vectors_open(path, other, 1, &of, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "/vectors: was made from another state of the index"));
    assert_int_equal(vectors_open("/nowhere/at all", made_generation, 1, &of, &e),
                     PRECIS_ENOTFOUND);
    assert_string_equal(e.text, "/nowhere/at all: no such file");
    assert_int_equal(vectors_open(folder, made_generation, 1, &of, &e), PRECIS_ENOTFOUND);
    assert_int_equal(vectors_open("/dev/null", made_generation, 1, &of, &e), PRECIS_ENOTFOUND);
    assert_null(of);
    assert_int_equal(vectors_graph_open(m, "/nowhere", &e), PRECIS_ENOTFOUND);
    assert_int_equal(vectors_graph_open(m, path, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "is not a graph of vectors"));
    assert_int_equal(vectors_open(graph ? graph_path : "/dev/null", made_generation, 1, &of, &e),
                     PRECIS_ENOTFOUND);
    assert_false(vectors_has_graph(m));
}

/* Another matrix of the same size and generation. */
static void test_other_graph(void **state) {
    (void)state;
    char other_path[64];
    struct err e = {0};
    if (!graph)
        skip();
    snprintf(other_path, sizeof other_path, "%s/other", folder);
    float *w = made_vectors(N, WIDTH, 2);
    made_file(other_path, w, N, WIDTH);
    struct vectors *other = made_open(other_path);
    assert_int_equal(vectors_graph_open(other, graph_path, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "is the graph of another matrix"));
    assert_false(vectors_has_graph(other));
    vectors_close(other);
    free(w);
    unlink(other_path);
}

/* Checksums that fit, so that what is said of links and rows is what stops a forged file. */
static void seal_graph(uint8_t *bytes) {
    struct vectors_graph_header *h = (void *)bytes;
    size_t levels = graph_size - VECTORS_PAGE - sizeof(uint64_t);
    uint64_t sum = hash_bulk(bytes + VECTORS_PAGE, levels, 0);
    memcpy(bytes + VECTORS_PAGE + levels, &sum, sizeof sum);
    h->sum = vectors_sum_head(bytes, offsetof(struct vectors_graph_header, sum), &sum, 1);
}

static void seal_matrix(uint8_t *bytes) {
    struct vectors_header *h = (void *)bytes;
    size_t rows = matrix_size - VECTORS_PAGE - sizeof(uint64_t);
    uint64_t sum = hash_bulk(bytes + VECTORS_PAGE, rows, 0);
    memcpy(bytes + VECTORS_PAGE + rows, &sum, sizeof sum);
    h->sum = vectors_sum_head(bytes, offsetof(struct vectors_header, sum), &sum, 1);
}

static void test_forged_matrix(void **state) {
    (void)state;
    struct vectors_block b;
    uint8_t *bytes = copy_of(matrix, matrix_size);
    seal_matrix(bytes);
    assert_memory_equal(bytes, matrix, matrix_size);
    free(bytes);
    for (int kind = 0; kind < 4; kind++) {
        bytes = copy_of(matrix, matrix_size);
        vectors_block_view(bytes + VECTORS_PAGE, N, 64, &b);
        static const float not_a_number[] = {-1, 2};
        memset(kind == 0 ? b.scale + 3 : b.loss + 4, 0xff, sizeof(float));
        if (kind == 1)
            b.scale[N - 1] = not_a_number[1];
        if (kind == 2)
            b.loss[0] = not_a_number[0];
        if (kind == 3)
            b.ids[N - 1] = b.ids[N - 2];
        seal_matrix(bytes);
        assert_int_equal(open_matrix(bytes, matrix_size), PRECIS_ENOTFOUND);
    }
    bytes = copy_of(matrix, matrix_size); /* any bytes of rows are rows */
    vectors_block_view(bytes + VECTORS_PAGE, N, 64, &b);
    memset(b.high, 0x80, (size_t)N * 128);
    seal_matrix(bytes);
    assert_int_equal(open_matrix(bytes, matrix_size), 0);
}

static void test_forged_graph(void **state) {
    (void)state;
    if (!graph)
        skip();
    static const uint32_t links[] = {N, 0xfffffffe, 0x80000000};
    uint8_t *bytes = copy_of(graph, graph_size);
    seal_graph(bytes);
    assert_memory_equal(bytes, graph, graph_size);
    free(bytes);
    size_t levels = graph_size - VECTORS_PAGE - sizeof(uint64_t);
    for (size_t at = 0; at + 4 <= levels; at += 4)
        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
            bytes = copy_of(graph, graph_size);
            memcpy(bytes + VECTORS_PAGE + at, links + i, sizeof *links);
            seal_graph(bytes);
            open_graph(bytes, graph_size); /* zeros between levels may be anything */
        }
    bytes = copy_of(graph, graph_size); /* the first link */
    memcpy(bytes + VECTORS_PAGE, links, sizeof *links);
    seal_graph(bytes);
    assert_int_equal(open_graph(bytes, graph_size), PRECIS_ENOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),         cmocka_unit_test(test_cut),
        cmocka_unit_test(test_longer),        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_reasons),       cmocka_unit_test(test_other_graph),
        cmocka_unit_test(test_forged_matrix), cmocka_unit_test(test_forged_graph),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}

/* Searching a matrix and an overlay against comparing everything in double precision; the same bits
 * from every class of instruction sets, any number of threads, and wherever a row lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "made_vectors.h"

/* 16-bit fixed point: half a step of each value at most, so sqrt(width) / 2 / 32512 of the largest,
 * and f32's own rounding. */
static double loss_of(size_t width) {
    return sqrt((double)width) / 65000 + 1e-6;
}

static char folder[] = "/tmp/precis-vectors-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    bool ok = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/vectors", folder);
    return ok ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static size_t search(const struct vectors *m, const struct vectors_overlay *o,
                     const struct vectors_query *q, struct vectors_hit *hits) {
    struct err e = {0};
    size_t n;
    memset(hits, 0, q->k * sizeof *hits); /* and what lies between the numbers */
    if (vectors_search(m, o, q, hits, &n, &e) != 0)
        fail_msg("%s", e.text);
    return n;
}

static void assert_same(const struct vectors_hit *a, size_t n_a, const struct vectors_hit *b,
                        size_t n_b) {
    assert_int_equal(n_a, n_b);
    for (size_t i = 0; i < n_a; i++)
        if (a[i].id != b[i].id || memcmp(&a[i].score, &b[i].score, sizeof(float)) != 0)
            fail_msg("hit %zu: id %lld score %.9g, and id %lld score %.9g", i, (long long)a[i].id,
                     (double)a[i].score, (long long)b[i].id, (double)b[i].score);
}

static struct made_row *rows_of(const float *v, size_t n, size_t width) {
    struct made_row *rows = malloc((n + 1) * sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct made_row){made_id(i), v + i * width};
    return rows;
}

static void check_matrix(size_t n, size_t width) {
    static const size_t ks[] = {1, 2, 10, 100, 5000};
    float *v = made_vectors(n, width, n + width), *queries = made_vectors(4, width, 99);
    struct made_row *rows = rows_of(v, n, width);
    struct vectors_hit *hits = malloc(5000 * sizeof *hits);
    assert_non_null(hits);
    made_file(path, v, n, width);
    struct vectors *m = made_open(path);
    assert_int_equal(vectors_count(m), n);
    assert_int_equal(vectors_width(m), width);
    for (size_t i = 0; i < 4 + (n > 0); i++)
        for (size_t j = 0; j < sizeof ks / sizeof *ks; j++) {
            const float *query = i < 4 ? queries + i * width : v + n / 2 * width;
            struct vectors_query q = {.v = query, .k = ks[j]};
            size_t found = search(m, NULL, &q, hits);
            made_check(rows, n, width, query, ks[j], hits, found, loss_of(width));
        }
    vectors_close(m);
    free(hits);
    free(rows);
    free(queries);
    free(v);
}

static void test_exact(void **state) {
    (void)state;
    static const size_t widths[] = {1, 3, 63, 64, 65, 384, 1000};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        check_matrix(700, widths[i]);
    check_matrix(20, VECTORS_MOST_WIDTH);
    for (size_t n = 0; n < 4; n++)
        check_matrix(n, 32);
    check_matrix(1023, 32);
    check_matrix(1024, 32);
    check_matrix(1025, 32);
    check_matrix(5000, 16);
}

static void test_rows(void **state) {
    (void)state;
    enum { N = 1500, WIDTH = 70 };
    float *v = made_vectors(N, WIDTH, 5), row[WIDTH];
    memset(v + 7 * WIDTH, 0, WIDTH * sizeof *v);
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    for (size_t i = 0; i < N; i++) {
        size_t at;
        double sum = 0;
        assert_true(vectors_find(m, made_id(i), &at));
        assert_int_equal(at, i);
        assert_int_equal(vectors_id(m, i), made_id(i));
        assert_false(vectors_find(m, made_id(i) + 1, &at));
        vectors_row(m, i, row);
        for (size_t j = 0; j < WIDTH; j++)
            sum += (double)row[j] * row[j];
        assert_true(fabs(sqrt(sum) - (i != 7)) < loss_of(WIDTH));
        assert_true(i == 7 || made_cosine(row, v + i * WIDTH, WIDTH) > 1 - 1e-8);
    }
    vectors_close(m);
    free(v);
}

/* Vectors of any length, and of zeros, beside each other. */
static void test_lengths(void **state) {
    (void)state;
    enum { N = 40, WIDTH = 24 };
    static const float by[] = {1, 1e-30f, 1e30f, 1e-36f, 0, 7};
    float *v = made_vectors(N, WIDTH, 8), *query = made_vectors(1, WIDTH, 9);
    struct made_row *rows = rows_of(v, N, WIDTH);
    struct vectors_hit hits[N];
    for (size_t i = 0; i < (size_t)N * WIDTH; i++)
        v[i] *= by[i / WIDTH % 6];
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    struct vectors_query q = {.v = query, .k = N};
    size_t n = search(m, NULL, &q, hits);
    made_check(rows, N, WIDTH, query, N, hits, n, loss_of(WIDTH));
    memset(query, 0, WIDTH * sizeof *query);
    n = search(m, NULL, &q, hits);
    assert_int_equal(n, N);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].score == 0);
        assert_int_equal(hits[i].id, made_id(i));
    }
    vectors_close(m);
    free(rows);
    free(query);
    free(v);
}

static void test_ties(void **state) {
    (void)state;
    enum { N = 3000, WIDTH = 48, KINDS = 3 };
    float *v = made_vectors(N, WIDTH, 1), *kinds = made_vectors(KINDS, WIDTH, 2);
    struct vectors_hit hits[N], other[N];
    for (size_t i = 0; i < N; i++)
        memcpy(v + i * WIDTH, kinds + i % KINDS * WIDTH, WIDTH * sizeof *v);
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    struct vectors_query q = {.v = kinds, .k = 700};
    size_t n = search(m, NULL, &q, hits);
    assert_int_equal(n, 700);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hits[i].id, made_id(i * KINDS));
    struct vectors_overlay *o;
    struct err e = {0};
    assert_int_equal(vectors_overlay_new(m, 0, &o, &e), 0);
    for (size_t i = 0; i < N; i += 2) /* half of them move into memory, last first */
        assert_int_equal(vectors_overlay_put(o, made_id(N - 2 - i), v + (N - 2 - i) * WIDTH, &e),
                         0);
    assert_same(hits, n, other, search(m, o, &q, other));
    vectors_overlay_free(o);
    vectors_close(m);
    free(kinds);
    free(v);
}

static void test_only(void **state) {
    (void)state;
    enum { N = 4000, WIDTH = 32, K = 20 };
    float *v = made_vectors(N, WIDTH, 3), *query = made_vectors(1, WIDTH, 4);
    struct made_row *rows = malloc(N * sizeof *rows);
    int64_t *only = malloc((3 * N + 20) * sizeof *only);
    struct vectors_hit hits[K];
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    for (size_t step = 1; step < 2 * N; step = step * 3 + 1) {
        size_t n = 0, n_only = 0;
        for (int64_t id = made_id(0) - 10; id < made_id(N) + 10; id++) {
            int64_t row = (id - made_id(0)) / 3;
            bool is_row = id >= made_id(0) && (id - made_id(0)) % 3 == 0 && row < N;
            if (is_row && (size_t)row % step != 0)
                continue;
            if (is_row)
                rows[n++] = (struct made_row){id, v + (size_t)row * WIDTH};
            only[n_only++] = id;
        }
        struct vectors_query q = {.v = query, .k = K, .only = only, .n_only = n_only};
        size_t found = search(m, NULL, &q, hits);
        made_check(rows, n, WIDTH, query, K, hits, found, loss_of(WIDTH));
    }
    struct vectors_query none = {.v = query, .k = K, .only = only};
    assert_int_equal(search(m, NULL, &none, hits), 0);
    vectors_close(m);
    free(only);
    free(rows);
    free(query);
    free(v);
}

/* Rows come, change and go, in the overlay and out of the matrix, against a plain list of them. */
static void test_overlay(void **state) {
    (void)state;
    enum { N = 2000, MORE = 1300, WIDTH = 40, K = 30 };
    float *v = made_vectors(N + MORE, WIDTH, 6), *query = made_vectors(1, WIDTH, 7);
    struct made_row *rows = rows_of(v, N + MORE, WIDTH);
    bool *there = calloc(N + MORE, sizeof *there);
    struct made_row *left = malloc((N + MORE) * sizeof *left);
    struct vectors_hit hits[K];
    struct vectors_overlay *o;
    struct err e = {0};
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    assert_int_equal(vectors_overlay_new(m, 0, &o, &e), 0);
    for (size_t i = 0; i < N; i++)
        there[i] = true;
    for (size_t round = 0; round < 3000; round++) {
        size_t at = (size_t)(round * 2654435761u >> 5) % (N + MORE);
        if (round % 3 == 0) {
            assert_int_equal(vectors_overlay_remove(o, rows[at].id, &e), 0);
            there[at] = false;
        } else {
            rows[at].v = v + round % (N + MORE) * WIDTH;
            assert_int_equal(vectors_overlay_put(o, rows[at].id, rows[at].v, &e), 0);
            there[at] = true;
        }
        if (round % 300 != 299)
            continue;
        size_t n = 0;
        for (size_t i = 0; i < N + MORE; i++)
            if (there[i])
                left[n++] = rows[i];
        struct vectors_query q = {.v = query, .k = K};
        size_t found = search(m, o, &q, hits);
        made_check(left, n, WIDTH, query, K, hits, found, loss_of(WIDTH));
    }
    vectors_overlay_free(o);
    vectors_close(m);
    free(left);
    free(there);
    free(rows);
    free(query);
    free(v);
}

static void test_no_matrix(void **state) {
    (void)state;
    enum { N = 1100, WIDTH = 20, K = 15 };
    float *v = made_vectors(N, WIDTH, 10);
    struct vectors_hit hits[K], other[K];
    struct vectors_overlay *o;
    struct err e = {0};
    struct vectors_query q = {.v = v, .k = K};
    assert_int_equal(search(NULL, NULL, &q, hits), 0);
    assert_int_equal(vectors_overlay_new(NULL, WIDTH, &o, &e), 0);
    assert_int_equal(search(NULL, o, &q, hits), 0);
    for (size_t i = N; i-- > 0;)
        assert_int_equal(vectors_overlay_put(o, made_id(i), v + i * WIDTH, &e), 0);
    made_file(path, v, N, WIDTH);
    struct vectors *m = made_open(path);
    assert_same(hits, search(NULL, o, &q, hits), other, search(m, NULL, &q, other));
    int64_t only[] = {made_id(4), made_id(900)};
    q.only = only;
    q.n_only = 2;
    assert_same(hits, search(NULL, o, &q, hits), other, search(m, NULL, &q, other));
    assert_int_equal(search(NULL, o, &q, hits), 2);
    assert_int_equal(vectors_overlay_remove(o, made_id(3), &e), 0);
    assert_int_equal(vectors_overlay_remove(o, made_id(3), &e), 0);
    only[0] = made_id(3);
    assert_int_equal(search(NULL, o, &q, hits), 1);
    assert_int_equal(hits[0].id, made_id(900));
    vectors_close(m);
    vectors_overlay_free(o);
    free(v);
}

/* Enough rows that threads pay. */
static void test_threads(void **state) {
    (void)state;
    enum { N = 9000, WIDTH = 4000, K = 50 };
    float *v = made_vectors(64, WIDTH, 11), *turned = malloc(2 * WIDTH * sizeof *turned);
    struct vectors_hit hits[K], other[K];
    struct vectors_writer *w;
    struct err e = {0};
    assert_int_equal(vectors_writer_new(path, WIDTH, made_generation, &w, &e), 0);
    for (size_t i = 0; i < N; i++) { /* 64 vectors, their values moved along */
        memcpy(turned, v + i % 64 * WIDTH, WIDTH * sizeof *v);
        memcpy(turned + WIDTH, turned, WIDTH * sizeof *v);
        assert_int_equal(vectors_writer_add(w, made_id(i), turned + i / 64, &e), 0);
    }
    assert_int_equal(vectors_writer_commit(w, &e), 0);
    struct vectors *m = made_open(path);
    struct vectors_query q = {.v = v + 5 * WIDTH, .k = K};
    size_t n = search(m, NULL, &q, hits);
    assert_int_equal(hits[0].id, made_id(5));
    for (int threads = 2; threads <= 4; threads++) {
        q.threads = threads;
        assert_same(hits, n, other, search(m, NULL, &q, other));
    }
    vectors_close(m);
    free(turned);
    free(v);
}

static void test_classes(void **state) {
    (void)state;
    enum { N = 1500, WIDTH = 384, K = 40 };
    enum isa best;
    float *v = made_vectors(N, WIDTH, 12), *query = made_vectors(1, WIDTH, 13);
    struct vectors_hit hits[K], other[K];
    size_t n = 0;
    const char *before = getenv("PRECIS_ISA");
    char kept[32] = "";
    snprintf(kept, sizeof kept, "%s", before ? before : "");
    made_file(path, v, N, WIDTH);
    assert_int_equal(isa_detect(&best, NULL), 0);
    for (enum isa isa = ISA_PLAIN; isa <= best; isa++) {
        struct vectors_query q = {.v = query, .k = K};
        setenv("PRECIS_ISA", isa_name(isa), 1);
        struct vectors *m = made_open(path);
        size_t found = search(m, NULL, &q, isa == ISA_PLAIN ? hits : other);
        if (isa != ISA_PLAIN)
            assert_same(hits, n, other, found);
        n = found;
        vectors_close(m);
    }
    setenv("PRECIS_ISA", "none", 1);
    struct vectors *m;
    struct err e = {0};
    assert_int_equal(vectors_open(path, made_generation, 1, &m, &e), PRECIS_EUSAGE);
    assert_null(m);
    setenv("PRECIS_ISA", kept, 1);
    free(query);
    free(v);
}

static void test_misuse(void **state) {
    (void)state;
    enum { N = 3, WIDTH = 8 };
    float *v = made_vectors(N, WIDTH, 14), odd[WIDTH] = {1, NAN}, large[WIDTH] = {INFINITY};
    struct vectors_writer *w;
    struct vectors_overlay *o;
    struct vectors_hit hits[4];
    struct err e = {0};
    size_t n;
    assert_int_equal(vectors_writer_new(path, 0, made_generation, &w, &e), PRECIS_EUSAGE);
    assert_int_equal(vectors_writer_new(path, VECTORS_MOST_WIDTH + 1, made_generation, &w, &e),
                     PRECIS_EUSAGE);
    assert_null(w);
    assert_int_equal(vectors_writer_new(path, WIDTH, made_generation, &w, &e), 0);
    assert_int_equal(vectors_writer_add(w, 5, odd, &e), PRECIS_EINPUT);
    assert_int_equal(vectors_writer_add(w, 5, v, &e), 0);
    assert_int_equal(vectors_writer_add(w, 5, v, &e), PRECIS_EUSAGE);
    assert_int_equal(vectors_writer_add(w, 4, v, &e), PRECIS_EUSAGE);
    assert_int_equal(vectors_writer_add(w, 6, large, &e), PRECIS_EINPUT);
    assert_int_equal(vectors_writer_commit(w, &e), 0);
    struct vectors *m = made_open(path);
    assert_int_equal(vectors_count(m), 1);
    assert_int_equal(vectors_overlay_new(NULL, 0, &o, &e), PRECIS_EUSAGE);
    assert_null(o);
    assert_int_equal(vectors_overlay_new(NULL, WIDTH, &o, &e), 0);
    assert_int_equal(vectors_overlay_put(o, 1, odd, &e), PRECIS_EINPUT);
    struct vectors_query q = {.v = v, .k = 4};
    assert_int_equal(vectors_search(NULL, o, &q, hits, &n, &e), 0);
    assert_int_equal(n, 0);
    q.k = 0;
    assert_int_equal(vectors_search(m, NULL, &q, hits, &n, &e), PRECIS_EUSAGE);
    q.k = VECTORS_MOST_K + 1;
    assert_int_equal(vectors_search(m, NULL, &q, hits, &n, &e), PRECIS_EUSAGE);
    q.k = 4;
    assert_int_equal(vectors_search(m, o, &q, hits, &n, &e), PRECIS_EUSAGE);
    q.v = odd;
    assert_int_equal(vectors_search(m, NULL, &q, hits, &n, &e), PRECIS_EINPUT);
    int64_t twice[] = {5, 5};
    q = (struct vectors_query){.v = v, .k = 4, .only = twice, .n_only = 2};
    assert_int_equal(vectors_search(m, NULL, &q, hits, &n, &e), PRECIS_EUSAGE);
    vectors_overlay_free(o);
    vectors_close(m);
    free(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),     cmocka_unit_test(test_rows),
        cmocka_unit_test(test_lengths),   cmocka_unit_test(test_ties),
        cmocka_unit_test(test_only),      cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_no_matrix), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_classes),   cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

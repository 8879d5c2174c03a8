/* Graphs: what they find of what there is, alone and from several threads; what is hidden stays so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "made_vectors.h"

enum { WIDTH = 48, QUERIES = 64, K = 10 };

/* ThreadSanitizer follows every pair of hnswlib's locks. */
static size_t count = 2000;

static char folder[] = "/tmp/precis-vectors-XXXXXX";
static char path[64], graph_path[64];
static float *v, *queries;
static struct vectors *m;

static int make_matrix(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/vectors", folder);
    snprintf(graph_path, sizeof graph_path, "%s/graph", folder);
    count = getenv("PRECIS_TEST_SHORT") ? 300 : count;
    v = made_vectors(count, WIDTH, 1);
    queries = made_vectors(QUERIES, WIDTH, 2);
    made_file(path, v, count, WIDTH);
    m = made_open(path);
    return 0;
}

static int drop_matrix(void **state) {
    (void)state;
    vectors_close(m);
    free(v);
    free(queries);
    unlink(path);
    unlink(graph_path);
    return rmdir(folder);
}

static void write_graph(int threads) {
    struct err e = {0};
    if (vectors_graph_write(m, graph_path, threads, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

static void open_graph(void) {
    struct err e = {0};
    if (vectors_graph_open(m, graph_path, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(vectors_has_graph(m));
}

static size_t search(const struct vectors_overlay *o, size_t query, bool exact,
                     struct vectors_hit *hits) {
    struct vectors_query q = {.v = queries + query * WIDTH, .k = K, .exact = exact};
    struct err e = {0};
    size_t n;
    assert_int_equal(vectors_search(m, o, &q, hits, &n, &e), 0);
    return n;
}

/* Of the exact neighbours of all queries, the share that the graph finds. */
static double recall(const struct vectors_overlay *o) {
    size_t same = 0;
    for (size_t i = 0; i < QUERIES; i++) {
        struct vectors_hit exact[K], found[K];
        assert_int_equal(search(o, i, true, exact), K);
        assert_int_equal(search(o, i, false, found), K);
        for (size_t j = 0; j < K; j++)
            for (size_t l = 0; l < K; l++)
                same += exact[j].id == found[l].id && exact[j].score == found[l].score;
    }
    return (double)same / (QUERIES * K);
}

static void test_recall(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        write_graph(threads);
        open_graph();
        double found = recall(NULL);
        if (found < 0.98)
            fail_msg("recall %g of a graph made by %d threads", found, threads);
    }
}

static void test_one_thread_is_determined(void **state) {
    (void)state;
    struct mapping first, second;
    write_graph(1);
    assert_int_equal(file_map(graph_path, &first, NULL), 0);
    write_graph(1);
    assert_int_equal(file_map(graph_path, &second, NULL), 0);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    file_unmap(&first);
    file_unmap(&second);
}

static void test_hidden(void **state) {
    (void)state;
    struct vectors_overlay *o;
    struct err e = {0};
    write_graph(2);
    open_graph();
    assert_int_equal(vectors_overlay_new(m, 0, &o, &e), 0);
    for (size_t i = 0; i < count; i += 3)
        assert_int_equal(vectors_overlay_remove(o, made_id(i), &e), 0);
    for (size_t i = 1; i < count; i += 30)
        assert_int_equal(vectors_overlay_put(o, made_id(i), v + (i - 1) * WIDTH, &e), 0);
    double found = recall(o);
    if (found < 0.98)
        fail_msg("recall %g", found);
    struct vectors_hit hits[K];
    for (size_t i = 0; i < QUERIES; i++) {
        size_t n = search(o, i, false, hits);
        for (size_t j = 0; j < n; j++)
            assert_true((hits[j].id - made_id(0)) / 3 % 3 != 0);
    }
    /* Nearly everything is: the rest is found by comparing. */
    for (size_t i = 0; i < count; i++)
        if (i % (count / 36 * 3) != 7)
            assert_int_equal(vectors_overlay_remove(o, made_id(i), &e), 0);
    assert_true(recall(o) == 1);
    vectors_overlay_free(o);
}

static void test_small(void **state) {
    (void)state;
    char small[64];
    struct err e = {0};
    snprintf(small, sizeof small, "%s/small", folder);
    for (size_t n = 0; n < 40; n += n < 3 ? 1 : 7) {
        made_file(small, v, n, WIDTH);
        struct vectors *of = made_open(small);
        int rc = vectors_graph_write(of, graph_path, 2, NULL, NULL, &e);
        assert_int_equal(rc, n ? 0 : PRECIS_EUSAGE);
        if (n) {
            struct vectors_query q = {.v = v, .k = 1};
            struct vectors_hit hit;
            size_t found;
            assert_int_equal(vectors_graph_open(of, graph_path, &e), 0);
            assert_int_equal(vectors_search(of, NULL, &q, &hit, &found, &e), 0);
            assert_int_equal(found, 1);
            assert_int_equal(hit.id, made_id(0));
        }
        vectors_close(of);
    }
    unlink(small);
}

static bool stop_soon(void *user) {
    return atomic_fetch_add((atomic_int *)user, 1) >= 3;
}

static void test_cancelled(void **state) {
    (void)state;
    atomic_int asked = 0;
    struct err e = {0};
    unlink(graph_path);
    assert_int_equal(vectors_graph_write(m, graph_path, 2, stop_soon, &asked, &e),
                     PRECIS_ECANCELLED);
    assert_int_equal(access(graph_path, F_OK), -1);
}

struct asking {
    struct vectors_hit (*expected)[K];
    atomic_int wrong;
};

static int ask_some(void *user, struct pool_items *items, struct err *e) {
    struct asking *a = user;
    struct vectors_hit hits[K];
    size_t n;
    for (int i, rc; (i = pool_next(items)) >= 0;) {
        size_t at = (size_t)i % QUERIES;
        struct vectors_query q = {.v = queries + at * WIDTH, .k = K, .exact = i % 2};
        if ((rc = vectors_search(m, NULL, &q, hits, &n, e)) != 0)
            return rc;
        for (size_t j = 0; i % 2 == 0 && j < K; j++)
            if (hits[j].id != a->expected[at][j].id || hits[j].score != a->expected[at][j].score)
                atomic_fetch_add(&a->wrong, 1);
    }
    return 0;
}

static void test_side_by_side(void **state) {
    (void)state;
    struct vectors_hit expected[QUERIES][K];
    struct asking a = {.expected = expected};
    struct err e = {0};
    write_graph(1);
    open_graph();
    for (size_t i = 0; i < QUERIES; i++)
        search(NULL, i, false, expected[i]);
    assert_int_equal(pool_run(4, 6 * QUERIES, ask_some, &a, &e), 0);
    assert_int_equal(atomic_load(&a.wrong), 0);
}

int main(void) {
    if (!vectors_graph_supported()) {
        puts("1..0 # SKIP built without hnswlib");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall),    cmocka_unit_test(test_one_thread_is_determined),
        cmocka_unit_test(test_hidden),    cmocka_unit_test(test_small),
        cmocka_unit_test(test_cancelled), cmocka_unit_test(test_side_by_side),
    };
    return cmocka_run_group_tests(tests, make_matrix, drop_matrix);
}

/* What a run reads, embeds, keeps and removes, and what is found then. The encoder means nothing:
 * with it only what is equal is near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "fault.h"
#include "index/build.h"
#include "index/search.h"
#include "store/entries.h"
#include "tiny_encoder.h"
#include "tree.h"

static char *root, *model;
static struct embedder *em;

static int open_encoder(void **state) {
    (void)state;
    struct err e = {0};
    model = tiny_encoder_new(GOLDEN_DIR);
    char *path = file_join(model, "tiny");
    if (embedder_open(path, &(struct embedder_options){0}, &em, &e) != 0)
        fail_msg("%s", e.text);
    free(path);
    return 0;
}

static int close_encoder(void **state) {
    (void)state;
    embedder_close(em);
    tree_remove(model);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    root = tree_new();
    tree_write(root, "src/wake.c",
               "/* Wakes one worker. */\nint wake_worker(int n) {\n    return n;\n}\n"
               "int sleepDeep(void) {\n    return 0;\n}\n");
    tree_write(root, "src/parse.py", "def parse_header(line):\n    return line.split()\n");
    tree_write(root, "other/parse.c", "int parseBody(int n) {\n    return n;\n}\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tree_remove(root);
    return 0;
}

static int build_once(struct embedder *with, struct index_stats *stats, struct err *e) {
    struct store *s = NULL;
    struct walk w = {0};
    int rc = store_open(root, STORE_CREATE, &s, e);
    if (rc == 0)
        rc = walk_tree(root, &(struct walk_options){0}, &w, e);
    if (rc == 0)
        rc = index_build(s, root, &w, &(struct index_options){.em = with, .threads = 2}, stats, e);
    walk_free(&w);
    store_close(s);
    return rc;
}

static struct index_stats build_with(struct embedder *with) {
    struct index_stats stats;
    struct err e = {0};
    if (build_once(with, &stats, &e) != 0)
        fail_msg("%s", e.text);
    return stats;
}

static struct index_stats build(void) {
    return build_with(em);
}

static int find_once(const struct index_query *q, bool by_vectors, struct index_hits *hits,
                     struct err *e) {
    struct store *s = NULL;
    struct index_search *x = NULL;
    *hits = (struct index_hits){0};
    int rc = store_open(root, STORE_READ, &s, e);
    if (rc == 0)
        rc = index_search_open(s, by_vectors ? em : NULL, &x, e);
    if (rc == 0)
        rc = index_find(x, q, hits, e);
    index_search_close(x);
    store_close(s);
    return rc;
}

/* "path symbol," of each hit; until the next call. */
static const char *found(const struct index_query *q, bool by_vectors) {
    static struct buf b;
    struct index_hits hits;
    struct err e = {0};
    if (find_once(q, by_vectors, &hits, &e) != 0)
        fail_msg("%s", e.text);
    buf_clear(&b);
    for (size_t i = 0; i < hits.n; i++) {
        buf_printf(&b, "%s %s,", hits.v[i].path, hits.v[i].symbol ? hits.v[i].symbol : "-");
        assert_true(i == 0 || hits.v[i].score <= hits.v[i - 1].score);
        assert_true(hits.v[i].score > 0 && hits.v[i].score <= 1);
    }
    buf_str(&b, "");
    index_hits_free(&hits);
    return b.data;
}

static const char *words(const char *text) {
    return found(&(struct index_query){.text = text, .mode = INDEX_BM25, .k = 10}, false);
}

static void only_what_changed_is_done(void **state) {
    (void)state;
    struct index_stats r = build();
    assert_int_equal(r.files, 3);
    assert_int_equal(r.entries, 4);
    assert_int_equal(r.embedded, 4);
    r = build();
    assert_int_equal(r.unchanged, 3);
    assert_int_equal(r.entries, 0);
    /* another time, the same bytes */
    char *path = file_join(root, "src/wake.c");
    assert_int_equal(utimensat(0, path, (struct timespec[]){{5, 0}, {5, 0}}, 0), 0);
    r = build();
    assert_int_equal(r.unchanged, 3);
    assert_int_equal(r.entries, 0);
    /* one function of two is another */
    tree_write(root, "src/wake.c",
               "/* Wakes one worker. */\nint wake_worker(int n) {\n    return n;\n}\n"
               "int sleepShort(void) {\n    return 1;\n}\n");
    r = build();
    assert_int_equal(r.unchanged, 2);
    assert_int_equal(r.entries, 2);
    assert_int_equal(r.embedded, 1);
    assert_int_equal(r.known, 1);
    assert_string_equal(words("deep"), "");
    assert_string_equal(words("short"), "src/wake.c sleepShort,");
    /* one is gone, one is new, with a text that is known */
    assert_int_equal(unlink(path), 0);
    tree_write(root, "src/late.py", "x = 1\n");
    r = build();
    assert_int_equal(r.files, 3);
    assert_int_equal(r.removed, 1);
    assert_int_equal(r.entries, 0);
    assert_string_equal(words("wake"), "");
    free(path);
}

static void vectors_that_are_missing_are_made(void **state) {
    (void)state;
    struct index_stats r = build_with(NULL);
    assert_int_equal(r.entries, 4);
    assert_int_equal(r.embedded, 0);
    assert_string_equal(words("header"), "src/parse.py parse_header,");
    r = build();
    assert_int_equal(r.unchanged, 0);
    assert_int_equal(r.embedded, 4);
    assert_int_equal(build().unchanged, 3);
}

static void names_are_found_by_their_parts(void **state) {
    (void)state;
    build();
    assert_string_equal(words("parsing headers"),
                        "src/parse.py parse_header,other/parse.c parseBody,");
    assert_string_equal(words("WAKES a worker"), "src/wake.c wake_worker,src/wake.c sleepDeep,");
    assert_string_equal(words("nothing"), "");
    struct index_query q = {.text = "parse", .mode = INDEX_BM25, .k = 10};
    q.language = "c";
    assert_string_equal(found(&q, false), "other/parse.c parseBody,");
    q.language = NULL;
    q.path = "src";
    assert_string_equal(found(&q, false), "src/parse.py parse_header,");
    q.path = "*.c";
    assert_string_equal(found(&q, false), "other/parse.c parseBody,");
    q.path = NULL;
    q.below = "other/parse.c";
    assert_string_equal(found(&q, false), "other/parse.c parseBody,");
    q.below = "oth";
    assert_string_equal(found(&q, false), "");
    q.below = NULL;
    q.k = 1;
    assert_non_null(strchr(found(&q, false), ','));
    q.threshold = 0.99;
    assert_string_equal(found(&q, false), "");
}

/* By its own names an entry's vector is nearest, so both ways agree. */
static void both_scores_are_added(void **state) {
    (void)state;
    build();
    struct index_query q = {.text = "parse header", .mode = INDEX_HYBRID, .k = 10};
    struct index_hits hits;
    struct err e = {0};
    assert_int_equal(find_once(&q, true, &hits, &e), 0);
    assert_int_equal(hits.n, 4);
    for (size_t i = 0; i < hits.n; i++) {
        const struct index_hit *h = &hits.v[i];
        double words_part = h->bm25 > 0 ? h->bm25 / (h->bm25 + 20) : 0;
        double vector_part = h->cosine > 0 ? h->cosine : 0;
        assert_true(h->cosine != 0);
        assert_float_equal(h->score, (words_part + vector_part) / 2, 1e-9);
    }
    index_hits_free(&hits);
    q.mode = INDEX_VECTOR;
    assert_int_equal(find_once(&q, true, &hits, &e), 0);
    assert_int_equal(hits.n, 4);
    assert_true(hits.v[0].bm25 == 0);
    index_hits_free(&hits);
    assert_int_equal(find_once(&q, false, &hits, &e), PRECIS_EUSAGE);
    q.mode = INDEX_BM25;
    q.text = "...";
    assert_int_equal(find_once(&q, false, &hits, &e), PRECIS_EUSAGE);
}

static void lines_with_the_words_are_shown(void **state) {
    (void)state;
    build();
    struct index_hits hits;
    struct index_line lines[2];
    struct index_query q = {.text = "waking worker", .mode = INDEX_BM25, .k = 1};
    assert_int_equal(find_once(&q, false, &hits, NULL), 0);
    assert_int_equal(hits.v[0].start_line, 1);
    assert_int_equal(hits.v[0].end_line, 4);
    assert_int_equal(index_hit_lines(&hits.v[0], lines, 2), 2);
    assert_int_equal(lines[0].number, 1);
    assert_int_equal(lines[1].number, 2);
    assert_memory_equal(lines[1].text, "int \001wake\002_\001worker\002(int n) {", 24);
    index_hits_free(&hits);
}

static void nothing_is_indexed_yet(void **state) {
    (void)state;
    struct store *s;
    struct err e = {0};
    struct index_hits hits;
    struct index_query q = {.text = "x", .k = 1};
    assert_int_equal(store_open(root, STORE_CREATE, &s, &e), 0);
    store_close(s);
    assert_int_equal(find_once(&q, false, &hits, &e), PRECIS_ENOTFOUND);
}

static int everything(void *user, struct err *e) {
    struct index_stats stats;
    struct index_hits hits;
    struct index_query q = {.text = "parse header", .k = 2, .path = "src"};
    (void)user;
    int rc = build_once(em, &stats, e);
    if (rc == 0)
        rc = find_once(&q, true, &hits, e);
    if (rc == 0)
        index_hits_free(&hits);
    return rc;
}

/* SQLite's own memory is not among it: tests/unit/store/test_faults.c. */
static void memory_that_runs_out_is_an_error(void **state) {
    (void)state;
    for (long n = 0;; n += getenv("PRECIS_TEST_SHORT") ? 17 : 3) {
        struct err e = {0};
        char *path = file_join(root, "src/wake.c");
        tree_write(root, "src/wake.c",
                   n % 2 ? "int f(void) {\n    return 1;\n}\n"
                         : "int g(void) {\n    return 1;\n}\n");
        free(path);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        int rc = everything(NULL, &e);
        const char *failed = fault_end(&fault_memory);
        /* 0: what remembers the hash of the weights does without memory */
        assert_true(rc == 0 || (failed && rc == PRECIS_ENOMEM && e.code == rc && e.text[0]));
        if (!failed)
            break;
    }
    build();
    assert_non_null(strstr(words("header"), "parse_header"));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_what_changed_is_done),        TEST(vectors_that_are_missing_are_made),
        TEST(names_are_found_by_their_parts),   TEST(both_scores_are_added),
        TEST(lines_with_the_words_are_shown),   TEST(nothing_is_indexed_yet),
        TEST(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_encoder, close_encoder);
}

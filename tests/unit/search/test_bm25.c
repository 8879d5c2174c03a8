/* Words and BM25 against a second implementation (tests/golden/search/bm25.json, written by
 * tools/golden/make_bm25.py), and their edges.
 *
 * usage: test_bm25 GOLDEN_FILE */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/bm25.h"
#include "search/words.h"

static json_t *golden;

static const char *text_of(const json_t *list, size_t i) {
    return json_string_value(json_array_get(list, i));
}

static void test_words(void **state) {
    (void)state;
    const json_t *cases = json_object_get(golden, "words");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i), *want = json_array_get(one, 1);
        const char *text = text_of(one, 0);
        struct word_walk w;
        size_t n = 0, end = 0;
        word_walk_start(&w, text, strlen(text));
        for (; word_walk_next(&w); n++) {
            if (n >= json_array_size(want) || strlen(text_of(want, n)) != w.len ||
                memcmp(text_of(want, n), w.word, w.len) != 0)
                fail_msg("'%s': word %zu is '%.*s', not '%s'", text, n, (int)w.len, w.word,
                         n < json_array_size(want) ? text_of(want, n) : "(none)");
            assert_true(w.begin >= end && w.begin < w.end && w.end <= strlen(text));
            end = w.end;
        }
        if (n != json_array_size(want))
            fail_msg("'%s': %zu words, not %zu", text, n, json_array_size(want));
    }
    assert_true(json_array_size(cases) > 20);
}

static void test_odd_bytes(void **state) {
    (void)state;
    static const char text[] = "ab\xff\xfe"
                               "cd\xc3(e\0f\xf0\x9f\x98\x80g\xe4\xb8";
    struct buf out = {0};
    words_append(&out, text, sizeof text - 1, 100);
    assert_string_equal(out.data, "ab cd e f g");
    buf_clear(&out);
    words_append(&out, "oneTwoThree", 11, 2);
    assert_string_equal(out.data, "one two");
    buf_clear(&out);
    char big[500];
    memset(big, 'q', sizeof big);
    words_append(&out, big, sizeof big, 10);
    assert_int_equal(out.len, WORD_MOST);
    buf_free(&out);
}

static struct bm25 *make_index(void) {
    const json_t *documents = json_object_get(golden, "documents");
    float weight = (float)json_number_value(json_object_get(golden, "name_weight"));
    struct bm25 *x;
    struct err e;
    assert_int_equal(bm25_new(&x, &e), 0);
    for (size_t i = 0; i < json_array_size(documents); i++) {
        const char *name = text_of(json_array_get(documents, i), 0);
        const char *body = text_of(json_array_get(documents, i), 1);
        struct bm25_field fields[] = {{name, strlen(name), weight}, {body, strlen(body), 1}};
        assert_int_equal(bm25_add(x, fields, 2, &e), 0);
    }
    assert_int_equal(bm25_finish(x, &e), 0);
    assert_int_equal(bm25_documents(x), json_array_size(documents));
    return x;
}

static void test_scores(void **state) {
    (void)state;
    struct bm25 *x = make_index();
    const json_t *queries = json_object_get(golden, "queries");
    float scores[64];
    struct bm25_hit hits[64];
    struct err e;
    for (size_t i = 0; i < json_array_size(queries); i++) {
        const json_t *one = json_array_get(queries, i), *want = json_array_get(one, 1);
        const char *text = text_of(one, 0);
        struct bm25_field query = {text, strlen(text), 1};
        assert_int_equal(bm25_score(x, &query, 1, scores, &e), 0);
        size_t n = bm25_top(scores, bm25_documents(x), hits, 64);
        if (n != json_array_size(want))
            fail_msg("'%s': %zu documents, not %zu", text, n, json_array_size(want));
        for (size_t k = 0; k < n; k++) {
            const json_t *hit = json_array_get(want, k);
            double score = json_number_value(json_array_get(hit, 1));
            if (hits[k].document != json_integer_value(json_array_get(hit, 0)) ||
                !(fabs((double)hits[k].score - score) < 1e-4))
                fail_msg("'%s': place %zu is document %u with %.6f, not %.6f", text, k,
                         hits[k].document, (double)hits[k].score, score);
        }
        struct bm25_hit best;
        assert_int_equal(bm25_top(scores, bm25_documents(x), &best, 1), n > 0);
        if (n > 0)
            assert_int_equal(best.document, hits[0].document);
        assert_int_equal(bm25_top(scores, bm25_documents(x), NULL, 0), 0);
    }
    assert_true(json_array_size(queries) > 5);
    bm25_free(x);
}

static void test_ties(void **state) {
    (void)state;
    const float scores[] = {1, 3, 0, 3, 2, 3};
    struct bm25_hit hits[3];
    assert_int_equal(bm25_top(scores, 6, hits, 3), 3);
    assert_int_equal(hits[0].document, 1);
    assert_int_equal(hits[1].document, 3);
    assert_int_equal(hits[2].document, 5);
}

static void test_empty(void **state) {
    (void)state;
    struct bm25 *x;
    struct err e;
    struct bm25_field query = {"word", 4, 1};
    float none = 7;
    assert_int_equal(bm25_new(&x, &e), 0);
    assert_int_equal(bm25_finish(x, &e), 0);
    assert_int_equal(bm25_score(x, &query, 1, &none, &e), 0);
    assert_true(none == 7);
    bm25_free(x);
    bm25_free(NULL);
}

/* More words than the first table holds. */
static void test_many(void **state) {
    (void)state;
    struct bm25 *x;
    struct err e;
    char text[64];
    static float scores[3000];
    struct bm25_hit hit;
    assert_int_equal(bm25_new(&x, &e), 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "w%c%c%c all", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
        assert_int_equal(bm25_add(x, &(struct bm25_field){text, strlen(text), 1}, 1, &e), 0);
    }
    assert_int_equal(bm25_finish(x, &e), 0);
    for (int i = 0; i < 3000; i += 7) {
        snprintf(text, sizeof text, "W%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
        assert_int_equal(bm25_score(x, &(struct bm25_field){text, 2, 1}, 1, scores, &e),
                         0); /* "Wa" */
        assert_int_equal(bm25_top(scores, 3000, &hit, 1), 0);
        text[0] = 'w';
        assert_int_equal(bm25_score(x, &(struct bm25_field){text, strlen(text), 1}, 1, scores, &e),
                         0);
        assert_int_equal(bm25_top(scores, 3000, &hit, 1), 1);
        assert_int_equal(hit.document, i);
    }
    bm25_free(x);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),  cmocka_unit_test(test_odd_bytes),
        cmocka_unit_test(test_scores), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_many),
    };
    json_error_t why;
    if (argc != 2)
        return 2;
    golden = json_load_file(argv[1], 0, &why);
    if (!golden) {
        fprintf(stderr, "%s:%d: %s\n", argv[1], why.line, why.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}

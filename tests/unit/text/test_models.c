/* The word models and the normalisation map, each by itself; hostile ones too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "text/grapheme.h"
#include "text/precompiled.h"
#include "text/score_text.h"
#include "text/spm.h"
#include "text/trie.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

#define PIECE(s, score)                                                                            \
    { s, sizeof s - 1, score }
#define KEY(s, value)                                                                              \
    { s, sizeof s - 1, value, 0 }
#define COUNT(v) (sizeof(v) / sizeof *(v))

static void expect_ids(const struct ids *ids, const uint32_t *want, size_t n) {
    assert_int_equal(ids->n, n);
    if (n)
        assert_memory_equal(ids->v, want, n * sizeof *want);
}

#define EXPECT(ids, ...)                                                                           \
    expect_ids(ids, (uint32_t[]){__VA_ARGS__}, COUNT(((uint32_t[]){__VA_ARGS__})))

/* Every key is found, what is no key is not, and of equal keys the last counts. */
static void trie_holds_its_keys(void **state) {
    (void)state;
    enum { N = 3000 };
    static char text[N][9];
    struct trie_key *keys = malloc(N * sizeof *keys);
    struct rng rng = {1};
    for (uint32_t i = 0; i < N; i++) {
        uint32_t n = 1 + (uint32_t)(rng_next(&rng) % 7);
        for (uint32_t k = 0; k < n; k++)
            text[i][k] = (char)(rng_next(&rng) % (i % 2 ? 3 : 256));
        keys[i] = (struct trie_key){text[i], n, i, 0};
    }
    struct trie t;
    struct err e;
    assert_int_equal(trie_make(&t, keys, N, &e), 0);
    for (size_t i = 0; i < N; i++) {
        bool last = i + 1 == N || keys[i].len != keys[i + 1].len ||
                    memcmp(keys[i].s, keys[i + 1].s, keys[i].len);
        uint32_t found = trie_find(&t, keys[i].s, keys[i].len);
        assert_true(last ? found == keys[i].value : found > keys[i].value);
    }
    assert_int_equal(trie_find(&t, "\x05\x05\x05\x05\x05\x05\x05\x05\x05", 9), TRIE_NONE);
    assert_int_equal(trie_find(&t, "", 0), TRIE_NONE);
    trie_free(&t);
    free(keys);
    assert_int_equal(trie_make(&t, NULL, 0, &e), 0);
    assert_int_equal(trie_find(&t, "a", 1), TRIE_NONE);
    trie_free(&t);
    struct trie_key large = {"a", UINT32_MAX, 0, 0};
    assert_int_equal(trie_make(&t, &large, 1, &e), PRECIS_ELIMIT);
}

static struct ids unigram_ids(const struct unigram *u, const char *s, int want) {
    struct ids ids = {0};
    struct unigram_work w = {0};
    assert_int_equal(unigram_word(u, &w, (const uint8_t *)s, strlen(s), &ids), want);
    unigram_work_free(&w);
    return ids;
}

static void unigram_takes_the_best_way(void **state) {
    (void)state;
    const struct unigram_piece pieces[] = {PIECE("<unk>", 0), PIECE("a", 0),   PIECE("b", 0),
                                           PIECE("c", 0),     PIECE("d", 0),   PIECE("cd", 1),
                                           PIECE("ab", 2),    PIECE("abc", 5), PIECE("abcd", 10),
                                           PIECE("é", -1),    PIECE("bb", 0),  PIECE("bb", 0)};
    struct unigram *u;
    struct err e;
    assert_int_equal(unigram_new(pieces, COUNT(pieces), 0, false, &u, &e), 0);
    struct ids ids = unigram_ids(u, "abcdacdxxé", 0);
    EXPECT(&ids, 8, 1, 5, 0, 9); /* xx is one unknown */
    ids_free(&ids);
    ids = unigram_ids(u, "bb", 0);
    EXPECT(&ids, 11); /* equal to b b: the way that starts first stays */
    ids_free(&ids);
    ids = unigram_ids(u, "", 0);
    assert_int_equal(ids.n, 0);
    ids_free(&ids);
    unigram_free(u);
}

static void unigram_without_unknown_piece(void **state) {
    (void)state;
    struct unigram_piece pieces[] = {PIECE("a", -1), PIECE("xa", -50)};
    struct unigram *u;
    struct err e;
    assert_int_equal(unigram_new(pieces, COUNT(pieces), -1, true, &u, &e), 0);
    struct ids ids = unigram_ids(u, "ax", PRECIS_EINPUT);
    assert_int_equal(ids.n, 0);
    ids_free(&ids);
    unigram_free(u);
    assert_int_equal(unigram_new(pieces, COUNT(pieces), 2, false, &u, &e), PRECIS_EINPUT);
    assert_int_equal(unigram_new(pieces, COUNT(pieces), -2, false, &u, &e), PRECIS_EINPUT);
    pieces[1].score = NAN;
    assert_int_equal(unigram_new(pieces, COUNT(pieces), 0, false, &u, &e), PRECIS_EINPUT);
    assert_null(u);
}

static void unigram_falls_back_to_bytes(void **state) {
    (void)state;
    const struct unigram_piece pieces[] = {PIECE("<unk>", -1), PIECE("a", -1), PIECE("<0xC3>", 0),
                                           PIECE("<0xA9>", 0)};
    struct unigram *u;
    struct err e;
    assert_int_equal(unigram_new(pieces, COUNT(pieces), 0, true, &u, &e), 0);
    struct ids ids = unigram_ids(u, "aéa", 0);
    EXPECT(&ids, 1, 2, 3, 1);
    ids_free(&ids);
    ids = unigram_ids(u, "aéza", 0); /* z has no byte piece: all of it is unknown */
    EXPECT(&ids, 1, 0, 1);
    ids_free(&ids);
    unigram_free(u);
}

static void wordpiece_takes_the_longest(void **state) {
    (void)state;
    struct trie_key pieces[] = {KEY("[UNK]", 0), KEY("un", 1),  KEY("##aff", 2), KEY("##able", 3),
                                KEY("u", 4),     KEY("##a", 5), KEY("##é", 6),   KEY("##able", 7)};
    struct wordpiece *w;
    struct err e;
    assert_int_equal(wordpiece_new(pieces, COUNT(pieces), 0, "##", 2, 9, &w, &e), 0);
    const struct {
        const char *word;
        uint32_t want[3];
        size_t n;
    } cases[] = {{"unaffable", {1, 2, 7}, 3},
                 {"un", {1}, 1},
                 {"ua", {4, 5}, 2},
                 {"##a", {5}, 1},
                 {"aff", {0}, 1},
                 {"unx", {0}, 1},
                 {"ué", {4, 6}, 2},
                 {"uaaaaaaaaa", {0}, 1},
                 {"", {0}, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ids ids = {0};
        const char *s = cases[i].word;
        assert_int_equal(wordpiece_word(w, (const uint8_t *)s, strlen(s), &ids), 0);
        expect_ids(&ids, cases[i].want, cases[i].n);
        ids_free(&ids);
    }
    wordpiece_free(w);
    struct trie_key one[] = {KEY("a", 0)};
    assert_int_equal(wordpiece_new(one, 1, -1, "##", 2, 100, &w, &e), 0);
    struct ids ids = {0};
    assert_int_equal(wordpiece_word(w, (const uint8_t *)"ab", 2, &ids), PRECIS_EINPUT);
    assert_int_equal(ids.n, 0);
    ids_free(&ids);
    wordpiece_free(w);
}

static void put_u32(struct buf *b, uint32_t v) {
    for (int i = 0; i < 4; i++)
        buf_char(b, (char)(v >> 8 * i));
}

/* A map of one entry, the byte key with the text at byte `at` of texts. */
static struct buf small_map(uint8_t key, uint32_t at, const char *texts, size_t n_texts,
                            uint32_t value_unit) {
    struct buf b = {0};
    put_u32(&b, 1024);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t unit = 0;
        if (i == 0)
            unit = 1u << 10; /* children at 1 ^ byte */
        else if (i == (1u ^ key))
            unit = (i ^ value_unit) << 10 | 1u << 8 | key;
        else if (i == value_unit)
            unit = 1u << 31 | at;
        put_u32(&b, unit);
    }
    buf_append(&b, texts, n_texts);
    return b;
}

static void check_normal(const struct precompiled *p, const char *s, const char *want) {
    struct buf out = {0};
    assert_int_equal(precompiled_normalize(p, (const uint8_t *)s, strlen(s), &out), 0);
    assert_string_equal(out.data ? out.data : "", want);
    buf_free(&out);
}

static void map_replaces_graphemes(void **state) {
    (void)state;
    struct buf b = small_map('a', 1, "\0xy", 4, 2);
    struct precompiled *p;
    struct err e;
    assert_int_equal(precompiled_new((const uint8_t *)b.data, b.len, &p, &e), 0);
    check_normal(p, "", "");
    check_normal(p, "bab", "bxyb");
    check_normal(p, "a\u0301b", "xyb"); /* the whole grapheme of 3 bytes */
    check_normal(p, "a\u0301\u0301\u0301", "xy\u0301\u0301\u0301"); /* 7 bytes: by characters */
    check_normal(p, "\r\na", "\r\nxy");
    precompiled_free(p);
    buf_free(&b);
}

static void expect_refused(struct buf b, size_t n) {
    struct precompiled *p;
    struct err e;
    uint8_t *copy = malloc(n ? n : 1); /* of the exact size, for the sanitizer */
    memcpy(copy, b.data, n);
    assert_int_equal(precompiled_new(copy, n, &p, &e), PRECIS_EINPUT);
    assert_null(p);
    free(copy);
    buf_free(&b);
}

static void hostile_maps_are_refused(void **state) {
    (void)state;
    expect_refused(small_map('a', 0, "x", 2, 2), 0);
    expect_refused(small_map('a', 0, "x", 2, 2), 7);
    expect_refused(small_map('a', 0, "x", 2, 2), 1000);
    expect_refused(small_map('a', 3, "x", 2, 2), 1030);      /* beyond the texts */
    expect_refused(small_map('a', 1, "\u00e9", 3, 2), 1031); /* inside a character */
    expect_refused(small_map('a', 0, "\xff", 2, 2), 1030);   /* no UTF-8 */
    expect_refused(small_map('a', 0, "x", 2, 70000), 1030);  /* a value outside */
    struct buf b = {0};
    put_u32(&b, 0);
    put_u32(&b, 0);
    expect_refused(b, 8); /* an empty array */
}

static void graphemes_end_where_they_should(void **state) {
    (void)state;
    const struct {
        const char *s;
        size_t first;
    } cases[] = {{"ab", 1},
                 {"\r\n", 2},
                 {"\n\r", 1},
                 {"a\u0301b", 3},
                 {"\u1100\u1161\u11a8\u1100", 9},
                 {"\uac00\u11a8", 6},
                 {"\uac01\u1161", 3},
                 {"\U0001F468\u200d\U0001F469x", 11},
                 {"a\u200d\U0001F469", 4},
                 {"\U0001F1E9\U0001F1EA\U0001F1EB", 8},
                 {"\u0600a", 3},
                 {"\u0915\u094d\u0924", 9},
                 {"\u0915\u0924", 3},
                 {"\u0915\u0903", 6},
                 {"\t\u0301", 1}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(grapheme_next((const uint8_t *)cases[i].s, strlen(cases[i].s)),
                         cases[i].first);
}

static void scores_become_merges(void **state) {
    (void)state;
    const struct spm_piece pieces[] = {PIECE("a", 0),    PIECE("b", 0),   PIECE("ab", -1),
                                       PIECE("aba", -3), PIECE("ba", -3), PIECE("é", 0),
                                       PIECE("éa", -2)};
    struct spm_merge *v;
    size_t n;
    struct err e;
    assert_int_equal(spm_merges(pieces, COUNT(pieces), &v, &n, &e), 0);
    const uint32_t want[][3] = {{0, 1, 2}, {5, 0, 6}, {2, 0, 3}, {0, 4, 3}, {1, 0, 4}};
    assert_int_equal(n, COUNT(want));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(v[i].left, want[i][0]);
        assert_int_equal(v[i].right, want[i][1]);
        assert_int_equal(v[i].merged, want[i][2]);
    }
    free(v);
    assert_int_equal(spm_merges(pieces, 2, &v, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_null(v);
    const struct spm_piece bad[] = {PIECE("a", INFINITY)};
    assert_int_equal(spm_merges(bad, 1, &v, &n, &e), PRECIS_EINPUT);
}

/* The first is not rounded to the nearest number, which is -1.6050480435515961. */
static void scores_are_read_as_the_library_reads_them(void **state) {
    (void)state;
    static const char json[] =
        "{\"vocab\": [[\"no\", 7]], \"model\": {\"x\": {\"vocab\": [[1]]}, \"vocab\": "
        "[[\"\\\"]\", -1.6050480435515961], [\"b\", 0], [\"c\", -1.5e-3], [\"d\", "
        "123456789012345678901234567890], [\"e\", 1E-400], [\"f\", 0.1], [\"g\", "
        "-0.30000000000000000000000004]], \"y\": [[[[5]]]]}, \"z\": [[[[6]]]]}";
    double scores[8];
    assert_int_equal(score_text_read(json, sizeof json - 1, scores, COUNT(scores)), 7);
    const double want[] = {
        -1.605048043551596, 0.0, -0.0015, 1.2345678901234568e+29, 0.0, 0.1, -0.3};
    assert_memory_equal(scores, want, sizeof want);
    assert_int_equal(score_text_read(json, sizeof json - 1, scores, 2), 7);
    static const char cut[] = "{\"model\": {\"vocab\": [[\"a\", 1";
    assert_int_equal(score_text_read(cut, sizeof cut - 1, scores, 2), 1);
    assert_int_equal(score_text_read("\"", 1, scores, 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trie_holds_its_keys),
        cmocka_unit_test(unigram_takes_the_best_way),
        cmocka_unit_test(unigram_without_unknown_piece),
        cmocka_unit_test(unigram_falls_back_to_bytes),
        cmocka_unit_test(wordpiece_takes_the_longest),
        cmocka_unit_test(map_replaces_graphemes),
        cmocka_unit_test(hostile_maps_are_refused),
        cmocka_unit_test(graphemes_end_where_they_should),
        cmocka_unit_test(scores_become_merges),
        cmocka_unit_test(scores_are_read_as_the_library_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

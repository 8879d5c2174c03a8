/* The scores of texts, against sacrebleu, rouge-score and CodeXGLUE's script.
 *
 * usage: test_eval_text [TEXT.jsonl [STEMS.jsonl]]    as tools/golden/eval_text.py and
 * eval_stems.py make them */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eval/bleu.h"
#include "eval/porter.h"
#include "eval/rouge.h"
#include "golden.h"

static const char *file = GOLDEN_DIR "/text.jsonl", *stems = GOLDEN_DIR "/stems.jsonl";

/* Golden values have 7 digits behind the point. */
static const double NEAR = 2e-7;

struct check {
    struct bleu_counts sum;
    size_t pairs;
    double worst[8];
};
enum { SENTENCE, CODEXGLUE, ROUGE, CORPUS, KINDS };

static void compare(struct check *c, int kind, double got, double want, const char *what,
                    size_t number) {
    c->worst[kind] = fmax(c->worst[kind], fabs(got - want));
    golden_near(got, want, NEAR, what, number);
}

static void compare_rouge(struct check *c, size_t number, const json_t *line, bool stemmer) {
    const char *key = stemmer ? "rouge_stem" : "rouge";
    size_t nc, nr;
    const char *candidate = golden_string(line, "c", &nc),
               *reference = golden_string(line, "r", &nr);
    struct rouge r;
    struct err e;
    assert_int_equal(rouge_score(candidate, nc, reference, nr, stemmer, &r, &e), 0);
    compare(c, ROUGE, r.rouge1, golden_at(line, key, 0), "rouge1", number);
    compare(c, ROUGE, r.rouge2, golden_at(line, key, 1), "rouge2", number);
    compare(c, ROUGE, r.rougeL, golden_at(line, key, 2), "rougeL", number);
}

static void each(void *user, size_t number, const json_t *line) {
    struct check *c = user;
    if (json_object_get(line, "bleu4")) {
        compare(c, CORPUS, bleu_corpus(&c->sum), golden_number(line, "bleu4"), "bleu4", number);
        return;
    }
    size_t nc, nr;
    const char *candidate = golden_string(line, "c", &nc),
               *reference = golden_string(line, "r", &nr);
    struct bleu_counts n;
    struct err e;
    double cxg;
    assert_int_equal(bleu_count(candidate, nc, reference, nr, &n, &e), 0);
    assert_int_equal(bleu_codexglue(candidate, nc, reference, nr, &cxg, &e), 0);
    bleu_add(&c->sum, &n);
    c->pairs++;
    compare(c, SENTENCE, bleu_sentence(&n), golden_number(line, "sentence_bleu"), "sentence BLEU",
            number);
    compare(c, CODEXGLUE, cxg, golden_number(line, "bleu_cxg"), "CodeXGLUE's BLEU", number);
    compare_rouge(c, number, line, false);
    compare_rouge(c, number, line, true);
}

static void equals_the_public_programs(void **state) {
    (void)state;
    struct check c = {0};
    golden_each(file, each, &c);
    printf("%zu pairs; largest differences: sentence BLEU %.1e, CodeXGLUE %.1e, ROUGE %.1e, "
           "corpus BLEU %.1e\n",
           c.pairs, c.worst[SENTENCE], c.worst[CODEXGLUE], c.worst[ROUGE], c.worst[CORPUS]);
}

static void words_are_those_of_13a(void **state) {
    (void)state;
    struct words w = {0};
    struct err e;
    const char text[] = " Hello,world. 1,000.5-2 a-b's (x)&amp;&lt;  \xc2\xa0";
    static const char *const want[] = {"Hello", ",", "world", ".", "1,000.5", "-", "2",
                                       "a-b's", "(", "x",     ")", "&",       "<"};
    assert_int_equal(bleu_words(text, sizeof text - 1, &w, &e), 0);
    assert_int_equal(w.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < w.n; i++) {
        size_t len;
        const char *s = words_at(&w, i, &len);
        assert_int_equal(len, strlen(want[i]));
        assert_memory_equal(s, want[i], len);
    }
    words_free(&w);
}

static void each_stem(void *user, size_t number, const json_t *line) {
    (void)user;
    size_t len, n;
    const char *word = golden_string(line, "w", &len), *stem = golden_string(line, "s", &n);
    struct buf got = {0};
    assert_true(porter_stem(word, len, &got));
    if (got.len != n || (n && memcmp(got.data, stem, n) != 0))
        fail_msg("line %zu: %s becomes %s, not %s", number, word, got.data ? got.data : "", stem);
    buf_free(&got);
}

static void stems_equal_nltks(void **state) {
    (void)state;
    golden_each(stems, each_stem, NULL);
}

static void lower_case_is_pythons(void **state) {
    (void)state;
    struct buf out = {0};
    const char text[] = "A\xc3\x84 \xc4\xb0 \xce\x91\xce\xa3 \xce\x91\xce\xa3\xce\x91 "
                        "\xce\x91\xce\xa3. \xce\x91.\xce\xa3\xcc\x81' \xce\xa3 \xe2\x84\xaa";
    const char want[] = "a\xc3\xa4 i\xcc\x87 \xce\xb1\xcf\x82 \xce\xb1\xcf\x83\xce\xb1 "
                        "\xce\xb1\xcf\x82. \xce\xb1.\xcf\x82\xcc\x81' \xcf\x83 k";
    python_lower(&out, text, sizeof text - 1);
    assert_string_equal(out.data, want);
    buf_free(&out);
}

int main(int argc, char **argv) {
    if (argc > 1)
        file = argv[1];
    if (argc > 2)
        stems = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_public_programs),
        cmocka_unit_test(words_are_those_of_13a),
        cmocka_unit_test(stems_equal_nltks),
        cmocka_unit_test(lower_case_is_pythons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

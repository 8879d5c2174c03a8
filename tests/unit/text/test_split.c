/* The hand-written scanners against the patterns they stand for, run by PCRE2 (with the classes of
 * characters of our own tables) over random text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "text/regex.h"
#include "text/split.h"
#include "text/unicode.h"

enum { TEXTS = 60000 };

static uint64_t below(struct rng *rng, uint64_t n) {
    return rng_next(rng) % n;
}

static uint32_t random_point(struct rng *rng) {
    static const uint32_t favourites[] = {
        ' ',     ' ',  '\n',  '\r',   '\t',  '\'',  's',    't',    'r',   'e',
        'v',     'm',  'l',   'd',    'S',   'L',   '1',    '.',    '/',   '(',
        0xa0,    0x85, 0x17f, 0x3000, 0xe9,  0x301, 0x4e2d, 0x2028, 0x661, 0x2160,
        0x1f600, 0xb2, 0xc9,  0x1c5,  0x2b0, 0x903, 0x20dd, 'A',    'b',   'C'};
    static const uint32_t bounds[] = {0x80, 0x400, 0x3000, 0x10000, 0x110000};
    if (below(rng, 4))
        return favourites[below(rng, sizeof favourites / sizeof *favourites)];
    uint32_t c;
    do
        c = (uint32_t)below(rng, bounds[below(rng, 5)]);
    while (c >= 0xd800 && c < 0xe000);
    return c;
}

static void make_text(struct rng *rng, struct buf *out) {
    buf_clear(out);
    uint32_t last = ' ';
    for (uint64_t n = 1 + below(rng, 24); n--;) {
        if (below(rng, 4))
            last = random_point(rng);
        unicode_append(out, last);
    }
}

/* smollm: Digits first, then the pattern in what lies between. */
static size_t segment(bool digits, const uint8_t *s, size_t n, bool *digit) {
    *digit = false;
    for (size_t i = 0; digits && i < n;) {
        uint32_t c;
        unsigned len = unicode_char(s + i, &c);
        if (unicode_flags(c) & UNICODE_DIGIT) {
            *digit = i == 0;
            return i ? i : len;
        }
        i += len;
    }
    return n;
}

/* Length of the first match in s, which begins there. */
static size_t match(const struct regex *re, struct regex_work *w, const uint8_t *s, size_t n) {
    struct regex_search q;
    size_t begin, end;
    regex_start(&q, re, s, n);
    assert_int_equal(regex_next(&q, w, &begin, &end), 1);
    assert_int_equal(begin, 0);
    return end;
}

static void check_text(const struct regex *re, struct regex_work *w, split_fn *split, bool digits,
                       const struct buf *text) {
    const uint8_t *s = (const uint8_t *)text->data;
    for (size_t at = 0; at < text->len;) {
        bool digit;
        size_t left = segment(digits, s + at, text->len - at, &digit);
        size_t want = digit ? left : match(re, w, s + at, left);
        size_t got = split(s + at, text->len - at);
        if (got != want)
            fail_msg("at byte %zu of \"%s\": %zu bytes, not %zu", at, text->data, got, want);
        at += got;
    }
}

static void run(const char *pattern, split_fn *split, bool digits) {
    struct rng rng = {7};
    struct regex *re;
    struct regex_work w = {0};
    struct err e;
    struct buf text = {0};
    assert_int_equal(regex_new(pattern, strlen(pattern), &re, &e), 0);
    if (!digits)
        assert_ptr_equal(split_of_pattern(pattern, strlen(pattern)), split);
    for (int i = 0; i < TEXTS; i++) {
        make_text(&rng, &text);
        check_text(re, &w, split, digits, &text);
    }
    buf_free(&text);
    regex_work_free(&w);
    regex_free(re);
}

static void gpt2(void **state) {
    (void)state;
    run(SPLIT_GPT2, split_gpt2, false);
}

static void smollm(void **state) {
    (void)state;
    run(SPLIT_GPT2, split_smollm, true);
}

static void qwen2(void **state) {
    (void)state;
    run(SPLIT_QWEN2, split_qwen2, false);
}

static void llama3(void **state) {
    (void)state;
    run(SPLIT_LLAMA3, split_llama3, false);
}

static void o200k(void **state) {
    (void)state;
    run(SPLIT_O200K, split_o200k, false);
}

static void unknown_patterns(void **state) {
    (void)state;
    assert_null(split_of_pattern("\\p{N}", 6));
    assert_null(split_of_pattern(SPLIT_GPT2, strlen(SPLIT_GPT2) - 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gpt2),  cmocka_unit_test(smollm),
                                       cmocka_unit_test(qwen2), cmocka_unit_test(llama3),
                                       cmocka_unit_test(o200k), cmocka_unit_test(unknown_patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The hand-written scanners against the patterns they stand for, run by PCRE2 over random text.
 * PCRE2 knows an older Unicode than `tokenizers`: code points on which the two do not agree are
 * left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/rng.h"
#include "text/split.h"
#include "text/unicode.h"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define QWEN2                                                                                      \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"      \
    "[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

enum { TEXTS = 60000 };

static pcre2_code *compile(const char *pattern) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    assert_non_null(re);
    assert_true(pcre2_jit_compile(re, PCRE2_JIT_COMPLETE) <= 0);
    return re;
}

/* Length of the match at the very beginning of s, of which [s, s + n) is the whole subject. */
static size_t match(const pcre2_code *re, pcre2_match_data *data, const uint8_t *s, size_t n) {
    int rc = pcre2_match(re, s, n, 0, PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, data, NULL);
    return rc > 0 ? pcre2_get_ovector_pointer(data)[1] : 0;
}

struct agree {
    pcre2_code *letter, *number, *space;
    pcre2_match_data *data;
};

static bool agrees(const struct agree *a, uint32_t c) {
    struct buf b = {0};
    unicode_append(&b, c);
    const uint8_t *s = (const uint8_t *)b.data;
    unsigned flags = unicode_flags(c), class = flags & UNICODE_CLASS;
    bool same = (match(a->letter, a->data, s, b.len) > 0) == (class == UNICODE_LETTER) &&
                (match(a->number, a->data, s, b.len) > 0) == (class == UNICODE_NUMBER) &&
                (match(a->space, a->data, s, b.len) > 0) == (class == UNICODE_SPACE) &&
                (class == UNICODE_NUMBER) == ((flags & UNICODE_DIGIT) != 0);
    buf_free(&b);
    return same;
}

static uint64_t below(struct rng *rng, uint64_t n) {
    return rng_next(rng) % n;
}

static uint32_t random_point(struct rng *rng, const struct agree *a) {
    static const uint32_t favourites[] = {
        ' ',   ' ',    '\n', '\r',  '\t',   '\'',   's',   't',    'r',     'e',  'v',
        'm',   'l',    'd',  'S',   'L',    '1',    '.',   '/',    '(',     0xa0, 0x85,
        0x17f, 0x3000, 0xe9, 0x301, 0x4e2d, 0x2028, 0x661, 0x2160, 0x1f600, 0xb2};
    static const uint32_t bounds[] = {0x80, 0x400, 0x3000, 0x10000, 0x110000};
    if (below(rng, 4))
        return favourites[below(rng, sizeof favourites / sizeof *favourites)];
    uint32_t c;
    do
        c = (uint32_t)below(rng, bounds[below(rng, 5)]);
    while ((c >= 0xd800 && c < 0xe000) || !agrees(a, c));
    return c;
}

static void make_text(struct rng *rng, const struct agree *a, struct buf *out) {
    buf_clear(out);
    uint32_t last = ' ';
    for (uint64_t n = 1 + below(rng, 24); n--;) {
        if (below(rng, 4))
            last = random_point(rng, a);
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

static void check_text(const pcre2_code *re, pcre2_match_data *data, split_fn *split, bool digits,
                       const struct buf *text) {
    const uint8_t *s = (const uint8_t *)text->data;
    for (size_t at = 0; at < text->len;) {
        bool digit;
        size_t left = segment(digits, s + at, text->len - at, &digit);
        size_t want = digit ? left : match(re, data, s + at, left);
        size_t got = split(s + at, text->len - at);
        if (got != want)
            fail_msg("at byte %zu of \"%s\": %zu bytes, not %zu", at, text->data, got, want);
        at += got;
    }
}

static void run(const char *pattern, split_fn *split, bool digits) {
    struct rng rng = {7};
    struct agree a = {compile("\\p{L}"), compile("\\p{N}"), compile("\\s"),
                      pcre2_match_data_create(4, NULL)};
    pcre2_code *re = compile(pattern);
    struct buf text = {0};
    for (int i = 0; i < TEXTS; i++) {
        make_text(&rng, &a, &text);
        check_text(re, a.data, split, digits, &text);
    }
    buf_free(&text);
    pcre2_code_free(re);
    pcre2_code_free(a.letter);
    pcre2_code_free(a.number);
    pcre2_code_free(a.space);
    pcre2_match_data_free(a.data);
}

static void smollm(void **state) {
    (void)state;
    run(GPT2, split_smollm, true);
}

static void qwen2(void **state) {
    (void)state;
    run(QWEN2, split_qwen2, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(smollm), cmocka_unit_test(qwen2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "text/split.h"

#include <stdbool.h>
#include <string.h>

#include "text/split_run.h"
#include "text/unicode.h"

size_t split_gpt2(const uint8_t *s, size_t n) {
    enum { MASK = UNICODE_CLASS };
    const uint8_t *end = s + n, *p = s;
    unsigned len, f = flags_at(s, &len) & MASK;
    if (*s == '\'') {
        size_t k = contraction(s, n, false);
        if (k)
            return k;
    }
    if (*s == ' ' && n > 1) {
        unsigned next = flags_at(s + 1, &len) & MASK;
        if (next != UNICODE_SPACE) {
            p = s + 1;
            f = next;
        }
    }
    if (f != UNICODE_SPACE)
        return (size_t)(run(p, end, MASK, f) - s);
    const uint8_t *q = run(s, end, MASK, UNICODE_SPACE);
    return spaces(s, q, q == end);
}

size_t split_smollm(const uint8_t *s, size_t n) {
    enum { MASK = UNICODE_CLASS | UNICODE_DIGIT };
    const uint8_t *end = s + n, *p = s;
    unsigned len, f = flags_at(s, &len);
    if (f & UNICODE_DIGIT)
        return len;
    if (*s == '\'') {
        size_t k = contraction(s, n, false);
        if (k)
            return k;
    }
    if (*s == ' ' && n > 1) {
        unsigned next = flags_at(s + 1, &len) & MASK;
        if (next == UNICODE_LETTER || next == UNICODE_OTHER) {
            p = s + 1;
            f = next;
        }
    }
    if ((f & MASK) == UNICODE_LETTER)
        return (size_t)(run(p, end, MASK, UNICODE_LETTER) - s);
    if ((f & MASK) == UNICODE_OTHER)
        return (size_t)(run(p, end, MASK, UNICODE_OTHER) - s);
    const uint8_t *q = run(s, end, MASK, UNICODE_SPACE);
    return spaces(s, q, q == end || (flags_at(q, &len) & UNICODE_DIGIT));
}

static bool newline(uint8_t c) {
    return c == '\n' || c == '\r';
}

/* Up to `most` numbers. */
static size_t numbers(const uint8_t *s, size_t n, int most) {
    size_t i = 0;
    unsigned len;
    for (; most-- && i < n && (flags_at(s + i, &len) & UNICODE_CLASS) == UNICODE_NUMBER; i += len)
        ;
    return i;
}

static inline size_t cl100k(const uint8_t *s, size_t n, int most_numbers) {
    enum { MASK = UNICODE_CLASS };
    const uint8_t *end = s + n;
    unsigned len, next_len, f = flags_at(s, &len) & MASK;
    if (f == UNICODE_LETTER)
        return (size_t)(run(s + len, end, MASK, UNICODE_LETTER) - s);
    if (f == UNICODE_NUMBER)
        return most_numbers == 1 ? len : numbers(s, n, most_numbers);
    if (*s == '\'') {
        size_t k = contraction(s, n, true);
        if (k)
            return k;
    }
    unsigned next = len < n ? flags_at(s + len, &next_len) & MASK : UNICODE_SPACE;
    if (next == UNICODE_LETTER && !newline(*s))
        return (size_t)(run(s + len + next_len, end, MASK, UNICODE_LETTER) - s);
    if (f == UNICODE_OTHER || (*s == ' ' && next == UNICODE_OTHER)) {
        const uint8_t *q = run(s + len, end, MASK, UNICODE_OTHER);
        while (q < end && newline(*q))
            q++;
        return (size_t)(q - s);
    }
    const uint8_t *q = run(s, end, MASK, UNICODE_SPACE);
    for (const uint8_t *p = q; p > s; p--)
        if (newline(p[-1]))
            return (size_t)(p - s);
    return spaces(s, q, q == end);
}

size_t split_qwen2(const uint8_t *s, size_t n) {
    return cl100k(s, n, 1);
}

size_t split_llama3(const uint8_t *s, size_t n) {
    return cl100k(s, n, 3);
}

split_fn *split_of_pattern(const char *pattern, size_t len) {
    static const struct {
        const char *pattern;
        split_fn *scan;
    } known[] = {{SPLIT_GPT2, split_gpt2},
                 {SPLIT_QWEN2, split_qwen2},
                 {SPLIT_LLAMA3, split_llama3},
                 {SPLIT_O200K, split_o200k}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].pattern) == len && memcmp(known[i].pattern, pattern, len) == 0)
            return known[i].scan;
    return NULL;
}

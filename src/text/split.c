#include "text/split.h"

#include <stdbool.h>

#include "text/unicode.h"

/* Flags of the character at s and its length. */
static inline unsigned flags_at(const uint8_t *s, unsigned *len) {
    unsigned f = unicode_byte_flags[*s];
    *len = 1;
    if (f & UNICODE_WIDE) {
        uint32_t c;
        *len = unicode_char(s, &c);
        f = unicode_flags(c);
    }
    return f;
}

/* End of the run, from s, of characters whose flags under mask are `want`. */
static inline const uint8_t *run(const uint8_t *s, const uint8_t *end, unsigned mask,
                                 unsigned want) {
    for (;;) {
        while (s < end && (unicode_byte_flags[*s] & (mask | UNICODE_WIDE)) == want)
            s++;
        if (s == end || *s < 0x80)
            return s;
        unsigned len;
        if ((flags_at(s, &len) & mask) != want)
            return s;
        s += len;
    }
}

/* \s+(?!\S)|\s+ for the run of spaces [s, q): the last one is left to what follows, unless it is
 * alone or nothing follows. */
static size_t spaces(const uint8_t *s, const uint8_t *q, bool at_end) {
    if (at_end)
        return (size_t)(q - s);
    const uint8_t *last = q - 1;
    while ((*last & 0xc0) == 0x80)
        last--;
    return (size_t)((last > s ? last : q) - s);
}

/* Length of 's 't 'm 'd 're 've 'll at s, or 0. fold: (?i), under which U+017F is an s, too. */
static size_t contraction(const uint8_t *s, size_t n, bool fold) {
    if (n < 2)
        return 0;
    uint8_t bit = fold ? 0x20 : 0, a = s[1] | bit, b = n > 2 ? s[2] | bit : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return fold && n > 2 && s[1] == 0xc5 && s[2] == 0xbf ? 3 : 0;
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

size_t split_qwen2(const uint8_t *s, size_t n) {
    enum { MASK = UNICODE_CLASS };
    const uint8_t *end = s + n;
    unsigned len, next_len, f = flags_at(s, &len) & MASK;
    if (f == UNICODE_LETTER)
        return (size_t)(run(s + len, end, MASK, UNICODE_LETTER) - s);
    if (f == UNICODE_NUMBER)
        return len;
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

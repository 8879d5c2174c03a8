/* What the scanners share. */
#ifndef PRECIS_TEXT_SPLIT_RUN_H
#define PRECIS_TEXT_SPLIT_RUN_H

#include <stdbool.h>

#include "text/split.h"
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
static inline size_t spaces(const uint8_t *s, const uint8_t *q, bool at_end) {
    if (at_end)
        return (size_t)(q - s);
    const uint8_t *last = q - 1;
    while ((*last & 0xc0) == 0x80)
        last--;
    return (size_t)((last > s ? last : q) - s);
}

/* Length of 's 't 'm 'd 're 've 'll at s, or 0. fold: (?i), under which U+017F is an s, too. */
static inline size_t contraction(const uint8_t *s, size_t n, bool fold) {
    if (n < 2)
        return 0;
    uint8_t bit = fold ? 0x20 : 0, a = s[1] | bit, b = n > 2 ? s[2] | bit : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return fold && n > 2 && s[1] == 0xc5 && s[2] == 0xbf ? 3 : 0;
}

#endif

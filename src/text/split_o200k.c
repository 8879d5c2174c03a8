/* GPT-4o's pattern. */
#include "text/split.h"
#include "text/split_run.h"

/* Sets of the pattern: upper-case letters and those without case, lower-case ones and the latter.
 */
enum { UPPER = 1, LOWER = 2 };

static unsigned cases(const uint8_t *s, unsigned *len) {
    if (*s < 0x80) {
        *len = 1;
        return *s >= 'A' && *s <= 'Z' ? UPPER : *s >= 'a' && *s <= 'z' ? LOWER : 0;
    }
    uint32_t c;
    *len = unicode_char(s, &c);
    switch (unicode_props(c) & UNICODE_CATEGORY) {
    case 1: /* Lu */
    case 3: /* Lt */
        return UPPER;
    case 2: /* Ll */
        return LOWER;
    case 4: /* Lm, Lo, Mn, Mc, Me */
    case 5:
    case 6:
    case 7:
    case 8:
        return UPPER | LOWER;
    default:
        return 0;
    }
}

/* [Upper]*[Lower]+ from p, p itself: it does not match; then [Upper]+[Lower]* does up to *other. */
static const uint8_t *word(const uint8_t *p, const uint8_t *end, const uint8_t **other) {
    const uint8_t *q = p, *both = NULL;
    unsigned len, k;
    for (; q < end && (k = cases(q, &len)) & UPPER; q += len)
        if (k & LOWER)
            both = q + len; /* the pattern may step back to here */
    *other = q;
    while (q < end && cases(q, &len) & LOWER)
        q += len;
    if (q > *other)
        return q;
    /* no lower case follows: the last character that is of both sets can serve */
    return both ? both : p;
}

/* The contraction that may follow a word. */
static size_t with_contraction(const uint8_t *s, const uint8_t *p, const uint8_t *end) {
    if (p < end && *p == '\'')
        p += contraction(p, (size_t)(end - p), true);
    return (size_t)(p - s);
}

static bool newline(uint8_t c) {
    return c == '\n' || c == '\r';
}

size_t split_o200k(const uint8_t *s, size_t n) {
    enum { MASK = UNICODE_CLASS };
    const uint8_t *end = s + n, *q;
    unsigned len, next_len, f = flags_at(s, &len) & MASK;
    /* one character before the word that is no letter, no number, no line end; a mark may be it */
    const uint8_t *after = s + len, *with = after, *without;
    if (f != UNICODE_LETTER && f != UNICODE_NUMBER && !newline(*s) && after < end) {
        q = word(after, end, &with);
        if (q > after)
            return with_contraction(s, q, end);
    }
    q = word(s, end, &without);
    if (q == s)
        q = with > after ? with : without;
    if (q > s)
        return with_contraction(s, q, end);
    if (f == UNICODE_NUMBER) {
        size_t i = len;
        for (int k = 1; k < 3 && i < n && (flags_at(s + i, &len) & MASK) == f; k++)
            i += len;
        return i;
    }
    unsigned next = len < n ? flags_at(s + len, &next_len) & MASK : UNICODE_SPACE;
    if (f == UNICODE_OTHER || (*s == ' ' && next == UNICODE_OTHER)) {
        q = run(s + len, end, MASK, UNICODE_OTHER);
        while (q < end && (newline(*q) || *q == '/'))
            q++;
        return (size_t)(q - s);
    }
    q = run(s, end, MASK, UNICODE_SPACE);
    for (const uint8_t *p = q; p > s; p--)
        if (newline(p[-1]))
            return (size_t)(p - s);
    return spaces(s, q, q == end);
}

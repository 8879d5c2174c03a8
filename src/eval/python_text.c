#include "eval/python_text.h"

#include <stdlib.h>
#include <string.h>

#include "text/unicode.h"

void words_free(struct words *w) {
    buf_free(&w->text);
    free(w->ends);
    *w = (struct words){0};
}

void words_clear(struct words *w) {
    buf_clear(&w->text);
    w->n = 0;
    w->failed = false;
}

void words_push(struct words *w, const char *s, size_t len) {
    /* so that the text of a list with words is never NULL */
    if (words_failed(w) || !buf_reserve(&w->text, len + 1) ||
        !array_grow((void **)&w->ends, w->n, &w->cap, sizeof *w->ends)) {
        w->failed = true;
        return;
    }
    buf_append(&w->text, s, len);
    w->ends[w->n++] = w->text.len;
}

struct slice {
    const char *s;
    size_t len;
    uint32_t index;
};

static int slice_order(const void *a, const void *b) {
    const struct slice *x = a, *y = b;
    const size_t least = x->len < y->len ? x->len : y->len;
    const int c = memcmp(x->s, y->s, least);
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

bool words_number(const struct words *a, const struct words *b, uint32_t *ids) {
    const size_t n = a->n + b->n;
    if (!n)
        return true;
    struct slice *all = calloc(n, sizeof *all);
    if (!all)
        return false;
    for (size_t i = 0; i < n; i++) {
        all[i].s = i < a->n ? words_at(a, i, &all[i].len) : words_at(b, i - a->n, &all[i].len);
        all[i].index = (uint32_t)i;
    }
    qsort(all, n, sizeof *all, slice_order);
    uint32_t id = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && slice_order(&all[i - 1], &all[i]) != 0)
            id++;
        ids[all[i].index] = id;
    }
    free(all);
    return true;
}

bool python_is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool python_is_alnum(uint32_t c) {
    const unsigned class = unicode_flags(c) & UNICODE_CLASS;
    return class == UNICODE_LETTER || class == UNICODE_NUMBER;
}

/* Unicode's Case_Ignorable, from the general category and the word breaks that it names. */
static bool case_ignorable(uint32_t c) {
    static const uint16_t middle[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                      0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                      0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    for (size_t i = 0; i < sizeof middle / sizeof *middle; i++)
        if (c == middle[i])
            return true;
    const char *category = unicode_categories[unicode_props(c) & UNICODE_CATEGORY];
    static const char *const kinds[] = {"Mn", "Me", "Cf", "Lm", "Sk"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(category, kinds[i]) == 0)
            return true;
    return false;
}

/* Unicode's Cased; what it has besides letters: numerals and letters in circles. */
static bool cased(uint32_t c) {
    const char *category = unicode_categories[unicode_props(c) & UNICODE_CATEGORY];
    return strcmp(category, "Lu") == 0 || strcmp(category, "Ll") == 0 ||
           strcmp(category, "Lt") == 0 || c == 0xaa || c == 0xba || (c >= 0x2160 && c <= 0x217f) ||
           (c >= 0x24b6 && c <= 0x24e9);
}

/* Whether the sigma at s[at .. at+2) ends a word: a cased letter stands before it, none behind. */
static bool sigma_is_final(const char *s, size_t len, size_t at) {
    uint32_t c = 0;
    size_t i = at;
    bool before = false;
    while (i > 0) {
        do
            i--;
        while (i > 0 && ((unsigned char)s[i] & 0xc0) == 0x80);
        unicode_char((const uint8_t *)s + i, &c);
        if (!case_ignorable(c)) {
            before = cased(c);
            break;
        }
    }
    if (!before)
        return false;
    for (i = at + 2; i < len;) {
        i += unicode_char((const uint8_t *)s + i, &c);
        if (!case_ignorable(c))
            return !cased(c);
    }
    return true;
}

void python_lower(struct buf *out, const char *s, size_t len) {
    enum { CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };
    for (size_t i = 0; i < len;) {
        uint32_t c, lower[UNICODE_MOST];
        const unsigned step = unicode_char((const uint8_t *)s + i, &c);
        if (c < 0x80) {
            buf_char(out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
        } else if (c == CAPITAL_SIGMA && sigma_is_final(s, len, i)) {
            unicode_append(out, FINAL_SIGMA);
        } else {
            const size_t n = unicode_lower(c, lower);
            for (size_t k = 0; k < n; k++)
                unicode_append(out, lower[k]);
        }
        i += step;
    }
}

size_t python_rstrip(const char *s, size_t len) {
    while (len > 0) {
        size_t begin = len - 1;
        while (begin > 0 && ((unsigned char)s[begin] & 0xc0) == 0x80)
            begin--;
        uint32_t c;
        unicode_char((const uint8_t *)s + begin, &c);
        if (!python_is_space(c))
            break;
        len = begin;
    }
    return len;
}

void python_split(struct words *out, const char *s, size_t len) {
    size_t begin = 0, i = 0;
    while (i < len) {
        uint32_t c;
        const unsigned step = unicode_char((const uint8_t *)s + i, &c);
        if (python_is_space(c)) {
            if (i > begin)
                words_push(out, s + begin, i - begin);
            begin = i + step;
        }
        i += step;
    }
    if (len > begin)
        words_push(out, s + begin, len - begin);
}

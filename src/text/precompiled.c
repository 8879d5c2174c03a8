#include "text/precompiled.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/grapheme.h"

enum { WHOLE_BELOW = 6 }; /* bytes of a grapheme that is looked up as one */

/* A unit of the array leads to its children by the XOR of its place with its offset and the byte;
 * where its leaf bit is set, the unit at offset alone is the value. */
struct precompiled {
    uint32_t *units; /* [n_units] */
    size_t n_units;
    char *texts; /* [n_texts], then a NUL */
    size_t n_texts;
    bool plain[128]; /* ASCII characters that no entry begins with */
};

static bool unit_has_leaf(uint32_t unit) {
    return unit >> 8 & 1;
}

static uint32_t unit_offset(uint32_t unit) {
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

static uint32_t unit_label(uint32_t unit) {
    return unit & (1u << 31 | 0xff);
}

static uint32_t unit_value(uint32_t unit) {
    return unit & 0x7fffffff;
}

void precompiled_free(struct precompiled *p) {
    if (!p)
        return;
    free(p->units);
    free(p->texts);
    free(p);
}

/* After this no value can lead astray, wherever the array is entered. */
static int check_values(const struct precompiled *p, struct err *e) {
    for (size_t i = 0; i < p->n_units; i++) {
        if (!unit_has_leaf(p->units[i]) || unit_label(p->units[i]) > 0xff)
            continue;
        size_t at = i ^ unit_offset(p->units[i]);
        if (at >= p->n_units)
            return err_set(e, PRECIS_EINPUT,
                           "precompiled_charsmap: unit %zu leads to unit %zu of %zu", i, at,
                           p->n_units);
        size_t text = unit_value(p->units[at]);
        if (text > p->n_texts || ((uint8_t)p->texts[text] & 0xc0) == 0x80)
            return err_set(e, PRECIS_EINPUT,
                           "precompiled_charsmap: unit %zu has its text at byte %zu of %zu", i,
                           text, p->n_texts);
    }
    return 0;
}

/* The text that replaces the n bytes at s, NUL at its end; NULL: none does. */
static const char *replacement(const struct precompiled *p, const uint8_t *s, size_t n) {
    size_t at = unit_offset(p->units[0]);
    for (size_t i = 0; i < n && s[i]; i++) {
        at ^= s[i];
        if (at >= p->n_units || unit_label(p->units[at]) != s[i])
            return NULL;
        bool leaf = unit_has_leaf(p->units[at]);
        at ^= unit_offset(p->units[at]);
        if (leaf)
            return p->texts + unit_value(p->units[at]);
    }
    return NULL;
}

static uint32_t read_u32(const uint8_t *s) {
    return (uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
}

int precompiled_new(const uint8_t *charsmap, size_t n, struct precompiled **out, struct err *e) {
    *out = NULL;
    if (n < 8)
        return err_set(e, PRECIS_EINPUT, "precompiled_charsmap: %zu bytes", n);
    size_t n_units = read_u32(charsmap) / 4;
    if (!n_units || n_units > (n - 4) / 4)
        return err_set(e, PRECIS_EINPUT, "precompiled_charsmap: %zu units in %zu bytes", n_units,
                       n);
    const uint8_t *texts = charsmap + 4 + 4 * n_units;
    size_t n_texts = n - 4 - 4 * n_units;
    if (!utf8_valid(texts, n_texts))
        return err_set(e, PRECIS_EINPUT, "precompiled_charsmap: texts that are no UTF-8");
    struct precompiled *p = calloc(1, sizeof *p);
    if (!p || !(p->units = malloc(n_units * sizeof *p->units)) ||
        !(p->texts = malloc(n_texts + 1))) {
        precompiled_free(p);
        return err_nomem(e, "precompiled_charsmap");
    }
    p->n_units = n_units;
    p->n_texts = n_texts;
    for (size_t i = 0; i < n_units; i++)
        p->units[i] = read_u32(charsmap + 4 + 4 * i);
    if (n_texts)
        memcpy(p->texts, texts, n_texts);
    p->texts[n_texts] = 0;
    int rc = check_values(p, e);
    if (rc) {
        precompiled_free(p);
        return rc;
    }
    for (uint8_t c = 0; c < 128; c++) {
        size_t at = unit_offset(p->units[0]) ^ c;
        p->plain[c] = !c || at >= n_units || unit_label(p->units[at]) != c;
    }
    *out = p;
    return 0;
}

static unsigned char_length(uint8_t c) {
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static void append_grapheme(const struct precompiled *p, const uint8_t *s, size_t n,
                            struct buf *out) {
    const char *text = n < WHOLE_BELOW ? replacement(p, s, n) : NULL;
    if (text) {
        buf_str(out, text);
        return;
    }
    for (size_t i = 0, size; i < n; i += size) {
        size = char_length(s[i]);
        text = replacement(p, s + i, size);
        if (text)
            buf_str(out, text);
        else
            buf_append(out, s + i, size);
    }
}

int precompiled_normalize(const struct precompiled *p, const uint8_t *s, size_t n,
                          struct buf *out) {
    size_t done = 0;
    for (size_t at = 0, size; at < n; at += size) {
        /* Between two ASCII characters there is always a boundary, but for CR LF. */
        bool alone = s[at] < 128 && s[at] != '\r' && (at + 1 == n || s[at + 1] < 128);
        size = 1;
        if (alone && p->plain[s[at]])
            continue;
        if (!alone)
            size = grapheme_next(s + at, n - at);
        buf_append(out, s + done, at - done);
        append_grapheme(p, s + at, size, out);
        done = at + size;
    }
    buf_append(out, s + done, n - done);
    return buf_failed(out) ? PRECIS_ENOMEM : 0;
}

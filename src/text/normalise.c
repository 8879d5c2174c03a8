#include "text/normalise.h"

#include <stdlib.h>
#include <string.h>

#include "text/precompiled.h"

static void normaliser_free(const struct normaliser *m) {
    free(m->text);
    free(m->content);
    regex_free(m->regex);
    precompiled_free(m->precompiled);
}

bool normalisers_add(struct normalisers *list, const struct normaliser *m) {
    struct normaliser *v = realloc(list->v, (list->n + 1) * sizeof *v);
    if (!v) {
        normaliser_free(m);
        return false;
    }
    list->v = v;
    list->v[list->n++] = *m;
    return true;
}

void normalisers_free(struct normalisers *list) {
    for (size_t i = 0; i < list->n; i++)
        normaliser_free(&list->v[i]);
    free(list->v);
    *list = (struct normalisers){0};
}

void normalise_work_free(struct normalise_work *w) {
    nfc_work_free(&w->form);
    buf_free(&w->out[0]);
    buf_free(&w->out[1]);
    regex_work_free(&w->regex);
}

/* End of the ASCII that s begins with. */
static const uint8_t *ascii_end(const uint8_t *s, const uint8_t *end) {
    uint64_t w;
    while (end - s >= 8 && (memcpy(&w, s, 8), !(w & 0x8080808080808080u)))
        s += 8;
    while (s < end && *s < 0x80)
        s++;
    return s;
}

static bool is_ascii(const uint8_t *s, size_t n) {
    return ascii_end(s, s + n) == s + n;
}

/* One character through a normaliser that sees them one by one, into out: how many there are then.
 */
static size_t map_char(enum normaliser_kind kind, uint32_t c, uint32_t out[UNICODE_MOST]) {
    unsigned p;
    out[0] = c;
    switch (kind) {
    case NORMALISE_LOWERCASE:
        return unicode_lower(c, out);
    case NORMALISE_STRIP_ACCENTS:
        return !(unicode_props(c) & UNICODE_COMBINING);
    case NORMALISE_BERT_ACCENTS:
        return !(unicode_props(c) & UNICODE_NONSPACING);
    case NORMALISE_BERT_CLEAN:
        p = unicode_props(c);
        if (p & UNICODE_WHITE && !(p & UNICODE_CONTROL))
            out[0] = ' ';
        return !(p & UNICODE_CONTROL);
    case NORMALISE_BERT_CHINESE:
        if ((c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
            (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
            (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
            (c >= 0x2f800 && c <= 0x2fa1f)) {
            out[0] = out[2] = ' ';
            out[1] = c;
            return 3;
        }
        return 1;
    case NORMALISE_NMT:
        if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
            c == 0x9f)
            return 0;
        if (c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 ||
            (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
            c == 0xfeff || c == 0xfffd)
            out[0] = ' ';
        return 1;
    default:
        return 1;
    }
}

/* What a byte of ASCII becomes, by kind: itself or another; 0xff: removed. Made at the first use of
 * a text, cheap enough to be made each time. */
static bool ascii_table(enum normaliser_kind kind, uint8_t table[128]) {
    bool same = true;
    for (uint32_t c = 0; c < 128; c++) {
        uint32_t to[UNICODE_MOST];
        table[c] = map_char(kind, c, to) ? (uint8_t)to[0] : 0xff;
        same = same && table[c] == c;
    }
    return same;
}

static void map_chars(enum normaliser_kind kind, const uint8_t *s, size_t n, struct buf *out) {
    uint8_t table[128];
    bool same = ascii_table(kind, table);
    const uint8_t *end = s + n;
    if (!buf_reserve(out, n + 8))
        return;
    while (s < end) {
        const uint8_t *plain = ascii_end(s, end);
        if (!buf_reserve(out, (size_t)(plain - s)))
            return;
        if (same) {
            buf_append(out, s, (size_t)(plain - s));
        } else {
            char *to = out->data + out->len;
            for (const uint8_t *p = s; p < plain; p++) {
                *to = (char)table[*p];
                to += table[*p] != 0xff;
            }
            out->len = (size_t)(to - out->data);
        }
        for (s = plain; s < end && *s >= 0x80;) {
            uint32_t c, to[UNICODE_MOST];
            s += unicode_char(s, &c);
            size_t k = map_char(kind, c, to);
            for (size_t i = 0; i < k; i++)
                unicode_append(out, to[i]);
        }
    }
}

/* Without white space at the ends. */
static const uint8_t *strip(const struct normaliser *m, const uint8_t *s, size_t *len,
                            size_t *origin) {
    const uint8_t *end = s + *len;
    uint32_t c;
    while (m->left && s < end) {
        unsigned k = unicode_char(s, &c);
        if (!(unicode_props(c) & UNICODE_WHITE))
            break;
        s += k;
        *origin -= *origin < k ? *origin : k;
    }
    while (m->right && s < end) {
        const uint8_t *last = end - 1;
        while ((*last & 0xc0) == 0x80)
            last--;
        unicode_char(last, &c);
        if (!(unicode_props(c) & UNICODE_WHITE))
            break;
        end = last;
    }
    *len = (size_t)(end - s);
    return s;
}

/* False: out of memory. *out stays empty and *changed false when nothing matches. */
static bool replace(const struct normaliser *m, struct normalise_work *w, const uint8_t *s,
                    size_t n, struct buf *out, bool *changed, size_t *origin) {
    size_t done = 0, begin, end, from = *origin;
    bool within = true; /* all so far stems from there */
    struct regex_search q;
    if (m->regex)
        regex_start(&q, m->regex, s, n);
    for (;;) {
        if (m->regex) {
            int rc = n ? regex_next(&q, &w->regex, &begin, &end) : 0;
            if (rc < 0)
                return false;
            if (rc == 0)
                break;
        } else {
            const uint8_t *at = memmem(s + done, n - done, m->text, m->text_len);
            if (!at)
                break;
            begin = (size_t)(at - s);
            end = begin + m->text_len;
        }
        buf_append(out, s + done, begin - done);
        if (within && end > from) { /* what replaces stems from the last byte replaced */
            *origin = out->len - (begin > from ? begin - from : 0);
            within = false;
        }
        buf_append(out, m->content, m->content_len);
        done = end;
        *changed = true;
    }
    if (*changed && within)
        *origin = out->len + (from > done ? from - done : 0);
    if (*changed)
        buf_append(out, s + done, n - done);
    return !buf_failed(out);
}

uint32_t byte_level_char(uint8_t byte) {
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)
        return byte;
    return byte <= 32 ? 256u + byte : byte <= 160 ? 256u + 33 + byte - 127u : 323;
}

int byte_level_byte(uint32_t c) {
    if ((c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255))
        return (int)c;
    if (c < 256 || c > 323)
        return -1;
    return c <= 288 ? (int)c - 256 : c == 323 ? 173 : (int)c - 289 + 127;
}

void byte_level_append(struct buf *out, const uint8_t *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t c = byte_level_char(s[i]);
        if (c < 0x80)
            buf_char(out, (char)c);
        else
            unicode_append(out, c);
    }
}

/* The beginning of a normalised text that stems from the first `origin` bytes of s. */
static bool form_origin(enum unicode_form form, const uint8_t *s, const uint8_t *to, size_t to_len,
                        size_t *origin) {
    struct nfc_work w = {0};
    size_t n = *origin;
    bool ok = unicode_normalise(&w, form, s, &n) != NULL;
    nfc_work_free(&w);
    n = n ? n : 1;
    while (n < to_len && (to[n] & 0xc0) == 0x80)
        n++;
    *origin = n < to_len ? n : to_len;
    return ok;
}

/* The same of a text that the map changed; a first character that is removed hands it on. */
static bool map_origin(const struct precompiled *map, const uint8_t *s, const struct buf *to,
                       size_t *origin) {
    struct buf part = {0};
    bool ok = precompiled_normalize(map, s, *origin, &part) == 0;
    size_t n = part.len ? part.len : to->len > 0;
    buf_free(&part);
    while (n < to->len && (to->data[n] & 0xc0) == 0x80)
        n++;
    *origin = n < to->len ? n : to->len;
    return ok;
}

/* One normaliser: s itself, or out->data. */
static const uint8_t *apply(const struct normaliser *m, struct normalise_work *w, const uint8_t *s,
                            size_t *len, struct buf *out, size_t *origin) {
    bool changed = false;
    size_t from = *origin;
    buf_clear(out);
    switch (m->kind) {
    case NORMALISE_FORM: {
        const uint8_t *to = unicode_normalise(&w->form, m->form, s, len);
        if (to && to != s) {
            if (from && !form_origin(m->form, s, to, *len, origin))
                return NULL;
            /* its buffer is wanted again */
            struct buf swap = *out;
            *out = w->form.out;
            w->form.out = swap;
        }
        return to;
    }
    case NORMALISE_STRIP:
        return strip(m, s, len, origin);
    case NORMALISE_STRIP_ACCENTS:
    case NORMALISE_BERT_ACCENTS:
    case NORMALISE_BERT_CHINESE:
        if (is_ascii(s, *len))
            return s;
        __attribute__((fallthrough));
    case NORMALISE_LOWERCASE:
    case NORMALISE_NMT:
    case NORMALISE_BERT_CLEAN:
        if (from)
            map_chars(m->kind, s, from, out);
        *origin = out->len;
        map_chars(m->kind, s + from, *len - from, out);
        break;
    case NORMALISE_PREPEND:
        buf_append(out, m->text, m->text_len);
        buf_append(out, s, *len);
        *origin = from ? from + m->text_len : 0;
        break;
    case NORMALISE_REPLACE:
        if (!replace(m, w, s, *len, out, &changed, origin))
            return NULL;
        if (!changed)
            return s;
        break;
    case NORMALISE_PRECOMPILED:
        if (precompiled_normalize(m->precompiled, s, *len, out) ||
            (from && !map_origin(m->precompiled, s, out, origin)))
            return NULL;
        break;
    case NORMALISE_BYTE_LEVEL:
        byte_level_append(out, s, from);
        *origin = out->len;
        byte_level_append(out, s + from, *len - from);
        break;
    }
    *len = out->len;
    if (buf_failed(out))
        return NULL;
    return out->data ? (const uint8_t *)out->data : s;
}

const uint8_t *normalise(const struct normalisers *list, struct normalise_work *w, const uint8_t *s,
                         size_t *len, size_t *origin) {
    int side = 0;
    for (size_t i = 0; i < list->n && *len; i++) {
        const uint8_t *to = apply(&list->v[i], w, s, len, &w->out[side], origin);
        if (!to)
            return NULL;
        /* s may be the other buffer, or within it */
        if (to == (const uint8_t *)w->out[side].data)
            side = !side;
        s = to;
    }
    return s;
}

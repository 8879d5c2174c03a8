#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

struct ccc_run {
    uint32_t first, last;
    uint8_t ccc;
};

struct decomposition {
    uint32_t code_point;
    uint16_t at, len;
};

struct composition {
    uint32_t first, second, composite;
};

struct script_run {
    uint32_t first, last;
    uint8_t script;
};

#include "text/unicode_props.inc"
#include "text/unicode_scripts.inc"
#include "text/unicode_tables.inc"

const char unicode_categories[UNICODE_CATEGORIES][3] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { /* Hangul syllables compose by arithmetic (Unicode 3.12) */
       HANGUL_S = 0xac00,
       HANGUL_L = 0x1100,
       HANGUL_V = 0x1161,
       HANGUL_T = 0x11a7,
       HANGUL_L_COUNT = 19,
       HANGUL_V_COUNT = 21,
       HANGUL_T_COUNT = 28,
       HANGUL_S_COUNT = HANGUL_L_COUNT * HANGUL_V_COUNT * HANGUL_T_COUNT
};

unsigned unicode_flags(uint32_t c) {
    uint64_t bits = flag_bits[flag_block[c >> 7] * 8u + (c >> 4 & 7)];
    return (unsigned)(bits >> (c & 15) * 4) & 15;
}

void unicode_append(struct buf *out, uint32_t c) {
    uint8_t s[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        s[i] = (uint8_t)(0x80 | (c & 0x3f));
    s[0] = (uint8_t)(lead[n] | c);
    buf_append(out, s, n);
}

static uint8_t combining_class(uint32_t c) {
    size_t lo = 0, hi = COUNT(ccc_runs);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > ccc_runs[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < COUNT(ccc_runs) && c >= ccc_runs[lo].first ? ccc_runs[lo].ccc : 0;
}

unsigned unicode_props(uint32_t c) {
    return props[prop_block[c >> 7] * 128u + (c & 127)];
}

/* The entry of c in a table of n sorted ones; NULL: none. */
static const struct decomposition *find(const struct decomposition *v, size_t n, uint32_t c) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (v[mid].code_point < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && v[lo].code_point == c ? &v[lo] : NULL;
}

size_t unicode_lower(uint32_t c, uint32_t out[UNICODE_MOST]) {
    const struct decomposition *d = c < 0x80 ? NULL : find(lower, COUNT(lower), c);
    out[0] = c - 'A' < 26 ? c + 32 : c;
    if (!d)
        return 1;
    memcpy(out, lower_pool + d->at, d->len * sizeof *out);
    return d->len;
}

int unicode_script(uint32_t c) {
    size_t lo = 0, hi = COUNT(script_runs);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > script_runs[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < COUNT(script_runs) && c >= script_runs[lo].first ? script_runs[lo].script : -1;
}

/* The full decomposition of c, canonical or compatible, into out. */
static size_t decompose(uint32_t c, bool compat, uint32_t out[UNICODE_MOST]) {
    if (c - HANGUL_S < HANGUL_S_COUNT) {
        uint32_t s = c - HANGUL_S, t = s % HANGUL_T_COUNT;
        out[0] = HANGUL_L + s / (HANGUL_V_COUNT * HANGUL_T_COUNT);
        out[1] = HANGUL_V + s / HANGUL_T_COUNT % HANGUL_V_COUNT;
        out[2] = HANGUL_T + t;
        return t ? 3 : 2;
    }
    const struct decomposition *d = compat ? find(compatible, COUNT(compatible), c) : NULL;
    const uint32_t *pool = d ? compatible_pool : decomposed;
    if (!d)
        d = find(decompositions, COUNT(decompositions), c);
    if (!d) {
        out[0] = c;
        return 1;
    }
    memcpy(out, pool + d->at, d->len * sizeof *out);
    return d->len;
}

/* The primary composite of a and b, or 0. */
static uint32_t compose(uint32_t a, uint32_t b) {
    if (a - HANGUL_L < HANGUL_L_COUNT && b - HANGUL_V < HANGUL_V_COUNT)
        return HANGUL_S + ((a - HANGUL_L) * HANGUL_V_COUNT + b - HANGUL_V) * HANGUL_T_COUNT;
    if (a - HANGUL_S < HANGUL_S_COUNT && (a - HANGUL_S) % HANGUL_T_COUNT == 0 &&
        b - HANGUL_T - 1 < HANGUL_T_COUNT - 1)
        return a + b - HANGUL_T;
    uint64_t key = (uint64_t)a << 32 | b;
    size_t lo = 0, hi = COUNT(compositions);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (((uint64_t)compositions[mid].first << 32 | compositions[mid].second) < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < COUNT(compositions) && compositions[lo].first == a && compositions[lo].second == b)
        return compositions[lo].composite;
    return 0;
}

void nfc_work_free(struct nfc_work *w) {
    free(w->v);
    free(w->sorted);
    buf_free(&w->out);
    *w = (struct nfc_work){0};
}

static bool work_reserve(struct nfc_work *w, size_t n) {
    if (n <= w->cap)
        return true;
    size_t cap = w->cap ? w->cap : 64;
    while (cap < n)
        cap *= 2;
    struct nfc_char *v = realloc(w->v, cap * sizeof *v);
    if (!v)
        return false;
    w->v = v;
    struct nfc_char *sorted = realloc(w->sorted, cap * sizeof *sorted);
    if (!sorted)
        return false;
    w->sorted = sorted;
    w->cap = cap;
    return true;
}

/* Canonical order: each run of marks stably by class. A counting sort, so that no text is
 * quadratic. */
static void order_marks(struct nfc_char *v, struct nfc_char *sorted, size_t n) {
    size_t at[257] = {0};
    for (size_t i = 0; i < n; i++)
        at[v[i].ccc + 1]++;
    for (size_t k = 1; k < 257; k++)
        at[k] += at[k - 1];
    for (size_t i = 0; i < n; i++)
        sorted[at[v[i].ccc]++] = v[i];
    memcpy(v, sorted, n * sizeof *v);
}

static void canonical_order(struct nfc_char *v, struct nfc_char *sorted, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t j = i;
        bool ordered = true;
        for (; j < n && v[j].ccc; j++)
            ordered = ordered && (j == i || v[j - 1].ccc <= v[j].ccc);
        if (!ordered)
            order_marks(v + i, sorted, j - i);
        i = j + 1;
    }
}

/* Composes in place; returns how many are left. */
static size_t canonical_compose(struct nfc_char *v, size_t n) {
    size_t starter = SIZE_MAX, kept = 0;
    uint8_t last = 0;
    for (size_t i = 0; i < n; i++) {
        bool free_way =
            starter != SIZE_MAX && (last < v[i].ccc || (last == 0 && starter == kept - 1));
        uint32_t c = free_way ? compose(v[starter].code_point, v[i].code_point) : 0;
        if (c) {
            v[starter].code_point = c;
            continue;
        }
        if (v[i].ccc == 0)
            starter = kept;
        last = v[i].ccc;
        v[kept++] = v[i];
    }
    return kept;
}

/* May c change, move or merge? */
static bool looks(enum unicode_form form, uint32_t c) {
    if (form == UNICODE_NFC)
        return unicode_flags(c) & UNICODE_NFC_LOOK;
    if (form == UNICODE_NFD)
        return unicode_props(c) & UNICODE_LOOK_D;
    return unicode_props(c) & UNICODE_LOOK_KD ||
           (form == UNICODE_NFKC && unicode_flags(c) & UNICODE_NFC_LOOK);
}

/* First byte of the first character in [s, end) that the form must look at; end: none. */
static const uint8_t *next_look(enum unicode_form form, const uint8_t *s, const uint8_t *end) {
    while (s < end) {
        if (end - s >= 8) {
            uint64_t w;
            memcpy(&w, s, 8);
            if (!(w & 0x8080808080808080u)) {
                s += 8;
                continue;
            }
        }
        if (*s < (form == UNICODE_NFC ? 0xcc : 0xc2)) { /* nothing below U+0300, or U+0080 */
            s += *s < 0x80 ? 1 : 2;
            continue;
        }
        uint32_t c;
        unsigned len = unicode_char(s, &c);
        if (looks(form, c))
            return s;
        s += len;
    }
    return end;
}

/* Normalises [s, end): one character that stands for itself, if any, then only such as must be
 * looked at. Nothing outside can take part: what follows begins anew. */
static bool normalise_window(struct nfc_work *w, enum unicode_form form, const uint8_t *s,
                             const uint8_t *end) {
    bool compat = form == UNICODE_NFKC || form == UNICODE_NFKD;
    size_t n = 0;
    while (s < end) {
        uint32_t c, parts[UNICODE_MOST];
        s += unicode_char(s, &c);
        size_t k = decompose(c, compat, parts);
        if (!work_reserve(w, n + k))
            return false;
        for (size_t i = 0; i < k; i++)
            w->v[n++] = (struct nfc_char){parts[i], combining_class(parts[i])};
    }
    canonical_order(w->v, w->sorted, n);
    if (form == UNICODE_NFC || form == UNICODE_NFKC)
        n = canonical_compose(w->v, n);
    for (size_t i = 0; i < n; i++)
        unicode_append(&w->out, w->v[i].code_point);
    return !buf_failed(&w->out);
}

const uint8_t *unicode_nfc(struct nfc_work *w, const uint8_t *s, size_t *len) {
    return unicode_normalise(w, UNICODE_NFC, s, len);
}

const uint8_t *unicode_normalise(struct nfc_work *w, enum unicode_form form, const uint8_t *s,
                                 size_t *len) {
    const uint8_t *end = s + *len, *done = s;
    const uint8_t *look = next_look(form, s, end);
    if (look == end)
        return s;
    buf_clear(&w->out);
    while (look < end) {
        const uint8_t *from = look;
        while (from > done && (*--from & 0xc0) == 0x80)
            ;
        buf_append(&w->out, done, (size_t)(from - done));
        const uint8_t *to = look;
        uint32_t c;
        while (to < end) {
            unsigned n = unicode_char(to, &c);
            if (!looks(form, c))
                break;
            to += n;
        }
        if (!normalise_window(w, form, from, to))
            return NULL;
        done = to;
        look = next_look(form, to, end);
    }
    buf_append(&w->out, done, (size_t)(end - done));
    *len = w->out.len;
    return buf_failed(&w->out) ? NULL : (const uint8_t *)w->out.data;
}

#include "text/special.h"

#include <stdlib.h>
#include <string.h>

#include "text/unicode.h"

static int compare(const void *left, const void *right) {
    const struct special_token *a = left, *b = right;
    int c = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

void special_init(struct special *sp, struct special_token *v, size_t n) {
    *sp = (struct special){.v = v, .n = n};
    if (n)
        qsort(v, n, sizeof *v, compare);
    for (size_t i = 0; i < n; i++)
        sp->starts[(uint8_t)v[i].s[0]] = true;
}

void special_free(struct special *sp) {
    free(sp->v);
    *sp = (struct special){0};
}

/* First of v[lo..hi), which agree in their first `depth` bytes and are longer, whose next byte is
 * not less than c. */
static size_t lower(const struct special_token *v, size_t lo, size_t hi, size_t depth, unsigned c) {
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if ((uint8_t)v[mid].s[depth] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The longest token at s. */
static const struct special_token *match(const struct special *sp, const uint8_t *s,
                                         const uint8_t *end) {
    const struct special_token *best = NULL;
    size_t lo = 0, hi = sp->n;
    for (size_t depth = 0; lo < hi && s + depth < end; depth++) {
        lo = lower(sp->v, lo, hi, depth, s[depth]);
        hi = lower(sp->v, lo, hi, depth, s[depth] + 1u);
        if (lo < hi && sp->v[lo].len == depth + 1)
            best = &sp->v[lo++];
    }
    return best;
}

/* The first place in [s, end) where a token is spelled, the longest there; NULL: none. */
static const uint8_t *find(const struct special *sp, const uint8_t *s, const uint8_t *end,
                           const struct special_token **token) {
    if (sp->n)
        for (; s < end; s++)
            if (sp->starts[*s] && (*token = match(sp, s, end)))
                return s;
    return NULL;
}

void special_start(struct special_walk *w, const struct special *sp, const uint8_t *s, size_t n,
                   bool plain) {
    *w = (struct special_walk){.sp = sp,
                               .begin = s,
                               .end = s + n,
                               .from = s,
                               .done = s,
                               .plain = plain,
                               .white = s,
                               .white_end = s};
}

/* Properties of the character that ends at p. */
static unsigned props_before(const uint8_t *p, const uint8_t **at) {
    uint32_t c;
    do
        p--;
    while ((*p & 0xc0) == 0x80);
    *at = p;
    unicode_char(p, &c);
    return unicode_props(c);
}

static unsigned props_at(const uint8_t *p, unsigned *len) {
    uint32_t c;
    *len = unicode_char(p, &c);
    return unicode_props(c);
}

static bool alone(const struct special_walk *w, const uint8_t *from, const uint8_t *to) {
    const uint8_t *at;
    unsigned len;
    return (from == w->begin || !(props_before(from, &at) & UNICODE_WORD)) &&
           (to == w->end || !(props_at(to, &len) & UNICODE_WORD));
}

/* A match that is passed over still hides what overlaps it; one that takes white space along may
 * reach beyond the beginning of the next. */
const struct special_token *special_next(struct special_walk *w, const uint8_t **text,
                                         size_t *len) {
    const struct special_token *token;
    const uint8_t *from, *to;
    while ((from = find(w->sp, w->from, w->end, &token)) != NULL) {
        to = w->from = from + token->len;
        if ((w->plain && token->control) || (token->single_word && !alone(w, from, to)))
            continue;
        const uint8_t *at;
        unsigned k;
        if (token->lstrip) {
            while (from > w->done && props_before(from, &at) & UNICODE_WHITE)
                from = at;
            from = from > w->done ? from : w->done;
        }
        if (token->rstrip && to >= w->white && to < w->white_end) {
            to = w->white_end; /* seen before: many tokens in one run of white space */
        } else if (token->rstrip) {
            w->white = to;
            while (to < w->end && props_at(to, &k) & UNICODE_WHITE)
                to += k;
            w->white_end = to;
        }
        if (to <= from) /* the white space that the token before took along */
            continue;
        *text = w->done;
        *len = from > w->done ? (size_t)(from - w->done) : 0;
        w->done = to;
        return token;
    }
    *text = w->done;
    *len = (size_t)(w->end - w->done);
    return NULL;
}

const struct special_token *special_get(const struct special *sp, const char *s, size_t len) {
    struct special_token key = {.s = s, .len = len};
    return sp->n ? bsearch(&key, sp->v, sp->n, sizeof key, compare) : NULL;
}

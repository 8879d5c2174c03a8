#include "text/special.h"

#include <stdlib.h>
#include <string.h>

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

const uint8_t *special_find(const struct special *sp, const uint8_t *s, const uint8_t *end,
                            const struct special_token **token) {
    if (sp->n)
        for (; s < end; s++)
            if (sp->starts[*s] && (*token = match(sp, s, end)))
                return s;
    return NULL;
}

const struct special_token *special_get(const struct special *sp, const char *s, size_t len) {
    struct special_token key = {s, len, 0};
    return sp->n ? bsearch(&key, sp->v, sp->n, sizeof key, compare) : NULL;
}

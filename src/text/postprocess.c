#include "text/postprocess.h"

#include <stdlib.h>
#include <string.h>

void postprocess_free(struct postprocess *p) {
    free(p->items);
    *p = (struct postprocess){0};
}

static void cut(const struct postprocess *p, size_t begin, bool special, size_t most,
                struct ids *out) {
    size_t n = out->n - begin;
    most -= special ? p->added : 0;
    if (n <= most)
        return;
    if (p->from_left)
        memmove(out->v + begin, out->v + begin + (n - most), most * sizeof *out->v);
    out->n = begin + most;
}

bool postprocess(const struct postprocess *p, size_t begin, bool special, size_t most,
                 struct ids *out) {
    cut(p, begin, special, most, out);
    if (!p->n || out->failed)
        return !out->failed;
    size_t n = out->n - begin, texts = p->n - p->added;
    if (texts == 1 && !special)
        return true;
    size_t all = texts * n + (special ? p->added : 0);
    if (all + n == 0)
        return true;
    if (!ids_reserve(out, all + n))
        return false;
    /* the text goes behind the place of the whole, from where it is copied */
    uint32_t *to = out->v + begin, *text = to + all;
    memmove(text, to, n * sizeof *to);
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i] == POST_TEXT) {
            memmove(to, text, n * sizeof *to);
            to += n;
        } else if (special) {
            *to++ = p->items[i];
        }
    out->n = begin + all;
    return true;
}

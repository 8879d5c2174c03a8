#include "summary/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct kept {
    size_t index;
    char *path, *line; /* owned */
    char sha256[HASH_HEX_SIZE];
    double confidence;
    size_t tokens_in, tokens_out;
    bool is_models, is_doc, cut, again;
};

struct route {
    const struct provenance *made;
    struct kept *v; /* owned; in the order of their indices */
    size_t n, cap;
};

int route_new(const struct provenance *made, struct route **out, struct err *e) {
    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_nomem(e, "lines of the first run");
    (*out)->made = made;
    return 0;
}

void route_free(struct route *r) {
    for (size_t i = 0; r && i < r->n; i++) {
        free(r->v[i].path);
        free(r->v[i].line);
    }
    if (r)
        free(r->v);
    free(r);
}

int route_keep(void *user, const struct summary *s, struct err *e) {
    struct route *r = user;
    struct kept k = {.index = s->index,
                     .path = strdup(s->file_path),
                     .line = strdup(s->summary),
                     .confidence = s->confidence,
                     .tokens_in = s->tokens_in,
                     .tokens_out = s->tokens_out,
                     .is_models = strcmp(s->source, "model") == 0,
                     .is_doc = strcmp(s->source, "doc") == 0,
                     .cut = s->cut};
    memcpy(k.sha256, s->sha256, sizeof k.sha256);
    if (k.path && k.line && array_grow((void **)&r->v, r->n, &r->cap, sizeof *r->v)) {
        r->v[r->n++] = k;
        return 0;
    }
    free(k.path);
    free(k.line);
    return err_nomem(e, s->file_path);
}

static int least_sure_first(const void *a, const void *b) {
    const struct kept *const *x = a, *const *y = b;
    double p = (*x)->is_models ? (*x)->confidence : -1, q = (*y)->is_models ? (*y)->confidence : -1;
    if (p != q)
        return p < q ? -1 : 1;
    return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

int route_choose(struct route *r, size_t most, size_t *n, struct err *e) {
    struct kept **order = calloc(r->n + 1, sizeof *order);
    size_t unsure = 0;
    *n = 0;
    if (!order)
        return err_nomem(e, "chunks to say again");
    for (size_t i = 0; i < r->n; i++)
        if (!r->v[i].is_doc && (!r->v[i].is_models || r->v[i].confidence < ROUTE_SURE))
            order[unsure++] = &r->v[i];
    qsort(order, unsure, sizeof *order, least_sure_first);
    for (; *n < unsure && *n < most; ++*n)
        order[*n]->again = true;
    free(order);
    return 0;
}

static int by_index(const void *a, const void *b) {
    const struct kept *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

bool route_find(const struct route *r, const struct summary *about, bool all,
                struct known_line *out) {
    const struct kept asked = {.index = about->index};
    const struct kept *k = r->n && about->level == SUMMARY_CHUNK
                               ? bsearch(&asked, r->v, r->n, sizeof *r->v, by_index)
                               : NULL;
    if (!k || !k->is_models || (k->again && !all) || strcmp(k->path, about->file_path) != 0 ||
        strcmp(k->sha256, about->sha256) != 0)
        return false;
    buf_str(&out->line, k->line);
    out->confidence = k->confidence;
    memcpy(out->source, "model", sizeof "model");
    out->tokens_in = k->tokens_in;
    out->tokens_out = k->tokens_out;
    out->cut = k->cut;
    out->made = r->made;
    return !buf_failed(&out->line);
}

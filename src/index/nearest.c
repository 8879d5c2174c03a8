#include "index/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "search/embed.h"

struct nearest {
    size_t width, n;
    size_t cap_ids, cap_v;
    int64_t *ids; /* owned, ascending */
    float *v;     /* [n, width] owned */
};

static int take(void *user, int64_t entry, const float *v, struct err *e) {
    struct nearest *x = user;
    if (!array_grow((void **)&x->ids, x->n, &x->cap_ids, sizeof *x->ids) ||
        !array_grow((void **)&x->v, x->n, &x->cap_v, x->width * sizeof *x->v))
        return err_nomem(e, "vectors");
    x->ids[x->n] = entry;
    memcpy(x->v + x->n * x->width, v, x->width * sizeof *v);
    x->n++;
    return 0;
}

int nearest_open(struct store *s, const struct store_index *index, struct nearest **out,
                 struct err *e) {
    *out = NULL;
    struct nearest *x = calloc(1, sizeof *x);
    if (!x)
        return err_nomem(e, "vectors");
    x->width = (size_t)index->width;
    int rc = x->width ? store_each_vector(s, index->embedder, x->width, take, x, e) : 0;
    if (rc)
        nearest_close(x);
    else
        *out = x;
    return rc;
}

void nearest_close(struct nearest *x) {
    if (!x)
        return;
    free(x->ids);
    free(x->v);
    free(x);
}

static int by_score(const void *a, const void *b) {
    const struct store_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int nearest_find(const struct nearest *x, const float *v, const int64_t *allowed, size_t n_allowed,
                 struct store_hit *hits, size_t most, size_t *n, struct err *e) {
    *n = 0;
    struct store_hit *all = malloc((x->n ? x->n : 1) * sizeof *all);
    if (!all)
        return err_nomem(e, "distances");
    size_t count = 0;
    for (size_t i = 0; i < x->n; i++)
        if (!allowed || bsearch(&x->ids[i], allowed, n_allowed, sizeof *allowed, by_number))
            all[count++] =
                (struct store_hit){x->ids[i], (double)embed_dot(v, x->v + i * x->width, x->width)};
    qsort(all, count, sizeof *all, by_score);
    *n = count < most ? count : most;
    memcpy(hits, all, *n * sizeof *hits);
    free(all);
    return 0;
}

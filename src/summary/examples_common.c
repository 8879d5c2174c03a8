/* The common examples of a pool: a few that stand for all of it. They begin every prompt of a run,
 * so their KV is computed once.
 *
 * With vectors: greedy facility location (Nemhauser, Wolsey and Fisher 1978) over a sample: each
 * adds most to the sum over the sample of the cosine to the nearest chosen one. Without: one of
 * each of some files, in the order of hashes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "summary/examples_pool.h"

enum {
    SAMPLE = 512,
    LEAST = EXAMPLES_MOST_NEAREST /* of a repository: of fewer nearly all are shown anyway */
};

/* An example, and where it stands in its repository's sample. */
struct place {
    const struct examples_item *item;
    size_t index;
};

static int by_sample(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    int repo = strcmp(x->item->x.repo, y->item->x.repo);
    return repo ? repo : examples_by_rank(x->item, y->item);
}

/* best[i]: cosine of i to the nearest chosen one. */
static size_t add_most(const float *cosines, size_t n, const float *best, const bool *taken) {
    size_t at = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += (double)fmaxf(cosines[i * n + k], best[k]);
        if (!taken[i] && sum > most) {
            most = sum;
            at = i;
        }
    }
    return at;
}

static int locate(const struct examples *x, const struct place *sample, size_t n,
                  struct examples_common *out, struct err *e) {
    float *cosines = malloc(n * n * sizeof *cosines), best[SAMPLE];
    bool taken[SAMPLE] = {false};
    if (!cosines)
        return err_nomem(e, "examples");
    for (size_t i = 0; i < n; i++) {
        best[i] = -1;
        for (size_t k = 0; k <= i; k++)
            cosines[i * n + k] = cosines[k * n + i] =
                embed_dot(x->vectors + sample[i].index * x->width,
                          x->vectors + sample[k].index * x->width, x->width);
    }
    while (out->n < EXAMPLES_MOST_COMMON) {
        size_t at = add_most(cosines, n, best, taken);
        for (size_t k = 0; k < n; k++)
            best[k] = fmaxf(best[k], cosines[at * n + k]);
        taken[at] = true;
        out->v[out->n++] = sample[at].index;
    }
    free(cosines);
    return 0;
}

static int choose_of(struct examples *x, const struct place *sample, size_t n, struct err *e) {
    if (n < LEAST)
        return 0;
    if (!array_grow((void **)&x->common, x->n_common, &x->cap_common, sizeof *x->common))
        return err_nomem(e, "examples");
    struct examples_common *c = &x->common[x->n_common++];
    *c = (struct examples_common){.repo = sample->item->x.repo};
    if (x->vectors)
        return locate(x, sample, n < SAMPLE ? n : SAMPLE, c, e);
    while (c->n < EXAMPLES_MOST_COMMON) {
        c->v[c->n] = sample[c->n].index;
        c->n++;
    }
    return 0;
}

int examples_choose_common(struct examples *x, struct err *e) {
    struct place *all = malloc((x->n + 1) * sizeof *all);
    int rc = all ? 0 : err_nomem(e, "examples");
    for (size_t i = 0; rc == 0 && i < x->n; i++)
        all[i] = (struct place){&x->v[i], i};
    if (rc == 0)
        qsort(all, x->n, sizeof *all, by_sample);
    for (size_t i = 0, end; rc == 0 && i < x->n; i = end) {
        for (end = i + 1; end < x->n && !strcmp(all[end].item->x.repo, all[i].item->x.repo);)
            end++;
        rc = choose_of(x, all + i, end - i, e);
    }
    free(all);
    return rc;
}

const struct examples_common *examples_common_of(const struct examples *x, const char *repo) {
    for (size_t i = 0; i < x->n_common; i++)
        if (!repo || strcmp(x->common[i].repo, repo) == 0)
            return repo || x->n_common == 1 ? &x->common[i] : NULL;
    return NULL;
}

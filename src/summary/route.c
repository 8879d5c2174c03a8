#include "summary/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* A copy of a summary. */
struct kept {
    struct summary s; /* its strings are owned, but for source, lang and made */
};

struct route {
    struct kept *v; /* owned; in the order of their indices once sorted */
    size_t n, cap;
    const struct provenance *made;
    bool sorted;
};

int route_new(struct route **out, struct err *e) {
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_nomem(e, "lines to choose from");
}

static void kept_free(struct kept *k) {
    free((char *)(uintptr_t)k->s.file_path);
    free((char *)(uintptr_t)k->s.symbol);
    free((char *)(uintptr_t)k->s.summary);
    free((char *)(uintptr_t)k->s.error);
}

void route_free(struct route *r) {
    for (size_t i = 0; r && i < r->n; i++)
        kept_free(&r->v[i]);
    if (r)
        free(r->v);
    free(r);
}

void route_set_made(struct route *r, const struct provenance *made) {
    r->made = made;
}

static const char *copy(const char *s, bool *failed) {
    char *c = s ? strdup(s) : NULL;
    *failed = *failed || (s && !c);
    return c;
}

static int copy_of(const struct route *r, const struct summary *s, struct kept *k, struct err *e) {
    bool failed = false;
    k->s = *s;
    k->s.file_path = copy(s->file_path, &failed);
    k->s.symbol = copy(s->symbol, &failed);
    k->s.summary = copy(s->summary, &failed);
    k->s.error = copy(s->error, &failed);
    k->s.made = r->made;
    if (!failed)
        return 0;
    kept_free(k);
    return err_nomem(e, s->file_path);
}

static bool is_the_models(const struct summary *s) {
    return strcmp(s->source, "model") == 0;
}

static int by_index(const void *a, const void *b) {
    const struct kept *x = a, *y = b;
    return x->s.index < y->s.index ? -1 : x->s.index > y->s.index;
}

/* Runs deliver in order, but for what is left at an interruption. */
static struct kept *find(struct route *r, size_t index) {
    const struct kept asked = {.s = {.index = index}};
    if (!r->sorted)
        qsort(r->v, r->n, sizeof *r->v, by_index);
    r->sorted = true;
    return r->n ? bsearch(&asked, r->v, r->n, sizeof *r->v, by_index) : NULL;
}

int route_keep(void *user, const struct summary *s, struct err *e) {
    struct route *r = user;
    struct kept new = {0};
    struct kept *old = r->n && s->index > r->v[r->n - 1].s.index ? NULL : find(r, s->index);
    bool worse =
        old && is_the_models(&old->s) && (!is_the_models(s) || s->confidence <= old->s.confidence);
    if (worse || (old && !*s->summary && *old->s.summary))
        return 0;
    if (!old && !array_grow((void **)&r->v, r->n, &r->cap, sizeof *r->v))
        return err_nomem(e, s->file_path);
    int rc = copy_of(r, s, &new, e);
    if (rc)
        return rc;
    if (old) {
        kept_free(old);
        *old = new;
    } else {
        r->sorted = r->sorted && (r->n == 0 || r->v[r->n - 1].s.index < s->index);
        r->v[r->n++] = new;
    }
    return 0;
}

static int least_sure_first(const void *a, const void *b) {
    const struct summary *const *x = a, *const *y = b;
    if ((*x)->confidence != (*y)->confidence)
        return (*x)->confidence < (*y)->confidence ? -1 : 1;
    return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

int route_choose(const struct route *r, size_t chunks, size_t most, unsigned char **only, size_t *n,
                 struct err *e) {
    const struct summary **order = calloc(r->n + 1, sizeof *order);
    size_t unsure = 0;
    *only = calloc(chunks + 1, 1);
    *n = 0;
    if (!order || !*only) {
        free(order);
        free(*only);
        *only = NULL;
        return err_nomem(e, "chunks to say again");
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct summary *s = &r->v[i].s;
        if (s->start_line > 0 && s->index < chunks && strcmp(s->source, "doc") != 0 &&
            (!is_the_models(s) || s->confidence < ROUTE_SURE))
            order[unsure++] = s;
    }
    qsort(order, unsure, sizeof *order, least_sure_first);
    for (; *n < unsure && *n < most; ++*n)
        (*only)[order[*n]->index] = 1;
    free(order);
    return 0;
}

static void count(const struct summary *s, struct run_stats *stats) {
    if (s->error) {
        stats->chunks_failed++;
        return;
    }
    stats->chunks_done++;
    stats->chunks_doc += strcmp(s->source, "doc") == 0;
    stats->chunks_rule += strcmp(s->source, "rule") == 0;
    if (is_the_models(s))
        stats->confidence_sum += s->confidence;
}

int route_deliver(struct route *r, const struct run_events *events, struct run_stats *stats,
                  struct err *e) {
    int rc = 0;
    find(r, 0); /* sorts */
    stats->chunks_done = stats->chunks_failed = stats->chunks_doc = stats->chunks_rule = 0;
    stats->confidence_sum = 0;
    for (size_t i = 0; i < r->n; i++)
        count(&r->v[i].s, stats);
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = events->on_summary(events->user, &r->v[i].s, e);
    return rc;
}

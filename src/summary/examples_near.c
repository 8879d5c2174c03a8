#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/words.h"
#include "summary/examples_pool.h"

/* Of the scores' best, as many are looked at for k that do not repeat each other. */
enum { CANDIDATES = 64, MOST_WORDS = 2048, RUN = 4 };
static const float WORDS_WEIGHT = 0.15f, OTHER_KIND = 0.1f;
static const double SAME_SENTENCE = 0.8, SAME_CODE = 0.7;

/* A set of hashes, sorted. */
struct set {
    uint64_t *v; /* [MOST_WORDS] owned */
    size_t n;
};

static int by_value(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* Runs of `run` words; a text of fewer has one, of all of them. */
static int set_make(struct set *set, const char *s, size_t run, struct err *e) {
    struct word_walk w;
    uint64_t last[RUN] = {0};
    size_t words = 0, n = 0;
    set->v = malloc(MOST_WORDS * sizeof *set->v);
    if (!set->v)
        return err_nomem(e, "words of an example");
    word_walk_start(&w, s, strlen(s));
    while (set->n < MOST_WORDS && word_walk_next(&w)) {
        last[words++ % run] = hash_bytes(w.word, w.len, 4);
        if (words < run)
            continue;
        uint64_t h = 0;
        for (size_t i = 0; i < run; i++)
            h = hash_mix(h, last[(words + i) % run]);
        set->v[set->n++] = h;
    }
    if (words > 0 && words < run)
        set->v[set->n++] = hash_bytes(last, words * sizeof *last, 5);
    qsort(set->v, set->n, sizeof *set->v, by_value);
    for (size_t i = 0; i < set->n; i++)
        if (n == 0 || set->v[n - 1] != set->v[i])
            set->v[n++] = set->v[i];
    set->n = n;
    return 0;
}

static double jaccard(const struct set *a, const struct set *b) {
    size_t i = 0, k = 0, both = 0;
    while (i < a->n && k < b->n) {
        both += a->v[i] == b->v[k];
        uint64_t x = a->v[i], y = b->v[k];
        i += x <= y;
        k += y <= x;
    }
    size_t all = a->n + b->n - both;
    return all ? (double)both / (double)all : 1;
}

/* Those that were chosen, as sets, and what is to be avoided. */
struct chosen {
    struct set sentence[EXAMPLES_MOST_NEAREST + 2], code[EXAMPLES_MOST_NEAREST + 2];
    size_t n;
};

static void chosen_drop(struct chosen *c, size_t i) {
    free(c->sentence[i].v);
    free(c->code[i].v);
    c->sentence[i] = c->code[i] = (struct set){0};
}

/* *fresh: it repeats none of the chosen, and is one of them now. */
static int choose(struct chosen *c, const struct example *x, bool *fresh, struct err *e) {
    int rc = set_make(&c->sentence[c->n], x->sentence, 1, e);
    if (rc == 0)
        rc = set_make(&c->code[c->n], x->code, RUN, e);
    *fresh = rc == 0;
    for (size_t i = 0; *fresh && i < c->n; i++)
        *fresh = jaccard(&c->sentence[i], &c->sentence[c->n]) < SAME_SENTENCE &&
                 (c->code[i].n == 0 || jaccard(&c->code[i], &c->code[c->n]) < SAME_CODE);
    if (*fresh)
        c->n++;
    else
        chosen_drop(c, c->n);
    return rc;
}

/* Whether an example may be shown for a query. */
static bool may(const struct examples *x, size_t i, const struct examples_query *q) {
    const struct example *p = &x->v[i].x;
    return (!q->repo || strcmp(p->repo, q->repo) == 0) && strcmp(p->path, q->path) != 0;
}

/* The best candidates by score, best first, ties by index. */
static size_t rank(const struct examples *x, const struct examples_query *q, const float *vector,
                   const float *words, struct examples_hit hits[CANDIDATES]) {
    size_t n = 0;
    float best = 0;
    for (size_t i = 0; i < x->n; i++)
        if (words[i] > best && may(x, i, q))
            best = words[i];
    for (size_t i = 0; i < x->n; i++) {
        if (!may(x, i, q))
            continue;
        struct examples_hit h = {.index = i, .score = best > 0 ? words[i] / best : 0};
        if (vector) {
            h.cosine = embed_dot(x->vectors + i * x->width, vector, x->width);
            h.score = h.cosine + WORDS_WEIGHT * h.score;
        }
        if ((*x->v[i].x.symbol != 0) != (q->symbol && *q->symbol))
            h.score -= OTHER_KIND;
        if (n == CANDIDATES && !(h.score > hits[n - 1].score))
            continue;
        size_t at = n < CANDIDATES ? n++ : n - 1;
        for (; at > 0 && hits[at - 1].score < h.score; at--)
            hits[at] = hits[at - 1];
        hits[at] = h;
    }
    return n;
}

static void key_of(const struct examples_query *q, struct buf *out) {
    examples_key(q->path, q->symbol ? q->symbol : "", q->code, out);
}

static int own_vector(const struct examples *x, const struct examples_query *q, float **out,
                      struct err *e) {
    *out = malloc(x->width * sizeof **out);
    if (!*out)
        return err_nomem(e, "vector of a query");
    return examples_vectors(x, q, 1, NULL, *out, e);
}

int examples_vectors(const struct examples *x, const struct examples_query *queries, size_t n,
                     const struct embed_call *call, float *out, struct err *e) {
    struct embed_text *texts = calloc(n + 1, sizeof *texts);
    size_t *ends = calloc(n + 1, sizeof *ends);
    struct buf keys = {0};
    int rc;
    if (!x->em) {
        rc = err_set(e, PRECIS_EUSAGE, "a pool without an embedder has no vectors");
        goto done;
    }
    if (!texts || !ends) {
        rc = err_nomem(e, "vectors of queries");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        key_of(&queries[i], &keys);
        ends[i] = keys.len;
    }
    if (buf_failed(&keys)) {
        rc = err_nomem(e, "vectors of queries");
        goto done;
    }
    for (size_t i = 0, at = 0; i < n; at = ends[i++])
        texts[i] = (struct embed_text){keys.data + at, ends[i] - at};
    rc = embedder_embed(x->em, texts, n, call, out, NULL, e);
done:
    buf_free(&keys);
    free(ends);
    free(texts);
    return rc;
}

/* Those of the common ones that may be shown. */
static int choose_common(const struct examples *x, const struct examples_query *q, size_t k,
                         struct chosen *chosen, struct examples_hit *hits, size_t *n,
                         struct err *e) {
    const struct examples_common *c = q->common ? examples_common_of(x, q->repo) : NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && c && i < c->n && i < q->common && *n < k; i++) {
        bool fresh = false;
        if (may(x, c->v[i], q))
            rc = choose(chosen, &x->v[c->v[i]].x, &fresh, e);
        if (fresh)
            hits[(*n)++] = (struct examples_hit){.index = c->v[i]};
    }
    return rc;
}

int examples_nearest(const struct examples *x, const struct examples_query *q, size_t k,
                     struct examples_hit *hits, size_t *n, struct err *e) {
    struct examples_hit candidates[CANDIDATES];
    struct bm25_field fields[2];
    struct chosen chosen = {.n = 0};
    struct examples_hit common[EXAMPLES_MOST_COMMON];
    size_t n_common = 0;
    float *own = NULL, *words = malloc((x->n + 1) * sizeof *words);
    int rc = 0;
    *n = 0;
    if (!words)
        return err_nomem(e, "scores of examples");
    if (k > EXAMPLES_MOST_NEAREST)
        k = EXAMPLES_MOST_NEAREST;
    if (x->n > 0 && k > 0) {
        examples_fields(q->symbol ? q->symbol : "", q->code, fields);
        rc = bm25_score(x->words, fields, 2, words, e);
        if (rc == 0 && x->em && !q->vector)
            rc = own_vector(x, q, &own, e);
        size_t found = rc ? 0 : rank(x, q, q->vector && x->em ? q->vector : own, words, candidates);
        bool fresh;
        if (rc == 0 && q->avoid)
            rc = choose(&chosen, &(struct example){.sentence = q->avoid, .code = ""}, &fresh, e);
        if (rc == 0)
            rc = choose_common(x, q, k, &chosen, common, &n_common, e);
        for (size_t i = 0; rc == 0 && i < found && *n + n_common < k; i++) {
            rc = choose(&chosen, &x->v[candidates[i].index].x, &fresh, e);
            if (fresh)
                hits[(*n)++] = candidates[i];
        }
        memcpy(hits + *n, common, n_common * sizeof *common);
        *n += n_common;
    }
    for (size_t i = 0; i < chosen.n; i++)
        chosen_drop(&chosen, i);
    free(own);
    free(words);
    return rc;
}

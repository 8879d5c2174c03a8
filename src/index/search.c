#include "index/search.h"

#include <stdlib.h>
#include <string.h>

#include "index/filter.h"
#include "index/nearest.h"
#include "index/query.h"

enum { DEEP_WORDS = 1000, DEEP_VECTORS = 200 };

static const struct store_weights WEIGHTS = {.symbol = 8, .path = 2, .summary = 2, .body = 1};
static const double HALF = 20; /* BM25 that counts half */

struct index_search {
    struct store *s;
    struct embedder *em; /* NULL: words alone */
    struct store_index index;
    struct nearest *vectors;
    float *query; /* [width] */
};

static int check_encoder(const struct index_search *x, struct err *e) {
    char revision[HASH_HEX_SIZE];
    int rc = embedder_revision(x->em, revision, e);
    if (rc == 0 && strcmp(revision, x->index.revision) != 0)
        rc = err_set(
            e, PRECIS_EUSAGE, "%s: was indexed with another encoder or arithmetic (%s) than %s",
            store_path(x->s), *x->index.name ? x->index.name : "none", embedder_info(x->em)->name);
    return rc;
}

int index_search_open(struct store *s, struct embedder *em, struct index_search **out,
                      struct err *e) {
    *out = NULL;
    struct index_search *x = calloc(1, sizeof *x);
    if (!x)
        return err_nomem(e, "search");
    *x = (struct index_search){.s = s, .em = em};
    int rc = store_index(s, &x->index, e);
    if (rc == 0 && em)
        rc = check_encoder(x, e);
    if (rc == 0 && em && !(x->query = malloc(x->index.width * sizeof *x->query)))
        rc = err_nomem(e, "vector of a query");
    if (rc == 0 && em)
        rc = nearest_open(s, &x->index, &x->vectors, e);
    if (rc)
        index_search_close(x);
    else
        *out = x;
    return rc;
}

void index_search_close(struct index_search *x) {
    if (!x)
        return;
    nearest_close(x->vectors);
    free(x->query);
    free(x);
}

/* ---- Candidates ---- */

struct candidates {
    struct index_hit v[DEEP_WORDS + DEEP_VECTORS];
    size_t n;
    struct store_hit hits[DEEP_WORDS];
    int64_t ids[DEEP_WORDS];
    int64_t *allowed; /* owned; NULL: all are */
    size_t n_allowed;
};

static int by_entry(const void *a, const void *b) {
    const struct index_hit *x = a, *y = b;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static int by_score(const void *a, const void *b) {
    const struct index_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return by_entry(a, b);
}

static int find_by_words(struct index_search *x, struct candidates *c, const char *expression,
                         struct err *e) {
    size_t n;
    int rc = store_match(x->s, expression, &WEIGHTS, c->allowed, c->n_allowed, c->hits, DEEP_WORDS,
                         &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        c->v[c->n++] = (struct index_hit){.entry = c->hits[i].entry, .bm25 = c->hits[i].score};
    qsort(c->v, c->n, sizeof *c->v, by_entry);
    return rc;
}

static int embed(struct index_search *x, const char *text, struct err *e) {
    const struct embed_text t = {text, strlen(text)};
    const struct embed_call call = {0};
    return embedder_embed(x->em, &t, 1, &call, x->query, NULL, e);
}

/* Gives those that came by words their cosines too; both lists ascend. */
static int find_by_vector(struct index_search *x, struct candidates *c, struct err *e) {
    size_t by_words = c->n, n;
    int rc =
        nearest_find(x->vectors, x->query, c->allowed, c->n_allowed, c->hits, DEEP_VECTORS, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct index_hit asked = {.entry = c->hits[i].entry};
        if (!bsearch(&asked, c->v, by_words, sizeof *c->v, by_entry))
            c->v[c->n++] =
                (struct index_hit){.entry = c->hits[i].entry, .cosine = c->hits[i].score};
    }
    for (size_t i = 0; i < by_words; i++)
        c->ids[i] = c->v[i].entry;
    if (rc == 0 && by_words)
        rc = nearest_find(x->vectors, x->query, c->ids, by_words, c->hits, by_words, &n, e);
    for (size_t i = 0; rc == 0 && by_words && i < n; i++) {
        const struct index_hit asked = {.entry = c->hits[i].entry};
        struct index_hit *h = bsearch(&asked, c->v, by_words, sizeof *c->v, by_entry);
        if (h)
            h->cosine = c->hits[i].score;
    }
    return rc;
}

static double score(const struct index_hit *h, enum index_mode mode) {
    double words = h->bm25 > 0 ? h->bm25 / (h->bm25 + HALF) : 0;
    double meaning = h->cosine > 0 ? h->cosine : 0;
    return mode == INDEX_BM25 ? words : mode == INDEX_VECTOR ? meaning : (words + meaning) / 2;
}

static int gather(struct index_search *x, const struct index_query *q, const char *expression,
                  struct candidates *c, struct err *e) {
    enum index_mode mode = x->em ? q->mode : INDEX_BM25;
    int rc =
        q->language || q->below || q->path
            ? filter_entries(x->s, q->language, q->below, q->path, &c->allowed, &c->n_allowed, e)
            : 0;
    if (rc == 0 && mode != INDEX_VECTOR && *expression)
        rc = find_by_words(x, c, expression, e);
    if (rc == 0 && mode != INDEX_BM25)
        rc = embed(x, q->text, e);
    if (rc == 0 && mode != INDEX_BM25)
        rc = find_by_vector(x, c, e);
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        c->v[i].score = score(&c->v[i], mode);
    if (rc == 0)
        qsort(c->v, c->n, sizeof *c->v, by_score);
    return rc;
}

/* ---- What is given out ---- */

static bool copy(char **to, const char *s) {
    *to = s ? strdup(s) : NULL;
    return !s || *to;
}

static int take(void *user, const struct store_found *f, struct err *e) {
    struct index_hit *h = user;
    const char *end = f->summary ? strchrnul(f->summary, '\n') : NULL;
    h->start_line = f->e.start_line;
    h->end_line = f->e.end_line;
    if (!copy(&h->path, f->path) || !copy(&h->kind, f->e.kind) ||
        !copy(&h->language, f->language) || !copy(&h->symbol, f->e.symbol) ||
        !copy(&h->body, f->e.body) ||
        (end && !(h->summary = strndup(f->summary, (size_t)(end - f->summary)))))
        return err_nomem(e, "hit");
    return 0;
}

static int mark(struct index_search *x, struct index_hit *h, const char *expression,
                struct err *e) {
    struct buf marked = {0};
    int rc = *expression ? store_marked(x->s, h->entry, expression, &marked, e) : 0;
    if (rc == 0 && marked.len) {
        free(h->body);
        h->body = marked.data;
        return 0;
    }
    buf_free(&marked);
    return rc;
}

/* An entry that left since it was found is none. */
static int fill(struct index_search *x, const struct index_query *q, const char *expression,
                const struct candidates *c, struct index_hits *out, struct err *e) {
    size_t most = q->k < c->n ? q->k : c->n;
    int rc = 0;
    out->v = calloc(most ? most : 1, sizeof *out->v);
    if (!out->v)
        return err_nomem(e, "hits");
    for (size_t i = 0; rc == 0 && i < c->n && out->n < most; i++) {
        if (c->v[i].score < q->threshold || c->v[i].score <= 0)
            break;
        struct index_hit *h = &out->v[out->n];
        *h = c->v[i];
        rc = store_entry(x->s, h->entry, take, h, e);
        if (rc == PRECIS_ENOTFOUND) {
            rc = 0;
            continue;
        }
        out->n++;
        if (rc == 0)
            rc = mark(x, h, expression, e);
    }
    return rc;
}

int index_find(struct index_search *x, const struct index_query *q, struct index_hits *out,
               struct err *e) {
    struct buf expression = {0};
    *out = (struct index_hits){0};
    if (q->mode == INDEX_VECTOR && !x->em)
        return err_set(e, PRECIS_EUSAGE, "%s: has no vectors to search by", store_path(x->s));
    struct candidates *c = calloc(1, sizeof *c);
    int rc = c ? query_expression(q->text, &expression, e) : err_nomem(e, "search");
    if (rc == 0 && !*expression.data && !x->em)
        rc = err_set(e, PRECIS_EUSAGE, "\"%s\": has no words to look for", q->text);
    if (rc == 0)
        rc = gather(x, q, expression.data, c, e);
    if (rc == 0)
        rc = fill(x, q, expression.data, c, out, e);
    if (c)
        free(c->allowed);
    free(c);
    buf_free(&expression);
    if (rc)
        index_hits_free(out);
    return rc;
}

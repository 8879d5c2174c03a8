#include "index/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "search/vectors.h"

struct nearest {
    struct vectors *matrix;          /* NULL: the overlay has all */
    struct vectors_overlay *overlay; /* NULL: the matrix has all */
};

static int generation_of(const struct store_index *i, uint8_t out[VECTORS_GENERATION_SIZE],
                         struct err *e) {
    struct buf b = {0};
    buf_printf(&b, "vectors-1 %lld %s ", (long long)i->changes, i->revision);
    buf_append(&b, i->nonce, sizeof i->nonce);
    int rc = buf_failed(&b) ? err_nomem(e, "vectors") : hash_sha256(b.data, b.len, out, e);
    buf_free(&b);
    return rc;
}

/* The caller's; NULL: out of memory. */
static char *side_file(const struct store *s, const char *end) {
    struct buf b = {0};
    buf_printf(&b, "%s.%s", store_path(s), end);
    if (buf_failed(&b))
        buf_free(&b);
    return b.data;
}

static int add(void *user, int64_t entry, const float *v, struct err *e) {
    return vectors_writer_add(user, entry, v, e);
}

static int write_matrix(struct store *s, const struct store_index *i, const char *path,
                        const uint8_t *generation, struct err *e) {
    struct vectors_writer *w = NULL;
    int rc = vectors_writer_new(path, (size_t)i->width, generation, &w, e);
    if (rc == 0)
        rc = store_each_vector(s, i->embedder, (size_t)i->width, add, w, e);
    if (rc == 0)
        return vectors_writer_commit(w, e);
    vectors_writer_free(w);
    return rc;
}

static bool is_stopped(void *user) {
    const atomic_bool *stop = user;
    return stop && atomic_load(stop);
}

/* The graph of a matrix that is large enough. */
static int write_graph(struct store *s, const char *matrix, const uint8_t *generation,
                       const atomic_bool *stop, struct err *e) {
    struct vectors *m = NULL;
    char *path = side_file(s, "graph");
    int rc = path ? vectors_open(matrix, generation, 0, &m, e) : err_nomem(e, "graph");
    if (rc == 0 && vectors_count(m) >= VECTORS_GRAPH_ROWS && vectors_graph_supported())
        rc = vectors_graph_write(m, path, 0, is_stopped, (void *)(uintptr_t)stop, e);
    vectors_close(m);
    free(path);
    return rc;
}

static int write_locked(struct store *s, const char *path, bool *written,
                        uint8_t generation[VECTORS_GENERATION_SIZE], struct err *e) {
    struct store_index index;
    struct vectors *m = NULL;
    struct err why;
    *written = false;
    int rc = store_index(s, &index, e);
    if (rc == PRECIS_ENOTFOUND || (rc == 0 && !index.embedder))
        return 0;
    if (rc == 0)
        rc = generation_of(&index, generation, e);
    if (rc == 0 && vectors_open(path, generation, 0, &m, &why) != 0) {
        rc = write_matrix(s, &index, path, generation, e);
        *written = rc == 0;
    }
    vectors_close(m);
    return rc;
}

int nearest_write(struct store *s, const atomic_bool *stop, struct err *e) {
    uint8_t generation[VECTORS_GENERATION_SIZE];
    bool written = false;
    char *path = side_file(s, "vectors");
    int rc = path ? store_begin(s, e) : err_nomem(e, "vectors");
    if (rc == 0) {
        rc = write_locked(s, path, &written, generation, e);
        store_abandon(s); /* nothing was written to it */
    }
    if (rc == 0 && written)
        rc = write_graph(s, path, generation, stop, e);
    free(path);
    return rc;
}

static int put(void *user, int64_t entry, const float *v, struct err *e) {
    return vectors_overlay_put(user, entry, v, e);
}

static int open_matrix(struct store *s, const struct store_index *index, struct nearest *x,
                       struct err *e) {
    uint8_t generation[VECTORS_GENERATION_SIZE];
    char *path = side_file(s, "vectors"), *graph = side_file(s, "graph");
    int rc = path && graph ? generation_of(index, generation, e) : err_nomem(e, "vectors");
    if (rc == 0)
        rc = vectors_open(path, generation, 0, &x->matrix, e);
    if (rc == 0 && vectors_count(x->matrix) >= VECTORS_GRAPH_ROWS) {
        struct err why = {0};
        if (vectors_graph_open(x->matrix, graph, &why) != 0)
            log_say(LOG_INFO, "%s: all vectors are compared", why.text);
    }
    free(path);
    free(graph);
    return rc;
}

int nearest_open(struct store *s, const struct store_index *index, struct nearest **out,
                 struct err *e) {
    struct err why = {0};
    *out = NULL;
    struct nearest *x = calloc(1, sizeof *x);
    if (!x)
        return err_nomem(e, "vectors");
    int rc = index->embedder ? open_matrix(s, index, x, &why) : 0;
    if (rc == PRECIS_ENOMEM) {
        err_nomem(e, "vectors");
    } else if (rc) {
        log_say(LOG_INFO, "%s: vectors are read from the database", why.text);
        rc = vectors_overlay_new(NULL, (size_t)index->width, &x->overlay, e);
        if (rc == 0)
            rc = store_each_vector(s, index->embedder, (size_t)index->width, put, x->overlay, e);
    }
    if (rc)
        nearest_close(x);
    else
        *out = x;
    return rc;
}

void nearest_close(struct nearest *x) {
    if (!x)
        return;
    vectors_overlay_free(x->overlay);
    vectors_close(x->matrix);
    free(x);
}

int nearest_find(const struct nearest *x, const float *v, const int64_t *allowed, size_t n_allowed,
                 struct store_hit *hits, size_t most, size_t *n, struct err *e) {
    *n = 0;
    if (most == 0 || (!x->matrix && !x->overlay))
        return 0;
    struct vectors_hit *found = malloc(most * sizeof *found);
    if (!found)
        return err_nomem(e, "neighbours");
    const struct vectors_query q = {.v = v, .k = most, .only = allowed, .n_only = n_allowed};
    int rc = vectors_search(x->matrix, x->overlay, &q, found, n, e);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        hits[i] = (struct store_hit){found[i].id, (double)found[i].score};
    free(found);
    return rc;
}

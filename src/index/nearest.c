#include "index/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "search/vectors.h"

/* A stale entry takes 7 us of every search: Tokio's 9,643, made stale by "INSERT OR IGNORE INTO
 * stale SELECT id FROM entries", made precis search take 0.21 s of processor time and not 0.14 s,
 * on a Zen 4 that other work shared. So a file is written anew for 7 ms, and for what takes a few
 * tenths of a second where writing takes seconds and a graph minutes (1,000,000 rows). */
enum { LEAST_STALE = 1000, STALE_PART = 32 };

struct nearest {
    struct vectors *matrix;          /* NULL: the overlay has all */
    struct vectors_overlay *overlay; /* NULL: the matrix has all */
};

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
                        uint8_t generation[VECTORS_GENERATION_SIZE], struct err *e) {
    struct vectors_writer *w = NULL;
    int rc = store_new_side_file(s, i->embedder, generation, e);
    if (rc == 0)
        rc = vectors_writer_new(path, (size_t)i->width, generation, &w, e);
    if (rc == 0)
        rc = store_each_vector(s, i->embedder, (size_t)i->width, add, w, e);
    if (rc == 0)
        return vectors_writer_commit(w, e);
    vectors_writer_free(w);
    return rc;
}

static int map(const struct store_index *i, const char *path, const uint8_t *generation,
               struct vectors **m, struct err *e) {
    int rc = vectors_open(path, generation, 0, m, e);
    if (rc == 0 && vectors_width(*m) != i->width) {
        vectors_close(*m);
        *m = NULL;
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: has vectors of another width", path);
    }
    return rc;
}

static bool is_far(size_t stale, size_t rows) {
    return stale > LEAST_STALE && stale > rows / STALE_PART;
}

/* Within a transaction. *m: the matrix, where it is good as it is. */
static int write_stale(struct store *s, const struct store_index *i, const char *path,
                       struct vectors **m, bool *written,
                       uint8_t generation[VECTORS_GENERATION_SIZE], struct err *e) {
    size_t stale;
    struct err why = {0};
    int rc = store_side_file(s, i->embedder, generation, &stale, &why);
    if (rc == 0)
        rc = map(i, path, generation, m, &why);
    if (rc == 0 && !is_far(stale, vectors_count(*m)))
        return 0;
    if (rc == PRECIS_ENOMEM)
        return err_nomem(e, "vectors");
    vectors_close(*m);
    *m = NULL;
    rc = write_matrix(s, i, path, generation, e);
    *written = rc == 0;
    return rc;
}

/* Likewise; afterwards the matrix is open, where the index has vectors. */
static int write_locked(struct store *s, const char *path, struct vectors **m, struct err *e) {
    struct store_index index;
    uint8_t generation[VECTORS_GENERATION_SIZE];
    bool written = false;
    int rc = store_index(s, &index, e);
    if (rc == PRECIS_ENOTFOUND || (rc == 0 && !index.embedder))
        return 0;
    if (rc == 0)
        rc = write_stale(s, &index, path, m, &written, generation, e);
    if (rc || !written)
        return rc;
    rc = store_commit(s, e);
    return rc ? rc : map(&index, path, generation, m, e);
}

static bool is_stopped(void *user) {
    const atomic_bool *stop = user;
    return stop && atomic_load(stop);
}

/* The graph of a matrix that is large enough, unless it has it. */
static int write_graph(struct store *s, struct vectors *m, const atomic_bool *stop, struct err *e) {
    struct err why = {0};
    if (vectors_count(m) < VECTORS_GRAPH_ROWS || !vectors_graph_supported())
        return 0;
    char *path = side_file(s, "graph");
    int rc = path ? vectors_graph_open(m, path, &why) : PRECIS_ENOMEM;
    if (rc == PRECIS_ENOMEM)
        rc = err_nomem(e, "graph");
    else if (rc)
        rc = vectors_graph_write(m, path, 0, is_stopped, (void *)(uintptr_t)stop, e);
    free(path);
    return rc;
}

int nearest_write(struct store *s, const atomic_bool *stop, struct err *e) {
    struct vectors *m = NULL;
    char *path = side_file(s, "vectors");
    int rc = path ? store_begin(s, e) : err_nomem(e, "vectors");
    if (rc == 0) {
        rc = write_locked(s, path, &m, e);
        store_abandon(s); /* what is to stay is committed */
    }
    if (rc == 0 && m)
        rc = write_graph(s, m, stop, e);
    vectors_close(m);
    free(path);
    return rc;
}

static int put(void *user, int64_t entry, const float *v, struct err *e) {
    return v ? vectors_overlay_put(user, entry, v, e) : vectors_overlay_remove(user, entry, e);
}

static void close_files(struct nearest *x) {
    vectors_overlay_free(x->overlay);
    vectors_close(x->matrix);
    *x = (struct nearest){0};
}

/* As of one moment, so that what is stale belongs to the generation of the file. */
static int open_snapshot(struct store *s, const struct store_index *i, const char *path,
                         struct nearest *x, struct err *e) {
    uint8_t generation[VECTORS_GENERATION_SIZE];
    size_t stale = 0;
    int rc = store_read_begin(s, e);
    if (rc)
        return rc;
    rc = store_side_file(s, i->embedder, generation, &stale, e);
    if (rc == 0)
        rc = map(i, path, generation, &x->matrix, e);
    if (rc == 0 && stale)
        rc = vectors_overlay_new(x->matrix, 0, &x->overlay, e);
    if (rc == 0 && stale)
        rc = store_each_stale(s, i->embedder, (size_t)i->width, put, x->overlay, e);
    store_read_end(s);
    if (rc)
        close_files(x);
    return rc;
}

/* Another process may write the file anew after the moment; then it is of a later one. */
static int open_matrix(struct store *s, const struct store_index *i, const char *path,
                       struct nearest *x, struct err *e) {
    int rc = open_snapshot(s, i, path, x, e);
    return rc == PRECIS_ENOTFOUND ? open_snapshot(s, i, path, x, e) : rc;
}

static int open_side_file(struct store *s, const struct store_index *i, struct nearest *x,
                          struct err *e) {
    char *path = side_file(s, "vectors"), *graph = side_file(s, "graph");
    int rc = path && graph ? open_matrix(s, i, path, x, e) : err_nomem(e, "vectors");
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
    int rc = index->embedder ? open_side_file(s, index, x, &why) : 0;
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
    close_files(x);
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

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "search/hnsw.h"
#include "search/vectors_impl.h"

enum {
    BUILD_WIDTH = 96, /* candidates for a node's links */
    NODES = 64        /* that a thread adds at a time */
};

struct writing {
    const struct vectors *m;
    const char *path;
    struct hnsw *graph;
    bool (*stop)(void *user);
    void *user;
    uint32_t first, step; /* nodes are added in the order first, first + step, ... */
    struct outfile out;
    struct vectors_graph_header header;
    uint8_t *piece; /* [VECTORS_PIECE] */
    size_t n_piece; /* bytes in it */
    uint64_t *sums; /* [n_sums] */
    size_t n_sums;
    uint32_t *place;     /* [count]: of rows, in the level that is written */
    uint32_t *above;     /* [n] rows of it, ascending; NULL: level 0 */
    uint32_t *last_down; /* [n] */
};

/* A node's data are the high bytes of a row and its scale. */
static float distance(const void *user, const void *a, const void *b) {
    const struct vectors *m = user;
    float x, y;
    memcpy(&x, (const uint8_t *)a + m->stride, sizeof x);
    memcpy(&y, (const uint8_t *)b + m->stride, sizeof y);
    return 1.0f - (float)m->kernel->dot(a, b, m->stride) * (x * y * 65536.0f);
}

/* One node in VECTORS_LINKS of a level is in the next one too: by the row's number alone. */
static int level_of(uint32_t row) {
    uint64_t h = hash_mix(row, 0x76656374);
    int level = 0;
    for (; level < VECTORS_LEVELS - 1 && h % VECTORS_LINKS == 0; h /= VECTORS_LINKS)
        level++;
    return level;
}

static uint32_t divisor(uint32_t a, uint32_t b) {
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Rows of one file are alike, and nodes that are added at the same time do not see each other, so
 * neighbours in the order of adding are far apart. */
static uint32_t choose_step(uint32_t n) {
    uint32_t step = (uint32_t)((double)n * 0.6180339887) | 1;
    while (divisor(step, n) != 1)
        step++;
    return step;
}

static uint32_t nth(const struct writing *w, size_t i) {
    return (uint32_t)((w->first + (uint64_t)i * w->step) % w->m->count);
}

/* data: [stride + sizeof(float)] */
static int add_node(const struct writing *w, size_t i, uint8_t *data) {
    uint32_t row = nth(w, i);
    memcpy(data, vectors_high(w->m, row), w->m->stride);
    memcpy(data + w->m->stride, vectors_scale(w->m, row), sizeof(float));
    return hnsw_add(w->graph, row, data, level_of(row));
}

static int graph_failed(const struct writing *w, int rc, struct err *e) {
    if (rc == PRECIS_EUNSUPPORTED)
        return err_set(e, rc, "%s: this precis was built without hnswlib, which makes graphs",
                       w->path);
    return err_nomem(e, w->path);
}

static int add_nodes(void *user, struct pool_items *items, struct err *e) {
    _Alignas(VECTORS_ALIGN) uint8_t data[VECTORS_MOST_WIDTH + sizeof(float)];
    const struct writing *w = user;
    int rc = 0;
    for (int i; rc == 0 && (i = pool_next(items)) >= 0;) {
        size_t from = (size_t)i * NODES + 1, to = from + NODES;
        if (w->stop && w->stop(w->user))
            return err_set(e, PRECIS_ECANCELLED, "%s: cancelled", w->path);
        for (; rc == 0 && from < to && from < w->m->count; from++)
            rc = add_node(w, from, data);
    }
    return rc ? graph_failed(w, rc, e) : 0;
}

/* The first node is alone, for all others begin at it; and of the highest level, so that no other
 * raises it: hnswlib then would lock nodes with the whole graph locked. */
static int build(struct writing *w, int threads, struct err *e) {
    _Alignas(VECTORS_ALIGN) uint8_t data[VECTORS_MOST_WIDTH + sizeof(float)];
    size_t n = w->m->count;
    w->step = choose_step((uint32_t)n);
    for (uint32_t row = 1; row < n; row++)
        w->first = level_of(row) > level_of(w->first) ? row : w->first;
    int rc = hnsw_new(n, w->m->stride + sizeof(float), VECTORS_LINKS, BUILD_WIDTH, distance, w->m,
                      &w->graph);
    if (rc == 0)
        rc = add_node(w, 0, data);
    if (rc)
        return graph_failed(w, rc, e);
    return n > 1 ? pool_run(threads, (int)((n - 1 + NODES - 1) / NODES), add_nodes, w, e) : 0;
}

static int flush_piece(struct writing *w, struct err *e) {
    if (w->n_piece == 0)
        return 0;
    w->sums[w->n_sums] = hash_bulk(w->piece, w->n_piece, w->n_sums);
    w->n_sums++;
    if (fwrite(w->piece, 1, w->n_piece, w->out.f) != w->n_piece)
        return err_errno(e, w->path, "write");
    w->n_piece = 0;
    return 0;
}

/* The piece is a multiple of 4 bytes long, as everything here is. */
static int put(struct writing *w, const uint32_t *v, size_t n, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        memcpy(w->piece + w->n_piece, v + i, sizeof *v);
        w->n_piece += sizeof *v;
        if (w->n_piece == VECTORS_PIECE)
            rc = flush_piece(w, e);
    }
    return rc;
}

static int put_array(struct writing *w, const uint32_t *v, size_t n, struct err *e) {
    static const uint32_t zeros[VECTORS_ALIGN / sizeof(uint32_t)];
    size_t size = n * sizeof *v;
    int rc = put(w, v, n, e);
    return rc ? rc : put(w, zeros, (vectors_round(size) - size) / sizeof *v, e);
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sorted, so that the bytes do not depend on the order in which hnswlib has them. */
static int put_links(struct writing *w, uint32_t row, int level, struct err *e) {
    uint32_t links[VECTORS_LINKS0];
    size_t most = level ? VECTORS_LINKS : VECTORS_LINKS0;
    size_t n = hnsw_links(w->graph, row, level, links);
    for (size_t i = 0; i < n; i++)
        links[i] = level ? w->place[links[i]] : links[i];
    qsort(links, n, sizeof *links, compare);
    for (size_t i = n; i < most; i++)
        links[i] = VECTORS_NO_LINK;
    return put(w, links, most, e);
}

/* place has the places in the level below, and has those in this one afterwards. */
static int put_level(struct writing *w, int level, struct err *e) {
    size_t n = 0;
    int rc = 0;
    for (uint32_t row = 0; row < w->m->count; row++)
        if (level_of(row) >= level) {
            w->above[n] = row;
            w->last_down[n++] = level == 1 ? row : w->place[row];
        }
    for (size_t i = 0; i < n; i++)
        w->place[w->above[i]] = (uint32_t)i;
    rc = put_array(w, w->above, n, e);
    if (rc == 0)
        rc = put_array(w, w->last_down, n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_links(w, w->above[i], level, e);
    return rc;
}

/* How many nodes are in each level. */
static void count_levels(struct writing *w) {
    for (uint32_t row = 0; row < w->m->count; row++)
        for (int level = level_of(row); level >= 0; level--)
            w->header.n[level]++;
    while (w->header.levels < VECTORS_LEVELS && w->header.n[w->header.levels])
        w->header.levels++;
}

static int make_room(struct writing *w, struct err *e) {
    size_t size = 0, above = w->header.levels > 1 ? w->header.n[1] : 1;
    for (size_t i = 0; i < w->header.levels; i++)
        size += vectors_level_bytes(i, w->header.n[i]);
    w->piece = malloc(VECTORS_PIECE);
    w->sums = calloc(size / VECTORS_PIECE + 1, sizeof *w->sums);
    w->place = calloc(w->m->count, sizeof *w->place);
    w->above = calloc(above, sizeof *w->above);
    w->last_down = calloc(above, sizeof *w->last_down);
    if (!w->piece || !w->sums || !w->place || !w->above || !w->last_down)
        return err_nomem(e, w->path);
    return 0;
}

static int write_head(struct writing *w, struct err *e) {
    _Alignas(struct vectors_graph_header) uint8_t page[VECTORS_PAGE] = {0};
    size_t at = offsetof(struct vectors_graph_header, sum);
    if (fwrite(w->sums, sizeof *w->sums, w->n_sums, w->out.f) != w->n_sums)
        return err_errno(e, w->path, "write");
    off_t size = ftello(w->out.f);
    if (size < 0 || fseeko(w->out.f, 0, SEEK_SET) != 0)
        return err_errno(e, w->path, "write");
    w->header.file_size = (uint64_t)size;
    memcpy(page, &w->header, sizeof w->header);
    w->header.sum = vectors_sum_head(page, at, w->sums, w->n_sums);
    memcpy(page, &w->header, sizeof w->header);
    if (fwrite(page, 1, sizeof page, w->out.f) != sizeof page)
        return err_errno(e, w->path, "write");
    return 0;
}

static int write_graph(struct writing *w, struct err *e) {
    static const uint8_t page[VECTORS_PAGE];
    w->header.order = VECTORS_ORDER;
    w->header.version = VECTORS_VERSION;
    w->header.matrix = w->m->sum;
    memcpy(w->header.magic, VECTORS_GRAPH_MAGIC, sizeof w->header.magic);
    memcpy(w->header.generation, w->m->generation, sizeof w->header.generation);
    count_levels(w);
    int rc = make_room(w, e);
    if (rc == 0)
        rc = outfile_open(&w->out, w->path, e);
    if (rc == 0 && fwrite(page, 1, sizeof page, w->out.f) != sizeof page)
        rc = err_errno(e, w->path, "write");
    for (uint32_t row = 0; rc == 0 && row < w->m->count; row++)
        rc = put_links(w, row, 0, e);
    for (int level = 1; rc == 0 && level < (int)w->header.levels; level++)
        rc = put_level(w, level, e);
    if (rc == 0)
        rc = flush_piece(w, e);
    if (rc == 0)
        rc = write_head(w, e);
    if (rc == 0)
        rc = outfile_commit(&w->out, e);
    return rc;
}

int vectors_graph_write(const struct vectors *m, const char *path, int threads,
                        bool (*stop)(void *user), void *user, struct err *e) {
    struct writing w = {.m = m, .path = path, .stop = stop, .user = user};
    if (m->count == 0 || m->count > INT32_MAX)
        return err_set(e, PRECIS_EUSAGE, "%s: no graph of %zu vectors", path, m->count);
    int rc = build(&w, threads > 0 ? threads : pool_cores(), e);
    if (rc == 0)
        rc = write_graph(&w, e);
    outfile_abort(&w.out);
    hnsw_free(w.graph);
    free(w.piece);
    free(w.sums);
    free(w.place);
    free(w.above);
    free(w.last_down);
    return rc;
}

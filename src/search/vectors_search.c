/* The exact scan, and what joins it with the graph and the overlay. A first pass multiplies the
 * high bytes of rows; only a row whose bound reaches the k-th best score so far is scored. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "search/vectors_impl.h"

enum {
    GROUP = 128, /* rows in a call of the kernel */
    /* Bytes of first pass for which a thread pays: 10 times what starting and joining one takes. */
    THREAD_BYTES = 16 << 20,
    PIECE_BLOCKS = 16, /* blocks that a thread takes at a time */
    PIECE_IDS = 16384, /* or ids */
    MOST_THREADS = 256,
    LEAST_BEAM = 128
};

/* The best hits so far: a heap with the worst on top. */
struct best {
    struct vectors_hit *hits; /* [k] */
    size_t n, k;
    float floor; /* lower scores are not among the best */
};

static bool is_worse(const struct vectors_hit *a, const struct vectors_hit *b) {
    return a->score < b->score || (!(b->score < a->score) && a->id > b->id);
}

static void sink(struct best *b, struct vectors_hit hit) {
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= b->n)
            break;
        if (child + 1 < b->n && is_worse(&b->hits[child + 1], &b->hits[child]))
            child++;
        if (!is_worse(&b->hits[child], &hit))
            break;
        b->hits[at] = b->hits[child];
        at = child;
    }
    b->hits[at] = hit;
}

static void rise(struct best *b, struct vectors_hit hit) {
    size_t at = b->n++;
    for (; at && is_worse(&hit, &b->hits[(at - 1) / 2]); at = (at - 1) / 2)
        b->hits[at] = b->hits[(at - 1) / 2];
    b->hits[at] = hit;
}

static void offer(struct best *b, float score, int64_t id) {
    struct vectors_hit hit = {id, score};
    if (b->n < b->k)
        rise(b, hit);
    else if (is_worse(&b->hits[0], &hit))
        sink(b, hit);
    if (b->n == b->k)
        b->floor = b->hits[0].score;
}

static int best_first(const void *a, const void *b) {
    const struct vectors_hit *x = a, *y = b;
    return is_worse(x, y) ? 1 : is_worse(y, x) ? -1 : 0;
}

struct search {
    const struct vectors *m;
    const struct vectors_overlay *overlay;
    const struct vectors_query *query;
    const struct nearest_kernel *kernel;
    struct vectors_fixed f;
    size_t pieces;
    struct best *parts; /* [threads] */
    atomic_int part;    /* the next thread's */
};

/* Rows at [n] of a block, whose row 0 is `first` of the matrix. */
static void scan_group(const struct search *s, const struct vectors_block *block,
                       const uint16_t *at, size_t n, size_t first, struct best *best) {
    const int8_t *rows[GROUP] = {NULL};
    int32_t dots[GROUP];
    for (size_t i = 0; i < n; i++)
        rows[i] = block->high + at[i] * s->f.q.stride;
    s->kernel->dots(rows, n, &s->f.q, dots);
    for (size_t i = 0; i < n; i++) {
        size_t r = at[i];
        if (vectors_bound(&s->f, block, r, dots[i]) < best->floor ||
            overlay_hides(s->overlay, first + r))
            continue;
        offer(best, vectors_score(&s->f, block, r), block->ids[r]);
    }
}

static void scan_block(const struct search *s, size_t block, struct best *best) {
    struct vectors_block b;
    vectors_block_of(s->m, block, &b);
    for (size_t from = 0; from < b.n; from += GROUP) {
        uint16_t at[GROUP];
        size_t n = b.n - from < GROUP ? b.n - from : GROUP;
        for (size_t i = 0; i < n; i++)
            at[i] = (uint16_t)(from + i);
        scan_group(s, &b, at, n, block * VECTORS_BLOCK, best);
    }
}

/* The first row from `row` on whose id is not below `id`: in doubling steps, for the next id of
 * `only` is mostly near. */
static size_t seek(const struct vectors *m, size_t row, int64_t id) {
    size_t low = row, step = 1;
    while (low < m->count && vectors_id(m, low) < id) {
        row = low + 1;
        low += step;
        step *= 2;
    }
    size_t high = low < m->count ? low : m->count;
    while (row < high) {
        size_t at = row + (high - row) / 2;
        if (vectors_id(m, at) < id)
            row = at + 1;
        else
            high = at;
    }
    return row;
}

/* The rows that have ids of only[from .. to). */
static void scan_ids(const struct search *s, size_t from, size_t to, struct best *best) {
    const int64_t *only = s->query->only;
    uint16_t at[GROUP];
    size_t n = 0, row, block = 0;
    struct vectors_block b;
    vectors_find(s->m, only[from], &row);
    vectors_block_of(s->m, 0, &b);
    for (; from < to && (row = seek(s->m, row, only[from])) < s->m->count; from++) {
        if (vectors_id(s->m, row) != only[from])
            continue;
        if (n == GROUP || (n && row / VECTORS_BLOCK != block)) {
            scan_group(s, &b, at, n, block * VECTORS_BLOCK, best);
            n = 0;
        }
        if (row / VECTORS_BLOCK != block) {
            block = row / VECTORS_BLOCK;
            vectors_block_of(s->m, block, &b);
        }
        at[n++] = (uint16_t)(row % VECTORS_BLOCK);
    }
    if (n)
        scan_group(s, &b, at, n, block * VECTORS_BLOCK, best);
}

static void scan_piece(const struct search *s, size_t piece, struct best *best) {
    if (s->query->only) {
        size_t from = piece * PIECE_IDS, to = from + PIECE_IDS;
        scan_ids(s, from, to < s->query->n_only ? to : s->query->n_only, best);
        return;
    }
    size_t from = piece * PIECE_BLOCKS, to = from + PIECE_BLOCKS;
    for (to = to < s->m->blocks ? to : s->m->blocks; from < to; from++)
        scan_block(s, from, best);
}

static int scan_pieces(void *user, struct pool_items *items, struct err *e) {
    struct search *s = user;
    struct best *best = &s->parts[atomic_fetch_add(&s->part, 1)];
    (void)e;
    for (int i; (i = pool_next(items)) >= 0;)
        scan_piece(s, (size_t)i, best);
    return 0;
}

static int scan_parallel(struct search *s, int threads, struct best *best, struct err *e) {
    size_t k = best->k;
    struct vectors_hit *hits = malloc((size_t)threads * k * sizeof *hits);
    s->parts = calloc((size_t)threads, sizeof *s->parts);
    int rc = hits && s->parts ? 0 : err_nomem(e, "search");
    for (int i = 0; rc == 0 && i < threads; i++)
        s->parts[i] = (struct best){.hits = hits + (size_t)i * k, .k = k, .floor = -INFINITY};
    if (rc == 0)
        rc = pool_run(threads, (int)s->pieces, scan_pieces, s, e);
    for (int i = 0; rc == 0 && i < threads; i++)
        for (size_t j = 0; j < s->parts[i].n; j++)
            offer(best, s->parts[i].hits[j].score, s->parts[i].hits[j].id);
    free(s->parts);
    free(hits);
    s->parts = NULL;
    return rc;
}

static int scan(struct search *s, struct best *best, struct err *e) {
    const struct vectors_query *q = s->query;
    size_t rows = q->only ? q->n_only : s->m->count;
    size_t each = q->only ? PIECE_IDS : (size_t)PIECE_BLOCKS * VECTORS_BLOCK;
    size_t threads = q->threads > 1 ? (size_t)q->threads : 1;
    size_t pays = rows * s->m->stride / THREAD_BYTES;
    threads = threads < pays ? threads : pays;
    s->pieces = (rows + each - 1) / each;
    if (threads > 1)
        return scan_parallel(s, threads < MOST_THREADS ? (int)threads : MOST_THREADS, best, e);
    for (size_t i = 0; i < s->pieces; i++)
        scan_piece(s, i, best);
    return 0;
}

static bool has_id(const struct vectors_query *q, int64_t id) {
    size_t low = 0, high = q->n_only;
    if (!q->only)
        return true;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (q->only[at] < id)
            low = at + 1;
        else
            high = at;
    }
    return low < q->n_only && q->only[low] == id;
}

/* Rows that were added; some may be hidden in the matrix, not here. */
static void scan_overlay(const struct search *s, struct best *best) {
    const struct vectors_overlay *o = s->overlay;
    for (size_t from = 0; from < o->n; from += GROUP) {
        const int8_t *rows[GROUP] = {NULL};
        int32_t dots[GROUP];
        size_t n = o->n - from < GROUP ? o->n - from : GROUP;
        for (size_t i = 0; i < n; i++) {
            size_t slot = o->places[from + i].slot;
            rows[i] =
                (const int8_t *)o->blocks[slot / VECTORS_BLOCK] + slot % VECTORS_BLOCK * o->stride;
        }
        s->kernel->dots(rows, n, &s->f.q, dots);
        for (size_t i = 0; i < n; i++) {
            struct vectors_block b;
            size_t slot = o->places[from + i].slot, r = slot % VECTORS_BLOCK;
            vectors_block_view(o->blocks[slot / VECTORS_BLOCK], VECTORS_BLOCK, o->stride, &b);
            if (!(vectors_bound(&s->f, &b, r, dots[i]) < best->floor) && has_id(s->query, b.ids[r]))
                offer(best, vectors_score(&s->f, &b, r), b.ids[r]);
        }
    }
}

/* By the graph. *enough: it found as many rows as are wanted. */
static int walk(const struct search *s, struct best *best, bool *enough, struct err *e) {
    size_t k = best->k, most = 2 * k > LEAST_BEAM ? 2 * k : LEAST_BEAM, n;
    uint32_t *rows = malloc(most * sizeof *rows);
    if (!rows)
        return err_nomem(e, "search");
    int rc = vectors_graph_search(s->m, &s->f, most, rows, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct vectors_block b;
        if (overlay_hides(s->overlay, rows[i]))
            continue;
        vectors_block_of(s->m, rows[i] / VECTORS_BLOCK, &b);
        offer(best, vectors_score(&s->f, &b, rows[i] % VECTORS_BLOCK),
              b.ids[rows[i] % VECTORS_BLOCK]);
    }
    *enough = best->n == k;
    free(rows);
    return rc;
}

static int check_query(const struct vectors *m, const struct vectors_overlay *overlay,
                       const struct vectors_query *q, struct err *e) {
    if (q->k == 0 || q->k > VECTORS_MOST_K)
        return err_set(e, PRECIS_EUSAGE, "%zu nearest vectors: must be 1 .. %d", q->k,
                       VECTORS_MOST_K);
    if (overlay && overlay->m != m)
        return err_set(e, PRECIS_EUSAGE, "the changed vectors belong to another matrix");
    for (size_t i = 1; q->only && i < q->n_only; i++)
        if (q->only[i] <= q->only[i - 1])
            return err_set(e, PRECIS_EUSAGE, "id %lld after %lld: they must ascend",
                           (long long)q->only[i], (long long)q->only[i - 1]);
    return 0;
}

int vectors_search(const struct vectors *m, const struct vectors_overlay *overlay,
                   const struct vectors_query *query, struct vectors_hit *hits, size_t *n,
                   struct err *e) {
    *n = 0;
    int rc = check_query(m, overlay, query, e);
    if (rc || (!m && !overlay))
        return rc;
    struct best best = {.hits = hits, .k = query->k, .floor = -INFINITY};
    struct search s = {
        .m = m, .overlay = overlay, .query = query, .kernel = m ? m->kernel : overlay->kernel};
    rc = vectors_fix_query(query->v, m ? m->width : overlay->width, &s.f, e);
    if (rc)
        return rc;
    bool done = !m || m->count == 0 || (query->only && query->n_only == 0);
    if (!done && m->graph.levels && !query->only && !query->exact)
        rc = walk(&s, &best, &done, e);
    if (rc == 0 && !done) {
        best.n = 0;
        best.floor = -INFINITY;
        rc = scan(&s, &best, e);
    }
    if (rc == 0 && overlay)
        scan_overlay(&s, &best);
    vectors_fixed_free(&s.f);
    if (rc)
        return rc;
    qsort(hits, best.n, sizeof *hits, best_first);
    *n = best.n;
    return 0;
}

/* What the files of nearest-neighbour search share. */
#ifndef PRECIS_SEARCH_VECTORS_IMPL_H
#define PRECIS_SEARCH_VECTORS_IMPL_H

#include "kernel/nearest.h"
#include "search/vectors_fixed.h"
#include "search/vectors_format.h"

/* A file that is mapped, or bytes that someone else has. */
struct vectors_bytes {
    const uint8_t *data;
    size_t size;
    bool mapped;
};

/* Maps a regular file. Errors: PRECIS_ENOTFOUND (nothing there, or no such file of ours), EIO. */
int vectors_map(const char *path, struct vectors_bytes *out, struct err *e);
void vectors_unmap(struct vectors_bytes *b); /* safe on a zeroed one */

/* One level of a graph. */
struct vectors_level {
    size_t n, degree;
    const uint32_t *rows;  /* [n]; NULL at level 0: place and row are the same */
    const uint32_t *down;  /* [n]: places in the level below; NULL at level 0 */
    const uint32_t *links; /* [n][degree] */
};

struct vectors_graph {
    struct vectors_bytes bytes;
    size_t levels; /* 0: there is no graph */
    struct vectors_level level[VECTORS_LEVELS];
};

struct vectors {
    struct vectors_bytes bytes;
    const struct nearest_kernel *kernel;
    const uint8_t *data; /* the first block */
    size_t width, stride, count, blocks;
    size_t block_bytes; /* of a whole block */
    uint64_t sum;       /* of the header */
    uint8_t generation[VECTORS_GENERATION_SIZE];
    struct vectors_graph graph;
};

static inline size_t vectors_rows_in(const struct vectors *m, size_t block) {
    size_t left = m->count - block * VECTORS_BLOCK;
    return left < VECTORS_BLOCK ? left : VECTORS_BLOCK;
}

static inline void vectors_block_of(const struct vectors *m, size_t block,
                                    struct vectors_block *out) {
    vectors_block_view(m->data + block * m->block_bytes, vectors_rows_in(m, block), m->stride, out);
}

/* The high bytes of a row. */
static inline const int8_t *vectors_high(const struct vectors *m, size_t row) {
    return (const int8_t *)m->data + row / VECTORS_BLOCK * m->block_bytes +
           row % VECTORS_BLOCK * m->stride;
}

/* Its scale. */
static inline const float *vectors_scale(const struct vectors *m, size_t row) {
    size_t block = row / VECTORS_BLOCK;
    return (const float *)(const void *)(m->data + block * m->block_bytes +
                                         2 * vectors_rows_in(m, block) * m->stride) +
           row % VECTORS_BLOCK;
}

/* Rows near the query by the graph, nearest first by their high bytes, into rows [most]; *n: how
 * many. Errors: PRECIS_ENOMEM. */
int vectors_graph_search(const struct vectors *m, const struct vectors_fixed *f, size_t most,
                         uint32_t *rows, size_t *n, struct err *e);
void vectors_graph_close(struct vectors_graph *g); /* safe on a zeroed one */

struct overlay_place {
    int64_t id;
    size_t slot;
};

struct vectors_overlay {
    const struct vectors *m; /* NULL: none */
    const struct nearest_kernel *kernel;
    size_t width, stride;
    uint8_t **blocks; /* of VECTORS_BLOCK rows; slots are places in them */
    size_t n_blocks, cap_blocks;
    size_t slots;                 /* in use or free */
    struct overlay_place *places; /* [n] ascending by id: the slots in use */
    size_t n, cap;
    size_t *spare; /* [n_spare] slots that were removed */
    size_t n_spare, cap_spare;
    uint64_t *hidden; /* bits of the matrix's rows */
    float *unit;      /* [width], scratch */
};

static inline bool overlay_hides(const struct vectors_overlay *o, size_t row) {
    return o && o->hidden && (o->hidden[row / 64] >> row % 64 & 1);
}

#endif

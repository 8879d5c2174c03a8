/* The bytes of a matrix and of a graph (vectors.h), for those that write and read them and their
 * tests. Numbers are in the order of the machine that wrote them, which `order` tells.
 *
 * A matrix:
 *     header, zeros up to VECTORS_PAGE
 *     blocks of VECTORS_BLOCK rows, the last of what is left (struct vectors_block)
 *     a checksum for each block
 *
 * A graph:
 *     header, zeros up to VECTORS_PAGE
 *     level 0: for each row of the matrix the rows that it is linked to, [count][VECTORS_LINKS0]
 *     levels 1 ..: rows [n] ascending, their places in the level below [n], links
 * [n][VECTORS_LINKS], which are places in their own level a checksum for each piece of
 * VECTORS_PIECE bytes of the levels where each of these arrays ends with zeros up to VECTORS_ALIGN,
 * and lists of links with VECTORS_NO_LINK.
 *
 * In both the header's checksum is that of everything before the first block or level and after the
 * last. So counts say where everything lies, and a file in which anything lies elsewhere is
 * damaged. */
#ifndef PRECIS_SEARCH_VECTORS_FORMAT_H
#define PRECIS_SEARCH_VECTORS_FORMAT_H

#include "search/vectors.h"

#define VECTORS_MAGIC "PRECISVM"
#define VECTORS_GRAPH_MAGIC "PRECISVG"
#define VECTORS_NO_LINK UINT32_MAX

enum {
    VECTORS_VERSION = 1,
    VECTORS_ORDER = 0x01020304,
    VECTORS_FIXED16 = 1, /* the only element type: planes of high and low bytes */
    VECTORS_ALIGN = 64,
    VECTORS_PAGE = 4096,
    VECTORS_BLOCK = 1024,
    VECTORS_LINKS = 16,
    VECTORS_LINKS0 = 2 * VECTORS_LINKS,
    VECTORS_PIECE = 4 << 20,
    VECTORS_LEVELS = 8
};

struct vectors_header {
    char magic[8];
    uint32_t order;
    uint32_t version;
    uint64_t file_size;
    uint8_t generation[VECTORS_GENERATION_SIZE];
    uint64_t count;
    uint32_t width;
    uint32_t element;
    uint64_t sum; /* computed with 0 in its place */
};

struct vectors_graph_header {
    char magic[8];
    uint32_t order;
    uint32_t version;
    uint64_t file_size;
    uint8_t generation[VECTORS_GENERATION_SIZE];
    uint64_t matrix; /* its header's sum */
    uint32_t levels; /* 1 .. VECTORS_LEVELS */
    uint32_t n[VECTORS_LEVELS];
    uint32_t zero;
    uint64_t sum; /* computed with 0 in its place */
};

static inline size_t vectors_round(size_t n) {
    return (n + VECTORS_ALIGN - 1) / VECTORS_ALIGN * VECTORS_ALIGN;
}

/* Rows in 16-bit fixed point: value = scale * (256 * high + low). */
struct vectors_block {
    int8_t *high, *low; /* [n][stride], zero past the width */
    float *scale;       /* [n] */
    float *loss;        /* [n]: the length of what the high bytes alone leave out, rounded up */
    int64_t *ids;       /* [n] */
    size_t n;
};

size_t vectors_block_bytes(size_t n, size_t stride);
/* The parts of a block that lies at `bytes`; read-only where those are. */
void vectors_block_view(const uint8_t *bytes, size_t n, size_t stride, struct vectors_block *out);

/* Bytes of level 0 (level 0), or of one above, with n nodes. */
size_t vectors_level_bytes(size_t level, size_t n);

/* The header's checksum: of page [VECTORS_PAGE] with the 8 bytes at sum_at taken as 0, and of what
 * follows the blocks or levels. */
uint64_t vectors_sum_head(const uint8_t *page, size_t sum_at, const uint64_t *sums, size_t n);

/* For tests and fuzzing: files in memory. bytes: borrowed, aligned to VECTORS_ALIGN. */
int vectors_open_memory(const char *name, const uint8_t *generation, const uint8_t *bytes,
                        size_t size, struct vectors **out, struct err *e);
int vectors_graph_open_memory(struct vectors *m, const char *name, const uint8_t *bytes,
                              size_t size, struct err *e);

#endif

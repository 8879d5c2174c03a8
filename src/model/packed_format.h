/* The bytes of a packed file (packed.h), for its reader, its writer and their tests. All numbers
 * are in the order of the machine that wrote them (`order` tells), because the sections are too.
 *
 *     header, key and its NUL, zeros up to a multiple of 8
 *     entries, in ascending order of their names
 *     a checksum for each piece of PACKED_PIECE bytes of what follows (the last may be shorter)
 *     zeros up to a multiple of PACKED_PAGE: here the data begins
 *     sections in the order of the entries, each followed by zeros up to a multiple of PACKED_ALIGN
 *
 * So key, names and sizes say where everything lies, and a file in which anything lies elsewhere is
 * damaged. */
#ifndef PRECIS_MODEL_PACKED_FORMAT_H
#define PRECIS_MODEL_PACKED_FORMAT_H

#include "model/packed.h"

#define PACKED_MAGIC "PRECISPK"

enum {
    PACKED_VERSION = 1,
    PACKED_ORDER = 0x01020304,
    PACKED_ALIGN = 64,
    PACKED_PAGE = 4096,
    PACKED_PIECE = 4 << 20,
    PACKED_MOST_KEY = 1 << 12, /* bytes, the NUL included */
    PACKED_MOST_SECTIONS = 1 << 20,
};

struct packed_header {
    char magic[8];
    uint32_t order;
    uint32_t version;
    uint64_t file_size;
    uint64_t data;     /* offset of the data */
    uint64_t key_size; /* with its NUL */
    uint64_t sections;
    uint64_t pieces;
    uint64_t sum; /* of the bytes before the data, this number taken as 0 */
};

struct packed_entry {
    char name[PACKED_NAME_SIZE]; /* NULs up to its end */
    uint64_t offset;             /* from the beginning of the file */
    uint64_t size;
};

/* Offsets of the parts before the data. */
struct packed_layout {
    size_t entries, sums, data;
};

/* key_size and sections at most the limits above, pieces at most 2^40. */
struct packed_layout packed_lay_out(size_t key_size, size_t sections, size_t pieces);
static inline size_t packed_round(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}
uint64_t packed_sum_head(const uint8_t *bytes, const struct packed_header *h);
/* One sum for each piece into sums, with up to `threads` threads. */
void packed_sum_data(const uint8_t *bytes, const struct packed_header *h, int threads,
                     uint64_t *sums);

struct packed {
    const uint8_t *bytes;
    size_t size;
    bool mapped; /* by this struct */
};

const struct packed_entry *packed_entry_of(const uint8_t *bytes, const char *name);

#endif

/* Cuts text into chunks of whole lines. */
#ifndef PRECIS_CODE_CHUNK_H
#define PRECIS_CODE_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* How a file is cut: chunk_lines; chunk_tree, where it parses. */
enum chunk_mode { CHUNK_LINES, CHUNK_STRUCTURE };

/* Lines start_line..end_line (1-based, inclusive) are bytes [offset, offset + length). */
struct chunk {
    uint64_t offset, length;
    uint64_t start_line, end_line;
};

struct chunks {
    struct chunk *v; /* owned */
    size_t n;
    uint64_t lines; /* in the whole text */
};

/* A line ends with '\n' (which belongs to it, as does a '\r' before it); bytes after the last '\n'
 * are a line too. Chunks hold `loc` lines each (the last one what is left), cover every byte once
 * and keep the order; empty text has none. loc >= 1. Errors: PRECIS_ENOMEM, PRECIS_EUSAGE for loc
 * 0; on failure *out is zeroed. */
int chunk_lines(const void *text, size_t size, uint64_t loc, struct chunks *out, struct err *e);
/* Chunk k ends with line last_line[k] (1-based); the lines ascend, and text has the last of them.
 * Errors: PRECIS_ENOMEM, PRECIS_EINPUT: text has another number of lines; then *out is zeroed. */
int chunk_at(const void *text, size_t size, const uint32_t *last_line, size_t n, struct chunks *out,
             struct err *e);
void chunks_free(struct chunks *c);

/* Number of '\n' in [text, text + size): the scan that chunk_lines is built on. */
uint64_t chunk_count_newlines(const void *text, size_t size);

#endif

/* What `precis embed` writes beside its lines: numbers, the header of a .npy file, progress. */
#ifndef PRECIS_CLI_EMBED_OUTPUT_H
#define PRECIS_CLI_EMBED_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

/* v in JSON, in up to 9 digits, which are enough to read the same f32 again; null when not finite.
 * Ten times as fast as printf. */
void embed_put_float(struct buf *b, float v);

/* Bytes of the header: rows follow it. */
enum { NPY_HEADER = 128 };

/* Writes the header of a C-ordered array [rows, width] of little-endian f32 (NumPy's format 1.0) at
 * the beginning of the file, and leaves the file positioned after it if there are no rows, else at
 * its end. name: in errors (PRECIS_EIO). */
int npy_write_header(FILE *f, const char *name, uint64_t rows, size_t width, struct err *e);

/* On a terminal: a line at its bottom, renewed some times a second. */
struct embed_progress {
    uint64_t texts, tokens; /* of the batches that are over */
    uint64_t bytes;         /* of the input so far */
    uint64_t all;           /* of the whole input; 0: unknown */
    double started, next;
    bool live;
};

void embed_progress_begin(struct embed_progress *p);
/* done: texts of the batch under way. For embed_call.on_progress. */
void embed_progress_show(void *progress, size_t done, size_t n);
void embed_progress_end(struct embed_progress *p);

/* The line; out has room for `size` bytes. */
void embed_progress_line(const struct embed_progress *p, size_t done, double seconds, char *out,
                         size_t size);

#endif

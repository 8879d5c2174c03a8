/* What the benchmarks share. */
#ifndef PRECIS_CLI_BENCH_H
#define PRECIS_CLI_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

double bench_median(double *v, size_t n); /* sorts v; n >= 1 */

/* n token ids below vocab, the same for the same seed. Errors: PRECIS_ENOMEM. */
int bench_ids(size_t n, size_t vocab, uint64_t seed, struct ids *out, struct err *e);

/* `lines` lines of made-up C, about 38 bytes each, the same every time. */
int bench_code(size_t lines, struct buf *out, struct err *e);

/* Cuts the file (path), or made-up text of `bytes` bytes when path is NULL: median seconds of
 * `rounds` rounds after one for the page cache. With a path each round opens and maps the file
 * anew. */
struct bench_chunk {
    size_t bytes, chunks;
    uint64_t lines;
    double seconds;
};
int bench_chunk(const char *path, size_t bytes, uint64_t loc, size_t rounds,
                struct bench_chunk *out, struct err *e);

#endif

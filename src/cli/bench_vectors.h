/* Made-up vectors in clusters, the same on every machine.
 *
 *   g(s, i)   = (the four 16-bit parts of z, summed, - 131070) / 65536 * sqrt(3)   about N(0, 1)
 *   z         = the i-th number (from 0) of SplitMix64 that began at hash_mix(seed, s)
 *   centre c  = g(2 c + 1, i) / sqrt(width)
 *   vector j  = centre of hash_mix(seed + 1, j) mod clusters, + spread * g(2 j, i) / sqrt(width)
 *
 * bench/search/check.py makes them again. */
#ifndef PRECIS_CLI_BENCH_VECTORS_H
#define PRECIS_CLI_BENCH_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bench_vectors {
    uint64_t seed;
    size_t width, clusters;
    double spread;
    float *centres; /* owned, [clusters, width] */
};

/* Fills in the centres. Errors: PRECIS_ENOMEM. */
int bench_vectors_init(struct bench_vectors *b, struct err *e);
void bench_vectors_free(struct bench_vectors *b);
/* out: [width], of length about sqrt(1 + spread^2). */
void bench_vector(const struct bench_vectors *b, uint64_t j, float *out);

#endif

#include "cli/bench_vectors.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"

static double gauss(struct rng *r) {
    uint64_t z = rng_next(r);
    int64_t sum = 0;
    for (int i = 0; i < 4; i++, z >>= 16)
        sum += (int64_t)(z & 0xffff);
    return (double)(sum - 131070) * (1.7320508075688772 / 65536);
}

int bench_vectors_init(struct bench_vectors *b, struct err *e) {
    double by = 1 / sqrt((double)b->width);
    b->centres = malloc(b->clusters * b->width * sizeof *b->centres);
    if (!b->centres)
        return err_nomem(e, "centres of clusters");
    for (size_t c = 0; c < b->clusters; c++) {
        struct rng r = {hash_mix(b->seed, 2 * c + 1)};
        for (size_t i = 0; i < b->width; i++)
            b->centres[c * b->width + i] = (float)(gauss(&r) * by);
    }
    return 0;
}

void bench_vectors_free(struct bench_vectors *b) {
    free(b->centres);
    b->centres = NULL;
}

void bench_vector(const struct bench_vectors *b, uint64_t j, float *out) {
    struct rng r = {hash_mix(b->seed, 2 * j)};
    const float *centre = b->centres + hash_mix(b->seed + 1, j) % b->clusters * b->width;
    double by = b->spread / sqrt((double)b->width);
    for (size_t i = 0; i < b->width; i++)
        out[i] = centre[i] + (float)(gauss(&r) * by);
}

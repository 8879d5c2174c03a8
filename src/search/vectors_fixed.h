/* Rows and queries in fixed point, and their products. */
#ifndef PRECIS_SEARCH_VECTORS_FIXED_H
#define PRECIS_SEARCH_VECTORS_FIXED_H

#include "kernel/nearest.h"
#include "search/vectors_format.h"

/* Writes v [width] with length 1 (zeros stay zeros) into row r of a block. unit: [width], scratch.
 * False: v has values that are not finite. */
bool vectors_fix_row(const float *v, size_t width, float *unit, const struct vectors_block *block,
                     size_t r);

/* A query with length 1 in 16 bits, for the first pass over the high bytes of rows, and in 31 bits,
 * for scores. */
struct vectors_fixed {
    struct nearest_query q;
    const int32_t *exact; /* [stride] */
    double exact_scale;
    float scale; /* of products with high bytes */
    float slack; /* what the query's rounding adds to a row's loss, and float arithmetic */
    void *memory;
};

/* Errors: PRECIS_EINPUT, PRECIS_ENOMEM. */
int vectors_fix_query(const float *v, size_t width, struct vectors_fixed *out, struct err *e);
void vectors_fixed_free(struct vectors_fixed *f); /* safe on a zeroed one */

/* The score of row r. */
float vectors_score(const struct vectors_fixed *f, const struct vectors_block *block, size_t r);

/* A number that the score of row r does not exceed, from the product of its high bytes. */
static inline float vectors_bound(const struct vectors_fixed *f, const struct vectors_block *block,
                                  size_t r, int32_t dot) {
    return (float)dot * (block->scale[r] * f->scale) + block->loss[r] + f->slack;
}

#endif

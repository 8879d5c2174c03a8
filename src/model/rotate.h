/* Orthogonal rotations of a decoder's spaces, which spread outliers over all elements, so that rows
 * quantise well: QuaRot (Ashkboos et al. 2024), SpinQuant (Liu et al. 2024). A rotation of n = m *
 * 2^b elements is random signs, then the Kronecker product of a random orthogonal m x m matrix and
 * the Hadamard matrix of 2^b, so it costs n * (m + b) operations. */
#ifndef PRECIS_MODEL_ROTATE_H
#define PRECIS_MODEL_ROTATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ROTATION_MOST_MIXTURE = 1024 };

struct rotation {
    size_t n, block;        /* block = 2^b */
    float *signs, *mixture; /* [n]; [m][m] */
};

/* The same for the same n and seed on every machine. mix false: no mixture, so blocks stay apart
 * (for the heads of values), and block is the largest power of two up to `most_block` that divides
 * n. Errors: PRECIS_ENOMEM; PRECIS_EUNSUPPORTED (m beyond ROTATION_MOST_MIXTURE). *r is freed by
 * rotation_free. */
int rotation_new(size_t n, size_t most_block, int mix, uint64_t seed, struct rotation *r,
                 struct err *e);
void rotation_free(struct rotation *r);

/* x[n] becomes x R, for each of `rows` rows. */
void rotation_rows(const struct rotation *r, float *x, size_t rows);
/* The same for each column of x[n][width]. */
void rotation_columns(const struct rotation *r, float *x, size_t width);

/* The largest power of two up to `most` that divides n. */
size_t rotation_block(size_t n, size_t most);

#endif

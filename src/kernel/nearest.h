/* Products of many rows of bytes with one query, for nearest-neighbour search. All sums are exact
 * integers, so that they are the same in every class of instruction sets. */
#ifndef PRECIS_KERNEL_NEAREST_H
#define PRECIS_KERNEL_NEAREST_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

/* Rows and queries are padded with zeros to a multiple of this. */
enum { NEAREST_STRIDE = 64 };

static inline size_t nearest_stride(size_t width) {
    return (width + NEAREST_STRIDE - 1) / NEAREST_STRIDE * NEAREST_STRIDE;
}

/* A query in 16 bits, and the same in two planes of bytes: wide = 256 * high + low. */
struct nearest_query {
    size_t stride;
    const int16_t *wide;
    const int8_t *high, *low;
};

/* The largest magnitude that a query's values may have: products with bytes then fit 32 bits, and
 * the values two bytes. */
static inline int32_t nearest_range(size_t stride) {
    size_t most = (size_t)INT32_MAX / 128 / stride;
    return most < 127 * 256 ? (int32_t)most : 127 * 256;
}

struct nearest_kernel {
    /* out[r] = sum of rows[r][i] * q[i]. */
    void (*dots)(const int8_t *const *rows, size_t n, const struct nearest_query *q, int32_t *out);
    /* The sum of a[i] * b[i]; stride at most 2^17. */
    int32_t (*dot)(const int8_t *a, const int8_t *b, size_t stride);
};

const struct nearest_kernel *nearest_kernel(enum isa isa);

#ifdef __x86_64__
extern const struct nearest_kernel nearest_avx2; /* nearest_avx2.c */
extern const struct nearest_kernel nearest_vnni; /* nearest_vnni.c */
#endif

#endif

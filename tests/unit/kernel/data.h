/* What the tests of the int8 kernels share. */
#ifndef PRECIS_TEST_KERNEL_DATA_H
#define PRECIS_TEST_KERNEL_DATA_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel/kernel.h"

static struct rng rng = {42};

static inline float normal(void) { /* Box and Muller 1958 */
    return (float)(sqrt(-2 * log(1 - rng_uniform(&rng))) * cos(6.283185307 * rng_uniform(&rng)));
}

/* Aligned to 64, a whole number of 64 bytes, every byte `fill`. */
static inline void *room(size_t bytes, int fill) {
    size_t whole = (bytes + 63) / 64 * 64 + 64;
    void *p = aligned_alloc(64, whole);
    assert_non_null(p);
    return memset(p, fill, whole);
}

static inline float *randoms(size_t n, float scale) {
    float *x = room(n * sizeof *x, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = normal() * scale;
    return x;
}

static inline struct rows8 rows8_room(size_t rows, size_t n) {
    size_t stride = rows8_stride(n);
    return (struct rows8){.x = room(rows * stride, 0xee),
                          .scale = room(rows * sizeof(float), 0xee),
                          .stride = stride};
}

static inline void rows8_free(struct rows8 *r) {
    free(r->x);
    free(r->scale);
}

/* Calls check with the int8 functions of every class that this CPU has. */
static inline void each_class(void (*check)(const struct kernel8 *k)) {
    enum isa best;
    struct err e = {0};
    if (isa_detect(&best, &e) != 0)
        fail_msg("%s", e.text);
    for (enum isa isa = ISA_PLAIN; isa <= best; isa++) {
        struct kernel k;
        assert_int_equal(kernel_select(isa, DTYPE_INT8, &k, &e), 0);
        print_message("%s\n", isa_name(isa));
        check(&k.int8);
    }
}

#endif

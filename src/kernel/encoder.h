/* What encoders compute beside kernel.h's products and attention. As there, a row's result depends
 * on that row alone. */
#ifndef PRECIS_KERNEL_ENCODER_H
#define PRECIS_KERNEL_ENCODER_H

#include "kernel/kernel.h"
#include "model/config.h"

/* Where rows go that a product in int8 reads. A norm with a shift and an activation let no rotation
 * pass into the matrix before them, so rows are turned when they are made: values times signs, then
 * kernel8.hadamard (QuaRot's step before down; Ashkboos et al. 2024). The product's weights are
 * turned likewise when they are packed. */
struct turned8 {
    const float *signs; /* [n] 1 or -1 */
    int n;              /* of the row and zeros up to a multiple of 16 */
    int block;          /* of the Hadamard matrix: divides n */
    float *row;         /* [n] scratch */
    struct rows8 to;
};

struct layernorm {
    float *x;         /* [rows, n]: becomes norm(x + add + bias) * gain + shift */
    const float *add; /* [rows], add_stride apart; NULL: bias is not read */
    size_t add_stride;
    const float *bias;         /* [n] */
    const float *gain, *shift; /* [n] */
    float eps;
    int rows, n;
    uint16_t *bf16;             /* [rows, n] the same result in bf16, or NULL */
    const struct turned8 *int8; /* where it goes in int8, or NULL */
};

/* y[rows, n] = f(x + bias), f being an encoder's activation. */
struct activate {
    const float *x; /* [rows], x_stride apart */
    size_t x_stride;
    const float *bias; /* [n] */
    enum activation f;
    int rows, n;
    enum dtype type; /* of y; int8: y is not read */
    void *y;         /* [rows, n] */
    const struct turned8 *int8;
};

/* y[row] = [q heads | k heads | v heads] f32 + bias -> q (scaled), and the row's slot in its block
 * of keys and values. */
struct split_heads {
    const float *y;            /* [rows, 3 heads * head_dim] */
    const float *bias;         /* [3 heads * head_dim] */
    int rows, heads, head_dim; /* bf16: an even head_dim */
    float q_scale;
    enum dtype type; /* of q, keys and values; int8: q is f32 */
    void *q;         /* [rows, heads * head_dim] */
    /* [rows]: head h's keys are at h * head_stride, its values value_offset bytes after them. */
    uint8_t *const *blocks;
    const int *slots; /* [rows] position % KV_BLOCK */
    size_t head_stride, value_offset;
};

struct encoder_kernel {
    void (*layernorm)(const struct layernorm *l); /* Ba et al. 2016 */
    /* GELU (Hendrycks and Gimpel 2016) is within 1e-6 of its value with erf. */
    void (*activate)(const struct activate *a);
    void (*split_heads)(const struct split_heads *s);
};

/* The functions of a class. Never NULL. */
const struct encoder_kernel *encoder_kernel(enum isa isa);

extern const struct encoder_kernel encoder_kernel_plain;
#ifdef __x86_64__
extern const struct encoder_kernel encoder_kernel_avx2, encoder_kernel_avx512;
#endif

#endif

/* The kernels of encoders in C that the compiler vectorises. Compiled once for each instruction
 * set, as ops.c is. */
#include <math.h>

#include "kernel/encoder.h"
#include "kernel/ops.h"
#include "kernel/vector.h"
#include "model/quant.h"

/* The n values in t->row, times their signs already, as row r of the rows in int8. */
static void keep_turned(const struct turned8 *t, size_t r, size_t n) {
    struct rows8 to = {t->to.x + r * t->to.stride, t->to.scale + r, t->to.stride};
    for (size_t i = n; i < (size_t)t->n; i++)
        t->row[i] = 0;
    KERNEL_NAME(hadamard8)(t->row, 1, t->n, t->block, &to);
}

/* Mean, then the mean square of what is left: in one pass the squares would cancel. */
static void norm_row(const struct layernorm *l, float *x) {
    float sums[SUMS] = {0}, squares[SUMS] = {0};
    int n = l->n, whole = n / SUMS * SUMS;
    for (int i = 0; i < whole; i += SUMS)
        for (int j = 0; j < SUMS; j++)
            sums[j] += x[i + j];
    for (int i = whole; i < n; i++)
        sums[i - whole] += x[i];
    float mean = add_up(sums) / (float)n;
    for (int i = 0; i < whole; i += SUMS)
        for (int j = 0; j < SUMS; j++)
            squares[j] += (x[i + j] - mean) * (x[i + j] - mean);
    for (int i = whole; i < n; i++)
        squares[i - whole] += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(add_up(squares) / (float)n + l->eps);
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - mean) * scale * l->gain[i] + l->shift[i];
}

static void layernorm(const struct layernorm *l) {
    size_t n = (size_t)l->n;
    for (size_t r = 0; r < (size_t)l->rows; r++) {
        float *x = l->x + r * n;
        for (size_t i = 0; l->add && i < n; i++)
            x[i] += l->add[r * l->add_stride + i] + l->bias[i];
        norm_row(l, x);
        for (size_t i = 0; l->bf16 && i < n; i++)
            l->bf16[r * n + i] = quant_f32_to_bf16(x[i]);
        if (l->int8) {
            for (size_t i = 0; i < n; i++)
                l->int8->row[i] = x[i] * l->int8->signs[i];
            keep_turned(l->int8, r, n);
        }
    }
}

/* x * P(Z < x) for a normal Z: Abramowitz and Stegun 7.1.26 gives erfc(z), z = |x| / sqrt(2), as a
 * polynomial in t = 1 / (1 + p z) times exp(-z^2); error below 1.5e-7. */
static inline float gelu(float x) {
    float z = fabsf(x) * 0.707106781f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float tail = 0.5f * p * t * exp2_of(z * z * -LOG2E);
    return x * (x < 0 ? tail : 1.0f - tail);
}

/* f is a constant where it is called. */
static inline float apply(enum activation f, float x) {
    if (f == ACTIVATION_RELU)
        return x < 0 ? 0.0f : x;
    return f == ACTIVATION_GELU ? gelu(x) : gelu_times(x, 1.0f);
}

static inline void activate_row(const struct activate *a, enum activation f, size_t row) {
    size_t n = (size_t)a->n, at = row * n;
    const float *x = a->x + row * a->x_stride;
    if (a->type == DTYPE_INT8) {
        float *y = a->int8->row;
        for (size_t i = 0; i < n; i++)
            y[i] = apply(f, x[i] + a->bias[i]) * a->int8->signs[i];
        keep_turned(a->int8, row, n);
    } else if (a->type == DTYPE_F32) {
        float *y = (float *)a->y + at;
        for (size_t i = 0; i < n; i++)
            y[i] = apply(f, x[i] + a->bias[i]);
    } else {
        uint16_t *y = (uint16_t *)a->y + at;
        for (size_t i = 0; i < n; i++)
            y[i] = quant_f32_to_bf16(apply(f, x[i] + a->bias[i]));
    }
}

static void activate(const struct activate *a) {
    for (size_t r = 0; r < (size_t)a->rows; r++) {
        if (a->f == ACTIVATION_GELU)
            activate_row(a, ACTIVATION_GELU, r);
        else if (a->f == ACTIVATION_GELU_TANH)
            activate_row(a, ACTIVATION_GELU_TANH, r);
        else
            activate_row(a, ACTIVATION_RELU, r);
    }
}

static void split_f32(const struct split_heads *s, const float *y, size_t row) {
    size_t dim = (size_t)s->head_dim, heads = (size_t)s->heads, width = heads * dim;
    size_t slot = (size_t)s->slots[row];
    float *q = (float *)s->q + row * width;
    for (size_t i = 0; i < width; i++)
        q[i] = (y[i] + s->bias[i]) * s->q_scale;
    for (size_t h = 0; h < heads; h++) {
        uint8_t *block = s->blocks[row] + h * s->head_stride;
        float *keys = (float *)(void *)block;
        float *values = (float *)(void *)(block + s->value_offset) + slot * dim;
        const float *k = y + width + h * dim, *bias = s->bias + width + h * dim;
        for (size_t i = 0; i < dim; i++)
            keys[i * KV_BLOCK + slot] = k[i] + bias[i];
        for (size_t i = 0; i < dim; i++)
            values[i] = k[width + i] + bias[width + i];
    }
}

static void split_bf16(const struct split_heads *s, const float *y, size_t row) {
    size_t dim = (size_t)s->head_dim, heads = (size_t)s->heads, width = heads * dim;
    size_t slot = (size_t)s->slots[row];
    uint16_t *q = (uint16_t *)s->q + row * width;
    for (size_t i = 0; i < width; i++)
        q[i] = quant_f32_to_bf16((y[i] + s->bias[i]) * s->q_scale);
    for (size_t h = 0; h < heads; h++) {
        uint8_t *block = s->blocks[row] + h * s->head_stride;
        uint16_t *keys = (uint16_t *)(void *)block + slot * 2;
        uint16_t *values = (uint16_t *)(void *)(block + s->value_offset) + slot / 2 * dim * 2;
        const float *k = y + width + h * dim, *bias = s->bias + width + h * dim;
        for (size_t i = 0; i < dim; i++)
            keys[i / 2 * KV_BLOCK * 2 + i % 2] = quant_f32_to_bf16(k[i] + bias[i]);
        for (size_t i = 0; i < dim; i++)
            values[i * 2 + slot % 2] = quant_f32_to_bf16(k[width + i] + bias[width + i]);
    }
}

static void split_int8(const struct split_heads *s, const float *y, size_t row) {
    size_t dim = (size_t)s->head_dim, heads = (size_t)s->heads, width = heads * dim;
    float *q = (float *)s->q + row * width, v[KERNEL_MAX_DIM];
    for (size_t i = 0; i < width; i++)
        q[i] = (y[i] + s->bias[i]) * s->q_scale;
    for (size_t h = 0; h < heads; h++) {
        uint8_t *block = s->blocks[row] + h * s->head_stride;
        const float *k = y + width + h * dim, *bias = s->bias + width + h * dim;
        for (size_t i = 0; i < dim; i++)
            v[i] = k[i] + bias[i];
        KERNEL_NAME(keep_key8)(v, s->head_dim, block, s->slots[row]);
        for (size_t i = 0; i < dim; i++)
            v[i] = k[width + i] + bias[width + i];
        KERNEL_NAME(keep_value8)(v, s->head_dim, block + s->value_offset, s->slots[row]);
    }
}

static void split_heads(const struct split_heads *s) {
    size_t width = 3 * (size_t)s->heads * (size_t)s->head_dim;
    for (size_t r = 0; r < (size_t)s->rows; r++) {
        const float *y = s->y + r * width;
        if (s->type == DTYPE_F32)
            split_f32(s, y, r);
        else if (s->type == DTYPE_BF16)
            split_bf16(s, y, r);
        else
            split_int8(s, y, r);
    }
}

const struct encoder_kernel KERNEL_NAME(encoder_kernel) = {layernorm, activate, split_heads};

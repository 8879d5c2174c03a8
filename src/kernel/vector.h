/* What the C kernels share. Sums run in SUMS independent chains and are added in one order, so that
 * they are vectors on every instruction set and the order of additions is the same on all. */
#ifndef PRECIS_KERNEL_VECTOR_H
#define PRECIS_KERNEL_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel/kernel.h"

enum { SUMS = 16 };

static inline float add_up(const float s[SUMS]) {
    float t[SUMS];
    memcpy(t, s, sizeof t);
    for (int half = SUMS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            t[i] += t[i + half];
    return t[0];
}

/* The largest magnitude of n values. As bits magnitudes order as their values do, with infinity and
 * NaN on top, so what is not finite is found. */
static inline float largest_of(const float *x, int n) {
    int32_t most = 0;
    for (int i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= INT32_MAX;
        most = bits > most ? bits : most;
    }
    float f;
    memcpy(&f, &most, sizeof f);
    return f;
}

/* 2^x; relative error below 2e-7; 0 below -126, 2^127 above 127. The polynomial is 2^r on [-0.5,
 * 0.5] by Taylor's coefficients ln(2)^n / n!. Not a number gives 0: it shows in the scores
 * themselves. */
static inline float exp2_of(float x) {
    float clamped = x > -126.0f ? x : -126.0f;
    clamped = clamped < 127.0f ? clamped : 127.0f;
    float n = (clamped + 12582912.0f) - 12582912.0f; /* rounds: 1.5 * 2^23 */
    float r = clamped - n;
    float p = 1.5403530e-4f;
    p = p * r + 1.3333558e-3f;
    p = p * r + 9.6181291e-3f;
    p = p * r + 5.5504109e-2f;
    p = p * r + 2.4022651e-1f;
    p = p * r + 6.9314718e-1f;
    p = p * r + 1.0f;
    union {
        int32_t i;
        float f;
    } scale = {.i = ((int32_t)n + 127) << 23};
    return x > -126.0f ? p * scale.f : 0.0f;
}

#define LOG2E 1.44269504f

static inline float silu_times(float g, float u) {
    return g / (1.0f + exp2_of(-g * LOG2E)) * u;
}

/* GELU by its tanh form (Hendrycks and Gimpel 2016): g (1 + tanh(y)) / 2 = g / (1 + exp(-2 y)). */
static inline float gelu_times(float g, float u) {
    float y = 0.797884561f * (g + 0.044715f * g * g * g);
    return g / (1.0f + exp2_of(-2.0f * LOG2E * y)) * u;
}

/* cap * tanh(x / cap), for tanh(y) = 1 - 2 / (exp(2 y) + 1). */
static inline float soft_cap(float x, float cap) {
    float e = exp2_of(x * (2.0f * LOG2E / cap));
    return x == x ? cap - 2.0f * cap / (e + 1.0f) : x;
}

/* Adds the bias and rotates the first `dims` of one head's `dim` values into out. */
static inline void rotate(const float *x, const float *bias, const float *rope, int dims, int dim,
                          float scale, float *out) {
    int half = dims / 2;
    for (int i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        if (bias) {
            a += bias[i];
            b += bias[i + half];
        }
        out[i] = (a * rope[i] - b * rope[i + half]) * scale;
        out[i + half] = (b * rope[i] + a * rope[i + half]) * scale;
    }
    for (int i = dims; i < dim; i++)
        out[i] = (bias ? x[i] + bias[i] : x[i]) * scale;
}

/* One head of q or k as attention takes it; gain NULL: it is not normed. */
static inline void prepare_head(const struct split_qkv *s, const float *x, const float *bias,
                                const float *gain, const float *rope, float scale, float *out) {
    if (!gain) {
        rotate(x, bias, rope, s->rope_dims, s->head_dim, scale, out);
        return;
    }
    float v[KERNEL_MAX_DIM] = {0}, sums[SUMS] = {0};
    for (int i = 0; i < s->norm_dims; i++) {
        v[i] = bias ? x[i] + bias[i] : x[i];
        sums[i % SUMS] += v[i] * v[i];
    }
    float norm = 1.0f / sqrtf(add_up(sums) / (float)s->norm_dims + s->norm_eps);
    for (int i = 0; i < s->norm_dims; i++)
        v[i] *= norm * gain[i];
    rotate(v, NULL, rope, s->rope_dims, s->head_dim, scale, out);
}

#endif

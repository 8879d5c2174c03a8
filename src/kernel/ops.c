/* The kernels in C that the compiler vectorises. This file is compiled once for each instruction
 * set, with KERNEL_NAME(x) naming that set's versions. */
#include "kernel/ops.h"

#include <math.h>
#include <string.h>

#include "kernel/vector.h"
#include "model/quant.h"

static void rmsnorm(float *x, const float *add, const float *gain, float eps, int rows, int hidden,
                    enum dtype type, void *y) {
    for (int r = 0; r < rows; r++) {
        float *row = x + (size_t)r * (size_t)hidden;
        const float *plus = add ? add + (size_t)r * (size_t)hidden : NULL;
        float sums[SUMS] = {0};
        int i = 0;
        for (; i + SUMS <= hidden; i += SUMS)
            for (int j = 0; j < SUMS; j++) {
                float v = plus ? row[i + j] + plus[i + j] : row[i + j];
                row[i + j] = v;
                sums[j] += v * v;
            }
        for (; i < hidden; i++) {
            row[i] = plus ? row[i] + plus[i] : row[i];
            sums[i % SUMS] += row[i] * row[i];
        }
        float scale = 1.0f / sqrtf(add_up(sums) / (float)hidden + eps);
        if (type == DTYPE_F32) {
            float *out = (float *)y + (size_t)r * (size_t)hidden;
            for (i = 0; i < hidden; i++)
                out[i] = row[i] * scale * gain[i];
        } else {
            uint16_t *out = (uint16_t *)y + (size_t)r * (size_t)hidden;
            for (i = 0; i < hidden; i++)
                out[i] = quant_f32_to_bf16(row[i] * scale * gain[i]);
        }
    }
}

static void store_q(const float *v, int dim, enum dtype type, void *q, size_t at) {
    if (type == DTYPE_F32)
        memcpy((float *)q + at, v, (size_t)dim * sizeof *v);
    else
        for (int i = 0; i < dim; i++)
            ((uint16_t *)q)[at + (size_t)i] = quant_f32_to_bf16(v[i]);
}

static void store_key(const float *v, int dim, enum dtype type, uint8_t *block, int slot) {
    if (type == DTYPE_F32) {
        for (int i = 0; i < dim; i++)
            ((float *)(void *)block)[i * KV_BLOCK + slot] = v[i];
    } else {
        for (int i = 0; i < dim; i++)
            ((uint16_t *)(void *)block)[(i / 2 * KV_BLOCK + slot) * 2 + i % 2] =
                quant_f32_to_bf16(v[i]);
    }
}

static void store_value(const float *v, const float *bias, int dim, enum dtype type, uint8_t *block,
                        int slot) {
    for (int i = 0; i < dim; i++) {
        float f = bias ? v[i] + bias[i] : v[i];
        if (type == DTYPE_F32)
            ((float *)(void *)block)[slot * dim + i] = f;
        else
            ((uint16_t *)(void *)block)[(slot / 2 * dim + i) * 2 + slot % 2] = quant_f32_to_bf16(f);
    }
}

static void split_qkv(const struct split_qkv *s) {
    size_t dim = (size_t)s->head_dim, heads = (size_t)s->heads, kv = (size_t)s->kv_heads;
    float v[KERNEL_MAX_DIM] = {0};
    for (int r = 0; r < s->rows; r++) {
        const float *y = s->y + (size_t)r * s->y_stride;
        const float *rope = s->rope + (size_t)r * (size_t)s->rope_dims;
        const float *bias = s->bias;
        for (size_t h = 0; h < heads; h++, y += dim, bias = bias ? bias + dim : NULL) {
            prepare_head(s, y, bias, s->q_norm, rope, s->q_scale, v);
            store_q(v, s->head_dim, s->type, s->q, ((size_t)r * heads + h) * dim);
        }
        int slot = s->positions[r] % KV_BLOCK;
        for (size_t h = 0; h < kv; h++, y += dim, bias = bias ? bias + dim : NULL) {
            prepare_head(s, y, bias, s->k_norm, rope, 1.0f, v);
            store_key(v, s->head_dim, s->type, s->blocks[r] + s->key_offset + h * s->head_stride,
                      slot);
        }
        for (size_t h = 0; h < kv; h++, y += dim, bias = bias ? bias + dim : NULL)
            store_value(y, bias, s->head_dim, s->type,
                        s->blocks[r] + s->key_offset + h * s->head_stride + s->value_offset, slot);
    }
}

/* gelu is a constant where it is called. */
static inline float gate_times(int gelu, float g, float u) {
    return gelu ? gelu_times(g, u) : silu_times(g, u);
}

static inline void gate_rows(int gelu, const void *x, enum dtype in, int rows, int n,
                             enum dtype out, void *y) {
    for (int r = 0; r < rows; r++) {
        size_t from = (size_t)r * (size_t)n * 2, to = (size_t)r * (size_t)n;
        if (in == DTYPE_BF16 && out == DTYPE_BF16) {
            const uint16_t *g = (const uint16_t *)x + from, *u = g + n;
            uint16_t *o = (uint16_t *)y + to;
            for (int i = 0; i < n; i++)
                o[i] = quant_f32_to_bf16(
                    gate_times(gelu, quant_bf16_to_f32(g[i]), quant_bf16_to_f32(u[i])));
        } else {
            const float *g = (const float *)x + from, *u = g + n;
            float *o = (float *)y + to;
            for (int i = 0; i < n; i++)
                o[i] = gate_times(gelu, g[i], u[i]);
        }
    }
}

static void swiglu(const void *x, enum dtype in, int rows, int n, enum dtype out, void *y) {
    gate_rows(0, x, in, rows, n, out, y);
}

static void geglu(const void *x, enum dtype in, int rows, int n, enum dtype out, void *y) {
    gate_rows(1, x, in, rows, n, out, y);
}

/* Running state of one row's softmax over key blocks: Milakov and Gimelshein 2018; used by flash
 * attention, Dao et al. 2022. s: base-2 scores of this block on entry, weights on return. */
static float soften(float *s, int first, int valid, float *most, float *total) {
    float m = *most;
    for (int i = first; i < valid; i++)
        m = s[i] > m ? s[i] : m;
    float sums[SUMS] = {0};
    for (int i = 0; i < KV_BLOCK; i++) {
        s[i] = i >= first && i < valid ? exp2_of(s[i] - m) : 0.0f;
        sums[i % SUMS] += s[i];
    }
    float shrink = exp2_of(*most - m);
    *most = m;
    *total = *total * shrink + add_up(sums);
    return shrink;
}

/* A block's keys and values of bf16 as f32 has them. */
static void widen_block(const struct attention_item *a, int b, float *keys, float *values) {
    const uint16_t *k = (const uint16_t *)(const void *)(a->blocks[b] + a->key_offset);
    const uint16_t *v = (const uint16_t *)(const void *)(a->blocks[b] + a->value_offset);
    int dim = a->head_dim;
    for (int d = 0; d < dim; d++)
        for (int i = 0; i < KV_BLOCK; i++) {
            keys[d * KV_BLOCK + i] = quant_bf16_to_f32(k[(d / 2 * KV_BLOCK + i) * 2 + d % 2]);
            values[i * dim + d] = quant_bf16_to_f32(v[(i / 2 * dim + d) * 2 + i % 2]);
        }
}

/* half: keys and values are bf16 (a constant where it is called). */
static inline void attend_row(const struct attention_item *a, const float *q, int last, int half,
                              float *out) {
    int dim = a->head_dim;
    float most = -INFINITY, total = 0, acc[KERNEL_MAX_DIM] = {0};
    int least = first_key(last, a->window);
    for (int b = least / KV_BLOCK; b * KV_BLOCK <= last; b++) {
        const float *k = (const float *)(const void *)(a->blocks[b] + a->key_offset);
        const float *v = (const float *)(const void *)(a->blocks[b] + a->value_offset);
        if (half) {
            float *wide = a->scratch;
            widen_block(a, b, wide, wide + dim * KV_BLOCK);
            k = wide;
            v = wide + dim * KV_BLOCK;
        }
        int valid = last + 1 - b * KV_BLOCK < KV_BLOCK ? last + 1 - b * KV_BLOCK : KV_BLOCK;
        float s[KV_BLOCK] = {0};
        for (int d = 0; d < dim; d++)
            for (int i = 0; i < KV_BLOCK; i++)
                s[i] += q[d] * k[d * KV_BLOCK + i];
        for (int i = 0; a->cap > 0 && i < KV_BLOCK; i++)
            s[i] = soft_cap(s[i], a->cap);
        int first = least - b * KV_BLOCK > 0 ? least - b * KV_BLOCK : 0;
        float shrink = soften(s, first, valid, &most, &total);
        for (int d = 0; d < dim; d++)
            acc[d] *= shrink;
        for (int i = first; i < valid; i++)
            for (int d = 0; d < dim; d++)
                acc[d] += s[i] * v[i * dim + d];
    }
    for (int d = 0; d < dim; d++)
        out[d] = acc[d] / total;
}

static void attention_f32(const struct attention_item *a) {
    for (int r = 0; r < a->rows; r++) {
        size_t at = attention_row(a, r);
        attend_row(a, (const float *)a->q + at, last_key(a, r), 0, (float *)a->out + at);
    }
}

static void attention_capped_bf16(const struct attention_item *a) {
    float q[KERNEL_MAX_DIM] = {0}, out[KERNEL_MAX_DIM];
    for (int r = 0; r < a->rows; r++) {
        size_t at = attention_row(a, r);
        for (int d = 0; d < a->head_dim; d++)
            q[d] = quant_bf16_to_f32(((const uint16_t *)a->q)[at + (size_t)d]);
        attend_row(a, q, last_key(a, r), 1, out);
        for (int d = 0; d < a->head_dim; d++)
            ((uint16_t *)a->out)[at + (size_t)d] = quant_f32_to_bf16(out[d]);
    }
}

static void soft_cap_all(float *x, size_t n, float cap) {
    for (size_t i = 0; i < n; i++)
        x[i] = soft_cap(x[i], cap);
}

static inline float exp_or_nan(float x) {
    return x == x ? exp2_of(x * LOG2E) : x;
}

/* The largest of x; NaN is passed over. */
static float most_of(const float *x, size_t n) {
    float most[SUMS];
    for (int j = 0; j < SUMS; j++)
        most[j] = x[0];
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t j = 0; j < SUMS; j++)
            most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    for (; i < n; i++)
        most[0] = x[i] > most[0] ? x[i] : most[0];
    for (int j = 1; j < SUMS; j++)
        most[0] = most[j] > most[0] ? most[j] : most[0];
    return most[0];
}

/* The first index of `value` in x, which has it; else the last. */
static size_t index_of(const float *x, size_t n, float value) {
    size_t i = 0;
    for (int none = 1; none && i + 4 * SUMS <= n; i += none ? 4 * SUMS : 0) {
        int found = 0;
        for (size_t j = 0; j < 4 * SUMS; j++)
            found |= x[i + j] == value;
        none = !found;
    }
    while (i + 1 < n && !(x[i] == value))
        i++;
    return i;
}

static double logsumexp(const float *x, size_t n, size_t *argmax) {
    float most = most_of(x, n);
    *argmax = index_of(x, n, most);
    double total = 0;
    for (size_t i = 0; i < n;) {
        float sums[SUMS] = {0};
        size_t end = n - i < 4096 ? n : i + 4096;
        for (; i + SUMS <= end; i += SUMS)
            for (size_t j = 0; j < SUMS; j++)
                sums[j] += exp_or_nan(x[i + j] - most);
        for (; i < end; i++)
            sums[0] += exp_or_nan(x[i] - most);
        total += (double)add_up(sums);
    }
    return (double)most + log(total);
}

/* ROWS x 16 outputs at once; one chain of additions over k for each, whatever the number of rows.
 */
static inline void product_rows(const float *x, const float *panel, int rows, int k, int columns,
                                size_t stride, float *y) {
    enum { ROWS = 4 };
    float acc[ROWS][SUMS] = {{0}};
    for (int i = 0; i < k; i++)
        for (int r = 0; r < ROWS; r++) {
            float a = x[(size_t)(r < rows ? r : 0) * (size_t)k + (size_t)i];
            for (int j = 0; j < SUMS; j++)
                acc[r][j] += a * panel[i * SUMS + j];
        }
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < columns; j++)
            y[(size_t)r * stride + (size_t)j] = acc[r][j];
}

static void product_f32(const float *x, const float *packed, int m, int n, int k, float *y) {
    for (int c = 0; c < n; c += SUMS) {
        const float *panel = packed + (size_t)c * (size_t)k;
        int columns = n - c < SUMS ? n - c : SUMS;
        for (int r = 0; r < m; r += 4)
            product_rows(x + (size_t)r * (size_t)k, panel, m - r < 4 ? m - r : 4, k, columns,
                         (size_t)n, y + (size_t)r * (size_t)n + c);
    }
}

const struct kernel KERNEL_NAME(kernel) = {
    .rmsnorm = rmsnorm,
    .split_qkv = split_qkv,
    .swiglu = swiglu,
    .geglu = geglu,
    .attention = attention_f32,
    .attention_capped = attention_capped_bf16,
    .soft_cap = soft_cap_all,
    .logsumexp = logsumexp,
    .product_f32 = product_f32,
    .int8 = {.rmsnorm = KERNEL_NAME(rmsnorm8),
             .quantize = KERNEL_NAME(quantize8),
             .hadamard = KERNEL_NAME(hadamard8),
             .split_qkv = KERNEL_NAME(split_qkv8),
             .product = KERNEL_NAME(product8),
             .unpack4 = KERNEL_NAME(unpack4),
             .attention = KERNEL_NAME(attention8)},
};

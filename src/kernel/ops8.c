/* The int8 kernels in C, compiled once for each instruction set as ops.c is. Their integer sums are
 * exact, so versions differ by the rounding of scales only. */
#include "kernel/ops.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/vector.h"

static inline float inverse_of(float most) {
    return most > 0 && most <= FLT_MAX ? 127.0f / most : 0.0f;
}

/* x rounded to the nearest integer, as a byte: adding 1.5 * 2^23 leaves it in the low bits. */
static inline uint8_t byte_of(float x) {
    float shifted = x + 12582912.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (uint8_t)bits;
}

/* norm is what the values are still to be multiplied by. */
static void quantize_row(const float *x, int n, float norm, size_t row, const struct rows8 *out) {
    float most = largest_of(x, n), inverse = inverse_of(most);
    uint8_t *to = out->x + row * out->stride;
    out->scale[row] = most / 127.0f * norm;
    for (int i = 0; i < n; i++)
        to[i] = byte_of(x[i] * inverse) ^ 0x80;
    memset(to + n, 128, out->stride - (size_t)n);
}

void KERNEL_NAME(rmsnorm8)(const float *x, float eps, int rows, int n, const struct rows8 *out) {
    for (int r = 0; r < rows; r++, x += n) {
        float sums[SUMS] = {0};
        int i = 0;
        for (; i + SUMS <= n; i += SUMS)
            for (int j = 0; j < SUMS; j++)
                sums[j] += x[i + j] * x[i + j];
        for (; i < n; i++)
            sums[i % SUMS] += x[i] * x[i];
        quantize_row(x, n, 1.0f / sqrtf(add_up(sums) / (float)n + eps), (size_t)r, out);
    }
}

void KERNEL_NAME(quantize8)(const float *x, int rows, int n, const struct rows8 *out) {
    for (int r = 0; r < rows; r++, x += n)
        quantize_row(x, n, 1.0f, (size_t)r, out);
}

typedef float vector __attribute__((vector_size(64), aligned(4)));

/* v's elements at distance h: their sum in the lower's place, the difference in the higher's. */
#define BUTTERFLY(v, signs, ...)                                                                   \
    ((v) * (signs) + (vector)__builtin_shufflevector((v), (v), __VA_ARGS__))

static inline void hadamard_16(vector *x) {
    const vector s1 = {1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1};
    const vector s2 = {1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1};
    const vector s4 = {1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1};
    const vector s8 = {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1};
    vector v = *x;
    v = BUTTERFLY(v, s1, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    v = BUTTERFLY(v, s2, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    v = BUTTERFLY(v, s4, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    *x = BUTTERFLY(v, s8, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}

/* The fast Walsh-Hadamard transform of one block: within vectors, then between them. */
static inline void hadamard_block(float *x, int block) {
    vector v[256 / SUMS];
    int n = block / SUMS;
    for (int i = 0; i < n; i++) {
        memcpy(&v[i], x + i * SUMS, sizeof v[i]);
        hadamard_16(&v[i]);
    }
    for (int h = 1; h < n; h *= 2)
        for (int i = 0; i < n; i += 2 * h)
            for (int j = i; j < i + h; j++) {
                vector a = v[j], b = v[j + h];
                v[j] = a + b;
                v[j + h] = a - b;
            }
    memcpy(x, v, (size_t)n * sizeof v[0]);
}

void KERNEL_NAME(hadamard8)(float *x, int rows, int n, int block, const struct rows8 *out) {
    float norm = 1.0f / sqrtf((float)block);
    for (int r = 0; r < rows; r++, x += n) {
        if (block == 256) /* the size of nearly all models, unrolled */
            for (int i = 0; i < n; i += 256)
                hadamard_block(x + i, 256);
        else
            for (int i = 0; i < n; i += block)
                hadamard_block(x + i, block);
        quantize_row(x, n, norm, (size_t)r, out);
    }
}

/* Element i of position `slot` in an array [dim / 4][KV_BLOCK][4]. */
static inline size_t key_at(int i, int slot) {
    return ((size_t)(i / 4) * KV_BLOCK + (size_t)slot) * 4 + (size_t)(i % 4);
}

/* The same in [KV_BLOCK / 4][dim][4]. */
static inline size_t value_at(int dim, int i, int slot) {
    return ((size_t)(slot / 4) * (size_t)dim + (size_t)i) * 4 + (size_t)(slot % 4);
}

static inline float *scales_of(uint8_t *block, int dim) {
    return (float *)(void *)(block + dim * KV_BLOCK);
}

void KERNEL_NAME(keep_key8)(const float *v, int dim, uint8_t *block, int slot) {
    float most = largest_of(v, dim), inverse = inverse_of(most);
    uint8_t bytes[KERNEL_MAX_DIM];
    for (int i = 0; i < dim; i++)
        bytes[i] = byte_of(v[i] * inverse) ^ 0x80;
    for (int i = 0; i < dim; i += 4)
        memcpy(block + key_at(i, slot), bytes + i, 4);
    scales_of(block, dim)[slot] = most <= FLT_MAX ? most / 127.0f : NAN;
}

/* Scales of what is not finite are NaN for keys and infinity for values: then both survive the
 * softmax of every version. */
void KERNEL_NAME(keep_value8)(const float *v, int dim, uint8_t *block, int slot) {
    float most = largest_of(v, dim), inverse = inverse_of(most);
    uint8_t bytes[KERNEL_MAX_DIM];
    for (int i = 0; i < dim; i++)
        bytes[i] = byte_of(v[i] * inverse);
    for (int i = 0; i < dim; i++)
        block[value_at(dim, i, slot)] = bytes[i];
    scales_of(block, dim)[slot] = most <= FLT_MAX ? most / 127.0f : INFINITY;
}

void KERNEL_NAME(split_qkv8)(const struct split_qkv *s) {
    int dim = s->head_dim, heads = s->heads, kv = s->kv_heads;
    float v[KERNEL_MAX_DIM] = {0};
    for (int r = 0; r < s->rows; r++) {
        const float *y = s->y + (size_t)r * s->y_stride, *bias = s->bias;
        const float *rope = s->rope + (size_t)r * (size_t)s->rope_dims;
        float *q = (float *)s->q + (size_t)r * (size_t)(heads * dim);
        for (int h = 0; h < heads; h++, y += dim, q += dim, bias = bias ? bias + dim : NULL)
            prepare_head(s, y, bias, s->q_norm, rope, s->q_scale, q);
        int slot = s->positions[r] % KV_BLOCK;
        uint8_t *keys = s->blocks[r] + s->key_offset;
        for (int h = 0; h < kv; h++, y += dim, bias = bias ? bias + dim : NULL) {
            prepare_head(s, y, bias, s->k_norm, rope, 1.0f, v);
            KERNEL_NAME(keep_key8)(v, dim, keys + (size_t)h * s->head_stride, slot);
        }
        uint8_t *values = keys + s->value_offset;
        for (int h = 0; h < kv; h++, y += dim, bias = bias ? bias + dim : NULL) {
            for (int i = 0; i < dim; i++)
                v[i] = bias ? y[i] + bias[i] : y[i];
            KERNEL_NAME(keep_value8)(v, dim, values + (size_t)h * s->head_stride, slot);
        }
    }
}

/* Scaled products of one row and the outputs c .. c + 15. */
static void panel_product(const struct product8 *p, int row, int c, float *out) {
    const struct weight8 *w = p->w;
    const uint8_t *x = p->x.x + (size_t)row * p->x.stride;
    int k = (w->k + 3) / 4 * 4;
    const int8_t *panel = w->panels + (size_t)c * (size_t)k;
    int32_t acc[SUMS];
    memcpy(acc, w->sum + c, sizeof acc);
    for (int i = 0; i < k; i += 4, panel += 4 * SUMS)
        for (int j = 0; j < SUMS; j++)
            for (int f = 0; f < 4; f++)
                acc[j] += x[i + f] * panel[4 * j + f];
    for (int j = 0; j < SUMS; j++)
        out[j] = (float)acc[j] * (p->x.scale[row] * w->scale[c + j]);
}

void KERNEL_NAME(product8)(const struct product8 *p) {
    int step = p->into == PRODUCT8_SWIGLU ? 2 * SUMS : SUMS;
    for (int r = 0; r < p->rows; r++) {
        float *y = p->y + (size_t)r * p->y_stride;
        for (int c = p->from; c < p->to; c += step) {
            float v[2 * SUMS] = {0};
            for (int half = 0; half < step; half += SUMS)
                panel_product(p, r, c + half, v + half);
            for (int j = 0; j < SUMS; j++)
                if (p->into == PRODUCT8_SWIGLU)
                    y[c / 2 + j] = silu_times(v[j], v[SUMS + j]);
                else
                    y[c + j] = p->into == PRODUCT8_ADD ? y[c + j] + v[j] : v[j];
        }
    }
}

typedef uint8_t bytes64 __attribute__((vector_size(64)));
typedef uint16_t words64 __attribute__((vector_size(64)));

/* A byte times at most 15 of at most 15 does not carry into the next, so pairs of bytes are
 * multiplied at once. */
static inline void expand(const bytes64 *fours, const words64 *times, const bytes64 *zeros,
                          int8_t *to) {
    bytes64 weights = (bytes64)((words64)*fours * *times) - *zeros;
    memcpy(to, &weights, sizeof weights);
}

void KERNEL_NAME(unpack4)(const struct weight8 *w, int c, int8_t *panel) {
    size_t k = ((size_t)w->k + 3) / 4 * 4, groups = (k + WEIGHT4_GROUP - 1) / WEIGHT4_GROUP;
    const uint8_t *fours = w->fours + (size_t)(c / SUMS) * ((k + 7) / 8) * sizeof(bytes64);
    const uint8_t *steps = w->steps + (size_t)(c / SUMS) * groups * SUMS;
    for (size_t first = 0; first < k; first += WEIGHT4_GROUP, steps += SUMS) {
        size_t end = first + WEIGHT4_GROUP < k ? first + WEIGHT4_GROUP : k;
        uint32_t twice[SUMS], four_times[SUMS]; /* in every pair of bytes, in every byte */
        for (int j = 0; j < SUMS; j++) {
            uint32_t step = steps[j] & 15;
            twice[j] = step * 0x00010001u;
            four_times[j] = step * (steps[j] >> 4) * 0x01010101u;
        }
        words64 times;
        bytes64 zeros, both;
        memcpy(&times, twice, sizeof times);
        memcpy(&zeros, four_times, sizeof zeros);
        for (size_t i = first; i < end; i += 8, fours += sizeof both) {
            memcpy(&both, fours, sizeof both);
            __builtin_prefetch(fours + 2048, 0, 2);
            bytes64 low = both & 15, high = both >> 4;
            expand(&low, &times, &zeros, panel + i * SUMS);
            if (i + 4 < end)
                expand(&high, &times, &zeros, panel + (i + 4) * SUMS);
        }
    }
}

struct softmax {
    float most, total;
    float acc[KERNEL_MAX_DIM];
};

/* One block of keys and values for one quantised query: scores and weights are what the int8
 * instructions of other versions make of them. */
static void attend_block(struct softmax *s, const uint8_t *q, float q_scale, uint8_t *keys,
                         uint8_t *values, int dim, int first, int valid) {
    const float *key_scale = scales_of(keys, dim), *value_scale = scales_of(values, dim);
    float score[KV_BLOCK], most = s->most, weighed = 0, start = 0; /* or NaN */
    for (int j = first; j < valid; j++) {
        int32_t sum = 0;
        for (int i = 0; i < dim; i++)
            sum += (q[i] - 128) * (keys[key_at(i, j)] - 128);
        score[j] = (float)sum * (q_scale * key_scale[j]);
        most = score[j] > most ? score[j] : most;
        start = score[j] == score[j] ? start : NAN;
    }
    float shrink = exp2_of(s->most - most), total = start;
    for (int j = first; j < valid; j++) {
        float w = exp2_of(score[j] - most);
        total += w;
        score[j] = w * value_scale[j];
        weighed = score[j] > weighed ? score[j] : weighed;
    }
    float inverse = weighed > 0 ? 255.0f / weighed : 0.0f;
    int32_t acc[KERNEL_MAX_DIM] = {0};
    for (int j = first; j < valid; j++) {
        int32_t u = byte_of(score[j] * inverse);
        for (int i = 0; i < dim; i++)
            acc[i] += u * (int8_t)values[value_at(dim, i, j)];
    }
    s->most = most;
    s->total = s->total * shrink + total;
    for (int i = 0; i < dim; i++)
        s->acc[i] = s->acc[i] * shrink + (float)acc[i] * (weighed / 255.0f);
}

void KERNEL_NAME(attention8)(const struct attention_item *a) {
    int dim = a->head_dim;
    for (int r = 0; r < a->rows; r++) {
        size_t at = attention_row(a, r);
        struct softmax s = {.most = -1e30f};
        uint8_t q[KERNEL_MAX_DIM];
        float q_scale;
        quantize_row((const float *)a->q + at, dim, 1.0f, 0,
                     &(struct rows8){q, &q_scale, (size_t)dim});
        int last = last_key(a, r), least = first_key(last, a->window);
        for (int b = least / KV_BLOCK; b * KV_BLOCK <= last; b++) {
            int valid = last + 1 - b * KV_BLOCK < KV_BLOCK ? last + 1 - b * KV_BLOCK : KV_BLOCK;
            attend_block(&s, q, q_scale, a->blocks[b] + a->key_offset,
                         a->blocks[b] + a->value_offset, dim,
                         least > b * KV_BLOCK ? least - b * KV_BLOCK : 0, valid);
        }
        float *out = (float *)a->out + at;
        for (int i = 0; i < dim; i++)
            out[i] = s.acc[i] / s.total;
    }
}

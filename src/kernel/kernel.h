/* Arithmetic by instruction set. A class of instruction sets is chosen once, when a model is
 * opened; within one class every function's result for a row depends on that row alone (never on
 * how many rows there are, or on which thread computes them), so that a sequence's output cannot
 * depend on its batch. */
#ifndef PRECIS_KERNEL_KERNEL_H
#define PRECIS_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_INT8 };

static inline size_t dtype_size(enum dtype t) {
    return t == DTYPE_F32 ? 4 : t == DTYPE_BF16 ? 2 : 1;
}

enum isa {
    ISA_PLAIN,       /* portable C */
    ISA_AVX2,        /* x86-64-v3 */
    ISA_AVX512,      /* x86-64-v4 */
    ISA_AVX512_VNNI, /* and its int8 dot products */
    ISA_AVX512_BF16  /* and its bf16 dot products */
};

/* The best class of this CPU, or a lower one that PRECIS_ISA names ("plain", "avx2", "avx512",
 * "avx512-vnni", "avx512-bf16"). Errors: PRECIS_EUSAGE (no such name, or more than the CPU has). */
int isa_detect(enum isa *out, struct err *e);
const char *isa_name(enum isa isa);

/* Keys and values are kept in blocks of KV_BLOCK consecutive positions of one head, aligned to the
 * absolute position. f32: K is [head_dim][KV_BLOCK] (transposed), V is [KV_BLOCK][head_dim]. bf16:
 * pairs along the summed dimension, as the dot-product instructions want them: K is [head_dim /
 * 2][KV_BLOCK][2], V is [KV_BLOCK / 2][head_dim][2]. int8: fours likewise, K is u8 (value + 128)
 * [head_dim / 4][KV_BLOCK][4], V is s8 [KV_BLOCK / 4][head_dim][4], each followed by the f32 scales
 * of its positions [KV_BLOCK]. */
enum { KV_BLOCK = 64, KERNEL_MAX_DIM = 256 /* of a head */ };

/* One query block against one key/value head: `rows` query rows (tokens x grouped heads). */
struct attention_item {
    int rows, head_dim;
    int group;    /* query heads to a token: row r belongs to token r / group */
    int position; /* of the first token; token t sees keys 0 .. position + t */
    int window;   /* and of them the last `window` only; 0: all */
    int keys;     /* not 0: every token sees keys 0 .. keys - 1 */
    float cap; /* scores (in base 2) become cap * tanh(score / cap); 0: they stay. attention_capped
                  only */
    const void *q;       /* first row; scaled by log2(e) / sqrt(head_dim); int8: f32 */
    void *out;           /* same type and layout as q */
    size_t token_stride; /* elements between tokens in q and out; heads of a token lie together */
    /* [blocks] for each KV_BLOCK positions; keys and values of this layer and head lie at these
     * offsets. */
    uint8_t *const *blocks;
    size_t key_offset, value_offset;
    void *scratch; /* attention_scratch_size bytes, aligned to 64 */
};

enum { ATTENTION_ROWS = 96 }; /* most rows in an item */

/* Where row r of an item begins in q and out. */
static inline size_t attention_row(const struct attention_item *a, int r) {
    return (size_t)(r / a->group) * a->token_stride + (size_t)(r % a->group) * (size_t)a->head_dim;
}

/* The last key that row r of an item sees. */
static inline int last_key(const struct attention_item *a, int r) {
    return a->keys > 0 ? a->keys - 1 : a->position + r / a->group;
}

/* The first key that the token at this position sees, of a window (0: none) of keys. */
static inline int first_key(int position, int window) {
    return window > 0 && position >= window ? position + 1 - window : 0;
}

/* Bytes of one head's keys (or values) of KV_BLOCK positions. */
static inline size_t kv_block_bytes(int head_dim, enum dtype type) {
    size_t scales = type == DTYPE_INT8 ? KV_BLOCK * sizeof(float) : 0;
    return (size_t)head_dim * KV_BLOCK * dtype_size(type) + scales;
}

/* Rows quantised each with a scale of its own: value = (x - 128) * scale. */
struct rows8 {
    uint8_t *x;    /* rows `stride` apart; what lies past a row's values is 128 */
    float *scale;  /* [rows] */
    size_t stride; /* rows8_stride(n) */
};

static inline size_t rows8_stride(size_t n) {
    return (n + 63) & ~(size_t)63;
}

/* A linear layer in int8, quantised for each output: w[j][i] = panels * scale[j]. Immutable, and
 * borrowed from where it was packed. It may be kept in 4 bits, which make the int8 panels when they
 * are needed (progressive quantisation, Lin et al. 2024): for WEIGHT4_GROUP weights of an output a
 * step m (1 .. 15) and a zero z (0 .. 15), a weight being (four - z) * m, -128 .. 127. */
struct weight8 {
    int n, k;
    const int8_t *panels; /* [n / 16][k / 4][16][4], both rounded up; zero past the ends */
    const uint8_t *fours; /* NULL unless in 4 bits (then panels is): [n / 16][k / 8][16][4], i and
                             i + 4 in a byte, the first low */
    const uint8_t *steps; /* [n / 16][k / WEIGHT4_GROUP][16], rounded up: m + 16 z */
    const float *scale;   /* [n rounded up to 16] */
    const int32_t *sum;   /* [n rounded up to 16]: -128 times the sum of the output's weights */
};

enum { WEIGHT4_GROUP = 16 };

/* Bytes that a weight8 takes where it is packed, from an address that is a multiple of 64. */
size_t weight8_bytes(int n, int k);
void weight8_view(const void *packed, int n, int k, struct weight8 *out);
/* Quantises outputs [first, first + count) from w ([count, k]) into packed; first is a multiple of
 * 16, and so is count but for the last ones (then the padding is written too). May run in several
 * threads for different outputs. */
void weight8_pack(const float *w, int first, int count, int n, int k, void *packed);
/* The same in 4 bits. */
size_t weight4_bytes(int n, int k);
void weight4_view(const void *packed, int n, int k, struct weight8 *out);
void weight4_pack(const float *w, int first, int count, int n, int k, void *packed);
/* Bytes of the scratch of a product with weights in 4 bits. */
size_t weight4_scratch(int k);

enum product8_into {
    PRODUCT8_STORE, /* y = product */
    PRODUCT8_ADD,   /* y += product */
    /* The outputs are panels of 16 gates and of the 16 values that they gate, in turn: y[n / 2] =
     * silu(gate) * value. Shazeer 2020. */
    PRODUCT8_SWIGLU
};

/* y (f32) from x . w^T for outputs [from, to), multiples of 16 (SWIGLU: of 32) but for the end. */
struct product8 {
    const struct weight8 *w;
    struct rows8 x;
    int rows, from, to;
    enum product8_into into;
    float *y; /* [rows], y_stride apart; has room for n rounded up to 16 */
    size_t y_stride;
    int8_t *scratch; /* weight4_scratch bytes, aligned to 64; for weights in 4 bits only */
};

struct split_qkv;

/* The int8 kernels. Their sums are exact integers. */
struct kernel8 {
    /* x / sqrt(mean(x^2) + eps), without a gain. */
    void (*rmsnorm)(const float *x, float eps, int rows, int n, const struct rows8 *out);
    void (*quantize)(const float *x, int rows, int n, const struct rows8 *out);
    /* The same of x with each `block` (a power of two, 16 .. 256, that divides n) multiplied by the
     * Hadamard matrix / sqrt(block) (Ashkboos et al. 2024). x is overwritten. */
    void (*hadamard)(float *x, int rows, int n, int block, const struct rows8 *out);
    void (*split_qkv)(const struct split_qkv *s); /* q stays f32 */
    void (*product)(const struct product8 *p);    /* of panels: see product8_run */
    /* The panel of outputs c .. c + 15, c a multiple of 16, of weights in 4 bits. */
    void (*unpack4)(const struct weight8 *w, int c, int8_t *panel);
    void (*attention)(const struct attention_item *item);
};

/* k->product of weights in 8 or 4 bits; with 4 the result is that of the panels they make. */
void product8_run(const struct kernel8 *k, const struct product8 *p);

struct kernel {
    enum isa isa;
    /* y[hidden] = x * gain / sqrt(mean(x^2) + eps), for each of rows; y is f32 or bf16. When add is
     * not NULL, x += add first (add has x's layout). Zhang and Sennrich 2019. */
    void (*rmsnorm)(float *x, const float *add, const float *gain, float eps, int rows, int hidden,
                    enum dtype type, void *y);
    /* Bias (may be NULL), RMSNorm of each head of q and k (Henry et al. 2020; gains may be NULL),
     * their rotary embedding (halves paired: element i with i + rope_dims / 2; Su et al. 2021), and
     * the split: y[row] = [q heads | k heads | v heads] f32 -> q (scaled), and through key/value
     * pointers the row's slot in its blocks. */
    void (*split_qkv)(const struct split_qkv *s);
    /* y = silu(x[0..n)) * x[n..2n) for each row of 2n. Shazeer 2020. */
    void (*swiglu)(const void *x, enum dtype in, int rows, int n, enum dtype out, void *y);
    /* The same with GELU's tanh form in silu's place. */
    void (*geglu)(const void *x, enum dtype in, int rows, int n, enum dtype out, void *y);
    void (*attention)(const struct attention_item *item);
    void (*attention_capped)(const struct attention_item *item);
    /* x = cap * tanh(x / cap), of n values. */
    void (*soft_cap)(float *x, size_t n, float cap);
    /* log(sum(exp(x))), and the index of the largest (the lowest such index). */
    double (*logsumexp)(const float *x, size_t n, size_t *argmax);
    /* y[m, n] = x[m, k] . w^T with w packed by pack_f32: the product of the classes without
     * oneDNN's. */
    void (*product_f32)(const float *x, const float *packed, int m, int n, int k, float *y);
    struct kernel8 int8;
};

struct split_qkv {
    const float *y; /* [rows], y_stride apart: (heads + 2 kv_heads) * head_dim */
    size_t y_stride;
    const float *bias;
    const float *rope; /* [rows, rope_dims]: cos for rope_dims / 2, then sin */
    int rows, heads, kv_heads, head_dim;
    int rope_dims; /* of each head, the first ones; even */
    /* [norm_dims] or NULL; where norm_dims < head_dim the rest of a head is zeros. */
    const float *q_norm, *k_norm;
    int norm_dims;
    float norm_eps;
    float q_scale;
    enum dtype type; /* of q, keys and values */
    void *q;         /* [rows, heads * head_dim] */
    /* [rows]: the block that holds the row's position; head h's keys are at key_offset + h *
     * head_stride, its values value_offset bytes after them. */
    uint8_t *const *blocks;
    size_t key_offset, head_stride, value_offset;
    const int *positions; /* [rows] */
};

/* The functions of a class for models of this type. bf16 needs ISA_AVX512_BF16:
 * PRECIS_EUNSUPPORTED. */
int kernel_select(enum isa isa, enum dtype type, struct kernel *out, struct err *e);

size_t attention_scratch_size(int head_dim);

/* Panels of 16 columns: [n / 16 rounded up][k][16]; rows past n are zero. */
void pack_f32(const float *w /* [n, k] */, int n, int k, float *packed);
size_t pack_f32_size(int n, int k); /* bytes */

#endif

#include "model/quant.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GGUF data is read as it lies");

/* Block sizes of ggml-common.h: QK4_0.. = 32, QK_K = 256. */
enum { QK = 32, QK_K = 256 };

static const struct quant_format formats[] = {
    [QUANT_F32] = {"F32", 1, 4},       [QUANT_F16] = {"F16", 1, 2},
    [QUANT_Q4_0] = {"Q4_0", 32, 18},   [QUANT_Q4_1] = {"Q4_1", 32, 20},
    [QUANT_Q5_0] = {"Q5_0", 32, 22},   [QUANT_Q5_1] = {"Q5_1", 32, 24},
    [QUANT_Q8_0] = {"Q8_0", 32, 34},   [QUANT_Q2_K] = {"Q2_K", 256, 84},
    [QUANT_Q3_K] = {"Q3_K", 256, 110}, [QUANT_Q4_K] = {"Q4_K", 256, 144},
    [QUANT_Q5_K] = {"Q5_K", 256, 176}, [QUANT_Q6_K] = {"Q6_K", 256, 210},
    [QUANT_BF16] = {"BF16", 1, 2},
};

static const char *const names[] = {
    "F32",   "F16",        "Q4_0",       "Q4_1",       "Q4_2",     "Q4_3",     "Q5_0",
    "Q5_1",  "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",     "Q4_K",     "Q5_K",
    "Q6_K",  "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",  "IQ1_S",    "IQ4_NL",
    "IQ3_S", "IQ2_S",      "IQ4_XS",     "I8",         "I16",      "I32",      "I64",
    "F64",   "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
    "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",    "NVFP4",    "Q1_0",
};

const struct quant_format *quant_format(uint32_t type) {
    return type < sizeof formats / sizeof *formats && formats[type].name ? &formats[type] : NULL;
}

const char *quant_ggml_name(uint32_t type) {
    return type < sizeof names / sizeof *names ? names[type] : NULL;
}

/* Exact, without branches and without denormal arithmetic (threads may flush denormals to zero):
 * a half's exponent is rebased in integers; a denormal half is an integer below 2^-14, taken as the
 * low bits of a float in [2^-14, 2^-13) less its leading one. */
static inline float half(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } normal, denormal, special, v;
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    normal.u = magnitude + (112u << 23);
    denormal.u = magnitude + (113u << 23);
    denormal.f -= 0x1p-14f;
    special.u = magnitude + (224u << 23);
    v.u = magnitude < (1u << 23) ? denormal.u : magnitude >= (31u << 23) ? special.u : normal.u;
    v.u |= (uint32_t)(h & 0x8000) << 16;
    return v.f;
}

float quant_f16_to_f32(uint16_t h) {
    return half(h);
}

static inline uint16_t load_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float load_half(const uint8_t *p) {
    return half(load_u16(p));
}

static void f16_to_f32(const uint8_t *src, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = load_half(src + 2 * i);
}

static void bf16_to_f32(const uint8_t *src, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = quant_bf16_to_f32(load_u16(src + 2 * i));
}

/* d, 16 bytes: value i in the low half of byte i, value i + 16 in the high one. */
static void block_q4_0(const uint8_t *b, float *restrict out) {
    float d = load_half(b);
    for (int i = 0; i < QK / 2; i++) {
        out[i] = d * (float)((b[2 + i] & 15) - 8);
        out[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

static void block_q4_1(const uint8_t *b, float *restrict out) {
    float d = load_half(b), m = load_half(b + 2);
    for (int i = 0; i < QK / 2; i++) {
        out[i] = d * (float)(b[4 + i] & 15) + m;
        out[i + 16] = d * (float)(b[4 + i] >> 4) + m;
    }
}

/* The fifth bits lie apart: bit i of a 32-bit word belongs to value i. */
static void block_q5_0(const uint8_t *b, float *restrict out) {
    float d = load_half(b);
    uint32_t high = load_u32(b + 2);
    for (int i = 0; i < QK / 2; i++) {
        uint32_t low = b[6 + i];
        out[i] = d * (float)((int)((low & 15) | (high >> i & 1) << 4) - 16);
        out[i + 16] = d * (float)((int)(low >> 4 | (high >> (i + 16) & 1) << 4) - 16);
    }
}

static void block_q5_1(const uint8_t *b, float *restrict out) {
    float d = load_half(b), m = load_half(b + 2);
    uint32_t high = load_u32(b + 4);
    for (int i = 0; i < QK / 2; i++) {
        uint32_t low = b[8 + i];
        out[i] = d * (float)(int)((low & 15) | (high >> i & 1) << 4) + m;
        out[i + 16] = d * (float)(int)(low >> 4 | (high >> (i + 16) & 1) << 4) + m;
    }
}

static void block_q8_0(const uint8_t *b, float *restrict out) {
    float d = load_half(b);
    for (int i = 0; i < QK; i++)
        out[i] = (float)(int8_t)b[2 + i] * d;
}

/* 16 pairs of 4-bit scale and minimum, 64 bytes of 2-bit values (four planes of 32 for each half),
 * d, dmin. */
static void block_q2_k(const uint8_t *b, float *restrict out) {
    const uint8_t *q = b + 16;
    float d = load_half(b + 80), dmin = load_half(b + 82);
    for (size_t s = 0; s < 16; s++, out += 16) {
        float scale = d * (float)(b[s] & 15), least = dmin * (float)(b[s] >> 4);
        const uint8_t *p = q + s / 8 * 32 + s % 2 * 16;
        int shift = (int)(s / 2 % 4 * 2);
        for (int i = 0; i < 16; i++)
            out[i] = scale * (float)(p[i] >> shift & 3) - least;
    }
}

/* 32 bytes of third bits (clear means less 4), 64 bytes of 2-bit values, 16 scales of 6 bits in 12
 * bytes, d. */
static void block_q3_k(const uint8_t *b, float *restrict out) {
    const uint8_t *q = b + 32, *scales = b + 96;
    float d = load_half(b + 108);
    for (size_t s = 0; s < 16; s++, out += 16) {
        int low = scales[s % 8] >> (s / 8 * 4) & 15;
        int high = scales[8 + s % 4] >> (s / 4 * 2) & 3;
        float scale = d * (float)((low | high << 4) - 32);
        const uint8_t *p = q + s / 8 * 32 + s % 2 * 16, *mask = b + s % 2 * 16;
        int shift = (int)(s / 2 % 4 * 2), bit = (int)(s / 2);
        for (int i = 0; i < 16; i++)
            out[i] = scale * (float)((p[i] >> shift & 3) - ((mask[i] >> bit & 1) ^ 1) * 4);
    }
}

/* Scale and minimum j of 8, of 6 bits each, in 12 bytes (get_scale_min_k4 of ggml). */
static void scale_min(const uint8_t *s, size_t j, int *scale, int *least) {
    if (j < 4) {
        *scale = s[j] & 63;
        *least = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | (s[j - 4] >> 6 << 4);
        *least = s[j + 4] >> 4 | (s[j] >> 6 << 4);
    }
}

/* d, dmin, 12 bytes of scales, 128 bytes of 4-bit values: each 32 bytes hold two runs of 32. */
static void block_q4_k(const uint8_t *b, float *restrict out) {
    const uint8_t *q = b + 16;
    float d = load_half(b), dmin = load_half(b + 2);
    for (size_t j = 0; j < 8; j++, out += 32) {
        int s, m;
        scale_min(b + 4, j, &s, &m);
        float scale = d * (float)s, least = dmin * (float)m;
        const uint8_t *p = q + j / 2 * 32;
        int shift = (int)(j % 2 * 4);
        for (int i = 0; i < 32; i++)
            out[i] = scale * (float)(p[i] >> shift & 15) - least;
    }
}

/* As Q4_K, with 32 bytes of fifth bits: bit j of byte i belongs to value i of run j. */
static void block_q5_k(const uint8_t *b, float *restrict out) {
    const uint8_t *high = b + 16, *q = b + 48;
    float d = load_half(b), dmin = load_half(b + 2);
    for (size_t j = 0; j < 8; j++, out += 32) {
        int s, m;
        scale_min(b + 4, j, &s, &m);
        float scale = d * (float)s, least = dmin * (float)m;
        const uint8_t *p = q + j / 2 * 32;
        int shift = (int)(j % 2 * 4);
        for (int i = 0; i < 32; i++)
            out[i] = scale * (float)((p[i] >> shift & 15) | (high[i] >> j & 1) << 4) - least;
    }
}

/* 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales, d. */
static void block_q6_k(const uint8_t *b, float *restrict out) {
    const uint8_t *high = b + 128, *scales = b + 192;
    float d = load_half(b + 208);
    for (size_t s = 0; s < 16; s++, out += 16) {
        float scale = d * (float)(int8_t)scales[s];
        const uint8_t *low = b + s / 8 * 64 + s % 4 * 16;
        const uint8_t *top = high + s / 8 * 32 + s % 2 * 16;
        int low_shift = (int)(s / 4 % 2 * 4), top_shift = (int)(s / 2 % 4 * 2);
        for (int i = 0; i < 16; i++)
            out[i] =
                scale * (float)(((low[i] >> low_shift & 15) | (top[i] >> top_shift & 3) << 4) - 32);
    }
}

#define EACH_BLOCK(block, size, values)                                                            \
    for (size_t i = 0; i < n / (values); i++)                                                      \
    block(src + i * (size), out + i * (values))

void quant_to_f32(enum quant_type type, const uint8_t *src, size_t n, float *out) {
    switch (type) {
    case QUANT_F32:
        if (n)
            memcpy(out, src, n * sizeof *out);
        break;
    case QUANT_F16:
        f16_to_f32(src, n, out);
        break;
    case QUANT_BF16:
        bf16_to_f32(src, n, out);
        break;
    case QUANT_Q4_0:
        EACH_BLOCK(block_q4_0, 18, QK);
        break;
    case QUANT_Q4_1:
        EACH_BLOCK(block_q4_1, 20, QK);
        break;
    case QUANT_Q5_0:
        EACH_BLOCK(block_q5_0, 22, QK);
        break;
    case QUANT_Q5_1:
        EACH_BLOCK(block_q5_1, 24, QK);
        break;
    case QUANT_Q8_0:
        EACH_BLOCK(block_q8_0, 34, QK);
        break;
    case QUANT_Q2_K:
        EACH_BLOCK(block_q2_k, 84, QK_K);
        break;
    case QUANT_Q3_K:
        EACH_BLOCK(block_q3_k, 110, QK_K);
        break;
    case QUANT_Q4_K:
        EACH_BLOCK(block_q4_k, 144, QK_K);
        break;
    case QUANT_Q5_K:
        EACH_BLOCK(block_q5_k, 176, QK_K);
        break;
    case QUANT_Q6_K:
        EACH_BLOCK(block_q6_k, 210, QK_K);
        break;
    }
}

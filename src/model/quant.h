/* The tensor encodings of GGUF and their values in f32, equal bit for bit to the `gguf` Python
 * package's dequantisation. Source: ggml's block layouts (ggml-common.h, ggml-quants.c). */
#ifndef PRECIS_MODEL_QUANT_H
#define PRECIS_MODEL_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quant_type { /* ggml's numbers */
                  QUANT_F32 = 0,
                  QUANT_F16 = 1,
                  QUANT_Q4_0 = 2,
                  QUANT_Q4_1 = 3,
                  QUANT_Q5_0 = 6,
                  QUANT_Q5_1 = 7,
                  QUANT_Q8_0 = 8,
                  QUANT_Q2_K = 10,
                  QUANT_Q3_K = 11,
                  QUANT_Q4_K = 12,
                  QUANT_Q5_K = 13,
                  QUANT_Q6_K = 14,
                  QUANT_BF16 = 30
};

struct quant_format {
    const char *name;    /* "Q4_K" */
    unsigned block;      /* values in a block */
    unsigned block_size; /* its bytes */
};

const struct quant_format *quant_format(uint32_t type); /* NULL: not supported */
const char *
quant_ggml_name(uint32_t type); /* also of types that are not supported; NULL: no such type */

/* n values (a multiple of the block) from src (any alignment) to out. type must be supported. */
void quant_to_f32(enum quant_type type, const uint8_t *src, size_t n, float *out);

static inline float quant_bf16_to_f32(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } v = {.u = (uint32_t)h << 16};
    return v.f;
}
/* Round to nearest, ties to even; NaN stays NaN. Without a branch, so that loops of it vectorise.
 */
static inline uint16_t quant_f32_to_bf16(float f) {
    union {
        float f;
        uint32_t u;
    } v = {.f = f};
    uint32_t rounded = (v.u + 0x7fffu + (v.u >> 16 & 1u)) >> 16;
    uint32_t quiet = v.u >> 16 | 0x40u;
    return (uint16_t)((v.u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}
float quant_f16_to_f32(uint16_t h);

#endif

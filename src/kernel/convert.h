/* bf16 to f32 and back, in forms that vectorise. */
#ifndef PRECIS_KERNEL_CONVERT_H
#define PRECIS_KERNEL_CONVERT_H

#include <stdint.h>

static inline float f32_of(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } v = {.u = (uint32_t)h << 16};
    return v.f;
}

/* Round to nearest, ties to even; NaN stays NaN. */
static inline uint16_t bf16_of(float f) {
    union {
        float f;
        uint32_t u;
    } v = {.f = f};
    uint32_t rounded = (v.u + 0x7fffu + (v.u >> 16 & 1u)) >> 16;
    uint32_t quiet = v.u >> 16 | 0x40u;
    return (uint16_t)((v.u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

#endif

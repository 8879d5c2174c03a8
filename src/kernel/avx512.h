/* What the kernels written with AVX-512 share. */
#ifndef PRECIS_KERNEL_AVX512_H
#define PRECIS_KERNEL_AVX512_H

#include <immintrin.h>

#include "kernel/tile.h"

enum { LANES = 16 /* f32 in a vector */ };

/* 2^x; relative error below 3e-6 (the best polynomial of degree 4 on [-0.5, 0.5] with p(0) = 1).
 * NaN and infinities as 2^x has them: scalef makes 0 of (NaN, -inf). */
INLINE __m512 exp2_ps(__m512 x) {
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_sub_ps(x, n);
    __m512 p = _mm512_set1_ps(9.58285313e-3f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.5906425e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.40240986e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.93124193e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

/* The lanes 0 .. n - 1; n may be beyond either end. */
INLINE __mmask16 lanes_below(int n) {
    return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

#endif

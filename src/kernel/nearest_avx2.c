/* Products of rows of bytes with AVX2: bytes are widened to 16 bits, and pairs of products added.
 */
#include <immintrin.h>

#include "kernel/nearest.h"
#include "kernel/tile.h"

enum { ROWS = 4, STEP = 16 };

INLINE __m256i widened(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE __m256i wide_at(const int16_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE __m256i add_products(__m256i sum, __m256i a, __m256i b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

INLINE __m128i halves(__m256i v) {
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/* The sums of four vectors. */
INLINE __m128i sums_of(const __m256i v[ROWS]) {
    return _mm_hadd_epi32(_mm_hadd_epi32(halves(v[0]), halves(v[1])),
                          _mm_hadd_epi32(halves(v[2]), halves(v[3])));
}

INLINE __m128i dot_rows(const int8_t *const rows[ROWS], const struct nearest_query *q) {
    __m256i sum[ROWS];
    UNROLL
    for (int r = 0; r < ROWS; r++)
        sum[r] = _mm256_setzero_si256();
    for (size_t i = 0; i < q->stride; i += STEP) {
        __m256i wide = wide_at(q->wide + i);
        UNROLL
        for (int r = 0; r < ROWS; r++)
            sum[r] = add_products(sum[r], widened(rows[r] + i), wide);
    }
    return sums_of(sum);
}

static void dots(const int8_t *const *rows, size_t n, const struct nearest_query *q, int32_t *out) {
    size_t r = 0;
    for (; r + ROWS <= n; r += ROWS)
        _mm_storeu_si128((__m128i *)(void *)(out + r), dot_rows(rows + r, q));
    for (; r < n; r++) {
        const int8_t *const same[ROWS] = {rows[r], rows[r], rows[r], rows[r]};
        out[r] = _mm_cvtsi128_si32(dot_rows(same, q));
    }
}

static int32_t dot(const int8_t *a, const int8_t *b, size_t stride) {
    __m256i sum[ROWS];
    UNROLL
    for (int r = 0; r < ROWS; r++)
        sum[r] = _mm256_setzero_si256();
    for (size_t i = 0; i < stride; i += (size_t)ROWS * STEP)
        UNROLL
    for (int r = 0; r < ROWS; r++)
        sum[r] = add_products(sum[r], widened(a + i + r * STEP), widened(b + i + r * STEP));
    __m128i all = sums_of(sum);
    all = _mm_hadd_epi32(all, all);
    return _mm_cvtsi128_si32(_mm_hadd_epi32(all, all));
}

const struct nearest_kernel nearest_avx2 = {.dots = dots, .dot = dot};

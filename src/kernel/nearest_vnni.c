/* Products of rows of bytes with AVX-512 VNNI, whose products are of unsigned and signed bytes:
 * rows are taken with 128 added, and 128 times the sum of the other side is taken off again. Sums
 * may wrap on the way: what they end with fits. */
#include <immintrin.h>

#include "kernel/nearest.h"
#include "kernel/tile.h"

enum { ROWS = 4, STEP = 64 };

INLINE __m512i bytes_at(const int8_t *p) {
    return _mm512_loadu_si512(p);
}

INLINE __m512i raised(const int8_t *p) {
    return _mm512_xor_si512(bytes_at(p), _mm512_set1_epi8((char)0x80));
}

INLINE __m128i quarters(__m512i v) {
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

INLINE __m128i sums_of(const __m512i v[ROWS]) {
    return _mm_hadd_epi32(_mm_hadd_epi32(quarters(v[0]), quarters(v[1])),
                          _mm_hadd_epi32(quarters(v[2]), quarters(v[3])));
}

/* Four sums, each 128 times the sum of the query too large. */
INLINE __m128i dot_rows(int n, const int8_t *const *rows, const struct nearest_query *q) {
    __m512i high[ROWS], low[ROWS];
    UNROLL
    for (int r = 0; r < ROWS; r++)
        high[r] = low[r] = _mm512_setzero_si512();
    for (size_t i = 0; i < q->stride; i += STEP) {
        __m512i q_high = bytes_at(q->high + i), q_low = bytes_at(q->low + i);
        UNROLL
        for (int r = 0; r < n; r++) {
            __m512i row = raised(rows[r] + i);
            high[r] = _mm512_dpbusd_epi32(high[r], row, q_high);
            low[r] = _mm512_dpbusd_epi32(low[r], row, q_low);
        }
    }
    UNROLL
    for (int r = 0; r < ROWS; r++)
        high[r] = _mm512_add_epi32(_mm512_slli_epi32(high[r], 8), low[r]);
    return sums_of(high);
}

/* 128 times the sum of the query, in every lane. */
INLINE __m128i surplus(const struct nearest_query *q) {
    __m512i ones = _mm512_set1_epi8(1), high = _mm512_setzero_si512(), low = high;
    for (size_t i = 0; i < q->stride; i += STEP) {
        high = _mm512_dpbusd_epi32(high, ones, bytes_at(q->high + i));
        low = _mm512_dpbusd_epi32(low, ones, bytes_at(q->low + i));
    }
    high = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    return _mm_slli_epi32(_mm_set1_epi32(_mm512_reduce_add_epi32(high)), 7);
}

static void dots(const int8_t *const *rows, size_t n, const struct nearest_query *q, int32_t *out) {
    __m128i less = surplus(q);
    size_t r = 0;
    for (; r + ROWS <= n; r += ROWS)
        _mm_storeu_si128((__m128i *)(void *)(out + r),
                         _mm_sub_epi32(dot_rows(ROWS, rows + r, q), less));
    for (; r < n; r++)
        out[r] = _mm_cvtsi128_si32(_mm_sub_epi32(dot_rows(1, rows + r, q), less));
}

static int32_t dot(const int8_t *a, const int8_t *b, size_t stride) {
    __m512i sum = _mm512_setzero_si512(), other = sum, ones = _mm512_set1_epi8(1);
    for (size_t i = 0; i < stride; i += STEP) {
        __m512i y = bytes_at(b + i);
        sum = _mm512_dpbusd_epi32(sum, raised(a + i), y);
        other = _mm512_dpbusd_epi32(other, ones, y);
    }
    return _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, _mm512_slli_epi32(other, 7)));
}

const struct nearest_kernel nearest_vnni = {.dots = dots, .dot = dot};

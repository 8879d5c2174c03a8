#include "code/scan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The plain version finds what is left over for the others too: *seen is where they stopped. */
static size_t find_from(const uint8_t *text, size_t at, size_t size, uint64_t k, uint64_t *seen) {
    uint64_t n = *seen;
    while (at < size && n < k) {
        n += text[at] == '\n';
        at++;
    }
    *seen = n;
    return at;
}

static size_t find_plain(const uint8_t *text, size_t size, uint64_t k, uint64_t *seen) {
    uint64_t n = 0;
    size_t at = 0;
    /* Whole blocks are only counted, which compilers turn into vector code of the baseline. */
    for (; size - at >= 64; at += 64) {
        unsigned block = 0;
        for (size_t i = 0; i < 64; i++)
            block += text[at + i] == '\n';
        if (n + block >= k)
            break;
        n += block;
    }
    *seen = n;
    return find_from(text, at, size, k, seen);
}

#if defined(__x86_64__)
/* Where bit number `nth` (1-based) of those set in mask is. */
static size_t nth_bit(uint64_t mask, uint64_t nth) {
    while (--nth > 0)
        mask &= mask - 1;
    return (size_t)__builtin_ctzll(mask);
}

__attribute__((target("avx2,popcnt"))) static size_t find_avx2(const uint8_t *text, size_t size,
                                                               uint64_t k, uint64_t *seen) {
    const __m256i newline = _mm256_set1_epi8('\n');
    uint64_t n = 0;
    size_t at = 0;
    for (; size - at >= 64; at += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(text + at));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(text + at + 32));
        uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, newline));
        uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, newline));
        uint64_t mask = (uint64_t)high << 32 | low;
        uint64_t block = (uint64_t)__builtin_popcountll(mask);
        if (n + block >= k) {
            *seen = k;
            return at + nth_bit(mask, k - n) + 1;
        }
        n += block;
    }
    *seen = n;
    return find_from(text, at, size, k, seen);
}

__attribute__((target("avx512f,avx512bw,popcnt"))) static size_t
find_avx512(const uint8_t *text, size_t size, uint64_t k, uint64_t *seen) {
    const __m512i newline = _mm512_set1_epi8('\n');
    uint64_t n = 0;
    size_t at = 0;
    for (; size - at >= 64; at += 64) {
        uint64_t mask = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(text + at), newline);
        uint64_t block = (uint64_t)__builtin_popcountll(mask);
        if (n + block >= k) {
            *seen = k;
            return at + nth_bit(mask, k - n) + 1;
        }
        n += block;
    }
    *seen = n;
    return find_from(text, at, size, k, seen);
}
#endif

size_t scan_list(struct scan out[SCAN_MAX]) {
    size_t n = 0;
    out[n++] = (struct scan){"plain", find_plain};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"))
        out[n++] = (struct scan){"avx2", find_avx2};
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("popcnt"))
        out[n++] = (struct scan){"avx512", find_avx512};
#endif
    return n;
}

scan_fn *scan_best(void) {
    struct scan all[SCAN_MAX];
    return all[scan_list(all) - 1].find;
}

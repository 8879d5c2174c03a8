/* Products of rows and queries of bytes: every class gives what plain sums give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernel/nearest.h"

enum { ROWS = 11, MOST = 8192 };

static int8_t rows[ROWS][MOST];
static int16_t wide[MOST];
static int8_t high[MOST], low[MOST];

/* Values from the whole range, or only its ends, of which sums are the largest. */
static void make(size_t stride, bool ends, uint64_t seed) {
    struct rng r = {seed};
    int32_t range = nearest_range(stride);
    for (size_t i = 0; i < stride; i++) {
        for (int j = 0; j < ROWS; j++)
            rows[j][i] = (int8_t)(ends ? (j % 2 ? -128 : 127) : (int)(rng_next(&r) % 256) - 128);
        int32_t value = (int32_t)(rng_next(&r) % (2 * (uint64_t)range + 1)) - range;
        value = ends ? (seed % 2 ? range : -range) : value;
        wide[i] = (int16_t)value;
        high[i] = (int8_t)((value + 128 + 32768) / 256 - 128);
        low[i] = (int8_t)(value - 256 * high[i]);
    }
}

static void check(enum isa isa, size_t stride) {
    const struct nearest_kernel *k = nearest_kernel(isa);
    struct nearest_query q = {stride, wide, high, low};
    for (size_t n = 1; n <= ROWS; n++) {
        const int8_t *at[ROWS];
        int32_t out[ROWS + 1];
        out[n] = 77;
        for (size_t j = 0; j < n; j++)
            at[j] = rows[(j * 7 + n) % ROWS];
        k->dots(at, n, &q, out);
        assert_int_equal(out[n], 77);
        for (size_t j = 0; j < n; j++) {
            int64_t sum = 0;
            for (size_t i = 0; i < stride; i++)
                sum += (int64_t)at[j][i] * wide[i];
            if (out[j] != sum)
                fail_msg("%s, stride %zu, row %zu of %zu: %d, not %lld", isa_name(isa), stride, j,
                         n, out[j], (long long)sum);
        }
    }
    for (size_t j = 0; j + 1 < ROWS; j++) {
        int64_t sum = 0;
        for (size_t i = 0; i < stride; i++)
            sum += rows[j][i] * rows[j + 1][i];
        assert_int_equal(k->dot(rows[j], rows[j + 1], stride), sum);
    }
}

static void test_products(void **state) {
    (void)state;
    enum isa best;
    static const size_t strides[] = {64, 128, 384, 448, 1024, MOST};
    assert_int_equal(isa_detect(&best, NULL), 0);
    for (enum isa isa = ISA_PLAIN; isa <= best; isa++)
        for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
            for (uint64_t seed = 0; seed < 8; seed++) {
                make(strides[s], seed >= 6, seed);
                check(isa, strides[s]);
            }
}

static void test_range(void **state) {
    (void)state;
    for (size_t width = 1; width <= MOST; width += 61) {
        size_t stride = nearest_stride(width);
        assert_true(stride >= width && stride < width + NEAREST_STRIDE && stride % 64 == 0);
        assert_true((int64_t)nearest_range(stride) * 128 * (int64_t)stride <= INT32_MAX);
        assert_true(nearest_range(stride) <= 127 * 256 && nearest_range(stride) >= 1024);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rotations: orthogonal, the same for rows and columns, and the same for a seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/rotate.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Widths of models, and odd ones; the most a block may be; whether blocks are mixed. */
static const struct {
    size_t n, most_block;
    int mix;
} shapes[] = {{1, 256, 1},   {2, 256, 1},    {7, 64, 1},     {64, 64, 0},   {64, 256, 1},
              {80, 256, 1},  {96, 32, 0},    {384, 256, 1},  {576, 64, 1},  {576, 1024, 1},
              {896, 256, 1}, {1536, 256, 0}, {1536, 512, 1}, {1152, 64, 1}, {250, 1, 1}};

static struct rotation rotation_of(size_t n, size_t most_block, int mix, uint64_t seed) {
    struct rotation r;
    struct err e = {0};
    if (rotation_new(n, most_block, mix, seed, &r, &e) != 0)
        fail_msg("%s", e.text);
    return r;
}

static float *randoms(size_t n, uint64_t seed) {
    struct rng rng = {seed};
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_uniform(&rng) * 2 - 1;
    return x;
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void norms_and_angles_are_kept(void **state) {
    (void)state;
    enum { ROWS = 5 };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        size_t n = shapes[s].n;
        struct rotation r = rotation_of(n, shapes[s].most_block, shapes[s].mix, 1);
        float *x = randoms(ROWS * n, 2), *y = malloc(ROWS * n * sizeof *y);
        assert_non_null(y);
        memcpy(y, x, ROWS * n * sizeof *y);
        rotation_rows(&r, y, ROWS);
        for (size_t i = 0; i < ROWS; i++)
            for (size_t j = 0; j <= i; j++) {
                double want = dot(x + i * n, x + j * n, n), got = dot(y + i * n, y + j * n, n);
                if (!(fabs(got - want) <= 2e-6 * (double)n))
                    fail_msg("n %zu: rows %zu and %zu: %g, not %g", n, i, j, got, want);
            }
        free(x);
        free(y);
        rotation_free(&r);
    }
}

/* The rows of R from the unit vectors. */
static void rotation_is_orthogonal(void **state) {
    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        size_t n = shapes[s].n;
        if (n > 600)
            continue;
        struct rotation r = rotation_of(n, shapes[s].most_block, shapes[s].mix, 3);
        float *x = calloc(n * n, sizeof *x);
        assert_non_null(x);
        for (size_t i = 0; i < n; i++)
            x[i * n + i] = 1;
        rotation_rows(&r, x, n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                if (!(fabs(dot(x + i * n, x + j * n, n) - (i == j)) < 1e-5))
                    fail_msg("n %zu: rows %zu and %zu: %g", n, i, j, dot(x + i * n, x + j * n, n));
        if (!shapes[s].mix) /* blocks, powers of two, stay apart */
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    assert_true((i ^ j) < r.block || x[i * n + j] == 0);
        free(x);
        rotation_free(&r);
    }
}

static void columns_are_rows_transposed(void **state) {
    (void)state;
    static const size_t widths[] = {1, 3, 64, 70};
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (size_t w = 0; w < COUNT(widths); w++) {
            size_t n = shapes[s].n, width = widths[w];
            struct rotation r = rotation_of(n, shapes[s].most_block, shapes[s].mix, 4);
            float *rows = randoms(width * n, 5), *columns = malloc(width * n * sizeof *columns);
            assert_non_null(columns);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < width; j++)
                    columns[i * width + j] = rows[j * n + i];
            rotation_rows(&r, rows, width);
            rotation_columns(&r, columns, width);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < width; j++)
                    if (!(fabsf(columns[i * width + j] - rows[j * n + i]) < 1e-5f))
                        fail_msg("n %zu width %zu: element %zu of column %zu: %g, not %g", n, width,
                                 i, j, (double)columns[i * width + j], (double)rows[j * n + i]);
            free(rows);
            free(columns);
            rotation_free(&r);
        }
}

static void seeds_decide(void **state) {
    (void)state;
    size_t n = 576;
    struct rotation a = rotation_of(n, 64, 1, 7), b = rotation_of(n, 64, 1, 7),
                    c = rotation_of(n, 64, 1, 8);
    size_t m = n / a.block;
    assert_int_equal(a.block, 64);
    assert_memory_equal(a.signs, b.signs, n * sizeof *a.signs);
    assert_memory_equal(a.mixture, b.mixture, m * m * sizeof *a.mixture);
    assert_memory_not_equal(a.signs, c.signs, n * sizeof *a.signs);
    assert_memory_not_equal(a.mixture, c.mixture, m * m * sizeof *a.mixture);
    rotation_free(&a);
    rotation_free(&b);
    rotation_free(&c);
}

/* One large element becomes many of about the same size. */
static void outliers_are_spread(void **state) {
    (void)state;
    struct rotation r = rotation_of(576, 1024, 1, 9);
    float x[576] = {0};
    x[100] = 1;
    rotation_rows(&r, x, 1);
    float most = 0;
    for (size_t i = 0; i < 576; i++)
        most = fmaxf(most, fabsf(x[i]));
    assert_true(most < 0.15f); /* 0.042 if all were the same */
    rotation_free(&r);
}

static void blocks_are_powers_of_two(void **state) {
    (void)state;
    static const size_t cases[][3] = {{1, 256, 1},      {7, 256, 1},      {576, 256, 64},
                                      {576, 32, 32},    {1536, 256, 256}, {1536, 1024, 512},
                                      {4864, 256, 256}, {8960, 256, 256}, {64, 64, 64},
                                      {96, 255, 32},    {100, 1, 1}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(rotation_block(cases[i][0], cases[i][1]), cases[i][2]);
}

static void too_much_to_mix_is_refused(void **state) {
    (void)state;
    struct rotation r;
    struct err e = {0};
    assert_int_equal(rotation_new(1025, 256, 1, 1, &r, &e), PRECIS_EUNSUPPORTED);
    rotation_free(&r);
    r = rotation_of(1025, 256, 0, 1); /* nothing is mixed */
    assert_null(r.mixture);
    rotation_free(&r);
    rotation_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_and_angles_are_kept),   cmocka_unit_test(rotation_is_orthogonal),
        cmocka_unit_test(columns_are_rows_transposed), cmocka_unit_test(seeds_decide),
        cmocka_unit_test(outliers_are_spread),         cmocka_unit_test(blocks_are_powers_of_two),
        cmocka_unit_test(too_much_to_mix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

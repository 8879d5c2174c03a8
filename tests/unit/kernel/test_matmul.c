/* Matrix products of every class against double precision; rows that do not depend on how many
 * there are or where they lie; packing that loses nothing. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel/matmul.h"
#include "model/quant.h"

static struct rng rng = {7};

/* Room for whole cache lines, as the engine's buffers have. */
static void *room_for(size_t bytes) {
    size_t whole = (bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, whole);
    assert_non_null(p);
    return memset(p, 0, whole);
}

static float rounded(float x, enum dtype type) {
    return type == DTYPE_BF16 ? quant_bf16_to_f32(quant_f32_to_bf16(x)) : x;
}

static float *randoms(size_t n, enum dtype type) {
    float *x = room_for(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = rounded((float)(rng_uniform(&rng) * 2 - 1), type);
    return x;
}

/* The same numbers, stored as type. */
static void *stored(const float *x, size_t n, enum dtype type) {
    void *p = room_for(n * dtype_size(type));
    for (size_t i = 0; i < n; i++)
        if (type == DTYPE_F32)
            ((float *)p)[i] = x[i];
        else
            ((uint16_t *)p)[i] = quant_f32_to_bf16(x[i]);
    return p;
}

static double value_of(const void *y, size_t i, enum dtype type) {
    return (double)(type == DTYPE_F32 ? ((const float *)y)[i]
                                      : quant_bf16_to_f32(((const uint16_t *)y)[i]));
}

struct product {
    struct matmul *mm;
    struct matmul_lane *lane;
    struct weight *w;
    enum dtype type, out;
    size_t n, k;
};

static void run(const struct product *p, int m, const void *x, void *y) {
    struct err e;
    if (matmul_run(p->lane, p->w, m, x, p->out, y, &e) != 0)
        fail_msg("%s", e.text);
}

/* Sums of k terms in f32, in any order, then rounded to the output's type. */
static void check_values(const struct product *p, const float *x, const float *w, const void *y) {
    for (size_t r = 0; r < MATMUL_ROWS; r++)
        for (size_t c = 0; c < p->n; c++) {
            double want = 0, size = 0, got = value_of(y, r * p->n + c, p->out);
            for (size_t i = 0; i < p->k; i++) {
                double term = (double)x[r * p->k + i] * (double)w[c * p->k + i];
                want += term;
                size += fabs(term);
            }
            double bound = size * (double)FLT_EPSILON * (4 + sqrt((double)p->k));
            if (p->out == DTYPE_BF16)
                bound += fabs(want) / 256;
            if (!(fabs(got - want) <= bound))
                fail_msg("[%d, %zu] x [%zu, %zu]: row %zu column %zu is %.9g, not %.9g",
                         MATMUL_ROWS, p->k, p->n, p->k, r, c, got, want);
        }
}

/* Any number of rows, from several places, against the full block; of large shapes a sample. */
static void check_rows(const struct product *p, const char *x, const char *full) {
    size_t in = p->k * dtype_size(p->type), out = p->n * dtype_size(p->out);
    char *y = room_for(MATMUL_ROWS * out);
    for (int m = 1; m < MATMUL_ROWS; m += p->n * p->k < 100000 ? 1 : 13)
        for (int from = 0; from < 2 * MATMUL_ROWS; from += 37) {
            int at = from % MATMUL_ROWS, padded = matmul_padded(m);
            if (at + padded > MATMUL_ROWS) /* padded rows are read */
                continue;
            run(p, m, x + (size_t)at * in, y);
            if (memcmp(y, full + (size_t)at * out, (size_t)m * out) != 0)
                fail_msg("[%zu, %zu]: %d rows from row %d differ from those of a full block", p->n,
                         p->k, m, at);
        }
    free(y);
}

/* Unit vectors give the weights back as they were packed. */
static void check_packing(const struct product *p, const float *w) {
    if (p->k > MATMUL_ROWS)
        return;
    float *unit = room_for(MATMUL_ROWS * p->k * sizeof *unit);
    for (size_t i = 0; i < p->k; i++)
        unit[i * p->k + i] = 1;
    void *x = stored(unit, MATMUL_ROWS * p->k, p->type);
    void *y = room_for(MATMUL_ROWS * p->n * sizeof(float));
    run(p, (int)p->k, x, y);
    for (size_t i = 0; i < p->k; i++)
        for (size_t c = 0; c < p->n; c++)
            if (value_of(y, i * p->n + c, p->out) != (double)w[c * p->k + i])
                fail_msg("[%zu, %zu]: weight %zu, %zu is %g, not %g", p->n, p->k, c, i,
                         value_of(y, i * p->n + c, p->out), (double)w[c * p->k + i]);
    free(unit);
    free(x);
    free(y);
}

static void check_shape(struct product *p, bool values) {
    float *w = randoms(p->n * p->k, p->type), *x = randoms(MATMUL_ROWS * p->k, p->type);
    struct err e;
    if (weight_pack(p->lane, w, (int)p->n, (int)p->k, p->type, &p->w, &e) != 0)
        fail_msg("[%zu, %zu]: %s", p->n, p->k, e.text);
    assert_true(weight_bytes(p->w) >= p->n * p->k * dtype_size(p->type));
    void *in = stored(x, MATMUL_ROWS * p->k, p->type);
    void *y = room_for(MATMUL_ROWS * p->n * dtype_size(p->out));
    run(p, MATMUL_ROWS, in, y);
    if (values)
        check_values(p, x, w, y);
    check_packing(p, w);
    check_rows(p, in, y);
    weight_free(p->w);
    free(w);
    free(x);
    free(in);
    free(y);
}

static void check_class(enum isa isa, enum dtype type, enum dtype out) {
    static const size_t shapes[][2] = {{1, 1},    {3, 7},     {15, 16},   {16, 64},   {17, 33},
                                       {31, 128}, {48, 96},   {64, 130},  {100, 192}, {257, 64},
                                       {96, 577}, {960, 576}, {576, 1536}};
    struct kernel k;
    struct err e;
    struct product p = {.type = type, .out = out};
    if (kernel_select(isa, type, &k, &e) != 0 || matmul_new(&k, &p.mm, &e) != 0 ||
        matmul_lane_new(p.mm, &p.lane, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        p.n = shapes[i][0];
        p.k = shapes[i][1];
        check_shape(&p, p.n * p.k < 100000);
    }
    matmul_lane_free(p.lane);
    matmul_free(p.mm);
}

static enum isa best_isa(void) {
    enum isa isa;
    struct err e;
    if (isa_detect(&isa, &e) != 0)
        fail_msg("%s", e.text);
    return isa;
}

static void f32_products_are_exact(void **state) {
    (void)state;
    for (enum isa isa = ISA_PLAIN; isa <= best_isa(); isa++)
        check_class(isa, DTYPE_F32, DTYPE_F32);
}

static void bf16_products_are_exact(void **state) {
    (void)state;
    if (best_isa() < ISA_AVX512_BF16)
        skip();
    check_class(ISA_AVX512_BF16, DTYPE_BF16, DTYPE_F32);
    check_class(ISA_AVX512_BF16, DTYPE_BF16, DTYPE_BF16);
}

static void padding_covers_the_rows(void **state) {
    (void)state;
    for (int m = 1; m <= MATMUL_ROWS; m++) {
        int padded = matmul_padded(m);
        assert_true(padded >= m && padded <= MATMUL_ROWS && padded < 2 * m);
        assert_int_equal(matmul_padded(padded), padded);
    }
}

static void panels_are_laid_as_said(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {15, 3}, {16, 4}, {17, 5}, {40, 2}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int n = sizes[s][0], k = sizes[s][1], panels = (n + 15) / 16;
        size_t count = (size_t)(panels * 16 * k);
        assert_int_equal(pack_f32_size(n, k), count * sizeof(float));
        float *w = randoms((size_t)(n * k), DTYPE_F32), *packed = room_for(count * sizeof *packed);
        memset(packed, 0xff, count * sizeof *packed);
        pack_f32(w, n, k, packed);
        for (int c = 0; c < panels * 16; c++)
            for (int i = 0; i < k; i++) {
                float want = c < n ? w[c * k + i] : 0, got = packed[(c / 16 * k + i) * 16 + c % 16];
                assert_memory_equal(&got, &want, sizeof got);
            }
        free(w);
        free(packed);
    }
}

static void a_class_the_cpu_lacks_is_refused(void **state) {
    (void)state;
    struct err e;
    enum isa isa;
    const char *old = getenv("PRECIS_ISA");
    char *before = old ? strdup(old) : NULL;
    setenv("PRECIS_ISA", "sse9", 1);
    assert_int_equal(isa_detect(&isa, &e), PRECIS_EUSAGE);
    assert_non_null(strstr(e.text, "sse9"));
    setenv("PRECIS_ISA", "plain", 1);
    assert_int_equal(isa_detect(&isa, &e), 0);
    assert_int_equal(isa, ISA_PLAIN);
    struct kernel k;
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_BF16, &k, &e), PRECIS_EUNSUPPORTED);
    if (before)
        setenv("PRECIS_ISA", before, 1);
    else
        unsetenv("PRECIS_ISA");
    free(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_products_are_exact),
        cmocka_unit_test(bf16_products_are_exact),
        cmocka_unit_test(padding_covers_the_rows),
        cmocka_unit_test(panels_are_laid_as_said),
        cmocka_unit_test(a_class_the_cpu_lacks_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

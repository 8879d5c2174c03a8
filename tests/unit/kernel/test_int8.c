/* The int8 products, norms and transforms of every instruction set against exact integer arithmetic
 * and double precision, and each row's independence of the rows beside it. */
#include "data.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int weight_at(const struct weight8 *w, int j, int i) {
    int k = (w->k + 3) / 4 * 4;
    return w->panels[(j / 16 * 16) * k + i / 4 * 64 + j % 16 * 4 + i % 4];
}

struct layer {
    struct weight8 w;
    void *packed;
    float *from; /* [n, k] */
};

static struct layer layer_of(int n, int k) {
    struct layer l = {.packed = room(weight8_bytes(n, k), 0xee),
                      .from = randoms((size_t)n * (size_t)k, 0.1f)};
    weight8_pack(l.from, 0, n, n, k, l.packed);
    weight8_view(l.packed, n, k, &l.w);
    return l;
}

static void layer_free(struct layer *l) {
    free(l->packed);
    free(l->from);
}

/* Values from -127 to 127, every third row of the extremes alone. */
static struct rows8 rows_of(int rows, int n) {
    struct rows8 r = rows8_room((size_t)rows, (size_t)n);
    memset(r.x, 128, (size_t)rows * r.stride);
    for (int i = 0; i < rows; i++) {
        r.scale[i] = 0.01f + (float)rng_uniform(&rng);
        for (int j = 0; j < n; j++) {
            int any = (int)(rng_next(&rng) % 255) - 127, end = rng_next(&rng) % 2 ? 127 : -127;
            r.x[(size_t)i * r.stride + (size_t)j] = (uint8_t)(128 + (i % 3 == 2 ? end : any));
        }
    }
    return r;
}

/* The exact product, but for the rounding of doubles. */
static double product_at(const struct product8 *p, int row, int j) {
    int64_t sum = 0;
    for (int i = 0; i < p->w->k; i++)
        sum +=
            (int64_t)(p->x.x[(size_t)row * p->x.stride + (size_t)i] - 128) * weight_at(p->w, j, i);
    return (double)sum * (double)p->x.scale[row] * (double)p->w->scale[j];
}

static double expected(const struct product8 *p, int row, int column, double before,
                       double *bound) {
    if (p->into != PRODUCT8_SWIGLU) {
        double product = product_at(p, row, column);
        double want = product + (p->into == PRODUCT8_ADD ? before : 0);
        *bound = 3e-7 * (fabs(product) + fabs(want));
        return want;
    }
    int j = column / 16 * 32 + column % 16;
    double gate = product_at(p, row, j), value = product_at(p, row, j + 16);
    double want = gate / (1 + exp(-gate)) * value;
    /* The argument of exp is rounded in proportion to itself. */
    *bound = (6e-6 + 4e-7 * fmin(fabs(gate), 90)) * fabs(want) + 1e-30;
    if (gate < -80) /* nearly nothing, and nothing from -88 on */
        *bound = 1e-30 * fabs(gate * value);
    return want;
}

static struct product8 product_of(const struct layer *l, struct rows8 x, int rows,
                                  enum product8_into into, float *y) {
    return (struct product8){.w = &l->w,
                             .x = x,
                             .rows = rows,
                             .to = l->w.n,
                             .into = into,
                             .y = y,
                             .y_stride = ((size_t)l->w.n + 15) / 16 * 16 + 16};
}

static void check_shape(const struct kernel8 *k, int n, int depth, int rows,
                        enum product8_into into) {
    struct layer l = layer_of(n, depth);
    struct rows8 x = rows_of(rows, depth);
    struct product8 p = product_of(&l, x, rows, into, NULL);
    size_t size = (size_t)rows * p.y_stride;
    float *before = randoms(size, 2), *y = room(size * sizeof *y, 0), *part = room(size * 4, 0);
    memcpy(y, before, size * sizeof *y);
    p.y = y;
    k->product(&p);
    int columns = into == PRODUCT8_SWIGLU ? n / 2 : n;
    size_t padded = ((size_t)columns + 15) / 16 * 16;
    for (int r = 0; r < rows; r++) {
        size_t at = (size_t)r * p.y_stride;
        for (int c = 0; c < columns; c++) {
            double bound, want = expected(&p, r, c, (double)before[at + (size_t)c], &bound);
            double got = (double)y[at + (size_t)c];
            if (!(fabs(got - want) <= bound))
                fail_msg("n %d k %d rows %d into %d: row %d column %d is %.9g, not %.9g", n, depth,
                         rows, into, r, c, got, want);
        }
        assert_memory_equal(y + at + padded, before + at + padded,
                            (p.y_stride - padded) * sizeof *y);
    }
    /* Parts of the outputs, the last first. */
    memcpy(part, before, size * sizeof *part);
    for (int from = (n - 1) / 32 * 32; from >= 0; from -= 32) {
        struct product8 q = p;
        q.y = part;
        q.from = from;
        q.to = from + 32 < n ? from + 32 : n;
        k->product(&q);
    }
    assert_memory_equal(part, y, size * sizeof *y);
    /* One row, and then the first rows alone. */
    for (int r = 0; r < rows; r++) {
        memcpy(part, before, size * sizeof *part);
        struct product8 q = p;
        size_t at = (size_t)r * p.y_stride;
        q.rows = 1;
        q.x.x += (size_t)r * x.stride;
        q.x.scale += r;
        q.y = part + at;
        k->product(&q);
        assert_memory_equal(part + at, y + at, p.y_stride * sizeof *y);
        memcpy(part, before, size * sizeof *part);
        q = p;
        q.rows = r + 1;
        q.y = part;
        k->product(&q);
        at += p.y_stride;
        assert_memory_equal(part, y, at * sizeof *y);
        assert_memory_equal(part + at, before + at, (size - at) * sizeof *y);
    }
    free(part);
    free(y);
    free(before);
    rows8_free(&x);
    layer_free(&l);
}

static void check_product(const struct kernel8 *k) {
    static const int ns[] = {1, 15, 16, 17, 40, 64, 100, 129, 300},
                     ks[] = {1, 3, 4, 5, 63, 65, 130};
    for (size_t i = 0; i < COUNT(ns); i++)
        for (size_t j = 0; j < COUNT(ks); j++) {
            check_shape(k, ns[i], ks[j], 7, PRODUCT8_STORE);
            check_shape(k, ns[i], ks[j], 3, PRODUCT8_ADD);
            check_shape(k, (ns[i] + 31) / 32 * 32, ks[j], 5, PRODUCT8_SWIGLU);
        }
    for (int rows = 1; rows <= 13; rows++) {
        check_shape(k, 90, 70, rows, PRODUCT8_STORE);
        check_shape(k, 64, 21, rows, PRODUCT8_SWIGLU);
    }
    check_shape(k, 48, 40, 128, PRODUCT8_ADD);
    check_shape(k, 33, 8961, 8, PRODUCT8_STORE); /* the longest sums of these models */
}

static void product_is_exact(void **state) {
    (void)state;
    each_class(check_product);
}

/* Gates far from zero: silu tends to the gate and to nothing. */
static void check_far_gates(const struct kernel8 *k) {
    enum { N = 32, K = 8, ROWS = 7 };
    static const float scales[ROWS] = {1e-30f, 1e-3f, 1, 30, 1e3f, 1e6f, 1e15f};
    struct layer l = layer_of(N, K);
    struct rows8 x = rows_of(ROWS, K);
    memcpy(x.scale, scales, sizeof scales);
    float y[ROWS * (N + 16)] = {0};
    struct product8 p = product_of(&l, x, ROWS, PRODUCT8_SWIGLU, y);
    k->product(&p);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < N / 2; c++) {
            double bound, want = expected(&p, r, c, 0, &bound);
            double got = (double)y[(size_t)r * p.y_stride + (size_t)c];
            if (!(fabs(got - want) <= bound))
                fail_msg("row %d column %d is %g, not %g", r, c, got, want);
        }
    rows8_free(&x);
    layer_free(&l);
}

static void far_gates_are_exact(void **state) {
    (void)state;
    each_class(check_far_gates);
}

static void weights_are_packed(void **state) {
    (void)state;
    static const int shapes[][2] = {{1, 1}, {16, 4}, {17, 5}, {100, 63}, {64, 576}};
    for (size_t s = 0; s < COUNT(shapes); s++) {
        int n = shapes[s][0], k = shapes[s][1];
        struct layer l = layer_of(n, k);
        memset(l.from, 0, (size_t)k * sizeof *l.from); /* an output without weights */
        weight8_pack(l.from, 0, n, n, k, l.packed);
        for (int j = 0; j < (n + 15) / 16 * 16; j++) {
            int32_t sum = 0;
            int most = 0;
            for (int i = 0; i < (k + 3) / 4 * 4; i++) {
                int q = weight_at(&l.w, j, i);
                sum += q;
                most = abs(q) > most ? abs(q) : most;
                double w = j < n && i < k ? (double)l.from[j * k + i] : 0;
                double scale = (double)l.w.scale[j];
                if (!(fabs(w - q * scale) <= 0.50001 * scale))
                    fail_msg("output %d weight %d: %g is %d * %g", j, i, w, q, scale);
            }
            assert_int_equal(l.w.sum[j], -128 * sum);
            assert_int_equal(most, j == 0 || j >= n ? 0 : 127);
        }
        void *parts = room(weight8_bytes(n, k), 0x11), *whole = room(weight8_bytes(n, k), 0x11);
        weight8_pack(l.from, 0, n, n, k, whole);
        for (int first = (n - 1) / 16 * 16; first >= 0; first -= 16) {
            int count = n - first < 16 ? n - first : 16;
            weight8_pack(l.from + (size_t)first * (size_t)k, first, count, n, k, parts);
        }
        assert_memory_equal(parts, whole, weight8_bytes(n, k));
        free(parts);
        free(whole);
        layer_free(&l);
    }
}

enum way { WAY_QUANTIZE, WAY_RMSNORM, WAY_HADAMARD };

static void quantize_by(const struct kernel8 *k, enum way way, float *x, int rows, int n, int block,
                        const struct rows8 *out) {
    if (way == WAY_QUANTIZE)
        k->quantize(x, rows, n, out);
    else if (way == WAY_RMSNORM)
        k->rmsnorm(x, 1e-5f, rows, n, out);
    else
        k->hadamard(x, rows, n, block, out);
}

/* What a row is before its values are rounded. */
static void expect_values(enum way way, const float *x, int n, int block, double *want) {
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    double scale = way == WAY_RMSNORM ? 1 / sqrt(squares / n + 1e-5) : 1;
    for (int i = 0; i < n; i++) {
        want[i] = (double)x[i] * scale;
        if (way == WAY_HADAMARD) {
            want[i] = 0;
            for (int j = 0; j < block; j++) /* Sylvester's: the sign is the parity of i & j */
                want[i] += (__builtin_parity((unsigned)(i % block & j)) ? -1 : 1) *
                           (double)x[i / block * block + j] / sqrt(block);
        }
    }
}

static void check_quantized(const struct kernel8 *k, enum way way, int n, int block) {
    enum { ROWS = 5 };
    size_t width = (size_t)n;
    float *x = randoms(ROWS * width, 3), *work = room(ROWS * width * 4, 0);
    for (int i = 0; i < n; i++) {
        x[(size_t)(2 * n + i)] = 0;
        x[(size_t)(3 * n + i)] *= 1e12f;
        x[(size_t)(4 * n + i)] *= 1e-8f;
    }
    memcpy(work, x, ROWS * width * sizeof *x);
    struct rows8 out = rows8_room(ROWS, width), alone = rows8_room(1, width);
    quantize_by(k, way, work, ROWS, n, block, &out);
    double *want = malloc(width * sizeof *want);
    for (size_t r = 0; r < ROWS; r++) {
        const uint8_t *row = out.x + r * out.stride;
        double scale = (double)out.scale[r], most = 0;
        expect_values(way, x + r * width, n, block, want);
        for (int i = 0; i < n; i++) {
            most = fmax(most, fabs(want[i]));
            if (!(fabs((row[i] - 128) * scale - want[i]) <= 0.5002 * scale))
                fail_msg("way %d n %d block %d row %zu column %d: %d * %g, not %g", way, n, block,
                         r, i, row[i] - 128, scale, want[i]);
        }
        if (!(fabs(scale * 127 - most) <= 2e-6 * most))
            fail_msg("way %d n %d: the scale of row %zu is %g / 127, not %g", way, n, r,
                     scale * 127, most);
        for (size_t i = width; i < out.stride; i++)
            assert_int_equal(row[i], 128);
        memcpy(work, x + r * width, width * sizeof *x);
        quantize_by(k, way, work, 1, n, block, &alone);
        assert_memory_equal(alone.x, row, out.stride);
        assert_memory_equal(alone.scale, &out.scale[r], sizeof(float));
    }
    free(want);
    rows8_free(&out);
    rows8_free(&alone);
    free(x);
    free(work);
}

static void check_rows(const struct kernel8 *k) {
    static const int widths[] = {1, 15, 16, 64, 70, 576, 577};
    for (size_t w = 0; w < COUNT(widths); w++) {
        check_quantized(k, WAY_QUANTIZE, widths[w], 0);
        check_quantized(k, WAY_RMSNORM, widths[w], 0);
    }
    for (int block = 16; block <= 256; block *= 2)
        for (int blocks = 1; blocks <= 3; blocks++)
            check_quantized(k, WAY_HADAMARD, block * blocks, block);
}

static void rows_are_quantized(void **state) {
    (void)state;
    each_class(check_rows);
}

/* The transform is left in x, still to be divided by sqrt(block): those of the unit vectors keep
 * their lengths and right angles. */
static void check_hadamard(const struct kernel8 *k) {
    for (int block = 16; block <= 256; block *= 2) {
        size_t n = (size_t)block;
        float *x = room(n * n * sizeof *x, 0);
        struct rows8 out = rows8_room(n, n);
        for (size_t i = 0; i < n; i++)
            x[i * n + i] = 1;
        k->hadamard(x, block, block, block, &out);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++) {
                double dot = 0;
                for (size_t c = 0; c < n; c++)
                    dot += (double)x[i * n + c] * (double)x[j * n + c];
                assert_true(dot == (i == j ? (double)block : 0));
            }
        for (size_t i = 0; i < n * n; i++) {
            size_t row = i / n, at = row * out.stride + i % n;
            double v = (double)(out.x[at] - 128) * (double)out.scale[row];
            assert_true(fabs(fabs(v) * sqrt(block) - 1) < 1e-6);
        }
        rows8_free(&out);
        free(x);
    }
}

static void hadamard_is_orthogonal(void **state) {
    (void)state;
    each_class(check_hadamard);
}

/* What is not finite in a row makes all of its outputs so, and leaves the other rows alone. */
static void check_bad(const struct kernel8 *k, enum way way, enum product8_into into, float bad) {
    enum { ROWS = 9, BAD = 4, N = 64, K = 96 };
    struct layer l = layer_of(N, K);
    float *x = randoms(ROWS * K, 1), *work = room(ROWS * K * sizeof *x, 0);
    struct rows8 rows = rows8_room(ROWS, K);
    float y[ROWS * (N + 16)] = {0}, good[ROWS * (N + 16)] = {0};
    struct product8 p = product_of(&l, rows, ROWS, into, good);
    memcpy(work, x, ROWS * K * sizeof *x);
    quantize_by(k, way, work, ROWS, K, 32, &rows);
    k->product(&p);
    x[BAD * K + 17] = bad;
    memcpy(work, x, ROWS * K * sizeof *x);
    quantize_by(k, way, work, ROWS, K, 32, &rows);
    p.y = y;
    k->product(&p);
    int columns = into == PRODUCT8_SWIGLU ? N / 2 : N;
    for (int r = 0; r < ROWS; r++) {
        size_t at = (size_t)r * p.y_stride;
        if (r != BAD)
            assert_memory_equal(y + at, good + at, p.y_stride * sizeof *y);
        else
            for (int c = 0; c < columns; c++)
                if (isfinite(y[at + (size_t)c]))
                    fail_msg("way %d into %d: %g in the row gives %g", way, into, (double)bad,
                             (double)y[at + (size_t)c]);
    }
    rows8_free(&rows);
    free(x);
    free(work);
    layer_free(&l);
}

static void check_bad_rows(const struct kernel8 *k) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (enum way way = WAY_QUANTIZE; way <= WAY_HADAMARD; way++)
        for (size_t i = 0; i < COUNT(bad); i++) {
            check_bad(k, way, PRODUCT8_STORE, bad[i]);
            check_bad(k, way, PRODUCT8_ADD, bad[i]);
            check_bad(k, way, PRODUCT8_SWIGLU, bad[i]);
        }
}

static void what_is_not_finite_shows(void **state) {
    (void)state;
    each_class(check_bad_rows);
}

static void bad_weights_show(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct layer l = layer_of(20, 30);
        l.from[7 * 30 + 3] = bad[i];
        weight8_pack(l.from, 0, 20, 20, 30, l.packed);
        for (int j = 0; j < 20; j++)
            assert_int_equal(isfinite(l.w.scale[j]) != 0, j != 7);
        layer_free(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_exact),       cmocka_unit_test(far_gates_are_exact),
        cmocka_unit_test(weights_are_packed),     cmocka_unit_test(rows_are_quantized),
        cmocka_unit_test(hadamard_is_orthogonal), cmocka_unit_test(what_is_not_finite_shows),
        cmocka_unit_test(bad_weights_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Weights kept in 4 bits: what packing makes of them, and products that unpack as they go against
 * products of the unpacked panels, bit for bit, in every class of instruction sets. */
#include "data.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { PANEL = 16, GROUP = WEIGHT4_GROUP };

struct layer {
    struct weight8 w;
    void *packed;
    float *from; /* [n, k] */
};

static size_t up(int n, int to) {
    return (size_t)((n + to - 1) / to * to);
}

static struct layer layer_of(int n, int k) {
    struct layer l = {.packed = room(weight4_bytes(n, k), 0xee),
                      .from = randoms((size_t)n * (size_t)k, 0.1f)};
    weight4_pack(l.from, 0, n, n, k, l.packed);
    weight4_view(l.packed, n, k, &l.w);
    return l;
}

static void layer_free(struct layer *l) {
    free(l->packed);
    free(l->from);
}

static int step_at(const struct weight8 *w, int j, int i, int *zero) {
    size_t groups = up(w->k, GROUP) / GROUP, panel = (size_t)(j / PANEL);
    int both = w->steps[(panel * groups + (size_t)(i / GROUP)) * PANEL + (size_t)(j % PANEL)];
    *zero = both / 16;
    return both % 16;
}

/* The weight as the layout's description has it. */
static int weight_at(const struct weight8 *w, int j, int i) {
    size_t panel = up(w->k, 8) / 2 * PANEL;
    int zero, step = step_at(w, j, i, &zero);
    int both = w->fours[(size_t)(j / PANEL) * panel + (size_t)(i / 8 * 64 + j % PANEL * 4 + i % 4)];
    return ((i % 8 < 4 ? both % 16 : both / 16) - zero) * step;
}

/* The same layer with panels; the caller frees them. */
static struct weight8 unpacked(const struct weight8 *w) {
    size_t k = up(w->k, 4);
    int8_t *panels = room(up(w->n, PANEL) * k, 0);
    for (int j = 0; j < (int)up(w->n, PANEL); j++)
        for (int i = 0; i < (int)k; i++)
            panels[(size_t)(j / PANEL * PANEL) * k + (size_t)(i / 4 * 64 + j % PANEL * 4 + i % 4)] =
                (int8_t)weight_at(w, j, i);
    struct weight8 out = *w;
    out.fours = out.steps = NULL;
    out.panels = panels;
    return out;
}

static void check_packed(int n, int k) {
    struct layer l = layer_of(n, k);
    memset(l.from, 0, (size_t)k * sizeof *l.from); /* an output without weights */
    weight4_pack(l.from, 0, n, n, k, l.packed);
    double error = 0, energy = 0;
    for (int j = 0; j < (int)up(n, PANEL); j++) {
        int32_t sum = 0;
        double scale = (double)l.w.scale[j];
        for (int i = 0; i < (int)up(k, 4); i++) {
            int zero, step = step_at(&l.w, j, i, &zero), q = weight_at(&l.w, j, i);
            assert_in_range(step, 1, 15);
            assert_true(q >= -128 && q <= 127);
            sum += q;
            if (i >= k || j >= n || j == 0)
                assert_int_equal(q, 0);
            double w = j < n && i < k ? (double)l.from[j * k + i] : 0;
            if (!(fabs(w - q * scale) <= 2.5 * step * scale))
                fail_msg("output %d weight %d: %g is %d * %g (step %d)", j, i, w, q, scale, step);
            error += (w - q * scale) * (w - q * scale);
            energy += w * w;
        }
        assert_int_equal(l.w.sum[j], -128 * sum);
        assert_true(j > 0 && j < n ? scale > 0 : scale == 0);
    }
    if (!(error <= 0.08 * 0.08 * energy)) /* of normal values 0.069 at this group */
        fail_msg("n %d k %d: the relative error is %g", n, k, sqrt(error / energy));
    size_t bytes = weight4_bytes(n, k);
    void *parts = room(bytes, 0x11), *whole = room(bytes, 0x11);
    weight4_pack(l.from, 0, n, n, k, whole);
    for (int first = (n - 1) / PANEL * PANEL; first >= 0; first -= PANEL)
        weight4_pack(l.from + (size_t)first * (size_t)k, first,
                     n - first < PANEL ? n - first : PANEL, n, k, parts);
    assert_memory_equal(parts, whole, bytes);
    free(parts);
    free(whole);
    layer_free(&l);
}

static void weights_are_packed(void **state) {
    (void)state;
    static const int shapes[][2] = {{1, 1}, {16, 4}, {17, 5}, {100, 63}, {64, 576}, {33, 44}};
    for (size_t s = 0; s < COUNT(shapes); s++)
        check_packed(shapes[s][0], shapes[s][1]);
}

/* Values of one sign, one large value among small ones, and both ends at once. */
static void hard_groups_are_packed(void **state) {
    (void)state;
    enum { N = 16, K = 64 };
    struct layer l = layer_of(N, K);
    for (int i = 0; i < N * K; i++) {
        int j = i / K, g = i % K / GROUP;
        if (j == 0)
            l.from[i] = 1 + (float)(i % GROUP) / GROUP;
        else if (j == 1)
            l.from[i] = -1 - (float)(i % GROUP) / GROUP;
        else if (j == 2)
            l.from[i] = i % K == 5 ? 1000 : 1e-3f;
        else if (j == 3)
            l.from[i] = g == 0 ? (i % 2 ? 7.0f : -8.0f) : 1;
    }
    weight4_pack(l.from, 0, N, N, K, l.packed);
    for (int i = 0; i < 4 * K; i++) {
        double scale = (double)l.w.scale[i / K], want = (double)l.from[i];
        double got = weight_at(&l.w, i / K, i % K) * scale;
        int zero, step = step_at(&l.w, i / K, i % K, &zero);
        if (!(fabs(got - want) <= 1.01 * step * scale))
            fail_msg("output %d weight %d: %g is %g", i / K, i % K, want, got);
    }
    layer_free(&l);
}

static void bad_weights_show(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct layer l = layer_of(20, 30);
        l.from[7 * 30 + 3] = bad[i];
        weight4_pack(l.from, 0, 20, 20, 30, l.packed);
        for (int j = 0; j < 20; j++)
            assert_int_equal(isfinite(l.w.scale[j]) != 0, j != 7);
        layer_free(&l);
    }
}

static void check_run(const struct kernel8 *k, int n, int depth, int rows,
                      enum product8_into into) {
    struct layer l = layer_of(n, depth);
    struct weight8 eight = unpacked(&l.w);
    struct rows8 x = rows8_room((size_t)rows, (size_t)depth);
    float *values = randoms((size_t)rows * (size_t)depth, 1);
    k->quantize(values, rows, depth, &x);
    size_t stride = up(n, PANEL) + PANEL, size = (size_t)rows * stride;
    float *want = randoms(size, 1), *got = room(size * sizeof *got, 0);
    memcpy(got, want, size * sizeof *got);
    size_t scratch = weight4_scratch(depth);
    int8_t *room4 = room(scratch + 64, 0x5a);
    int middle = n / 2 / 32 * 32;
    for (int part = 0; part < 2; part++) {
        struct product8 p = {.w = &eight,
                             .x = x,
                             .rows = rows,
                             .from = part ? middle : 0,
                             .to = part ? n : middle,
                             .into = into,
                             .y = want,
                             .y_stride = stride,
                             .scratch = room4};
        product8_run(k, &p);
        p.w = &l.w;
        p.y = got;
        product8_run(k, &p);
    }
    if (memcmp(got, want, size * sizeof *got) != 0)
        fail_msg("n %d k %d rows %d into %d differ", n, depth, rows, into);
    for (int i = 0; i < 64; i++)
        assert_int_equal(room4[scratch + (size_t)i], 0x5a);
    int8_t *panel = room(up(depth, 4) * PANEL, 0);
    for (int c = 0; c < n; c += PANEL) {
        k->unpack4(&l.w, c, panel);
        assert_memory_equal(panel, eight.panels + (size_t)c * up(depth, 4), up(depth, 4) * PANEL);
    }
    free(panel);
    free(room4);
    free(got);
    free(want);
    free(values);
    rows8_free(&x);
    free((void *)(uintptr_t)eight.panels);
    layer_free(&l);
}

static void check_runs(const struct kernel8 *k) {
    static const int ns[] = {1, 16, 40, 64, 100, 129, 300}, ks[] = {1, 4, 5, 12, 63, 65, 130};
    for (size_t i = 0; i < COUNT(ns); i++)
        for (size_t j = 0; j < COUNT(ks); j++) {
            check_run(k, ns[i], ks[j], 7, PRODUCT8_STORE);
            check_run(k, ns[i], ks[j], 3, PRODUCT8_ADD);
            check_run(k, (ns[i] + 31) / 32 * 32, ks[j], 1, PRODUCT8_SWIGLU);
        }
    check_run(k, 96, 8960, 13, PRODUCT8_ADD);
}

static void products_are_those_of_the_panels(void **state) {
    (void)state;
    each_class(check_runs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_packed),
        cmocka_unit_test(hard_groups_are_packed),
        cmocka_unit_test(bad_weights_show),
        cmocka_unit_test(products_are_those_of_the_panels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

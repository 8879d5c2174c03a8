/* The kernels of every instruction set against plain arithmetic in double precision, and each row's
 * independence of the rows beside it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel/kernel.h"
#include "model/quant.h"

static struct rng rng = {42};

static float normal(void) { /* Box and Muller */
    return (float)(sqrt(-2 * log(1 - rng_uniform(&rng))) * cos(6.283185307 * rng_uniform(&rng)));
}

static float *randoms(size_t n, float scale) {
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = normal() * scale;
    return x;
}

static enum isa best_isa(void) {
    enum isa isa;
    struct err e = {0};
    if (isa_detect(&isa, &e) != 0)
        fail_msg("%s", e.text);
    return isa;
}

/* One layer's worth of keys and values for one head, written through split_qkv. */
struct cache {
    int dim, length;
    enum dtype type;
    uint8_t **blocks;
    float *k, *v; /* [length, dim], as they were put in (rounded to the type) */
};

static float rounded(float x, enum dtype type) {
    return type == DTYPE_BF16 ? quant_bf16_to_f32(quant_f32_to_bf16(x)) : x;
}

static void cache_fill(struct cache *c, const struct kernel *k, float key_offset) {
    size_t dim = (size_t)c->dim, block = KV_BLOCK * dim * dtype_size(c->type);
    int n = (c->length + KV_BLOCK - 1) / KV_BLOCK;
    c->blocks = calloc((size_t)n, sizeof *c->blocks);
    for (int i = 0; i < n; i++)
        c->blocks[i] = memset(aligned_alloc(64, 2 * block), 0, 2 * block);
    c->k = randoms((size_t)c->length * dim, 1);
    c->v = randoms((size_t)c->length * dim, 1);
    float *y = calloc(3 * dim, sizeof *y), *rope = calloc(dim, sizeof *rope);
    void *q = calloc(dim, 4);
    for (size_t d = 0; d < dim / 2; d++)
        rope[d] = 1; /* angle 0 */
    for (int p = 0; p < c->length; p++) {
        for (size_t d = 0; d < dim; d++) {
            float *key = &c->k[(size_t)p * dim + d], *value = &c->v[(size_t)p * dim + d];
            *key = rounded(*key + (d % 7 == 0 ? key_offset : 0), c->type);
            *value = rounded(*value, c->type);
            y[dim + d] = *key;
            y[2 * dim + d] = *value;
        }
        k->split_qkv(&(struct split_qkv){.y = y,
                                         .y_stride = 3 * dim,
                                         .rope = rope,
                                         .rows = 1,
                                         .heads = 1,
                                         .kv_heads = 1,
                                         .head_dim = c->dim,
                                         .rope_dims = c->dim,
                                         .q_scale = 1,
                                         .type = c->type,
                                         .q = q,
                                         .blocks = &c->blocks[p / KV_BLOCK],
                                         .head_stride = 2 * block,
                                         .value_offset = block,
                                         .positions = &p});
    }
    free(y);
    free(rope);
    free(q);
}

static void cache_free(struct cache *c) {
    for (int i = 0; i < (c->length + KV_BLOCK - 1) / KV_BLOCK; i++)
        free(c->blocks[i]);
    free(c->blocks);
    free(c->k);
    free(c->v);
}

static void expect_row(const struct cache *c, const float *q, int last, int window, double cap,
                       double *out) {
    double *w = malloc((size_t)(last + 1) * sizeof *w), most = -INFINITY, total = 0;
    for (int p = first_key(last, window); p <= last; p++) {
        w[p] = 0;
        for (int d = 0; d < c->dim; d++)
            w[p] += (double)q[d] * (double)c->k[p * c->dim + d];
        w[p] = cap > 0 ? cap * tanh(w[p] / cap) : w[p];
        most = fmax(most, w[p]);
    }
    for (int p = first_key(last, window); p <= last; p++)
        total += w[p] = exp2(w[p] - most);
    for (int d = 0; d < c->dim; d++) {
        out[d] = 0;
        for (int p = first_key(last, window); p <= last; p++)
            out[d] += w[p] / total * (double)c->v[p * c->dim + d];
    }
    free(w);
}

static float value_of(const void *x, size_t i, enum dtype type) {
    return type == DTYPE_F32 ? ((const float *)x)[i] : quant_bf16_to_f32(((const uint16_t *)x)[i]);
}

static void put(void *x, size_t i, enum dtype type, float v) {
    if (type == DTYPE_F32)
        ((float *)x)[i] = v;
    else
        ((uint16_t *)x)[i] = quant_f32_to_bf16(v);
}

/* Attention of `tokens` tokens x `group` heads that end at the cache's last position. */
static void check_attention(const struct kernel *k, enum dtype type, int dim, int length,
                            int tokens, int group, int window, float key_offset, float cap) {
    struct cache c = {.dim = dim, .length = length, .type = type};
    cache_fill(&c, k, key_offset);
    size_t rows = (size_t)(tokens * group), width = (size_t)dim;
    float *q = randoms(rows * width, 1.4427f / sqrtf((float)dim));
    void *in = aligned_alloc(64, rows * width * 4), *out = aligned_alloc(64, rows * width * 4);
    for (size_t i = 0; i < rows * width; i++) {
        q[i] = rounded(q[i], type);
        put(in, i, type, q[i]);
    }
    void *scratch = aligned_alloc(64, (attention_scratch_size(dim) + 63) / 64 * 64);
    struct attention_item item = {.rows = (int)rows,
                                  .head_dim = dim,
                                  .group = group,
                                  .position = length - tokens,
                                  .window = window,
                                  .cap = cap,
                                  .q = in,
                                  .out = out,
                                  .token_stride = (size_t)group * width,
                                  .blocks = c.blocks,
                                  .value_offset = KV_BLOCK * width * dtype_size(type),
                                  .scratch = scratch};
    void (*attention)(const struct attention_item *) = cap > 0 ? k->attention_capped : k->attention;
    attention(&item);
    double *want = malloc(width * sizeof *want), bound = type == DTYPE_F32 ? 2e-5 : 1.5e-2;
    for (size_t r = 0; r < rows; r++) {
        expect_row(&c, q + r * width, item.position + (int)r / group, window, (double)cap, want);
        for (size_t d = 0; d < width; d++) {
            double got = (double)value_of(out, r * width + d, type);
            if (!(fabs(got - want[d]) <= bound * (1 + fabs(want[d]))))
                fail_msg("dim %d length %d tokens %d group %d: row %zu column %zu is %g, not %g",
                         dim, length, tokens, group, r, d, got, want[d]);
        }
    }
    /* The same rows one token at a time: bit for bit. */
    void *alone = aligned_alloc(64, rows * width * 4);
    for (int t = 0; t < tokens; t++) {
        struct attention_item one = item;
        size_t at = (size_t)(t * group) * width * dtype_size(type);
        one.rows = group;
        one.position = item.position + t;
        one.q = (char *)in + at;
        one.out = (char *)alone + at;
        attention(&one);
    }
    assert_memory_equal(alone, out, rows * width * dtype_size(type));
    free(alone);
    free(want);
    free(scratch);
    free(in);
    free(out);
    free(q);
    cache_free(&c);
}

static void check_all_attention(const struct kernel *k, enum dtype type) {
    static const int dims[] = {16, 32, 64, 80, 96, 128, 256}, lengths[] = {1, 2, 63, 64, 65, 200};
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            int n = lengths[l], most = n < 13 ? n : 13;
            check_attention(k, type, dims[d], n, 1, 3, 0, 0, 0);
            check_attention(k, type, dims[d], n, most, 7, 0, 0, 0);
            check_attention(k, type, dims[d], n, most, 1, 0, 20, 0);
            check_attention(k, type, dims[d], n, most, 7, 1 + n / 3, 0, 0);
            check_attention(k, type, dims[d], n, most, 1, 5, 0, 0);
            check_attention(k, type, dims[d], n, most, 2, d % 2 ? 20 : 0, 0, 1.5f);
        }
}

static void each_class(void (*check)(const struct kernel *k, enum dtype type)) {
    for (enum isa isa = ISA_PLAIN; isa <= best_isa(); isa++) {
        struct kernel k;
        struct err e;
        assert_int_equal(kernel_select(isa, DTYPE_F32, &k, &e), 0);
        check(&k, DTYPE_F32);
        if (isa == ISA_AVX512_BF16) {
            assert_int_equal(kernel_select(isa, DTYPE_BF16, &k, &e), 0);
            check(&k, DTYPE_BF16);
        }
    }
}

static void attention_is_exact(void **state) {
    (void)state;
    each_class(check_all_attention);
}

static void check_rmsnorm(const struct kernel *k, enum dtype type) {
    enum { ROWS = 3 };
    static const int widths[] = {1, 15, 16, 64, 576, 577};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        size_t n = (size_t)widths[w];
        float *x = randoms(ROWS * n, 3), *add = randoms(ROWS * n, 1), *gain = randoms(n, 1);
        float *sum = malloc(ROWS * n * sizeof *sum);
        void *y = malloc(ROWS * n * 4);
        for (size_t i = 0; i < ROWS * n; i++)
            sum[i] = x[i] + add[i];
        k->rmsnorm(x, add, gain, 1e-5f, ROWS, (int)n, type, y);
        assert_memory_equal(x, sum, ROWS * n * sizeof *x);
        for (size_t r = 0; r < ROWS; r++) {
            double squares = 0;
            for (size_t i = 0; i < n; i++)
                squares += (double)sum[r * n + i] * (double)sum[r * n + i];
            double scale = 1 / sqrt(squares / (double)n + 1e-5);
            for (size_t i = 0; i < n; i++) {
                double want = (double)sum[r * n + i] * scale * (double)gain[i];
                double got = (double)value_of(y, r * n + i, type);
                double bound = type == DTYPE_F32 ? 2e-6 : 4e-3;
                if (!(fabs(got - want) <= bound * (1e-3 + fabs(want))))
                    fail_msg("width %zu row %zu column %zu: %g, not %g", n, r, i, got, want);
            }
        }
        free(x);
        free(add);
        free(gain);
        free(sum);
        free(y);
    }
}

static void rmsnorm_is_exact(void **state) {
    (void)state;
    each_class(check_rmsnorm);
}

static void check_gates(const struct kernel *k, enum dtype type, bool gelu) {
    enum { N = 100 };
    float x[2 * N];
    uint16_t in[2 * N];
    for (int i = 0; i < 2 * N; i++) {
        x[i] = i < N ? ((float)i - 50) * (gelu ? 0.3f : 4) : normal();
        in[i] = quant_f32_to_bf16(x[i]);
    }
    float y[N];
    void *from = type == DTYPE_F32 ? (void *)x : (void *)in;
    (gelu ? k->geglu : k->swiglu)(from, type, 1, N, type, y);
    for (int i = 0; i < N; i++) {
        double g = (double)value_of(from, (size_t)i, type),
               u = (double)value_of(from, (size_t)(N + i), type);
        double act =
            gelu ? g * (1 + tanh(sqrt(2 / 3.14159265358979) * (g + 0.044715 * g * g * g))) / 2
                 : g / (1 + exp(-g));
        double want = act * u, got = (double)value_of(y, (size_t)i, type);
        if (!(fabs(got - want) <=
              (type == DTYPE_F32 ? 1e-5 : 4e-3) * fabs(want) + (gelu ? 1e-9 : 1e-30)))
            fail_msg("%s(%g) * %g is %g, not %g", gelu ? "gelu" : "silu", g, u, got, want);
    }
}

static void check_swiglu(const struct kernel *k, enum dtype type) {
    check_gates(k, type, false);
}

static void swiglu_is_exact(void **state) {
    (void)state;
    each_class(check_swiglu);
}

static void check_geglu(const struct kernel *k, enum dtype type) {
    check_gates(k, type, true);
}

static void geglu_is_exact(void **state) {
    (void)state;
    each_class(check_geglu);
}

static void check_soft_cap(const struct kernel *k, enum dtype type) {
    (void)type;
    enum { N = 77 };
    float x[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = y[i] = i == 3 ? NAN : i == 4 ? INFINITY : i == 5 ? -INFINITY : normal() * 40;
    k->soft_cap(y, N, 30);
    for (int i = 0; i < N; i++) {
        double want = 30 * tanh((double)x[i] / 30);
        if (isnan(want) ? !isnan(y[i]) : !(fabs((double)y[i] - want) < 1e-5))
            fail_msg("%g is capped to %g, not %g", (double)x[i], (double)y[i], want);
    }
}

static void soft_cap_is_exact(void **state) {
    (void)state;
    each_class(check_soft_cap);
}

static void check_logsumexp(const struct kernel *k, enum dtype type) {
    (void)type;
    for (size_t n = 1; n < 40000; n = n * 3 + 1) {
        float *x = randoms(n, 4);
        x[n / 2] = x[n - 1] = 30;
        double total = 0;
        for (size_t i = 0; i < n; i++)
            total += exp((double)x[i] - 30);
        size_t best;
        double got = k->logsumexp(x, n, &best);
        assert_int_equal(best, n / 2); /* the first of equals */
        if (!(fabs(got - (30 + log(total))) < 1e-6))
            fail_msg("n %zu: %.9g, not %.9g", n, got, 30 + log(total));
        for (size_t bad = 0; bad < n; bad += n / 3 + 1) {
            float good = x[bad];
            x[bad] = NAN;
            assert_true(isnan(k->logsumexp(x, n, &best)));
            x[bad] = good;
        }
        free(x);
    }
}

static void logsumexp_is_exact(void **state) {
    (void)state;
    each_class(check_logsumexp);
}

static void bf16_rounds_to_even(void **state) {
    (void)state;
    static const struct {
        uint32_t in;
        uint16_t out;
    } cases[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82},
                 {0x3f808001, 0x3f81}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80},
                 {0x7f800001, 0x7fc0}, {0xff800000, 0xff80}, {0x80000000, 0x8000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float f;
        memcpy(&f, &cases[i].in, sizeof f);
        assert_int_equal(quant_f32_to_bf16(f), cases[i].out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_exact),  cmocka_unit_test(rmsnorm_is_exact),
        cmocka_unit_test(swiglu_is_exact),     cmocka_unit_test(geglu_is_exact),
        cmocka_unit_test(soft_cap_is_exact),   cmocka_unit_test(logsumexp_is_exact),
        cmocka_unit_test(bf16_rounds_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

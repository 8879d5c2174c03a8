/* The kernels of encoders, of every instruction set, against plain arithmetic in double precision,
 * and each row's independence of the rows beside it. */
#include "data.h"

#include "kernel/encoder.h"
#include "model/quant.h"

enum { ROWS = 7 };

/* Calls `check` for each class that this CPU has. */
static void every_class(void (*check)(const struct encoder_kernel *k, enum isa isa)) {
    enum isa best;
    struct err e = {0};
    if (isa_detect(&best, &e) != 0)
        fail_msg("%s", e.text);
    for (int isa = ISA_PLAIN; isa <= (int)best; isa++)
        check(encoder_kernel((enum isa)isa), (enum isa)isa);
}

static void check_near(const char *what, int n, size_t i, double got, double want, double most) {
    if (!(fabs(got - want) <= most))
        fail_msg("%s of %d, value %zu: %.9g instead of %.9g", what, n, i, got, want);
}

static float *signs_of(int n) {
    float *signs = randoms((size_t)n + 16, 1);
    for (int i = 0; i < n + 16; i++)
        signs[i] = signs[i] < 0 ? -1 : 1;
    return signs;
}

static struct turned8 turned_of(const float *signs, float *row, int n, int rows) {
    int wide = (n + 15) / 16 * 16, block = wide & -wide;
    return (struct turned8){.signs = signs,
                            .n = wide,
                            .block = block > 256 ? 256 : block,
                            .row = row,
                            .to = rows8_room((size_t)rows, (size_t)wide)};
}

/* The row in int8 is the Hadamard blocks of x times the signs, within half a step. */
static void check_turned(const struct turned8 *t, int r, const float *x, int n) {
    double scale = (double)t->to.scale[r], most = 0;
    const uint8_t *got = t->to.x + (size_t)r * t->to.stride;
    for (int i = 0; i < t->n; i++) {
        double want = 0;
        for (int j = 0; j < t->block; j++) { /* Sylvester's: the sign is the parity of i & j */
            int from = i / t->block * t->block + j;
            double v = from < n ? (double)x[from] * (double)t->signs[from] : 0;
            want += __builtin_parity((unsigned)(i % t->block & j)) ? -v : v;
        }
        want /= sqrt(t->block);
        most = fmax(most, fabs(want));
        check_near("turned", n, (size_t)i, (got[i] - 128) * scale, want, scale * 0.502);
    }
    check_near("scale", n, (size_t)r, scale * 127, most, most * 1e-5);
    for (size_t i = (size_t)t->n; i < t->to.stride; i++)
        assert_int_equal(got[i], 128);
}

/* Values far from zero, so that their squares would cancel. */
static void check_norm(const struct encoder_kernel *k, enum isa isa, int n, bool add) {
    (void)isa;
    size_t all = (size_t)(ROWS * n);
    float *x = randoms(all, 1), *y = randoms(all, 1), *bias = randoms((size_t)n, 1);
    float *gain = randoms((size_t)n, 1), *shift = randoms((size_t)n, 1);
    float *was = room(all * sizeof *was, 0), *one = room((size_t)n * sizeof *one, 0);
    uint16_t *bf16 = room(all * sizeof *bf16, 0);
    for (size_t i = 0; i < all; i++)
        was[i] = x[i] += 100;
    float *signs = signs_of(n), *row = room((size_t)(n + 16) * sizeof *row, 0xff);
    struct turned8 turned = turned_of(signs, row, n, ROWS),
                   turned_alone = turned_of(signs, row, n, 1);
    struct layernorm l = {.x = x,
                          .add = add ? y : NULL,
                          .add_stride = (size_t)n,
                          .bias = bias,
                          .gain = gain,
                          .shift = shift,
                          .eps = 1e-5f,
                          .rows = ROWS,
                          .n = n,
                          .bf16 = bf16,
                          .int8 = &turned};
    k->layernorm(&l);
    for (int r = 0; r < ROWS; r++) {
        const float *in = was + r * n, *plus = y + r * n;
        double mean = 0, square = 0;
        for (int i = 0; i < n; i++)
            mean += (double)in[i] + (add ? (double)plus[i] + (double)bias[i] : 0);
        mean /= n;
        for (int i = 0; i < n; i++)
            square += pow((double)in[i] + (add ? (double)plus[i] + (double)bias[i] : 0) - mean, 2);
        double scale = 1 / sqrt(square / n + 1e-5);
        for (int i = 0; i < n; i++) {
            double v = (double)in[i] + (add ? (double)plus[i] + (double)bias[i] : 0) - mean;
            size_t at = (size_t)(r * n + i);
            check_near("norm", n, at, (double)x[at], v * scale * (double)gain[i] + (double)shift[i],
                       2e-4);
            assert_int_equal(bf16[at], quant_f32_to_bf16(x[at]));
        }
        memcpy(one, in, (size_t)n * sizeof *one);
        struct layernorm alone = l;
        alone.x = one;
        alone.add = add ? plus : NULL;
        alone.rows = 1;
        alone.bf16 = NULL;
        alone.int8 = &turned_alone;
        k->layernorm(&alone);
        assert_memory_equal(one, x + r * n, (size_t)n * sizeof *one);
        assert_memory_equal(turned_alone.to.x, turned.to.x + (size_t)r * turned.to.stride,
                            turned.to.stride);
        assert_true(turned_alone.to.scale[0] == turned.to.scale[r]);
        check_turned(&turned, r, x + r * n, n);
    }
    rows8_free(&turned.to);
    rows8_free(&turned_alone.to);
    void *const buffers[] = {x, y, bias, gain, shift, was, one, bf16, signs, row};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        free(buffers[i]);
}

static void norms(const struct encoder_kernel *k, enum isa isa) {
    static const int widths[] = {1, 15, 16, 40, 384, 1000};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        check_norm(k, isa, widths[i], true);
        check_norm(k, isa, widths[i], false);
    }
}

static void layernorms_are_right(void **state) {
    (void)state;
    every_class(norms);
}

static double activated(enum activation f, double x) {
    if (f == ACTIVATION_RELU)
        return x > 0 ? x : 0;
    if (f == ACTIVATION_GELU)
        return x * 0.5 * erfc(-x / sqrt(2));
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static void activations(const struct encoder_kernel *k, enum isa isa) {
    static const enum activation all[] = {ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU};
    enum { N = 40001 };
    (void)isa;
    float *x = room(N * sizeof *x, 0), *bias = room(N * sizeof *bias, 0);
    float *y = room(N * sizeof *y, 0);
    uint16_t *half = room(N * sizeof *half, 0);
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i - N / 2) * 5e-4f; /* -10 .. 10 */
        bias[i] = i % 2 ? 0.0f : 0.125f;
    }
    for (int f = 0; f < 3; f++) {
        struct activate a = {x, (size_t)N, bias, all[f], 1, N, DTYPE_F32, y, NULL};
        k->activate(&a);
        a.type = DTYPE_BF16;
        a.y = half;
        k->activate(&a);
        for (int i = 0; i < N; i++) {
            double want = activated(all[f], (double)(x[i] + bias[i]));
            check_near("activation", f, (size_t)i, (double)y[i], want, 1e-6);
            assert_int_equal(half[i], quant_f32_to_bf16(y[i]));
        }
        float *signs = signs_of(N), *row = room(((size_t)N + 16) * sizeof *row, 0xff);
        struct turned8 turned = turned_of(signs, row, N, 1);
        a.type = DTYPE_INT8;
        a.y = NULL;
        a.int8 = &turned;
        k->activate(&a);
        check_turned(&turned, 0, y, N);
        rows8_free(&turned.to);
        free(signs);
        free(row);
    }
    free(x);
    free(bias);
    free(y);
    free(half);
}

static void activations_are_right(void **state) {
    (void)state;
    every_class(activations);
}

static void what_is_no_number_shows(const struct encoder_kernel *k, enum isa isa) {
    float x[3] = {NAN, INFINITY, -1000}, bias[3] = {0}, y[3];
    (void)isa;
    k->activate(&(struct activate){x, 3, bias, ACTIVATION_GELU, 1, 3, DTYPE_F32, y, NULL});
    assert_true(isnan(y[0]));
    assert_true(isinf(y[1]) && y[1] > 0);
    assert_true(fabsf(y[2]) < 1e-6f);
    float signs[16] = {1, 1, 1}, row[16];
    struct turned8 turned = turned_of(signs, row, 3, 1);
    k->activate(&(struct activate){x, 3, bias, ACTIVATION_GELU, 1, 3, DTYPE_INT8, NULL, &turned});
    assert_true(!isfinite(turned.to.scale[0]));
    rows8_free(&turned.to);
    k->activate(&(struct activate){x, 3, bias, ACTIVATION_RELU, 1, 3, DTYPE_F32, y, NULL});
    assert_true(isnan(y[0]));
    assert_true(isinf(y[1]) && y[1] > 0);
    assert_true(y[2] == 0);
}

static void activations_of_no_number(void **state) {
    (void)state;
    every_class(what_is_no_number_shows);
}

/* Rounded to the type. */
static double as(enum dtype type, float x) {
    return (double)(type == DTYPE_BF16 ? quant_bf16_to_f32(quant_f32_to_bf16(x)) : x);
}

/* Attention of n tokens through split_heads. */
struct whole {
    const struct encoder_kernel *k;
    struct kernel kernel;
    enum dtype type;
    int n, heads, dim;
    float *y, *bias;
    void *q, *out;
    uint8_t *kv, **places, **blocks;
    int *slots;
    size_t head, block;
};

static void whole_run(struct whole *w) {
    size_t width = (size_t)(w->heads * w->dim), size = w->type == DTYPE_BF16 ? 2 : 4;
    void *scratch = room(attention_scratch_size(w->dim), 0xff);
    for (int i = 0; i < w->n; i++) {
        w->blocks[i] = w->places[i / KV_BLOCK];
        w->slots[i] = i % KV_BLOCK;
    }
    w->k->split_heads(&(struct split_heads){w->y, w->bias, w->n, w->heads, w->dim, 0.25f, w->type,
                                            w->q, w->blocks, w->slots, 2 * w->head, w->head});
    for (size_t h = 0; h < (size_t)w->heads; h++)
        for (int at = 0; at < w->n; at += ATTENTION_ROWS) {
            size_t first = ((size_t)at * width + h * (size_t)w->dim) * size;
            (w->type == DTYPE_INT8 ? w->kernel.int8.attention : w->kernel.attention)(
                &(struct attention_item){.rows = w->n - at < ATTENTION_ROWS ? w->n - at
                                                                            : ATTENTION_ROWS,
                                         .head_dim = w->dim,
                                         .group = 1,
                                         .keys = w->n,
                                         .q = (char *)w->q + first,
                                         .out = (char *)w->out + first,
                                         .token_stride = width,
                                         .blocks = w->places,
                                         .key_offset = 2 * h * w->head,
                                         .value_offset = (2 * h + 1) * w->head,
                                         .scratch = scratch});
        }
    free(scratch);
}

static double whole_value(const struct whole *w, size_t i) {
    return w->type != DTYPE_BF16 ? (double)((float *)w->out)[i]
                                 : (double)quant_bf16_to_f32(((uint16_t *)w->out)[i]);
}

/* out of one token and head, by the definition; base-2 scores, as q is scaled. */
static void whole_expect(const struct whole *w, int token, int head, double *out) {
    size_t width = (size_t)(w->heads * w->dim);
    const float *q = w->y + (size_t)token * 3 * width + head * w->dim;
    double total = 0;
    memset(out, 0, (size_t)w->dim * sizeof *out);
    for (int i = 0; i < w->n; i++) {
        const float *k = w->y + (size_t)i * 3 * width + width + head * w->dim, *v = k + width;
        const float *bias = w->bias + head * w->dim;
        double score = 0;
        for (int d = 0; d < w->dim; d++)
            score +=
                as(w->type, (q[d] + bias[d]) * 0.25f) * as(w->type, k[d] + bias[width + (size_t)d]);
        double weight = exp2(score);
        total += weight;
        for (int d = 0; d < w->dim; d++)
            out[d] += weight * as(w->type, v[d] + bias[2 * width + (size_t)d]);
    }
    for (int d = 0; d < w->dim; d++)
        out[d] /= total;
}

static void check_whole(const struct encoder_kernel *k, enum isa isa, enum dtype type, int n,
                        int dim) {
    struct whole w = {.k = k, .type = type, .n = n, .heads = 2, .dim = dim};
    struct err e;
    size_t width = (size_t)(w.heads * dim), blocks = (size_t)((n + KV_BLOCK - 1) / KV_BLOCK);
    if (kernel_select(isa, type, &w.kernel, &e) != 0)
        fail_msg("%s", e.text);
    w.head = kv_block_bytes(dim, type);
    w.block = 2 * w.head * (size_t)w.heads;
    w.y = randoms((size_t)n * 3 * width, 1);
    w.bias = randoms(3 * width, 0.3f);
    w.q = room((size_t)n * width * 4, 0);
    w.out = room((size_t)n * width * 4, 0);
    w.kv = room(blocks * w.block, 0);
    w.places = room(blocks * sizeof *w.places, 0);
    w.blocks = room((size_t)n * sizeof *w.blocks, 0);
    w.slots = room((size_t)n * sizeof *w.slots, 0);
    for (size_t i = 0; i < blocks; i++)
        w.places[i] = w.kv + i * w.block;
    whole_run(&w);
    double want[KERNEL_MAX_DIM], most = type == DTYPE_F32 ? 2e-5 : type == DTYPE_BF16 ? 2e-2 : 0.1;
    for (int t = 0; t<n; t += n> 8 ? n / 5 : 1)
        for (int h = 0; h < w.heads; h++) {
            whole_expect(&w, t, h, want);
            for (int d = 0; d < dim; d++) {
                size_t at = (size_t)t * width + (size_t)(h * dim + d);
                check_near("attention", n, at, whole_value(&w, at), want[d], most);
            }
        }
    void *const buffers[] = {w.y, w.bias, w.q, w.out, w.kv, w.places, w.blocks, w.slots};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        free(buffers[i]);
}

static void wholes(const struct encoder_kernel *k, enum isa isa) {
    static const int lengths[] = {1, 2, 63, 64, 65, 97, 200}, dims[] = {16, 32, 64, 80, 256};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++)
            for (int type = DTYPE_F32; type <= DTYPE_INT8; type++)
                if (type != DTYPE_BF16 || isa == ISA_AVX512_BF16)
                    check_whole(k, isa, (enum dtype)type, lengths[i], dims[d]);
}

static void every_token_sees_all_keys(void **state) {
    (void)state;
    every_class(wholes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layernorms_are_right),
        cmocka_unit_test(activations_are_right),
        cmocka_unit_test(activations_of_no_number),
        cmocka_unit_test(every_token_sees_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

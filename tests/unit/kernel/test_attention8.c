/* The int8 attention of every instruction set against softmax in double precision over what the
 * bytes of queries, keys and values stand for, against the plain version, and each row's
 * independence of the rows beside it; and the layout that split_qkv writes. */
#include "data.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Keys and values of one head, made of bytes: what lies past the length has NaN for its scales. */
struct cache {
    int dim, length;
    uint8_t **blocks;
};

static size_t value_offset(int dim) {
    return kv_block_bytes(dim, DTYPE_INT8);
}

static uint8_t *key_at(const struct cache *c, int position, int i) {
    int slot = position % KV_BLOCK;
    return &c->blocks[position / KV_BLOCK][(i / 4 * KV_BLOCK + slot) * 4 + i % 4];
}

static uint8_t *value_at(const struct cache *c, int position, int i) {
    int slot = position % KV_BLOCK;
    return &c->blocks[position / KV_BLOCK]
                     [value_offset(c->dim) + (size_t)((slot / 4 * c->dim + i) * 4 + slot % 4)];
}

static float *key_scale(const struct cache *c, int position) {
    uint8_t *block = c->blocks[position / KV_BLOCK];
    return (float *)(void *)(block + c->dim * KV_BLOCK) + position % KV_BLOCK;
}

static float *value_scale(const struct cache *c, int position) {
    uint8_t *block = c->blocks[position / KV_BLOCK] + value_offset(c->dim);
    return (float *)(void *)(block + c->dim * KV_BLOCK) + position % KV_BLOCK;
}

static int random_byte(void) {
    int v = (int)lrintf(normal() * 45);
    return v > 127 ? 127 : v < -127 ? -127 : v;
}

static struct cache cache_of(int dim, int length) {
    struct cache c = {.dim = dim, .length = length};
    int n = (length + KV_BLOCK - 1) / KV_BLOCK;
    c.blocks = calloc((size_t)n, sizeof *c.blocks);
    assert_non_null(c.blocks);
    for (int i = 0; i < n; i++)
        c.blocks[i] = room(2 * value_offset(dim), 0xff);
    for (int p = 0; p < length; p++) {
        *key_scale(&c, p) = (float)(0.5 + rng_uniform(&rng)) / 45;
        *value_scale(&c, p) = (float)(0.5 + rng_uniform(&rng)) / 45;
        for (int i = 0; i < dim; i++) {
            *key_at(&c, p, i) = (uint8_t)(random_byte() + 128);
            *value_at(&c, p, i) = (uint8_t)random_byte();
        }
    }
    return c;
}

static void cache_free(struct cache *c) {
    for (int i = 0; i < (c->length + KV_BLOCK - 1) / KV_BLOCK; i++)
        free(c->blocks[i]);
    free(c->blocks);
}

/* Whole multiples of a scale, so that every class makes the same bytes of them. */
static float *queries(size_t rows, size_t stride, int dim, int group) {
    size_t tokens = rows / (size_t)group;
    float *q = room(tokens * stride * sizeof *q, 0);
    for (size_t r = 0; r < rows; r++) {
        float *row = q + r / (size_t)group * stride + r % (size_t)group * (size_t)dim;
        float scale = (float)(0.5 + rng_uniform(&rng)) * 1.4427f / sqrtf((float)dim) / 45;
        int full = (int)(rng_next(&rng) % (uint64_t)dim);
        for (int i = 0; i < dim; i++)
            row[i] = scale * (float)(i == full ? 127 : random_byte());
    }
    return q;
}

/* Returns the largest magnitude among the values seen. */
static double expect_row(const struct cache *c, const float *q, int last, int window, double *out) {
    double w[1024], most = -INFINITY, total = 0, largest = 0;
    assert_true(last < 1024);
    for (int p = first_key(last, window); p <= last; p++) {
        w[p] = 0;
        for (int d = 0; d < c->dim; d++)
            w[p] += (double)q[d] * (*key_at(c, p, d) - 128);
        w[p] *= (double)*key_scale(c, p);
        most = fmax(most, w[p]);
    }
    for (int p = first_key(last, window); p <= last; p++)
        total += w[p] = exp2(w[p] - most);
    for (int d = 0; d < c->dim; d++) {
        out[d] = 0;
        for (int p = first_key(last, window); p <= last; p++) {
            double v = (int8_t)*value_at(c, p, d) * (double)*value_scale(c, p);
            out[d] += w[p] / total * v;
            largest = fmax(largest, fabs(v));
        }
    }
    return largest;
}

/* Queries of `tokens` tokens that end at the cache's last position. */
struct trial {
    struct cache c;
    struct attention_item item;
    size_t bytes; /* of q and of out */
    float *q, *out;
};

static struct trial trial_of(int dim, int length, int tokens, int group) {
    struct trial t = {.c = cache_of(dim, length)};
    size_t stride = (size_t)group * (size_t)dim + 16, rows = (size_t)tokens * (size_t)group;
    t.bytes = (size_t)tokens * stride * sizeof *t.q;
    t.q = queries(rows, stride, dim, group);
    t.out = room(t.bytes, 0xee);
    t.item = (struct attention_item){.rows = (int)rows,
                                     .head_dim = dim,
                                     .group = group,
                                     .position = length - tokens,
                                     .q = t.q,
                                     .out = t.out,
                                     .token_stride = stride,
                                     .blocks = t.c.blocks,
                                     .value_offset = value_offset(dim),
                                     .scratch = room(attention_scratch_size(dim), 0xff)};
    return t;
}

static void trial_free(struct trial *t) {
    cache_free(&t->c);
    free(t->q);
    free(t->out);
    free(t->item.scratch);
}

static size_t row_at(const struct attention_item *a, int r) {
    return (size_t)(r / a->group) * a->token_stride + (size_t)(r % a->group * a->head_dim);
}

static double worst_exact, worst_plain; /* relative to the largest value seen */

/* Of the largest value: weights are bytes, so each is off by 1 / 510 of the largest at most; on
 * values of either sign the errors cancel for the most part. */
static const double exact_bound = 1e-2;
/* Of the largest value: the versions' exponentials differ by 3e-6, so a weight that is nearly
 * halfway rounds to the byte beside it now and then. */
static const double plain_bound = 2e-3;

static void compare(const struct trial *t, const float *plain, double exact) {
    int dim = t->item.head_dim;
    double want[KERNEL_MAX_DIM] = {0};
    for (int r = 0; r < t->item.rows; r++) {
        size_t at = row_at(&t->item, r);
        int last = t->item.position + r / t->item.group;
        double largest = expect_row(&t->c, t->q + at, last, t->item.window, want);
        for (int d = 0; d < dim; d++) {
            double got = (double)t->out[at + (size_t)d];
            double off = fabs(got - want[d]) / (largest + 1e-30);
            double apart = fabs(got - (double)plain[at + (size_t)d]) / (largest + 1e-30);
            worst_exact = fmax(off, worst_exact);
            worst_plain = fmax(apart, worst_plain);
            if (!(off <= exact && apart <= plain_bound))
                fail_msg("dim %d length %d rows %d group %d: row %d column %d is %g, not %g "
                         "(plain: %g; largest value %g)",
                         dim, t->c.length, t->item.rows, t->item.group, r, d, got, want[d],
                         (double)plain[at + (size_t)d], largest);
        }
    }
}

static void run_plain(const struct trial *t, float *out) {
    struct kernel plain;
    struct err e;
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_INT8, &plain, &e), 0);
    struct attention_item item = t->item;
    item.out = out;
    plain.int8.attention(&item);
}

static void check_trial(const struct kernel8 *k, const struct trial *t, double exact) {
    k->attention(&t->item);
    float *other = room(t->bytes, 0xee);
    run_plain(t, other);
    compare(t, other, exact);
    memset(other, 0xee, t->bytes);
    for (int r = 0; r < t->item.rows; r++) { /* each row alone, bit for bit */
        struct attention_item one = t->item;
        one.rows = one.group = 1;
        one.position += r / t->item.group;
        one.q = t->q + row_at(&t->item, r);
        one.out = other + row_at(&t->item, r);
        k->attention(&one);
    }
    assert_memory_equal(other, t->out, t->bytes);
    free(other);
}

static void check_shapes(const struct kernel8 *k) {
    static const int dims[] = {16, 64, 80, 128}, lengths[] = {1, 2, 5, 63, 64, 65, 128, 200};
    static const int groups[] = {1, 3, 7};
    worst_exact = worst_plain = 0;
    for (size_t d = 0; d < COUNT(dims); d++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t g = 0; g < COUNT(groups); g++) {
                int n = lengths[l], most = 40 / groups[g];
                struct trial t = trial_of(dims[d], n, n < most ? n : most, groups[g]);
                check_trial(k, &t, exact_bound);
                for (int window = 1; window <= n; window = window * 3 + 1) {
                    t.item.window = window;
                    check_trial(k, &t, exact_bound);
                }
                trial_free(&t);
            }
    for (int n = 1; n <= 200; n++) {
        struct trial t = trial_of(64, n, 1, 3);
        check_trial(k, &t, exact_bound);
        trial_free(&t);
    }
    struct trial t = trial_of(KERNEL_MAX_DIM, 130, ATTENTION_ROWS, 1);
    check_trial(k, &t, exact_bound);
    trial_free(&t);
    print_message("  off by %.2g from exact, %.2g from plain, of the largest value\n", worst_exact,
                  worst_plain);
}

static void attention_is_exact(void **state) {
    (void)state;
    each_class(check_shapes);
}

enum { DIM = 64, LENGTH = 150, TOKENS = 12, GROUP = 3 };

/* Scores far beyond the range of floats' exponents: one key takes all, or none counts more. */
static void check_extremes(const struct kernel8 *k) {
    static const float scales[] = {1e4f, 1e15f, 1e-20f, 0};
    for (size_t s = 0; s < COUNT(scales); s++) {
        struct trial t = trial_of(DIM, LENGTH, TOKENS, GROUP);
        for (int p = 0; p < LENGTH; p++)
            *key_scale(&t.c, p) *= scales[s];
        check_trial(k, &t, exact_bound);
        trial_free(&t);
    }
    struct trial t = trial_of(DIM, LENGTH, TOKENS, GROUP);
    memset(t.q + row_at(&t.item, 4), 0, DIM * sizeof *t.q); /* a query of zeros: the mean */
    check_trial(k, &t, exact_bound);
    for (int p = 0; p < LENGTH; p++) { /* values that differ by 1e6 in size */
        *value_scale(&t.c, p) *= p % 5 == 0 ? 1e3f : 1e-3f;
    }
    check_trial(k, &t, exact_bound);
    for (int p = 0; p < LENGTH; p++) {
        *value_scale(&t.c, p) = 0;
        for (int i = 0; i < DIM; i++)
            *value_at(&t.c, p, i) = 0;
    }
    k->attention(&t.item);
    for (int r = 0; r < t.item.rows; r++)
        for (size_t i = 0; i < DIM; i++)
            assert_true(t.out[row_at(&t.item, r) + i] == 0);
    trial_free(&t);
}

static void extreme_scores_are_exact(void **state) {
    (void)state;
    each_class(check_extremes);
}

/* What is not finite shows in every row that sees it, and in no other. */
static void check_bad(const struct kernel8 *k) {
    enum { BAD = LENGTH - 7 };
    for (int which = 0; which < 2; which++) {
        struct trial t = trial_of(DIM, LENGTH, TOKENS, GROUP);
        float *good = room(t.bytes, 0xee);
        k->attention(&t.item);
        memcpy(good, t.out, t.bytes);
        if (which == 0) /* as split_qkv leaves them */
            *key_scale(&t.c, BAD) = NAN;
        else
            *value_scale(&t.c, BAD) = INFINITY;
        k->attention(&t.item);
        for (int r = 0; r < t.item.rows; r++) {
            size_t at = row_at(&t.item, r);
            if (t.item.position + r / GROUP < BAD)
                assert_memory_equal(t.out + at, good + at, DIM * sizeof *good);
            else
                for (size_t i = 0; i < DIM; i++)
                    assert_true(!isfinite(t.out[at + i]));
        }
        free(good);
        trial_free(&t);
    }
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < COUNT(bad); b++) {
        struct trial t = trial_of(DIM, LENGTH, TOKENS, GROUP);
        float *good = room(t.bytes, 0xee);
        k->attention(&t.item);
        memcpy(good, t.out, t.bytes);
        t.q[row_at(&t.item, 10) + 5] = bad[b];
        k->attention(&t.item);
        for (int r = 0; r < t.item.rows; r++) {
            size_t at = row_at(&t.item, r);
            if (r != 10)
                assert_memory_equal(t.out + at, good + at, DIM * sizeof *good);
            else
                for (size_t i = 0; i < DIM; i++)
                    if (isfinite(t.out[at + i]))
                        fail_msg("%g in a query gives %g", (double)bad[b], (double)t.out[at + i]);
        }
        free(good);
        trial_free(&t);
    }
}

static void what_is_not_finite_shows(void **state) {
    (void)state;
    each_class(check_bad);
}

enum { HEADS = 4, KV = 2, ROWS = 6 };

struct split {
    int dim;
    size_t stride;
    float *y, *bias, *norms, *rope, *q;
    uint8_t *blocks[ROWS];
    struct split_qkv s;
};

static const int positions[ROWS] = {0, 3, 63, 64, 127, 200};

/* with_norms: of all but 4 of a head's values, of which three quarters are rotated. */
static void split_begin(struct split *p, int dim, int with_bias, int with_norms) {
    size_t width = (size_t)(HEADS + 2 * KV) * (size_t)dim, bytes = value_offset(dim);
    *p = (struct split){.dim = dim, .stride = width + 16};
    p->y = randoms(ROWS * p->stride, 2);
    p->bias = with_bias ? randoms(width, 1) : NULL;
    p->norms = with_norms ? randoms(2 * (size_t)dim, 1) : NULL;
    int dims = with_norms ? dim / 4 * 3 : dim;
    p->rope = room(ROWS * (size_t)dim * sizeof *p->rope, 0);
    p->q = room(ROWS * HEADS * (size_t)dim * sizeof *p->q, 0xee);
    for (int r = 0; r < ROWS; r++) {
        p->blocks[r] = room(64 + 2 * KV * bytes, 0xee);
        for (int i = 0; i < dims / 2; i++) {
            double angle = positions[r] * pow(1e4, -2.0 * i / dims);
            p->rope[r * dims + i] = (float)cos(angle);
            p->rope[r * dims + i + dims / 2] = (float)sin(angle);
        }
    }
    p->s = (struct split_qkv){.y = p->y,
                              .y_stride = p->stride,
                              .bias = p->bias,
                              .rope = p->rope,
                              .rows = ROWS,
                              .heads = HEADS,
                              .kv_heads = KV,
                              .head_dim = dim,
                              .rope_dims = dims,
                              .q_norm = p->norms,
                              .k_norm = with_norms ? p->norms + dim : NULL,
                              .norm_dims = dim - 4,
                              .norm_eps = 0.01f,
                              .q_scale = 0.18f,
                              .type = DTYPE_INT8,
                              .q = p->q,
                              .blocks = p->blocks,
                              .key_offset = 64,
                              .head_stride = 2 * bytes,
                              .value_offset = bytes,
                              .positions = positions};
}

static void split_free(struct split *p) {
    for (int r = 0; r < ROWS; r++)
        free(p->blocks[r]);
    free(p->y);
    free(p->bias);
    free(p->norms);
    free(p->rope);
    free(p->q);
}

/* Element i of head h (queries, keys and values counted on) of a row, with the bias, and normed
 * unless it is a value. */
static double split_input(const struct split *p, int row, int h, int i) {
    size_t at = (size_t)h * (size_t)p->dim, from = (size_t)row * p->stride + at;
    double v[KERNEL_MAX_DIM], squares = 0;
    for (int e = 0; e < p->dim; e++) {
        v[e] = (double)p->y[from + (size_t)e] + (p->bias ? (double)p->bias[at + (size_t)e] : 0);
        squares += e < p->s.norm_dims ? v[e] * v[e] : 0;
    }
    if (!p->norms || h >= HEADS + KV)
        return v[i];
    double gain = (double)(h < HEADS ? p->s.q_norm : p->s.k_norm)[i];
    double scale = 1 / sqrt(squares / p->s.norm_dims + (double)p->s.norm_eps);
    return i < p->s.norm_dims ? v[i] * scale * gain : 0;
}

/* The same, rotated unless it is a value. */
static double split_value(const struct split *p, int row, int h, int i) {
    int half = p->s.rope_dims / 2, low = i % half;
    if (h >= HEADS + KV || i >= 2 * half)
        return split_input(p, row, h, i);
    const float *rope = p->rope + row * 2 * half;
    double c = (double)rope[low], s = (double)rope[low + half];
    double a = split_input(p, row, h, low), b = split_input(p, row, h, low + half);
    return i < half ? a * c - b * s : b * c + a * s;
}

static void check_stored(const struct split *p, int row, int h, const struct cache *c) {
    int at = positions[row] % KV_BLOCK;
    for (int value = 0; value < 2; value++) {
        double scale = (double)(value ? *value_scale(c, at) : *key_scale(c, at)), most = 0;
        for (int i = 0; i < p->dim; i++) {
            double want = split_value(p, row, HEADS + value * KV + h, i);
            int byte = value ? (int8_t)*value_at(c, at, i) : *key_at(c, at, i) - 128;
            most = fmax(most, fabs(want));
            if (!(fabs(byte * scale - want) <= 0.501 * scale))
                fail_msg("dim %d row %d head %d value %d element %d: %d * %g, not %g", p->dim, row,
                         h, value, i, byte, scale, want);
        }
        assert_true(fabs(scale * 127 - most) <= 4e-6 * most);
    }
}

static void check_split(const struct kernel8 *k) {
    static const int dims[] = {16, 64, 80, 128};
    for (size_t d = 0; d < COUNT(dims); d++)
        for (int with = 0; with < 4; with++) {
            int dim = dims[d];
            struct split p;
            split_begin(&p, dim, with & 1, with >> 1);
            k->split_qkv(&p.s);
            for (int r = 0; r < ROWS; r++) {
                for (int h = 0; h < HEADS; h++)
                    for (int i = 0; i < dim; i++) {
                        double want = split_value(&p, r, h, i) * (double)p.s.q_scale;
                        assert_true(fabs((double)p.q[(r * HEADS + h) * dim + i] - want) < 1e-5);
                    }
                for (int h = 0; h < KV; h++) {
                    uint8_t *head = p.blocks[r] + 64 + (size_t)h * p.s.head_stride;
                    struct cache c = {.dim = dim, .blocks = &head};
                    check_stored(&p, r, h, &c);
                }
                size_t touched = 0; /* no byte of another position, and none before the keys */
                for (size_t i = 0; i < 64; i++)
                    assert_int_equal(p.blocks[r][i], 0xee);
                for (size_t i = 64; i < 64 + 2 * KV * value_offset(dim); i++)
                    touched += p.blocks[r][i] != 0xee;
                assert_in_range(touched, 1, 2 * KV * ((size_t)dim + sizeof(float)));
            }
            split_free(&p);
        }
}

static void split_writes_its_layout(void **state) {
    (void)state;
    each_class(check_split);
}

static void check_bad_split(const struct kernel8 *k) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < COUNT(bad); b++) {
        struct split p;
        split_begin(&p, 64, 0, 0);
        float *y = p.y + 2 * p.stride; /* row 2: a query, the second key, the first value */
        y[64 + 1] = y[(HEADS + 1) * 64 + 40] = y[(HEADS + KV) * 64 + 9] = bad[b];
        k->split_qkv(&p.s);
        assert_true(!isfinite(p.q[(2 * HEADS + 1) * 64 + 1]));
        for (int r = 0; r < ROWS; r++)
            for (int h = 0; h < KV; h++) {
                uint8_t *head = p.blocks[r] + 64 + (size_t)h * p.s.head_stride;
                struct cache c = {.dim = 64, .blocks = &head};
                float key = *key_scale(&c, positions[r] % KV_BLOCK);
                float value = *value_scale(&c, positions[r] % KV_BLOCK);
                assert_int_equal(isnan(key) != 0, r == 2 && h == 1);
                assert_int_equal(isinf(value) != 0, r == 2 && h == 0);
            }
        split_free(&p);
    }
}

static void bad_keys_and_values_show(void **state) {
    (void)state;
    each_class(check_bad_split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_exact),       cmocka_unit_test(extreme_scores_are_exact),
        cmocka_unit_test(what_is_not_finite_shows), cmocka_unit_test(split_writes_its_layout),
        cmocka_unit_test(bad_keys_and_values_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

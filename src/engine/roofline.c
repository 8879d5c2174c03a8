#include "engine/roofline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/rng.h"
#include "engine/forward.h"

enum {
    LAYERS = 5,
    LENGTHS = 3,
    CACHES = 2,
    MOST_CASES = 48,
    SLAB = 256 /* outputs whose random weights are packed again and again */
};
static const int lengths[LENGTHS] = {512, 1024, 3000};
/* Timed of a case, between two looks at the clock (at least), and of its peak before and after. */
static const double case_seconds = 5e-3, look_seconds = 1e-4, peak_seconds = 2e-3;

struct layer_shape {
    const char *name;
    int n, k;
    enum product8_into into;
};

/* Keys and values of one layer, and the queries and outputs of a prompt. */
struct cache {
    enum dtype type;
    size_t head_block, page; /* bytes of one head's keys, of all heads' keys and values */
    uint8_t *pages, **blocks;
    uint8_t **page_of; /* each token's */
    void *q, *out;
};

struct work {
    void (*run)(struct roofline *r, int index, const struct roofline_case *k);
    int index;    /* of the layer or the cache */
    bool restore; /* values are overwritten: they are set again, untimed, before each call */
};

struct roofline {
    enum isa isa;
    struct kernel kernel[CACHES]; /* for keys and values in int8, and in floats */
    struct decoder_config c;
    int tokens; /* of the longest prompt */
    struct layer_shape shapes[LAYERS];
    int down_block;
    void *packed[LAYERS];
    struct weight8 weights[LAYERS];
    struct rows8 bytes;       /* [MATMUL_ROWS], as wide as the widest layer's inputs */
    float *values, *original; /* [MATMUL_ROWS, widest]; what values are set to */
    float *y;                 /* [MATMUL_ROWS, the most outputs] */
    float *rope;              /* [MATMUL_ROWS, head_dim] */
    int *positions;           /* [tokens] */
    struct cache caches[CACHES];
    void *scratch;
    struct roofline_case cases[MOST_CASES];
    struct work works[MOST_CASES];
    size_t n;
};

/* Aligned to 64 and zeroed, of n > 0 elements; NULL after a failure. */
static void *room(size_t n, size_t size, struct err *e) {
    size_t bytes = (n * size + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, bytes);
    if (!p) {
        err_nomem(e, "operands");
        return NULL;
    }
    return memset(p, 0, bytes);
}

static void fill(float *x, size_t n) {
    struct rng random = {1};
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rng_uniform(&random) * 2 - 1);
}

static size_t size_max(size_t a, size_t b) {
    return a > b ? a : b;
}

static int widest_input(const struct roofline *r) {
    size_t k = 0;
    for (int i = 0; i < LAYERS; i++)
        k = size_max(k, (size_t)r->shapes[i].k);
    return (int)k;
}

static void name_shapes(struct roofline *r) {
    const struct decoder_config *c = &r->c;
    int hidden = (int)c->hidden, heads = (int)(c->heads * c->head_dim);
    int inner = (int)c->intermediate, kv = (int)(c->kv_heads * c->head_dim);
    const struct layer_shape shapes[LAYERS] = {
        {"qkv", heads + 2 * kv, hidden, PRODUCT8_STORE},
        {"attention_out", hidden, heads, PRODUCT8_ADD},
        {"gate_up", 2 * inner, hidden, PRODUCT8_SWIGLU},
        {"down", hidden, inner, PRODUCT8_ADD},
        {"output", (int)c->vocab, hidden, PRODUCT8_STORE},
    };
    memcpy(r->shapes, shapes, sizeof shapes);
}

static int make_weights(struct roofline *r, struct err *e) {
    float *slab = room((size_t)SLAB * (size_t)widest_input(r), sizeof *slab, e);
    if (!slab)
        return PRECIS_ENOMEM;
    int rc = 0;
    fill(slab, (size_t)SLAB * (size_t)widest_input(r));
    for (int i = 0; i < LAYERS && rc == 0; i++) {
        int n = r->shapes[i].n, k = r->shapes[i].k;
        r->packed[i] = room(weight8_bytes(n, k), 1, e);
        if (!r->packed[i])
            rc = PRECIS_ENOMEM;
        for (int first = 0; rc == 0 && first < n; first += SLAB)
            weight8_pack(slab, first, n - first < SLAB ? n - first : SLAB, n, k, r->packed[i]);
        if (rc == 0)
            weight8_view(r->packed[i], n, k, &r->weights[i]);
    }
    free(slab);
    return rc;
}

static int make_rows(struct roofline *r, struct err *e) {
    size_t widest = (size_t)widest_input(r), most = 0, rows = MATMUL_ROWS;
    size_t dim = r->c.head_dim, tokens = (size_t)r->tokens;
    for (int i = 0; i < LAYERS; i++)
        most = size_max(most, ((size_t)r->shapes[i].n + 15) / 16 * 16);
    bool all = (r->bytes.x = room(rows, rows8_stride(widest), e)) &&
               (r->bytes.scale = room(rows, sizeof(float), e)) &&
               (r->values = room(rows * widest, sizeof(float), e)) &&
               (r->original = room(rows * widest, sizeof(float), e)) &&
               (r->y = room(rows * most, sizeof(float), e)) &&
               (r->rope = room(rows * dim, sizeof(float), e)) &&
               (r->positions = room(tokens, sizeof(int), e)) &&
               (r->scratch = room(attention_scratch_size((int)dim), 1, e));
    if (!all)
        return PRECIS_ENOMEM;
    fill(r->original, rows * widest);
    r->bytes.stride = rows8_stride(widest);
    r->kernel[0].int8.quantize(r->original, MATMUL_ROWS, (int)widest, &r->bytes);
    for (size_t i = 0; i < rows * dim; i++) {
        size_t row = i / dim, pair = i % (dim / 2);
        float angle = (float)row / (float)(pair + 1);
        r->rope[i] = i % dim < dim / 2 ? cosf(angle) : sinf(angle);
    }
    for (int i = 0; i < r->tokens; i++)
        r->positions[i] = i;
    return 0;
}

static size_t query_size(const struct cache *c) {
    return c->type == DTYPE_BF16 ? dtype_size(DTYPE_BF16) : sizeof(float);
}

/* Splits rows of random queries, keys and values into the cache, from position `from` on. */
static void split_rows(struct roofline *r, int which, int from, int rows) {
    const struct decoder_config *c = &r->c;
    struct cache *to = &r->caches[which];
    const struct kernel *k = &r->kernel[which];
    struct split_qkv s = {
        .y = r->y,
        .y_stride = (size_t)(c->heads + 2 * c->kv_heads) * c->head_dim,
        .rope = r->rope,
        .rows = rows,
        .heads = (int)c->heads,
        .kv_heads = (int)c->kv_heads,
        .head_dim = (int)c->head_dim,
        .rope_dims = (int)c->head_dim,
        .q_scale = 1.44269504f / sqrtf((float)c->head_dim),
        .type = to->type,
        .q = (char *)to->q + (size_t)from * c->heads * c->head_dim * query_size(to),
        .blocks = to->page_of + from,
        .head_stride = 2 * to->head_block,
        .value_offset = to->head_block,
        .positions = r->positions + from,
    };
    (to->type == DTYPE_INT8 ? k->int8.split_qkv : k->split_qkv)(&s);
}

static int make_cache(struct roofline *r, int which, struct err *e) {
    struct cache *c = &r->caches[which];
    size_t tokens = (size_t)r->tokens, blocks = (tokens + KV_BLOCK - 1) / KV_BLOCK;
    size_t width = (size_t)r->c.heads * r->c.head_dim;
    c->head_block = kv_block_bytes((int)r->c.head_dim, c->type);
    c->page = 2 * r->c.kv_heads * c->head_block;
    if (!(c->pages = room(blocks, c->page, e)) ||
        !(c->blocks = room(blocks, sizeof *c->blocks, e)) ||
        !(c->page_of = room(tokens, sizeof *c->page_of, e)) ||
        !(c->q = room(tokens * width, query_size(c), e)) ||
        !(c->out = room(tokens * width, query_size(c), e)))
        return PRECIS_ENOMEM;
    for (size_t b = 0; b < blocks; b++)
        c->blocks[b] = c->pages + b * c->page;
    for (size_t i = 0; i < tokens; i++)
        c->page_of[i] = c->blocks[i / KV_BLOCK];
    fill(r->y, (size_t)MATMUL_ROWS * (size_t)r->shapes[0].n);
    for (int at = 0; at < r->tokens; at += MATMUL_ROWS)
        split_rows(r, which, at, r->tokens - at < MATMUL_ROWS ? r->tokens - at : MATMUL_ROWS);
    return 0;
}

static void attend(struct roofline *r, int index, const struct roofline_case *k) {
    const struct decoder_config *c = &r->c;
    const struct cache *cache = &r->caches[index];
    const struct kernel *kernel = &r->kernel[index];
    int group = (int)(c->heads / c->kv_heads), each = ATTENTION_ROWS / group;
    size_t width = (size_t)c->heads * c->head_dim, size = query_size(cache);
    for (int at = 0; at < k->rows; at += each)
        for (size_t head = 0; head < c->kv_heads; head++) {
            size_t from = (size_t)at * width + head * (size_t)group * c->head_dim;
            size_t keys = head * 2 * cache->head_block;
            struct attention_item item = {
                .rows = (k->rows - at < each ? k->rows - at : each) * group,
                .head_dim = (int)c->head_dim,
                .group = group,
                .position = at,
                .q = (char *)cache->q + from * size,
                .out = (char *)cache->out + from * size,
                .token_stride = width,
                .blocks = cache->blocks,
                .key_offset = keys,
                .value_offset = keys + cache->head_block,
                .scratch = r->scratch,
            };
            (cache->type == DTYPE_INT8 ? kernel->int8.attention : kernel->attention)(&item);
        }
}

/* The quantised rows, as those of n values. */
static struct rows8 rows_of(const struct roofline *r, int n) {
    return (struct rows8){r->bytes.x, r->bytes.scale, rows8_stride((size_t)n)};
}

static void multiply(struct roofline *r, int index, const struct roofline_case *k) {
    r->kernel[0].int8.product(&(struct product8){.w = &r->weights[index],
                                                 .x = rows_of(r, k->k),
                                                 .rows = k->rows,
                                                 .to = k->n,
                                                 .into = r->shapes[index].into,
                                                 .y = r->y,
                                                 .y_stride = ((size_t)k->n + 15) / 16 * 16});
}

static void rmsnorm(struct roofline *r, int index, const struct roofline_case *k) {
    (void)index;
    struct rows8 out = rows_of(r, k->k);
    r->kernel[0].int8.rmsnorm(r->original, 1e-5f, k->rows, k->k, &out);
}

static void quantize(struct roofline *r, int index, const struct roofline_case *k) {
    (void)index;
    struct rows8 out = rows_of(r, k->k);
    r->kernel[0].int8.quantize(r->original, k->rows, k->k, &out);
}

static void hadamard(struct roofline *r, int index, const struct roofline_case *k) {
    (void)index;
    struct rows8 out = rows_of(r, k->k);
    r->kernel[0].int8.hadamard(r->values, k->rows, k->k, r->down_block, &out);
}

static void split_qkv(struct roofline *r, int index, const struct roofline_case *k) {
    split_rows(r, index, 0, k->rows);
}

static void add_case(struct roofline *r, struct work work, struct roofline_case k) {
    if (k.operations > 0)
        k.instruction = kernel_peak_instruction(r->isa, k.type);
    r->works[r->n] = work;
    r->cases[r->n++] = k;
}

static void list_products(struct roofline *r) {
    static const int rows[] = {MATMUL_ROWS, LOGIT_ROWS, 16, 1};
    for (int i = 0; i < LAYERS; i++) {
        const struct layer_shape *s = &r->shapes[i];
        for (size_t m = 0; m < sizeof rows / sizeof rows[0]; m++) {
            if (rows[m] == LOGIT_ROWS && i < LAYERS - 1) /* as many as the output layer has */
                continue;
            add_case(r, (struct work){multiply, i, false},
                     (struct roofline_case){.kernel = "product",
                                            .layer = s->name,
                                            .type = DTYPE_INT8,
                                            .rows = rows[m],
                                            .n = s->n,
                                            .k = s->k,
                                            .operations = 2.0 * rows[m] * s->n * s->k});
        }
    }
}

static void list_attention(struct roofline *r) {
    double width = (double)r->c.heads * r->c.head_dim;
    for (int i = 0; i < CACHES; i++)
        for (int l = 0; l < LENGTHS && lengths[l] <= r->tokens; l++) {
            double pairs = lengths[l] * (lengths[l] + 1.0) / 2; /* of a query and a key it sees */
            add_case(r, (struct work){attend, i, false},
                     (struct roofline_case){.kernel = "attention",
                                            .type = r->caches[i].type,
                                            .rows = lengths[l],
                                            .n = (int)r->c.heads,
                                            .k = (int)r->c.head_dim,
                                            .operations = 4 * width * pairs});
        }
}

static void list_others(struct roofline *r) {
    const struct {
        const char *kernel;
        struct work work;
        int k;
    } others[] = {{"rmsnorm", {rmsnorm, 0, false}, r->shapes[0].k},
                  {"quantize", {quantize, 0, false}, r->shapes[1].k},
                  {"hadamard", {hadamard, 0, true}, r->shapes[3].k},
                  {"split_qkv", {split_qkv, 0, false}, r->shapes[0].n}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        add_case(r, others[i].work,
                 (struct roofline_case){.kernel = others[i].kernel,
                                        .type = DTYPE_INT8,
                                        .rows = MATMUL_ROWS,
                                        .k = others[i].k});
}

static int check_shape(const struct decoder_config *c, struct err *e) {
    if (c->head_dim > KERNEL_MAX_DIM || c->heads / c->kv_heads > ATTENTION_ROWS)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%u heads (%u for keys and values) of %u: no kernel takes them", c->heads,
                       c->kv_heads, c->head_dim);
    return weights8_check(c, e);
}

int roofline_new(const struct decoder_config *c, size_t most_tokens, struct roofline **out,
                 struct err *e) {
    *out = NULL;
    int rc = check_shape(c, e);
    if (rc)
        return rc;
    struct roofline *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e, "kernels to measure");
    r->c = *c;
    r->c.head_dim = (c->head_dim + 15) / 16 * 16; /* as it is packed */
    r->tokens = lengths[0];
    for (int l = 1; l < LENGTHS && (size_t)lengths[l] <= most_tokens; l++)
        r->tokens = lengths[l];
    rc = isa_detect(&r->isa, e);
    const enum dtype types[CACHES] = {DTYPE_INT8,
                                      r->isa == ISA_AVX512_BF16 ? DTYPE_BF16 : DTYPE_F32};
    for (int i = 0; i < CACHES && rc == 0; i++) {
        r->caches[i].type = types[i];
        rc = kernel_select(r->isa, types[i], &r->kernel[i], e);
    }
    r->down_block = (int)rotation_block(c->intermediate, MOST_DOWN_BLOCK);
    name_shapes(r);
    if (rc == 0)
        rc = make_weights(r, e);
    if (rc == 0)
        rc = make_rows(r, e);
    for (int i = 0; i < CACHES && rc == 0; i++)
        rc = make_cache(r, i, e);
    if (rc) {
        roofline_free(r);
        return rc;
    }
    list_products(r);
    list_attention(r);
    list_others(r);
    *out = r;
    return 0;
}

void roofline_free(struct roofline *r) {
    if (!r)
        return;
    for (int i = 0; i < LAYERS; i++)
        free(r->packed[i]);
    for (int i = 0; i < CACHES; i++) {
        free(r->caches[i].pages);
        free(r->caches[i].blocks);
        free(r->caches[i].page_of);
        free(r->caches[i].q);
        free(r->caches[i].out);
    }
    free(r->bytes.x);
    free(r->bytes.scale);
    free(r->values);
    free(r->original);
    free(r->y);
    free(r->rope);
    free(r->positions);
    free(r->scratch);
    free(r);
}

enum isa roofline_isa(const struct roofline *r) {
    return r->isa;
}

size_t roofline_count(const struct roofline *r) {
    return r->n;
}

const struct roofline_case *roofline_at(const struct roofline *r, size_t i) {
    return &r->cases[i];
}

/* Seconds of `calls` calls. */
static double time_calls(struct roofline *r, size_t i, int calls) {
    const struct work *w = &r->works[i];
    const struct roofline_case *k = &r->cases[i];
    if (w->restore)
        memcpy(r->values, r->original, (size_t)k->rows * (size_t)k->k * sizeof(float));
    double started = clock_thread_seconds();
    for (int n = 0; n < calls; n++)
        w->run(r, w->index, k);
    return clock_thread_seconds() - started;
}

void roofline_measure(struct roofline *r, size_t i, struct roofline_figure *out) {
    const struct roofline_case *k = &r->cases[i];
    bool counted = k->operations > 0;
    time_calls(r, i, 1); /* brings its operands into the caches */
    double before = counted ? kernel_peak(r->isa, k->type, peak_seconds) : 0, total = 0, done = 0;
    for (int calls = 1; total < case_seconds;) {
        double seconds = time_calls(r, i, calls);
        total += seconds;
        done += calls;
        if (seconds < look_seconds && !r->works[i].restore)
            calls *= 2;
    }
    double after = counted ? kernel_peak(r->isa, k->type, peak_seconds) : 0;
    *out = (struct roofline_figure){.seconds = total / done,
                                    .speed = k->operations * done / total,
                                    .peak = (before + after) / 2};
}

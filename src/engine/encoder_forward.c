#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/encoder.h"
#include "engine/parts.h"

struct encoder_workspace {
    struct matmul_lane *matmul;
    /* For a block of MATMUL_ROWS rows. */
    float *y;    /* of a product: [q heads | k heads | v heads], intermediate or hidden */
    void *inner; /* [intermediate], of the type of the weights */
    struct rows8 inner8, attended8; /* int8: what down and the attention's output layer read */
    float *row;                     /* int8: of the widest layer */
    void *attention;
    /* For all rows of a pass, and MATMUL_ROWS more, since products read padded rows. */
    float *x;           /* [hidden] */
    uint16_t *bf16;     /* x as products in bf16 take it; NULL with f32, where they take x */
    struct rows8 x8;    /* and those in int8 */
    void *q, *attended; /* [heads * dim] of the type of the weights; int8: f32 */
    uint8_t *kv;        /* [blocks] keys and values of each head, of one layer */
    uint8_t **blocks;   /* [rows]: the row's own */
    int *slots;         /* [rows] */
    uint8_t **places;   /* [blocks]: those of a span follow each other */
    int first_place[PASS_SPANS];
    const struct encoder_kernel *kernel;
};

struct sizes {
    size_t hidden, width, inner, dim;
    size_t rows, blocks; /* of the largest pass */
    size_t head_block, block;
    enum dtype type;
    size_t size;   /* bytes of a value of the type */
    size_t q_size; /* and of q and what attention makes */
};

static struct sizes sizes_of(const struct encoder_weights *w) {
    const struct encoder_config *c = &w->config;
    struct sizes z = {
        .hidden = c->hidden,
        .width = (size_t)c->heads * (size_t)w->dim,
        .inner = c->intermediate,
        .dim = (size_t)w->dim,
        .rows = c->context > PASS_ROWS ? c->context : PASS_ROWS,
        .head_block = kv_block_bytes(w->dim, w->type),
        .type = w->type,
        .size = dtype_size(w->type),
        .q_size = dtype_size(w->type == DTYPE_INT8 ? DTYPE_F32 : w->type),
    };
    z.blocks = z.rows / KV_BLOCK + PASS_SPANS; /* each span may fill its last one in part */
    z.block = 2 * z.head_block * c->heads;
    return z;
}

/* Rows of int8 and what products in int8 write are in multiples of 16. */
static size_t rounded(size_t n) {
    return (n + 15) / 16 * 16;
}

enum { PARTS = 18 };

static int list_parts(const struct sizes *z, struct part parts[PARTS]) {
    size_t rows = z->rows + MATMUL_ROWS, f32 = sizeof(float), y = 3 * z->width;
    y = z->inner > y ? z->inner : y;
    y = z->hidden > y ? z->hidden : y;
    y = rounded(y);
    /* 0 where it is not made */
    size_t as_f32 = z->type == DTYPE_INT8 ? 0 : 1, as_int8 = 1 - as_f32;
    const struct part list[] = {
        {offsetof(struct encoder_workspace, y), MATMUL_ROWS * y * f32},
        {offsetof(struct encoder_workspace, inner), as_f32 * MATMUL_ROWS * z->inner * z->size},
        {offsetof(struct encoder_workspace, inner8.x),
         as_int8 * MATMUL_ROWS * rows8_stride(z->inner)},
        {offsetof(struct encoder_workspace, inner8.scale), as_int8 * MATMUL_ROWS * f32},
        {offsetof(struct encoder_workspace, attended8.x),
         as_int8 * MATMUL_ROWS * rows8_stride(z->width)},
        {offsetof(struct encoder_workspace, attended8.scale), as_int8 * MATMUL_ROWS * f32},
        {offsetof(struct encoder_workspace, row), as_int8 * y * f32},
        {offsetof(struct encoder_workspace, x8.x), as_int8 * rows * rows8_stride(z->hidden)},
        {offsetof(struct encoder_workspace, x8.scale), as_int8 * rows * f32},
        {offsetof(struct encoder_workspace, attention), attention_scratch_size((int)z->dim)},
        {offsetof(struct encoder_workspace, x), rows * z->hidden * f32},
        {offsetof(struct encoder_workspace, bf16),
         z->type == DTYPE_BF16 ? rows * z->hidden * z->size : 0},
        {offsetof(struct encoder_workspace, q), rows * z->width * z->q_size},
        {offsetof(struct encoder_workspace, attended), rows * z->width * z->q_size},
        {offsetof(struct encoder_workspace, kv), z->blocks * z->block},
        {offsetof(struct encoder_workspace, blocks), z->rows * sizeof(uint8_t *)},
        {offsetof(struct encoder_workspace, slots), z->rows * sizeof(int)},
        {offsetof(struct encoder_workspace, places), z->blocks * sizeof(uint8_t *)},
    };
    memcpy(parts, list, sizeof list);
    return sizeof list / sizeof list[0];
}

size_t encoder_workspace_bytes(const struct encoder_weights *w) {
    struct part parts[PARTS];
    struct sizes z = sizes_of(w);
    return parts_bytes(parts, list_parts(&z, parts));
}

int encoder_workspace_new(const struct encoder_weights *w, struct encoder_workspace **out,
                          struct err *e) {
    struct encoder_workspace *ws = calloc(1, sizeof *ws);
    *out = NULL;
    if (!ws)
        return err_nomem(e, "workspace");
    struct part parts[PARTS];
    struct sizes z = sizes_of(w);
    int rc = parts_new(parts, list_parts(&z, parts), ws, e);
    if (rc == 0 && w->matmul)
        rc = matmul_lane_new(w->matmul, &ws->matmul, e);
    if (rc) {
        encoder_workspace_free(ws);
        return rc;
    }
    for (size_t i = 0; i < z.blocks; i++)
        ws->places[i] = ws->kv + i * z.block;
    ws->x8.stride = rows8_stride(z.hidden);
    ws->inner8.stride = rows8_stride(z.inner);
    ws->attended8.stride = rows8_stride(z.width);
    *out = ws;
    return 0;
}

void encoder_workspace_free(struct encoder_workspace *ws) {
    if (!ws)
        return;
    struct part parts[PARTS];
    parts_free(parts, list_parts(&(struct sizes){0}, parts), ws);
    matmul_lane_free(ws->matmul);
    free(ws);
}

/* A pass under way. */
struct run {
    const struct encoder_pass *p;
    struct encoder_workspace *ws;
    struct sizes z;
    struct err *e;
};

/* Row `row` of a buffer of `width` values of `size` bytes to a row. */
static void *row_at(void *base, int row, size_t width, size_t size) {
    return (char *)base + (size_t)row * width * size;
}

static struct rows8 row8_at(const struct rows8 *rows, int row) {
    return (struct rows8){rows->x + (size_t)row * rows->stride, rows->scale + row, rows->stride};
}

/* The row of the position table for each token. As transformers has it for RoBERTa, a padding token
 * (whose id precedes the first position) takes the row of its id and does not count. */
static size_t position_row(const struct encoder_config *c, uint32_t id, size_t *counted) {
    if (c->position > 0 && id == c->position - 1)
        return id;
    return c->position + (*counted)++;
}

static void add_row(const struct tensor *t, size_t row, float *temp, size_t n, float *x) {
    quant_to_f32(t->type, t->data + row * (t->size / t->dims[1]), n, temp);
    for (size_t i = 0; i < n; i++)
        x[i] += temp[i];
}

/* Sums of the embeddings, and where the span's keys and values go. Slots beyond its end are zeroed:
 * they weigh nothing, but nothing times what is left there could be no number. */
static void place_span(const struct run *r, const struct encoder_span *s, int first) {
    const struct encoder_weights *w = r->p->w;
    struct encoder_workspace *ws = r->ws;
    size_t n = r->z.hidden, counted = 0;
    for (int i = 0; i < s->n; i++) {
        float *x = ws->x + (size_t)(s->row + i) * n;
        memcpy(x, w->first_type, n * sizeof *x);
        add_row(w->tokens, s->ids[i], ws->y, n, x);
        add_row(w->positions, position_row(&w->config, s->ids[i], &counted), ws->y, n, x);
        ws->blocks[s->row + i] = ws->places[first + i / KV_BLOCK];
        ws->slots[s->row + i] = i % KV_BLOCK;
    }
    if (s->n % KV_BLOCK)
        memset(ws->places[first + s->n / KV_BLOCK], 0, r->z.block);
}

/* What a product reads: x, or in int8 the rows. */
struct operand {
    const void *x;
    struct rows8 int8;
};

static int product(const struct run *r, const struct encoder_linear *l, int m, struct operand in) {
    if (r->z.type != DTYPE_INT8)
        return matmul_run(r->ws->matmul, l->packed, m, in.x, DTYPE_F32, r->ws->y, r->e);
    r->p->kernel->int8.product(&(struct product8){.w = &l->int8,
                                                  .x = in.int8,
                                                  .rows = m,
                                                  .to = l->int8.n,
                                                  .into = PRODUCT8_STORE,
                                                  .y = r->ws->y,
                                                  .y_stride = rounded((size_t)l->int8.n)});
    return 0;
}

/* Values from one row of a product's to the next, of n. */
static size_t y_stride(const struct run *r, size_t n) {
    return r->z.type == DTYPE_INT8 ? rounded(n) : n;
}

static struct turned8 turned(const struct run *r, const struct rotation *by, struct rows8 to) {
    return (struct turned8){by->signs, (int)by->n, (int)by->block, r->ws->row, to};
}

/* x as products take it. */
static struct operand input(const struct run *r, int row) {
    struct encoder_workspace *ws = r->ws;
    if (r->z.type == DTYPE_INT8)
        return (struct operand){.int8 = row8_at(&ws->x8, row)};
    void *x = ws->bf16 ? (void *)ws->bf16 : ws->x;
    return (struct operand){.x = row_at(x, row, r->z.hidden, r->z.size)};
}

/* x = norm(x + y + bias), or norm(x) without a bias. */
static void norm(const struct run *r, int row, int m, const float *bias, const float *gain,
                 const float *shift) {
    struct encoder_workspace *ws = r->ws;
    const struct encoder_weights *w = r->p->w;
    size_t at = (size_t)row * r->z.hidden;
    struct turned8 t = turned(r, &w->hidden, row8_at(&ws->x8, row));
    ws->kernel->layernorm(&(struct layernorm){
        .x = ws->x + at,
        .add = bias ? ws->y : NULL,
        .add_stride = y_stride(r, r->z.hidden),
        .bias = bias,
        .gain = gain,
        .shift = shift,
        .eps = w->config.norm_eps,
        .rows = m,
        .n = (int)r->z.hidden,
        .bf16 = ws->bf16 ? ws->bf16 + at : NULL,
        .int8 = r->z.type == DTYPE_INT8 ? &t : NULL,
    });
}

static int queries_keys_values(const struct run *r, const struct encoder_layer *l, int row, int m) {
    struct encoder_workspace *ws = r->ws;
    const struct encoder_config *c = &r->p->w->config;
    int rc = product(r, &l->qkv, m, input(r, row));
    if (rc)
        return rc;
    ws->kernel->split_heads(&(struct split_heads){
        .y = ws->y,
        .bias = l->qkv.bias,
        .rows = m,
        .heads = (int)c->heads,
        .head_dim = (int)r->z.dim,
        .q_scale = 1.44269504f / sqrtf((float)c->head_dim), /* scores in base 2 */
        .type = r->z.type,
        .q = row_at(ws->q, row, r->z.width, r->z.q_size),
        .blocks = ws->blocks + row,
        .slots = ws->slots + row,
        .head_stride = 2 * r->z.head_block,
        .value_offset = r->z.head_block,
    });
    return 0;
}

/* Every token of a span sees all of its keys. */
static void attend(const struct run *r, const struct encoder_span *s, int first) {
    struct encoder_workspace *ws = r->ws;
    const struct kernel *kernel = r->p->kernel;
    void (*run)(const struct attention_item *) =
        r->z.type == DTYPE_INT8 ? kernel->int8.attention : kernel->attention;
    for (size_t h = 0; h < r->p->w->config.heads; h++)
        for (int at = 0; at < s->n; at += ATTENTION_ROWS) {
            size_t head = ((size_t)(s->row + at) * r->z.width + h * r->z.dim) * r->z.q_size;
            run(&(struct attention_item){
                .rows = s->n - at < ATTENTION_ROWS ? s->n - at : ATTENTION_ROWS,
                .head_dim = (int)r->z.dim,
                .group = 1,
                .keys = s->n,
                .q = (char *)ws->q + head,
                .out = (char *)ws->attended + head,
                .token_stride = r->z.width,
                .blocks = ws->places + first,
                .key_offset = h * 2 * r->z.head_block,
                .value_offset = (h * 2 + 1) * r->z.head_block,
                .scratch = ws->attention,
            });
        }
}

/* Attention's output, as a product takes it. */
static struct operand attended(const struct run *r, int row, int m) {
    struct encoder_workspace *ws = r->ws;
    const void *x = row_at(ws->attended, row, r->z.width, r->z.q_size);
    if (r->z.type != DTYPE_INT8)
        return (struct operand){.x = x};
    r->p->kernel->int8.quantize(x, m, (int)r->z.width, &ws->attended8);
    return (struct operand){.int8 = ws->attended8};
}

static int feed_forward(const struct run *r, const struct encoder_layer *l, int row, int m) {
    struct encoder_workspace *ws = r->ws;
    struct turned8 t = turned(r, &r->p->w->inner, ws->inner8);
    int rc = product(r, &l->attention_out, m, attended(r, row, m));
    if (rc)
        return rc;
    norm(r, row, m, l->attention_out.bias, l->attention_gain, l->attention_shift);
    if ((rc = product(r, &l->up, m, input(r, row))) != 0)
        return rc;
    ws->kernel->activate(&(struct activate){
        .x = ws->y,
        .x_stride = y_stride(r, r->z.inner),
        .bias = l->up.bias,
        .f = r->p->w->config.activation,
        .rows = m,
        .n = (int)r->z.inner,
        .type = r->z.type,
        .y = ws->inner,
        .int8 = &t,
    });
    if ((rc = product(r, &l->down, m, (struct operand){ws->inner, ws->inner8})) != 0)
        return rc;
    norm(r, row, m, l->down.bias, l->output_gain, l->output_shift);
    return 0;
}

static bool is_wanted(const struct encoder_pass *p) {
    for (int i = 0; i < p->n_spans; i++)
        if (!atomic_load_explicit(p->spans[i].cancelled, memory_order_relaxed))
            return true;
    return false;
}

static int run_layer(const struct run *r, const struct encoder_layer *l) {
    const struct encoder_pass *p = r->p;
    int rc = 0;
    for (int row = 0, m; row < p->rows && rc == 0; row += m) {
        m = p->rows - row < MATMUL_ROWS ? p->rows - row : MATMUL_ROWS;
        rc = queries_keys_values(r, l, row, m);
    }
    for (int i = 0; i < p->n_spans && rc == 0; i++)
        attend(r, &p->spans[i], r->ws->first_place[i]);
    for (int row = 0, m; row < p->rows && rc == 0; row += m) {
        m = p->rows - row < MATMUL_ROWS ? p->rows - row : MATMUL_ROWS;
        rc = feed_forward(r, l, row, m);
    }
    return rc;
}

int encoder_pass_run(const struct encoder_pass *p, struct encoder_workspace *ws,
                     const float **states, struct err *e) {
    const struct encoder_weights *w = p->w;
    struct run r = {.p = p, .ws = ws, .z = sizes_of(w), .e = e};
    int places = 0, rc = 0;
    *states = ws->x;
    ws->kernel = encoder_kernel(p->kernel->isa);
    for (int i = 0; i < p->n_spans; i++) {
        ws->first_place[i] = places;
        place_span(&r, &p->spans[i], places);
        places += (p->spans[i].n + KV_BLOCK - 1) / KV_BLOCK;
    }
    norm(&r, 0, p->rows, NULL, w->embedding_gain, w->embedding_shift);
    for (unsigned l = 0; l < w->config.layers && rc == 0; l++)
        rc = is_wanted(p) ? run_layer(&r, &w->layers[l])
                          : err_set(e, PRECIS_ECANCELLED, "cancelled");
    return rc;
}

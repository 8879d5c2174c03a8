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
    void *attention;
    /* For all rows of a pass, and MATMUL_ROWS more, since products read padded rows. */
    float *x;           /* [hidden] */
    uint16_t *bf16;     /* x as products take it; NULL with f32, where they take x */
    void *q, *attended; /* [heads * dim] of the type of the weights */
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
    size_t size; /* bytes of a value of the type */
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
    };
    z.blocks = z.rows / KV_BLOCK + PASS_SPANS; /* each span may fill its last one in part */
    z.block = 2 * z.head_block * c->heads;
    return z;
}

enum { PARTS = 11 };

static int list_parts(const struct sizes *z, struct part parts[PARTS]) {
    size_t rows = z->rows + MATMUL_ROWS, f32 = sizeof(float), y = 3 * z->width;
    y = z->inner > y ? z->inner : y;
    y = z->hidden > y ? z->hidden : y;
    const struct part list[] = {
        {offsetof(struct encoder_workspace, y), MATMUL_ROWS * y * f32},
        {offsetof(struct encoder_workspace, inner), MATMUL_ROWS * z->inner * z->size},
        {offsetof(struct encoder_workspace, attention), attention_scratch_size((int)z->dim)},
        {offsetof(struct encoder_workspace, x), rows * z->hidden * f32},
        {offsetof(struct encoder_workspace, bf16),
         z->type == DTYPE_BF16 ? rows * z->hidden * z->size : 0},
        {offsetof(struct encoder_workspace, q), rows * z->width * z->size},
        {offsetof(struct encoder_workspace, attended), rows * z->width * z->size},
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
    if (rc == 0)
        rc = matmul_lane_new(w->matmul, &ws->matmul, e);
    if (rc) {
        encoder_workspace_free(ws);
        return rc;
    }
    for (size_t i = 0; i < z.blocks; i++)
        ws->places[i] = ws->kv + i * z.block;
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

/* Rows [row, row + m) of a buffer of `width` values to a row. */
static void *rows_at(const struct run *r, void *base, int row, size_t width) {
    return (char *)base + (size_t)row * width * r->z.size;
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

static int product(const struct run *r, const struct weight *w, int m, const void *x) {
    return matmul_run(r->ws->matmul, w, m, x, DTYPE_F32, r->ws->y, r->e);
}

/* x as products take it. */
static const void *input(const struct run *r, int row) {
    struct encoder_workspace *ws = r->ws;
    return rows_at(r, ws->bf16 ? (void *)ws->bf16 : ws->x, row, r->z.hidden);
}

/* x = norm(x + y + bias), or norm(x) without a bias. */
static void norm(const struct run *r, int row, int m, const float *bias, const float *gain,
                 const float *shift) {
    struct encoder_workspace *ws = r->ws;
    size_t at = (size_t)row * r->z.hidden;
    ws->kernel->layernorm(&(struct layernorm){
        .x = ws->x + at,
        .add = bias ? ws->y : NULL,
        .bias = bias,
        .gain = gain,
        .shift = shift,
        .eps = r->p->w->config.norm_eps,
        .rows = m,
        .n = (int)r->z.hidden,
        .bf16 = ws->bf16 ? ws->bf16 + at : NULL,
    });
}

static int queries_keys_values(const struct run *r, const struct encoder_layer *l, int row, int m) {
    struct encoder_workspace *ws = r->ws;
    const struct encoder_config *c = &r->p->w->config;
    int rc = product(r, l->qkv, m, input(r, row));
    if (rc)
        return rc;
    ws->kernel->split_heads(&(struct split_heads){
        .y = ws->y,
        .bias = l->qkv_bias,
        .rows = m,
        .heads = (int)c->heads,
        .head_dim = (int)r->z.dim,
        .q_scale = 1.44269504f / sqrtf((float)c->head_dim), /* scores in base 2 */
        .type = r->z.type,
        .q = rows_at(r, ws->q, row, r->z.width),
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
    for (size_t h = 0; h < r->p->w->config.heads; h++)
        for (int at = 0; at < s->n; at += ATTENTION_ROWS) {
            size_t head = ((size_t)(s->row + at) * r->z.width + h * r->z.dim) * r->z.size;
            r->p->kernel->attention(&(struct attention_item){
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

static int feed_forward(const struct run *r, const struct encoder_layer *l, int row, int m) {
    struct encoder_workspace *ws = r->ws;
    int rc = product(r, l->attention_out, m, rows_at(r, ws->attended, row, r->z.width));
    if (rc)
        return rc;
    norm(r, row, m, l->attention_bias, l->attention_gain, l->attention_shift);
    if ((rc = product(r, l->up, m, input(r, row))) != 0)
        return rc;
    ws->kernel->activate(&(struct activate){
        .x = ws->y,
        .bias = l->up_bias,
        .f = r->p->w->config.activation,
        .rows = m,
        .n = (int)r->z.inner,
        .type = r->z.type,
        .y = ws->inner,
    });
    if ((rc = product(r, l->down, m, ws->inner)) != 0)
        return rc;
    norm(r, row, m, l->down_bias, l->output_gain, l->output_shift);
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

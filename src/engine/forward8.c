/* Linear layers in int8: rows are quantised as they enter a product, whose epilogue adds to the
 * residual stream, or gates. With few rows the lanes of a team split a product's outputs, work in
 * the leader's buffers and meet after each product. */
#include "engine/forward_impl.h"

#include "model/quant.h"

enum { SPLIT = 32 /* outputs: two panels, a gate and its values */ };

static void product(const struct share *p, const struct weight8 *w, const struct rows8 *x, int m,
                    enum product8_into into, float *y, size_t y_stride) {
    int from = 0, to = w->n;
    if (p->columns) {
        int parts = (w->n + SPLIT - 1) / SPLIT, team = p->s->team;
        from = parts * p->rank / team * SPLIT;
        to = parts * (p->rank + 1) / team * SPLIT;
        to = to < w->n ? to : w->n;
    }
    if (from < to)
        product8_run(&p->s->kernel->int8, &(struct product8){.w = w,
                                                             .x = *x,
                                                             .rows = m,
                                                             .from = from,
                                                             .to = to,
                                                             .into = into,
                                                             .y = y,
                                                             .y_stride = y_stride,
                                                             .scratch = p->own->unpacked});
}

/* The buffers that a product's outputs go to. */
static struct workspace *outputs(const struct share *p) {
    return p->columns ? p->s->tile : p->own;
}

static void meet(const struct share *p) {
    if (p->columns)
        forward_meet(p->s);
}

/* The rows of m that this lane takes where rows are split, in *from; returns their number. */
static int my_rows(const struct share *p, int m, int *from) {
    *from = p->columns ? m * p->rank / p->s->team : 0;
    return (p->columns ? m * (p->rank + 1) / p->s->team : m) - *from;
}

/* Rows [from, ...) of x, `width` values in each. */
static struct rows8 rows_from(const struct workspace *ws, int from, size_t width) {
    size_t stride = rows8_stride(width);
    return (struct rows8){ws->rows8.x + (size_t)from * stride, ws->rows8.scale + from, stride};
}

static struct rows8 normed(const struct share *p, int row, int m) {
    struct rows8 x = rows_from(p->own, 0, p->z.hidden);
    p->s->kernel->int8.rmsnorm(p->s->tile->x + (size_t)row * p->z.hidden, p->s->w->config.norm_eps,
                               m, (int)p->z.hidden, &x);
    return x;
}

static void queries_keys_values(struct share *p, int l, int row, int m) {
    struct step *s = p->s;
    const struct layer8 *layer = &s->w->layers8[l];
    float *y = outputs(p)->y;
    struct rows8 x = normed(p, row, m);
    product(p, &layer->qkv, &x, m, PRODUCT8_STORE, y, p->z.qkv);
    meet(p);
    int first, n = my_rows(p, m, &first);
    struct split_qkv split = forward_split(p, l, row + first, n);
    split.y = y + (size_t)first * p->z.qkv;
    split.bias = layer->qkv_bias;
    if (p->z.kv_type == DTYPE_INT8)
        s->kernel->int8.split_qkv(&split);
    else
        s->kernel->split_qkv(&split);
}

/* Attention's output of m rows, quantised. */
static struct rows8 attended(const struct share *p, int row, int m) {
    const struct kernel8 *k = &p->s->kernel->int8;
    size_t width = p->z.heads, size = dtype_size(p->z.q_type);
    struct rows8 x = rows_from(p->own, 0, width);
    const void *from = row_of(p->s->tile->attended, row, width, size);
    if (p->z.q_type == DTYPE_F32) {
        k->quantize(from, m, (int)width, &x);
        return x;
    }
    for (int r = 0; r < m; r++) {
        const uint16_t *half = (const uint16_t *)from + (size_t)r * width;
        struct rows8 one = rows_from(p->own, r, width);
        float *wide = p->own->gated8;
        for (size_t i = 0; i < width; i++)
            wide[i] = quant_bf16_to_f32(half[i]);
        k->quantize(wide, 1, (int)width, &one);
    }
    return x;
}

static void feed_forward(struct share *p, int l, int row, int m) {
    struct step *s = p->s;
    const struct layer8 *layer = &s->w->layers8[l];
    float *x = s->tile->x + (size_t)row * p->z.hidden, *gated = outputs(p)->gated8;
    struct rows8 in = attended(p, row, m);
    product(p, &layer->attention_out, &in, m, PRODUCT8_ADD, x, p->z.hidden);
    meet(p);
    in = normed(p, row, m);
    product(p, &layer->gate_up, &in, m, PRODUCT8_SWIGLU, gated, p->z.intermediate);
    meet(p);
    int first, n = my_rows(p, m, &first);
    in = rows_from(outputs(p), first, p->z.intermediate);
    s->kernel->int8.hadamard(gated + (size_t)first * p->z.intermediate, n, (int)p->z.intermediate,
                             s->w->down_block, &in);
    meet(p);
    in = rows_from(outputs(p), 0, p->z.intermediate);
    product(p, &layer->down, &in, m, PRODUCT8_ADD, x, p->z.hidden);
    meet(p);
}

static struct rows8 wanted_from(const struct share *p, int first) {
    const struct workspace *t = p->s->tile;
    size_t stride = rows8_stride(p->z.hidden);
    return (struct rows8){(uint8_t *)t->wanted + (size_t)first * stride, t->wanted_scales + first,
                          stride};
}

static void final_norm(struct share *p, int row, int m) {
    const struct workspace *t = p->s->tile;
    for (int i = row; i < row + m && (!p->columns || p->rank == 0); i++) {
        if (t->wanted_of[i] < 0)
            continue;
        struct rows8 to = wanted_from(p, t->wanted_of[i]);
        p->s->kernel->int8.rmsnorm(t->x + (size_t)i * p->z.hidden, p->s->w->config.norm_eps, 1,
                                   (int)p->z.hidden, &to);
    }
}

/* Every lane computes its share of the vocabulary for LOGIT_ROWS rows at a time. */
void forward_output8(struct share *p) {
    struct step *s = p->s;
    float *logits = s->tile->logits;
    size_t stride = (p->z.vocab + 15) / 16 * 16;
    p->columns = s->team > 1;
    for (int first = 0; first < s->n_logits; first += LOGIT_ROWS) {
        int m = s->n_logits - first < LOGIT_ROWS ? s->n_logits - first : LOGIT_ROWS;
        struct rows8 x = wanted_from(p, first);
        product(p, &s->w->output8, &x, m, PRODUCT8_STORE, logits, stride);
        forward_meet(s);
        for (int i = 0; i < m; i++)
            if (p->rank == (s->apart ? i % s->team : 0))
                s->on_logits(s->user, p->own_user, first + i, logits + (size_t)i * stride);
        forward_meet(s);
    }
}

const struct block_ops block_int8 = {queries_keys_values, feed_forward, final_norm};

/* Linear layers in f32 or bf16, as oneDNN or the own product has them: a product's result is added
 * to the residual stream by the norm that follows. */
#include "engine/forward_impl.h"

#include <string.h>

static int product(struct share *p, const struct weight *w, int m, const void *x, enum dtype out,
                   void *y) {
    if (atomic_load_explicit(&p->s->failed, memory_order_relaxed))
        return PRECIS_ECANCELLED;
    int rc = matmul_run(p->own->matmul, w, m, x, out, y, &p->err);
    if (rc)
        atomic_store(&p->s->failed, 1);
    return rc;
}

/* What was computed in own->y, normed where the model has such norms (gain not NULL). */
static void post_norm(const struct share *p, const float *gain, int m) {
    if (gain)
        p->s->kernel->rmsnorm(p->own->y, NULL, gain, p->s->w->config.norm_eps, m, (int)p->z.hidden,
                              DTYPE_F32, p->own->y);
}

static void queries_keys_values(struct share *p, int l, int row, int m) {
    struct step *s = p->s;
    struct workspace *own = p->own;
    const struct layer *layer = &s->w->layers[l];
    s->kernel->rmsnorm(s->tile->x + (size_t)row * p->z.hidden, l ? own->y : NULL,
                       layer->attention_norm, s->w->config.norm_eps, m, (int)p->z.hidden, p->z.type,
                       own->normed);
    if (product(p, layer->qkv, m, own->normed, DTYPE_F32, own->y))
        return;
    struct split_qkv split = forward_split(p, l, row, m);
    split.y = own->y;
    split.bias = layer->qkv_bias;
    s->kernel->split_qkv(&split);
}

static void feed_forward(struct share *p, int l, int row, int m) {
    struct step *s = p->s;
    struct workspace *t = s->tile, *own = p->own;
    const struct layer *layer = &s->w->layers[l];
    enum dtype type = p->z.type;
    if (product(p, layer->attention_out, m, row_of(t->attended, row, p->z.heads, dtype_size(type)),
                DTYPE_F32, own->y))
        return;
    post_norm(p, layer->post_attention_norm, m);
    s->kernel->rmsnorm(t->x + (size_t)row * p->z.hidden, own->y, layer->ffn_norm,
                       s->w->config.norm_eps, m, (int)p->z.hidden, type, own->normed);
    if (product(p, layer->gate_up, m, own->normed, type, own->gate_up))
        return;
    if (s->w->config.activation == ACTIVATION_SILU)
        s->kernel->swiglu(own->gate_up, type, m, (int)p->z.intermediate, type, own->gated);
    else
        s->kernel->geglu(own->gate_up, type, m, (int)p->z.intermediate, type, own->gated);
    if (product(p, layer->down, m, own->gated, DTYPE_F32, own->y))
        return;
    post_norm(p, layer->post_ffn_norm, m);
}

static void final_norm(struct share *p, int row, int m) {
    struct step *s = p->s;
    struct workspace *t = s->tile;
    size_t size = dtype_size(p->z.type);
    s->kernel->rmsnorm(t->x + (size_t)row * p->z.hidden, p->own->y, s->w->output_norm,
                       s->w->config.norm_eps, m, (int)p->z.hidden, p->z.type, p->own->normed);
    for (int i = 0; i < m; i++)
        if (t->wanted_of[row + i] >= 0)
            memcpy(row_of(t->wanted, t->wanted_of[row + i], p->z.hidden, size),
                   row_of(p->own->normed, i, p->z.hidden, size), p->z.hidden * size);
}

/* LOGIT_ROWS rows to a lane and wave. */
void forward_output_float(struct share *p) {
    struct step *s = p->s;
    int team = s->team;
    s->team_logits[p->rank] = p->own->logits;
    for (int wave = 0; wave < s->n_logits; wave += team * LOGIT_ROWS) {
        int first = wave + p->rank * LOGIT_ROWS;
        int m = s->n_logits - first < LOGIT_ROWS ? s->n_logits - first : LOGIT_ROWS;
        if (m > 0 &&
            product(p, s->w->output, m,
                    row_of(s->tile->wanted, first, p->z.hidden, dtype_size(p->z.type)), DTYPE_F32,
                    p->own->logits) == 0 &&
            s->w->config.logit_cap > 0)
            s->kernel->soft_cap(p->own->logits, (size_t)m * p->z.vocab, s->w->config.logit_cap);
        forward_meet(s);
        if (p->rank == 0 && !atomic_load(&s->failed))
            for (int i = wave; i < s->n_logits && i < wave + team * LOGIT_ROWS; i++)
                s->on_logits(s->user, p->own_user, i,
                             s->team_logits[(i - wave) / LOGIT_ROWS] +
                                 (size_t)((i - wave) % LOGIT_ROWS) * p->z.vocab);
        forward_meet(s);
    }
}

const struct block_ops block_float = {queries_keys_values, feed_forward, final_norm};

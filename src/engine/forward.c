#include "engine/forward_impl.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "engine/parts.h"
#include "engine/step_clock.h"
#include "kernel/vector.h"

/* Polls before a waiting lane lets others have its core. */
enum { SPINS = 4000 };

static struct sizes sizes_of(const struct weights *w) {
    const struct decoder_config *c = &w->config;
    return (struct sizes){
        .hidden = c->hidden,
        .heads = (size_t)c->heads * w->dim,
        .qkv = (size_t)(c->heads + 2 * c->kv_heads) * w->dim,
        .intermediate = c->intermediate,
        .vocab = c->vocab,
        .dim = w->dim,
        .layers = c->layers,
        .rope = c->rope.dims,
        .rope_local = w->local_rope ? c->rope_local.dims : 0,
        .type = w->type,
        .kv_type = w->kv_type,
        .q_type = w->kv_type == DTYPE_INT8 ? DTYPE_F32 : w->kv_type,
        .head_block = kv_block_bytes((int)w->dim, w->kv_type),
        .fours = w->fours,
    };
}

enum { PARTS = 22 };

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static int list_parts(const struct sizes *z, struct part parts[PARTS]) {
    struct sizes s = *z;
    size_t block = MATMUL_ROWS, tile = TILE_ROWS + MATMUL_ROWS, q = dtype_size(s.q_type);
    bool int8 = s.type == DTYPE_INT8;
    size_t real = int8 ? 0 : dtype_size(s.type), f32 = sizeof(float);
    size_t wanted = int8 ? rows8_stride(s.hidden) : s.hidden * real;
    size_t depth = most(most(s.hidden, s.heads), s.intermediate);
    size_t row8 = int8 ? rows8_stride(depth) : 0;
    const struct part list[] = {
        {offsetof(struct workspace, normed), block * s.hidden * real},
        {offsetof(struct workspace, gate_up), block * s.intermediate * 2 * real},
        {offsetof(struct workspace, gated), block * s.intermediate * real},
        {offsetof(struct workspace, bytes8), block * row8},
        {offsetof(struct workspace, scales8), int8 ? block * f32 : 0},
        {offsetof(struct workspace, gated8),
         int8 ? most(block * s.intermediate, s.heads) * f32 : 0},
        {offsetof(struct workspace, unpacked), s.fours ? weight4_scratch((int)depth) : 0},
        {offsetof(struct workspace, y), block * most(s.qkv, s.hidden) * f32},
        {offsetof(struct workspace, logits), LOGIT_ROWS * ((s.vocab + 15) / 16 * 16) * f32},
        {offsetof(struct workspace, attention), attention_scratch_size((int)s.dim)},
        {offsetof(struct workspace, x), tile * s.hidden * f32},
        {offsetof(struct workspace, q), tile * s.heads * q},
        {offsetof(struct workspace, attended), tile * s.heads * q},
        {offsetof(struct workspace, wanted), tile * wanted},
        {offsetof(struct workspace, wanted_scales), int8 ? tile * f32 : 0},
        {offsetof(struct workspace, rope), TILE_ROWS * s.rope * f32},
        {offsetof(struct workspace, rope_local), TILE_ROWS * s.rope_local * f32},
        {offsetof(struct workspace, blocks), TILE_ROWS * sizeof(uint8_t *)},
        {offsetof(struct workspace, positions), TILE_ROWS * sizeof(int)},
        {offsetof(struct workspace, wanted_of), TILE_ROWS * sizeof(int)},
        {offsetof(struct workspace, queries), TILE_ROWS * sizeof(struct query_block)},
        {offsetof(struct workspace, next_item), s.layers * sizeof(atomic_int)},
    };
    memcpy(parts, list, sizeof list);
    return sizeof list / sizeof list[0];
}

size_t workspace_bytes(const struct weights *w) {
    struct part parts[PARTS];
    struct sizes z = sizes_of(w);
    return parts_bytes(parts, list_parts(&z, parts));
}

int workspace_new(const struct weights *w, struct workspace **out, struct err *e) {
    struct workspace *ws = calloc(1, sizeof *ws);
    *out = NULL;
    if (!ws)
        return err_nomem(e, "workspace");
    struct part parts[PARTS];
    struct sizes z = sizes_of(w);
    int rc = parts_new(parts, list_parts(&z, parts), ws, e);
    if (rc == 0 && w->matmul)
        rc = matmul_lane_new(w->matmul, &ws->matmul, e);
    ws->rows8 = (struct rows8){.x = ws->bytes8, .scale = ws->scales8};
    if (rc) {
        workspace_free(ws);
        return rc;
    }
    *out = ws;
    return 0;
}

void workspace_free(struct workspace *ws) {
    if (!ws)
        return;
    struct part parts[PARTS];
    parts_free(parts, list_parts(&(struct sizes){0}, parts), ws);
    matmul_lane_free(ws->matmul);
    free(ws);
}

static void fill_rope(const struct rope *r, bool far, int position, float *to) {
    size_t half = r->dims / 2;
    far = far && r->original;
    for (size_t d = 0; d < half; d++) {
        float angle = (float)position * r->frequencies[far][d];
        to[d] = cosf(angle) * r->scale[far];
        to[half + d] = sinf(angle) * r->scale[far];
    }
}

/* Fills the tile's rows of one span: embeddings, rotary angles and where keys and values go. */
static void place_span(struct step *s, const struct span *sp) {
    struct workspace *t = s->tile;
    const struct decoder_config *c = &s->w->config;
    for (int i = 0; i < sp->n; i++) {
        int row = sp->row + i, position = sp->position + i;
        weights_embed(s->w, sp->ids[i], t->x + (size_t)row * c->hidden);
        t->positions[row] = position;
        t->blocks[row] = sp->blocks[position / KV_BLOCK];
        fill_rope(&c->rope, sp->far, position, t->rope + (size_t)row * c->rope.dims);
        if (s->w->local_rope)
            fill_rope(&c->rope_local, sp->far, position,
                      t->rope_local + (size_t)row * c->rope_local.dims);
    }
}

void step_prepare(struct step *s) {
    struct workspace *t = s->tile;
    const struct decoder_config *c = &s->w->config;
    int tokens = (int)(ATTENTION_ROWS / (c->heads / c->kv_heads));
    t->n_queries = 0;
    for (int i = s->n_spans; i-- > 0;) {
        place_span(s, &s->spans[i]);
        /* The last queries see the most keys: the long work goes first, so that a team ends
         * together. */
        for (int at = (s->spans[i].n - 1) / tokens * tokens; at >= 0; at -= tokens)
            t->queries[t->n_queries++] = (struct query_block){
                i, at, s->spans[i].n - at < tokens ? s->spans[i].n - at : tokens};
    }
    for (int r = 0; r < s->rows; r++)
        t->wanted_of[r] = -1;
    for (int i = 0; i < s->n_logits; i++)
        t->wanted_of[s->logit_rows[i]] = i;
    for (unsigned l = 0; l < c->layers; l++)
        atomic_store_explicit(&t->next_item[l], 0, memory_order_relaxed);
    s->next_item = t->next_item;
    s->n_items = t->n_queries * (int)c->kv_heads;
    s->err = (struct err){0};
    atomic_store(&s->arrived, 0);
    atomic_store(&s->generation, 0);
    atomic_store(&s->failed, 0);
    atomic_store(&s->left, 0);
}

/* Waits for the whole team. Spins a little, since lanes are cores and the wait is short. */
void forward_meet(struct step *s) {
    if (s->team == 1)
        return;
    int generation = atomic_load_explicit(&s->generation, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&s->arrived, 1, memory_order_acq_rel) + 1 == s->team) {
        atomic_store_explicit(&s->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&s->generation, generation + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&s->generation, memory_order_acquire) == generation;)
        if (++spins > SPINS)
            sched_yield();
}

struct split_qkv forward_split(const struct share *p, int l, int row, int m) {
    struct workspace *t = p->s->tile;
    const struct weights *w = p->s->w;
    const struct decoder_config *c = &w->config;
    bool local = w->local_rope && config_slides(c, (unsigned)l);
    size_t dims = local ? p->z.rope_local : p->z.rope;
    const float *norms = w->qk_norms ? w->qk_norms + (size_t)l * 2 * c->head_dim : NULL;
    return (struct split_qkv){
        .y_stride = p->z.qkv,
        .rope = (local ? t->rope_local : t->rope) + (size_t)row * dims,
        .rope_dims = (int)dims,
        .q_norm = norms,
        .k_norm = norms ? norms + c->head_dim : NULL,
        .norm_dims = (int)c->head_dim,
        .norm_eps = c->norm_eps,
        .rows = m,
        .heads = (int)c->heads,
        .kv_heads = (int)c->kv_heads,
        .head_dim = (int)p->z.dim,
        .q_scale = LOG2E * c->attention_scale, /* scores in base 2 */
        .type = p->z.kv_type,
        .q = row_of(t->q, row, p->z.heads, dtype_size(p->z.q_type)),
        .blocks = t->blocks + row,
        .key_offset = (size_t)l * c->kv_heads * 2 * p->z.head_block,
        .head_stride = 2 * p->z.head_block,
        .value_offset = p->z.head_block,
        .positions = t->positions + row,
    };
}

void forward_attend(struct share *p, int l) {
    struct step *s = p->s;
    struct workspace *t = s->tile;
    const struct decoder_config *c = &s->w->config;
    int group = (int)(c->heads / c->kv_heads), kv_heads = (int)c->kv_heads;
    size_t block = p->z.head_block, size = dtype_size(p->z.q_type);
    void (*attention)(const struct attention_item *item) =
        p->z.kv_type == DTYPE_INT8 ? s->kernel->int8.attention
        : c->attention_cap > 0     ? s->kernel->attention_capped
                                   : s->kernel->attention;
    int window = config_slides(c, (unsigned)l) ? (int)c->window : 0;
    for (;;) {
        int i = atomic_fetch_add_explicit(&s->next_item[l], 1, memory_order_relaxed);
        if (i >= s->n_items)
            return;
        struct query_block b = t->queries[i / kv_heads];
        const struct span *sp = &s->spans[b.span];
        size_t head = (size_t)(i % kv_heads);
        size_t at = (size_t)(sp->row + b.first) * p->z.heads + head * (size_t)group * p->z.dim;
        size_t keys = ((size_t)l * c->kv_heads + head) * 2 * block;
        struct attention_item item = {
            .rows = b.tokens * group,
            .head_dim = (int)p->z.dim,
            .group = group,
            .position = sp->position + b.first,
            .window = window,
            .cap = LOG2E * c->attention_cap,
            .q = (char *)t->q + at * size,
            .out = (char *)t->attended + at * size,
            .token_stride = p->z.heads,
            .blocks = sp->blocks,
            .key_offset = keys,
            .value_offset = keys + block,
            .scratch = p->own->attention,
        };
        attention(&item);
    }
}

void step_run(struct step *s, struct workspace *own, int rank, void *own_user) {
    const struct weights *w = s->w;
    bool int8 = w->type == DTYPE_INT8;
    struct share p = {.s = s,
                      .own = own,
                      .own_user = own_user,
                      .z = sizes_of(w),
                      .rank = rank,
                      .to = s->rows,
                      .columns = int8 && s->team > 1 && s->rows < TEAM_FROM};
    const struct block_ops *ops = int8 ? &block_int8 : &block_float;
    int each = ((s->rows + s->team - 1) / s->team + 15) / 16 * 16;
    if (!p.columns) {
        p.from = rank * each < s->rows ? rank * each : s->rows;
        p.to = p.from + each < s->rows ? p.from + each : s->rows;
    }
    int layers = (int)w->config.layers;
    for (int l = 0; l <= layers; l++) {
        for (int row = p.from; row < p.to; row += MATMUL_ROWS) {
            int m = p.to - row < MATMUL_ROWS ? p.to - row : MATMUL_ROWS;
            if (l > 0)
                ops->feed_forward(&p, l - 1, row, m);
            if (l < layers)
                ops->queries_keys_values(&p, l, row, m);
            else
                ops->final_norm(&p, row, m);
        }
        forward_meet(s);
        if (l < layers)
            forward_attend(&p, l);
        forward_meet(s);
        if (rank == 0 && s->clock)
            step_clock_touch(s->clock);
    }
    if (int8)
        forward_output8(&p);
    else
        forward_output_float(&p);
    if (p.err.code && atomic_exchange(&s->failed, 2) != 2)
        s->err = p.err; /* the first one to say so */
    /* The leader reuses the step once the others have let go of it. */
    if (rank > 0)
        atomic_fetch_add_explicit(&s->left, 1, memory_order_acq_rel);
    else
        for (int spins = 0; atomic_load_explicit(&s->left, memory_order_acquire) < s->team - 1;)
            if (++spins > SPINS)
                sched_yield();
}

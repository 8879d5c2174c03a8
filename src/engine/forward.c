#include "engine/forward.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Polls before a waiting lane lets others have its core. */
enum { SPINS = 4000 };

/* Queries against one group of key/value heads: a unit of attention work, without the head. */
struct query_block {
    int span, first, tokens;
};

struct workspace {
    struct matmul_lane *matmul;
    /* For a block of MATMUL_ROWS rows. */
    void *normed, *gate_up, *gated;
    float *y;
    float *logits; /* [LOGIT_ROWS, vocab] */
    void *attention;
    /* The tile: [TILE_ROWS + MATMUL_ROWS] rows, since products read padded rows. */
    float *x; /* the residual stream */
    void *q, *attended, *wanted;
    float *rope; /* [TILE_ROWS, head_dim] */
    uint8_t **blocks;
    int *positions;
    int *wanted_of; /* [TILE_ROWS] index among the rows whose logits are wanted, or -1 */
    struct query_block *queries;
    int n_queries;
    atomic_int *next_item;
    float *frequencies; /* [head_dim / 2] */
};

struct sizes {
    size_t hidden, heads, qkv, intermediate, vocab, dim, type, layers;
};

static struct sizes sizes_of(const struct decoder_config *c, enum dtype type) {
    return (struct sizes){
        .hidden = c->hidden,
        .heads = (size_t)c->heads * c->head_dim,
        .qkv = (size_t)(c->heads + 2 * c->kv_heads) * c->head_dim,
        .intermediate = c->intermediate,
        .vocab = c->vocab,
        .dim = c->head_dim,
        .type = dtype_size(type),
        .layers = c->layers,
    };
}

/* The buffers of a workspace, in one table, so that their sum is known and one loop makes them. */
struct part {
    size_t offset, bytes;
};
enum { PARTS = 16 };

static int list_parts(const struct sizes *z, struct part parts[PARTS]) {
    struct sizes s = *z;
    size_t block = MATMUL_ROWS, tile = TILE_ROWS + MATMUL_ROWS;
    size_t widest = s.qkv > s.hidden ? s.qkv : s.hidden;
    const struct part list[] = {
        {offsetof(struct workspace, normed), block * s.hidden * s.type},
        {offsetof(struct workspace, gate_up), block * s.intermediate * 2 * s.type},
        {offsetof(struct workspace, gated), block * s.intermediate * s.type},
        {offsetof(struct workspace, y), block * widest * sizeof(float)},
        {offsetof(struct workspace, logits), LOGIT_ROWS * s.vocab * sizeof(float)},
        {offsetof(struct workspace, attention), attention_scratch_size((int)s.dim)},
        {offsetof(struct workspace, x), tile * s.hidden * sizeof(float)},
        {offsetof(struct workspace, q), tile * s.heads * s.type},
        {offsetof(struct workspace, attended), tile * s.heads * s.type},
        {offsetof(struct workspace, wanted), tile * s.hidden * s.type},
        {offsetof(struct workspace, rope), TILE_ROWS * s.dim * sizeof(float)},
        {offsetof(struct workspace, blocks), TILE_ROWS * sizeof(uint8_t *)},
        {offsetof(struct workspace, positions), TILE_ROWS * sizeof(int)},
        {offsetof(struct workspace, wanted_of), TILE_ROWS * sizeof(int)},
        {offsetof(struct workspace, queries), TILE_ROWS * sizeof(struct query_block)},
        {offsetof(struct workspace, next_item), s.layers * sizeof(atomic_int)},
    };
    memcpy(parts, list, sizeof list);
    return sizeof list / sizeof list[0];
}

static void **part_at(struct workspace *ws, const struct part *p) {
    return (void **)(void *)((char *)ws + p->offset);
}

size_t workspace_bytes(const struct decoder_config *c, enum dtype type) {
    struct part parts[PARTS];
    struct sizes z = sizes_of(c, type);
    size_t bytes = 0;
    for (int i = list_parts(&z, parts); i-- > 0;)
        bytes += parts[i].bytes;
    return bytes;
}

int workspace_new(const struct weights *w, struct workspace **out, struct err *e) {
    struct workspace *ws = calloc(1, sizeof *ws);
    *out = NULL;
    if (!ws)
        return err_nomem(e, "workspace");
    struct part parts[PARTS];
    struct sizes z = sizes_of(&w->config, w->type);
    int n = list_parts(&z, parts), rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        size_t bytes = (parts[i].bytes + 63) & ~(size_t)63;
        void *p = aligned_alloc(64, bytes);
        if (!p)
            rc = err_nomem(e, "workspace");
        else
            *part_at(ws, &parts[i]) = memset(p, 0, bytes);
    }
    unsigned half = w->config.head_dim / 2;
    if (rc == 0 && !(ws->frequencies = malloc(half * sizeof(float))))
        rc = err_nomem(e, "workspace");
    for (unsigned i = 0; rc == 0 && i < half; i++)
        ws->frequencies[i] =
            1.0f / powf(w->config.rope_base, (float)(2 * i) / (float)w->config.head_dim);
    if (rc == 0)
        rc = matmul_lane_new(w->matmul, &ws->matmul, e);
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
    void *parts[] = {ws->normed,    ws->gate_up,    ws->gated,     ws->y,         ws->logits,
                     ws->attention, ws->x,          ws->q,         ws->attended,  ws->wanted,
                     ws->rope,      ws->blocks,     ws->positions, ws->wanted_of, ws->queries,
                     ws->next_item, ws->frequencies};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        free(parts[i]);
    matmul_lane_free(ws->matmul);
    free(ws);
}

static char *row_of(void *base, int row, size_t width, size_t type) {
    return (char *)base + (size_t)row * width * type;
}

/* Fills the tile's rows of one span: embeddings, rotary angles and where keys and values go. */
static void place_span(struct step *s, const struct span *sp) {
    struct workspace *t = s->tile;
    size_t hidden = s->w->config.hidden, dim = s->w->config.head_dim, half = dim / 2;
    for (int i = 0; i < sp->n; i++) {
        int row = sp->row + i, position = sp->position + i;
        weights_embed(s->w, sp->ids[i], t->x + (size_t)row * hidden);
        t->positions[row] = position;
        t->blocks[row] = sp->blocks[position / KV_BLOCK];
        float *rope = t->rope + (size_t)row * dim;
        for (size_t d = 0; d < half; d++) {
            float angle = (float)position * t->frequencies[d];
            rope[d] = cosf(angle);
            rope[half + d] = sinf(angle);
        }
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
static void meet(struct step *s) {
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

/* A lane's share of the tile: rows [from, to). */
struct share {
    struct step *s;
    struct workspace *own;
    struct sizes z;
    int from, to;
    struct err err;
};

static int product(struct share *p, const struct weight *w, int m, const void *x, enum dtype out,
                   void *y) {
    if (atomic_load_explicit(&p->s->failed, memory_order_relaxed))
        return PRECIS_ECANCELLED;
    int rc = matmul_run(p->own->matmul, w, m, x, out, y, &p->err);
    if (rc)
        atomic_store(&p->s->failed, 1);
    return rc;
}

/* x (+ add) -> norm -> q, k, v of layer l for rows [row, row + m). */
static void queries_keys_values(struct share *p, int l, int row, int m, const float *add) {
    struct step *s = p->s;
    struct workspace *t = s->tile, *own = p->own;
    const struct decoder_config *c = &s->w->config;
    const struct layer *layer = &s->w->layers[l];
    size_t block = KV_BLOCK * p->z.dim * p->z.type;
    s->kernel->rmsnorm(t->x + (size_t)row * p->z.hidden, add, layer->attention_norm, c->norm_eps, m,
                       (int)p->z.hidden, s->w->type, own->normed);
    if (product(p, layer->qkv, m, own->normed, DTYPE_F32, own->y))
        return;
    s->kernel->split_qkv(&(struct split_qkv){
        .y = own->y,
        .y_stride = p->z.qkv,
        .bias = layer->qkv_bias,
        .rope = t->rope + (size_t)row * p->z.dim,
        .rows = m,
        .heads = (int)c->heads,
        .kv_heads = (int)c->kv_heads,
        .head_dim = (int)c->head_dim,
        .q_scale = 1.44269504f / sqrtf((float)c->head_dim), /* scores in base 2 */
        .type = s->w->type,
        .q = row_of(t->q, row, p->z.heads, p->z.type),
        .blocks = t->blocks + row,
        .key_offset = (size_t)l * c->kv_heads * 2 * block,
        .head_stride = 2 * block,
        .value_offset = block,
        .positions = t->positions + row,
    });
}

/* Attention output -> residual -> norm -> gated feed-forward; own->y is what is still to be added.
 */
static void feed_forward(struct share *p, int l, int row, int m) {
    struct step *s = p->s;
    struct workspace *t = s->tile, *own = p->own;
    const struct layer *layer = &s->w->layers[l];
    enum dtype type = s->w->type;
    if (product(p, layer->attention_out, m, row_of(t->attended, row, p->z.heads, p->z.type),
                DTYPE_F32, own->y))
        return;
    s->kernel->rmsnorm(t->x + (size_t)row * p->z.hidden, own->y, layer->ffn_norm,
                       s->w->config.norm_eps, m, (int)p->z.hidden, type, own->normed);
    if (product(p, layer->gate_up, m, own->normed, type, own->gate_up))
        return;
    s->kernel->swiglu(own->gate_up, type, m, (int)p->z.intermediate, type, own->gated);
    product(p, layer->down, m, own->gated, DTYPE_F32, own->y);
}

/* The final norm of the rows whose logits are wanted. */
static void final_norm(struct share *p, int row, int m) {
    struct step *s = p->s;
    struct workspace *t = s->tile;
    s->kernel->rmsnorm(t->x + (size_t)row * p->z.hidden, p->own->y, s->w->output_norm,
                       s->w->config.norm_eps, m, (int)p->z.hidden, s->w->type, p->own->normed);
    for (int i = 0; i < m; i++)
        if (t->wanted_of[row + i] >= 0)
            memcpy(row_of(t->wanted, t->wanted_of[row + i], p->z.hidden, p->z.type),
                   row_of(p->own->normed, i, p->z.hidden, p->z.type), p->z.hidden * p->z.type);
}

static void attend(struct share *p, int l) {
    struct step *s = p->s;
    struct workspace *t = s->tile;
    const struct decoder_config *c = &s->w->config;
    int group = (int)(c->heads / c->kv_heads), kv_heads = (int)c->kv_heads;
    size_t block = KV_BLOCK * p->z.dim * p->z.type;
    for (;;) {
        int i = atomic_fetch_add_explicit(&s->next_item[l], 1, memory_order_relaxed);
        if (i >= s->n_items)
            return;
        struct query_block b = t->queries[i / kv_heads];
        const struct span *sp = &s->spans[b.span];
        size_t head = (size_t)(i % kv_heads);
        size_t at = (size_t)(sp->row + b.first) * p->z.heads + head * (size_t)group * p->z.dim;
        size_t keys = ((size_t)l * c->kv_heads + head) * 2 * block;
        s->kernel->attention(&(struct attention_item){
            .rows = b.tokens * group,
            .head_dim = (int)c->head_dim,
            .group = group,
            .position = sp->position + b.first,
            .q = (char *)t->q + at * p->z.type,
            .out = (char *)t->attended + at * p->z.type,
            .token_stride = p->z.heads,
            .blocks = sp->blocks,
            .key_offset = keys,
            .value_offset = keys + block,
            .scratch = p->own->attention,
        });
    }
}

/* The output layer, LOGIT_ROWS rows to a lane and wave; the leader hands them on in order. */
static void output_layer(struct share *p, int rank, float *const logits_of[]) {
    struct step *s = p->s;
    int team = s->team;
    for (int wave = 0; wave < s->n_logits; wave += team * LOGIT_ROWS) {
        int first = wave + rank * LOGIT_ROWS;
        int m = s->n_logits - first < LOGIT_ROWS ? s->n_logits - first : LOGIT_ROWS;
        if (m > 0)
            product(p, s->w->output, m, row_of(s->tile->wanted, first, p->z.hidden, p->z.type),
                    DTYPE_F32, p->own->logits);
        meet(s);
        if (rank == 0 && !atomic_load(&s->failed))
            for (int i = wave; i < s->n_logits && i < wave + team * LOGIT_ROWS; i++)
                s->on_logits(s->user, i,
                             logits_of[(i - wave) / LOGIT_ROWS] +
                                 (size_t)((i - wave) % LOGIT_ROWS) * p->z.vocab);
        meet(s);
    }
}

void step_run(struct step *s, struct workspace *own, int rank) {
    struct share p = {.s = s, .own = own, .z = sizes_of(&s->w->config, s->w->type)};
    int each = ((s->rows + s->team - 1) / s->team + 15) / 16 * 16;
    p.from = rank * each < s->rows ? rank * each : s->rows;
    p.to = p.from + each < s->rows ? p.from + each : s->rows;
    int layers = (int)s->w->config.layers;
    for (int l = 0; l <= layers; l++) {
        for (int row = p.from; row < p.to; row += MATMUL_ROWS) {
            int m = p.to - row < MATMUL_ROWS ? p.to - row : MATMUL_ROWS;
            if (l > 0)
                feed_forward(&p, l - 1, row, m);
            if (l < layers)
                queries_keys_values(&p, l, row, m, l ? own->y : NULL);
            else
                final_norm(&p, row, m);
        }
        meet(s);
        if (l < layers)
            attend(&p, l);
        meet(s);
    }
    s->team_logits[rank] = own->logits;
    meet(s);
    output_layer(&p, rank, s->team_logits);
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

#include "engine/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* One piece of packing work: the rows of up to three tensors on top of each other. */
struct piece {
    const char *names[3]; /* below "blk.N."; NULL-ended */
    size_t weight;        /* offset of the struct weight * in struct layer */
    bool rotary[3];
    bool rows_of_heads, columns_of_heads;
};

static const struct piece pieces[] = {
    {{"attn_q", "attn_k", "attn_v"}, offsetof(struct layer, qkv), {true, true, false}, true, false},
    {{"attn_output"}, offsetof(struct layer, attention_out), {false}, false, true},
    {{"ffn_gate", "ffn_up"}, offsetof(struct layer, gate_up), {false}, false, false},
    {{"ffn_down"}, offsetof(struct layer, down), {false}, false, false},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

const struct tensor *weights_tensor(const struct weights *w, int layer, const char *name,
                                    const char *suffix) {
    char full[96];
    snprintf(full, sizeof full, "blk.%d.%s.%s", layer, name, suffix);
    return checkpoint_tensor(w->checkpoint, full);
}

float *weights_values(const struct tensor *t) {
    float *f = malloc(t->elements * sizeof *f);
    if (f)
        quant_to_f32(t->type, t->data, t->elements, f);
    return f;
}

void weights_undo_interleave(float *rows, size_t heads, size_t dim, size_t width, float *temp) {
    for (size_t h = 0; h < heads; h++) {
        float *head = rows + h * dim * width;
        for (size_t r = 0; r < dim; r++)
            memcpy(temp + (r % 2 * (dim / 2) + r / 2) * width, head + r * width,
                   width * sizeof *head);
        memcpy(head, temp, dim * width * sizeof *head);
    }
}

void weights_spread(float *x, size_t groups, size_t from, size_t to, size_t width) {
    for (size_t g = groups; from < to && g-- > 0;) {
        memmove(x + g * to * width, x + g * from * width, from * width * sizeof *x);
        memset(x + (g * to + from) * width, 0, (to - from) * width * sizeof *x);
    }
}

/* The rows of a piece (or its biases, width 1) as f32, heads as wide as they are packed; *rows and
 * *columns say how many there are. The caller frees. */
static float *gather(const struct weights *w, int layer, const struct piece *p, const char *suffix,
                     size_t width, size_t *rows, size_t *columns) {
    const struct decoder_config *c = &w->config;
    size_t total = 0, dim = c->head_dim;
    for (int i = 0; i < 3 && p->names[i]; i++)
        total += weights_tensor(w, layer, p->names[i], suffix)->elements;
    bool heads = p->rows_of_heads || p->columns_of_heads;
    size_t room = heads ? total / dim * w->dim : total;
    float *all = malloc((room + dim * width) * sizeof *all);
    if (!all)
        return NULL;
    float *at = all;
    for (int i = 0; i < 3 && p->names[i]; i++) {
        const struct tensor *t = weights_tensor(w, layer, p->names[i], suffix);
        quant_to_f32(t->type, t->data, t->elements, at);
        if (p->rotary[i] && c->qk_interleaved)
            weights_undo_interleave(at, t->elements / width / dim, dim, width, all + room);
        at += t->elements;
    }
    if (p->rows_of_heads)
        weights_spread(all, total / width / dim, dim, w->dim, width);
    else if (p->columns_of_heads)
        weights_spread(all, total / dim, dim, w->dim, 1);
    *rows = p->rows_of_heads ? total / width / dim * w->dim : total / width;
    *columns = p->columns_of_heads ? width / dim * w->dim : width;
    return all;
}

static int load_piece(struct weights *w, struct matmul_lane *lane, int layer, const struct piece *p,
                      struct err *e) {
    struct layer *l = &w->layers[layer];
    size_t width = weights_tensor(w, layer, p->names[0], "weight")->dims[0], rows, columns;
    float *f = gather(w, layer, p, "weight", width, &rows, &columns);
    if (!f)
        return err_nomem(e, "weights");
    struct weight **out = (struct weight **)(void *)((char *)l + p->weight);
    int rc = weight_pack(lane, f, (int)rows, (int)columns, w->type, out, e);
    free(f);
    if (rc == 0 && p == &pieces[0] && w->config.qkv_bias &&
        !(l->qkv_bias = gather(w, layer, p, "bias", 1, &rows, &columns)))
        rc = err_nomem(e, "biases");
    return rc;
}

static int load_output(struct weights *w, struct matmul_lane *lane, struct err *e) {
    const struct tensor *t =
        w->config.tied ? w->embedding : checkpoint_tensor(w->checkpoint, "output.weight");
    float *f = weights_values(t);
    if (!f)
        return err_nomem(e, "output layer");
    int rc = weight_pack(lane, f, (int)t->dims[1], (int)t->dims[0], w->type, &w->output, e);
    free(f);
    return rc;
}

/* Item 0 is the output layer, the largest; the others are 1 + layer * PIECES + piece. */
static int load_pieces(void *user, struct pool_items *items, struct err *e) {
    struct weights *w = user;
    struct matmul_lane *lane = NULL;
    int rc = matmul_lane_new(w->matmul, &lane, e);
    for (int i; rc == 0 && (i = pool_next(items)) >= 0;)
        rc = i == 0 ? load_output(w, lane, e)
                    : load_piece(w, lane, (i - 1) / PIECES, &pieces[(i - 1) % PIECES], e);
    matmul_lane_free(lane);
    return rc;
}

static int load_norms(struct weights *w, struct err *e) {
    w->output_norm = weights_values(checkpoint_tensor(w->checkpoint, "output_norm.weight"));
    bool ok = w->output_norm != NULL;
    for (int i = 0; i < (int)w->config.layers && ok; i++) {
        struct layer *l = &w->layers[i];
        const struct {
            float **to;
            const char *name;
            bool post;
        } norms[] = {{&l->attention_norm, "attn_norm", false},
                     {&l->ffn_norm, "ffn_norm", false},
                     {&l->post_attention_norm, "post_attention_norm", true},
                     {&l->post_ffn_norm, "post_ffw_norm", true}};
        for (size_t n = 0; n < sizeof norms / sizeof *norms && ok; n++)
            if (!norms[n].post || w->config.post_norms)
                ok = (*norms[n].to =
                          weights_values(weights_tensor(w, i, norms[n].name, "weight"))) != NULL;
    }
    return ok ? 0 : err_nomem(e, "norms");
}

static int load_qk_norms(struct weights *w, struct err *e) {
    const struct decoder_config *c = &w->config;
    if (!c->qk_norm)
        return 0;
    float *at = w->qk_norms = malloc((size_t)c->layers * 2 * c->head_dim * sizeof *at);
    if (!at)
        return err_nomem(e, "norms");
    for (int i = 0; i < 2 * (int)c->layers; i++, at += c->head_dim) {
        const struct tensor *t =
            weights_tensor(w, i / 2, i % 2 ? "attn_k_norm" : "attn_q_norm", "weight");
        quant_to_f32(t->type, t->data, t->elements, at);
    }
    return 0;
}

static size_t sum_bytes(const struct weights *w) {
    size_t n = weight_bytes(w->output);
    for (unsigned i = 0; i < w->config.layers; i++) {
        const struct layer *l = &w->layers[i];
        n += weight_bytes(l->qkv) + weight_bytes(l->attention_out) + weight_bytes(l->gate_up) +
             weight_bytes(l->down) + 2 * w->config.hidden * sizeof(float);
    }
    return n;
}

static bool ropes_differ(const struct rope *a, const struct rope *b) {
    bool differ = a->dims != b->dims || a->original != b->original;
    for (int far = 0; far < 2; far++) {
        differ = differ || a->scale[far] != b->scale[far];
        for (unsigned i = 0; !differ && i < a->dims / 2; i++)
            differ = a->frequencies[far][i] != b->frequencies[far][i];
    }
    return differ;
}

void weights_init(struct weights *w, struct checkpoint *c) {
    w->checkpoint = c;
    w->config = *checkpoint_decoder(c);
    w->embedding = checkpoint_tensor(c, "token_embd.weight");
    w->embedding_row = w->embedding->size / w->config.vocab;
    w->dim = (w->config.head_dim + 15) / 16 * 16;
    w->local_rope = w->config.window && ropes_differ(&w->config.rope, &w->config.rope_local);
}

int weights_pack(struct weights *w, const struct kernel *kernel, int threads, struct err *e) {
    int rc = load_qk_norms(w, e);
    if (rc == 0 && w->type == DTYPE_INT8)
        return weights8_pack(w, threads, e);
    if (rc == 0)
        rc = matmul_new(kernel, &w->matmul, e);
    if (rc)
        return rc;
    w->layers = calloc(w->config.layers, sizeof *w->layers);
    rc = w->layers ? load_norms(w, e) : err_nomem(e, "weights");
    if (rc == 0)
        rc = pool_run(threads, 1 + (int)w->config.layers * PIECES, load_pieces, w, e);
    checkpoint_release(w->checkpoint);
    if (rc == 0)
        w->bytes = sum_bytes(w);
    return rc;
}

void weights_free(struct weights *w) {
    for (unsigned i = 0; w->layers && i < w->config.layers; i++) {
        struct layer *l = &w->layers[i];
        free(l->attention_norm);
        free(l->ffn_norm);
        free(l->post_attention_norm);
        free(l->post_ffn_norm);
        free(l->qkv_bias);
        weight_free(l->qkv);
        weight_free(l->attention_out);
        weight_free(l->gate_up);
        weight_free(l->down);
    }
    free(w->layers);
    free(w->output_norm);
    free(w->qk_norms);
    weight_free(w->output);
    matmul_free(w->matmul);
    free(w->layers8);
    packed_close(w->packed);
    rotation_free(&w->residual);
    checkpoint_close(w->checkpoint);
    *w = (struct weights){0};
}

size_t weights_estimate(const struct weights *w) {
    const struct decoder_config *c = &w->config;
    if (w->type == DTYPE_INT8)
        return weights8_estimate(w);
    size_t hidden = c->hidden, dim = w->dim;
    size_t layer = hidden * (c->heads * 2 + c->kv_heads * 2) * dim + 3 * hidden * c->intermediate;
    return (layer * c->layers + hidden * c->vocab) * dtype_size(w->type);
}

void weights_embed(const struct weights *w, uint32_t id, float *x) {
    quant_to_f32(w->embedding->type, w->embedding->data + (size_t)id * w->embedding_row,
                 w->config.hidden, x);
    float scale = w->config.embedding_scale;
    for (unsigned i = 0; scale != 1 && i < w->config.hidden; i++)
        x[i] *= scale;
    if (w->type == DTYPE_INT8)
        rotation_rows(&w->residual, x, 1);
}

#include "engine/weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* One piece of packing work: the rows of up to three tensors on top of each other. */
struct piece {
    const char *names[3]; /* below "blk.N."; NULL-ended */
    bool rotary[3];
    size_t weight; /* offset of the struct weight * in struct layer */
};

static const struct piece pieces[] = {
    {{"attn_q", "attn_k", "attn_v"}, {true, true, false}, offsetof(struct layer, qkv)},
    {{"attn_output"}, {false}, offsetof(struct layer, attention_out)},
    {{"ffn_gate", "ffn_up"}, {false}, offsetof(struct layer, gate_up)},
    {{"ffn_down"}, {false}, offsetof(struct layer, down)},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

struct loader {
    struct weights *w;
    atomic_int next; /* layer * PIECES + piece; then the output layer */
    atomic_bool failed;
    struct err *errs; /* one for each thread */
};

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

/* The rows of a piece (or its biases, width 1) as f32; *rows is the number of rows. The caller
 * frees. */
static float *gather(const struct weights *w, int layer, const struct piece *p, const char *suffix,
                     size_t width, size_t *rows) {
    const struct decoder_config *c = &w->config;
    size_t total = 0, dim = c->head_dim;
    for (int i = 0; i < 3 && p->names[i]; i++)
        total += weights_tensor(w, layer, p->names[i], suffix)->elements;
    float *all = malloc((total + dim * width) * sizeof *all);
    if (!all)
        return NULL;
    float *at = all;
    for (int i = 0; i < 3 && p->names[i]; i++) {
        const struct tensor *t = weights_tensor(w, layer, p->names[i], suffix);
        quant_to_f32(t->type, t->data, t->elements, at);
        if (p->rotary[i] && c->qk_interleaved)
            weights_undo_interleave(at, t->elements / width / dim, dim, width, all + total);
        at += t->elements;
    }
    *rows = total / width;
    return all;
}

static int load_piece(struct weights *w, struct matmul_lane *lane, int layer, const struct piece *p,
                      struct err *e) {
    struct layer *l = &w->layers[layer];
    size_t width = weights_tensor(w, layer, p->names[0], "weight")->dims[0], rows;
    float *f = gather(w, layer, p, "weight", width, &rows);
    if (!f)
        return err_nomem(e, "weights");
    struct weight **out = (struct weight **)(void *)((char *)l + p->weight);
    int rc = weight_pack(lane, f, (int)rows, (int)width, w->type, out, e);
    free(f);
    if (rc == 0 && p == &pieces[0] && w->config.qkv_bias &&
        !(l->qkv_bias = gather(w, layer, p, "bias", 1, &rows)))
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

static void load_pieces(void *user, int index) {
    struct loader *ld = user;
    struct weights *w = ld->w;
    struct err *e = &ld->errs[index];
    struct matmul_lane *lane = NULL;
    int layers = (int)w->config.layers;
    int rc = matmul_lane_new(w->matmul, &lane, e);
    while (rc == 0 && !atomic_load(&ld->failed)) {
        int i = atomic_fetch_add(&ld->next, 1); /* the output layer, the largest, comes first */
        if (i > layers * PIECES)
            break;
        rc = i == 0 ? load_output(w, lane, e)
                    : load_piece(w, lane, (i - 1) / PIECES, &pieces[(i - 1) % PIECES], e);
    }
    if (rc)
        atomic_store(&ld->failed, true);
    matmul_lane_free(lane);
}

static int load_norms(struct weights *w, struct err *e) {
    w->output_norm = weights_values(checkpoint_tensor(w->checkpoint, "output_norm.weight"));
    bool ok = w->output_norm != NULL;
    for (int i = 0; i < (int)w->config.layers && ok; i++) {
        w->layers[i].attention_norm = weights_values(weights_tensor(w, i, "attn_norm", "weight"));
        w->layers[i].ffn_norm = weights_values(weights_tensor(w, i, "ffn_norm", "weight"));
        ok = w->layers[i].attention_norm && w->layers[i].ffn_norm;
    }
    return ok ? 0 : err_nomem(e, "norms");
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

void weights_init(struct weights *w, struct checkpoint *c) {
    w->checkpoint = c;
    w->config = *checkpoint_decoder(c);
    w->embedding = checkpoint_tensor(c, "token_embd.weight");
    w->embedding_row = w->embedding->size / w->config.vocab;
}

int weights_pack(struct weights *w, const struct kernel *kernel, int threads, struct err *e) {
    if (w->type == DTYPE_INT8)
        return weights8_pack(w, threads, e);
    int rc = matmul_new(kernel, &w->matmul, e);
    if (rc)
        return rc;
    w->layers = calloc(w->config.layers, sizeof *w->layers);
    struct loader ld = {.w = w, .errs = calloc((size_t)threads, sizeof *ld.errs)};
    struct pool *pool = NULL;
    if (!w->layers || !ld.errs)
        rc = err_nomem(e, "weights");
    else if ((rc = load_norms(w, e)) == 0 &&
             (rc = pool_start(&pool, threads, load_pieces, &ld, e)) != 0)
        atomic_store(&ld.failed, true); /* those that were started need not go on */
    pool_join(pool);
    for (int i = 0; ld.errs && i < threads && rc == 0; i++)
        if (ld.errs[i].code) {
            if (e)
                *e = ld.errs[i];
            rc = ld.errs[i].code;
        }
    free(ld.errs);
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
        free(l->qkv_bias);
        weight_free(l->qkv);
        weight_free(l->attention_out);
        weight_free(l->gate_up);
        weight_free(l->down);
    }
    free(w->layers);
    free(w->output_norm);
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
    size_t hidden = c->hidden, dim = c->head_dim;
    size_t layer = hidden * (c->heads * 2 + c->kv_heads * 2) * dim + 3 * hidden * c->intermediate;
    return (layer * c->layers + hidden * c->vocab) * dtype_size(w->type);
}

void weights_embed(const struct weights *w, uint32_t id, float *x) {
    quant_to_f32(w->embedding->type, w->embedding->data + (size_t)id * w->embedding_row,
                 w->config.hidden, x);
    if (w->type == DTYPE_INT8)
        rotation_rows(&w->residual, x, 1);
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "engine/encoder.h"
#include "engine/weights.h"

/* Heads are padded with zeros to what the kernels take: rows of zeros make zeros of q, k and v,
 * and columns of zeros take nothing from them. */
enum heads { HEADS_NONE, HEADS_ROWS, HEADS_COLUMNS };

/* One piece of packing work: the rows of up to three tensors on top of each other. */
struct piece {
    const char *names[3]; /* below "blk.N."; NULL-ended */
    enum heads heads;
    size_t weight, bias; /* offsets in struct encoder_layer */
};

static const struct piece pieces[] = {
    {{"attn_q", "attn_k", "attn_v"},
     HEADS_ROWS,
     offsetof(struct encoder_layer, qkv),
     offsetof(struct encoder_layer, qkv_bias)},
    {{"attn_output"},
     HEADS_COLUMNS,
     offsetof(struct encoder_layer, attention_out),
     offsetof(struct encoder_layer, attention_bias)},
    {{"ffn_up"},
     HEADS_NONE,
     offsetof(struct encoder_layer, up),
     offsetof(struct encoder_layer, up_bias)},
    {{"ffn_down"},
     HEADS_NONE,
     offsetof(struct encoder_layer, down),
     offsetof(struct encoder_layer, down_bias)},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

static const struct tensor *tensor_of(const struct encoder_weights *w, int layer, const char *name,
                                      const char *suffix) {
    char full[96];
    snprintf(full, sizeof full, "blk.%d.%s.%s", layer, name, suffix);
    return checkpoint_tensor(w->checkpoint, full);
}

/* Where the values of a tensor go: `groups` of `part` values each, `stride` apart. */
struct spread {
    size_t groups, part, stride;
};

static struct spread spread_of(const struct encoder_weights *w, const struct tensor *t,
                               enum heads heads) {
    size_t n = t->elements, dim = (size_t)w->dim, had = w->config.head_dim;
    size_t width = t->n_dims > 1 ? t->dims[0] : 1;
    if (heads == HEADS_ROWS)
        return (struct spread){n / had / width, had * width, dim * width};
    if (heads == HEADS_COLUMNS && t->n_dims > 1)
        return (struct spread){n / had, had, dim};
    return (struct spread){1, n, n};
}

/* The values of a piece (suffix "weight" or "bias") as f32; *n is their number. The caller frees.
 */
static float *gather(const struct encoder_weights *w, int layer, const struct piece *p,
                     const char *suffix, size_t *n) {
    *n = 0;
    for (int i = 0; i < 3 && p->names[i]; i++) {
        struct spread s = spread_of(w, tensor_of(w, layer, p->names[i], suffix), p->heads);
        *n += s.groups * s.stride;
    }
    float *all = *n ? calloc(*n, sizeof *all) : NULL, *at = all;
    for (int i = 0; all && i < 3 && p->names[i]; i++) {
        const struct tensor *t = tensor_of(w, layer, p->names[i], suffix);
        struct spread s = spread_of(w, t, p->heads);
        float *values = weights_values(t);
        if (!values) {
            free(all);
            return NULL;
        }
        for (size_t g = 0; g < s.groups; g++, at += s.stride)
            memcpy(at, values + g * s.part, s.part * sizeof *at);
        free(values);
    }
    return all;
}

static int load_piece(struct encoder_weights *w, struct matmul_lane *lane, int layer,
                      const struct piece *p, struct err *e) {
    char *l = (char *)&w->layers[layer];
    struct weight **out = (struct weight **)(void *)(l + p->weight);
    float **bias = (float **)(void *)(l + p->bias);
    size_t n, outputs;
    *bias = gather(w, layer, p, "bias", &outputs);
    float *f = *bias ? gather(w, layer, p, "weight", &n) : NULL;
    if (!f)
        return err_nomem(e, "weights");
    int rc = weight_pack(lane, f, (int)outputs, (int)(n / outputs), w->type, out, e);
    free(f);
    return rc;
}

/* An item is layer * PIECES + piece. */
static int load_pieces(void *user, struct pool_items *items, struct err *e) {
    struct encoder_weights *w = user;
    struct matmul_lane *lane = NULL;
    int rc = matmul_lane_new(w->matmul, &lane, e);
    for (int i; rc == 0 && (i = pool_next(items)) >= 0;)
        rc = load_piece(w, lane, i / PIECES, &pieces[i % PIECES], e);
    matmul_lane_free(lane);
    return rc;
}

/* Everything that is a vector, but for the biases. */
static int load_vectors(struct encoder_weights *w, struct err *e) {
    const struct tensor *types = checkpoint_tensor(w->checkpoint, "token_types.weight");
    float *all = weights_values(types);
    w->first_type = malloc(w->config.hidden * sizeof *w->first_type);
    if (all && w->first_type)
        memcpy(w->first_type, all, w->config.hidden * sizeof *all);
    bool ok = all && w->first_type;
    free(all);
    struct checkpoint *c = w->checkpoint;
    ok = ok && (w->embedding_gain = weights_values(checkpoint_tensor(c, "token_embd_norm.weight")));
    ok = ok && (w->embedding_shift = weights_values(checkpoint_tensor(c, "token_embd_norm.bias")));
    for (int i = 0; i < (int)w->config.layers && ok; i++) {
        struct encoder_layer *l = &w->layers[i];
        l->attention_gain = weights_values(tensor_of(w, i, "attn_output_norm", "weight"));
        l->attention_shift = weights_values(tensor_of(w, i, "attn_output_norm", "bias"));
        l->output_gain = weights_values(tensor_of(w, i, "layer_output_norm", "weight"));
        l->output_shift = weights_values(tensor_of(w, i, "layer_output_norm", "bias"));
        ok = l->attention_gain && l->attention_shift && l->output_gain && l->output_shift;
    }
    return ok ? 0 : err_nomem(e, "norms");
}

void encoder_weights_init(struct encoder_weights *w, struct checkpoint *c) {
    w->checkpoint = c;
    w->config = *checkpoint_encoder(c);
    w->dim = (int)(w->config.head_dim + 15) / 16 * 16;
    w->tokens = checkpoint_tensor(c, "token_embd.weight");
    w->positions = checkpoint_tensor(c, "position_embd.weight");
}

/* Values of a layer's matrices and vectors. */
static void layer_values(const struct encoder_weights *w, size_t *matrices, size_t *vectors) {
    size_t hidden = w->config.hidden, inner = w->config.intermediate;
    size_t heads = (size_t)w->config.heads * (size_t)w->dim;
    *matrices = 4 * heads * hidden + 2 * hidden * inner;
    *vectors = 3 * heads + 6 * hidden + inner;
}

size_t encoder_weights_estimate(const struct encoder_weights *w) {
    size_t matrices, vectors;
    layer_values(w, &matrices, &vectors);
    return w->config.layers * (matrices * dtype_size(w->type) + vectors * sizeof(float)) +
           3 * w->config.hidden * sizeof(float);
}

static size_t sum_bytes(const struct encoder_weights *w) {
    size_t matrices, vectors, n = 3 * w->config.hidden * sizeof(float);
    layer_values(w, &matrices, &vectors);
    for (unsigned i = 0; i < w->config.layers; i++) {
        const struct encoder_layer *l = &w->layers[i];
        n += weight_bytes(l->qkv) + weight_bytes(l->attention_out) + weight_bytes(l->up) +
             weight_bytes(l->down) + vectors * sizeof(float);
    }
    return n;
}

int encoder_weights_pack(struct encoder_weights *w, const struct kernel *kernel, int threads,
                         struct err *e) {
    int rc = matmul_new(kernel, &w->matmul, e);
    if (rc)
        return rc;
    w->layers = calloc(w->config.layers, sizeof *w->layers);
    rc = w->layers ? load_vectors(w, e) : err_nomem(e, "weights");
    if (rc == 0)
        rc = pool_run(threads, (int)w->config.layers * PIECES, load_pieces, w, e);
    checkpoint_release(w->checkpoint);
    if (rc == 0)
        w->bytes = sum_bytes(w);
    return rc;
}

static void layer_free(struct encoder_layer *l) {
    float *const vectors[] = {l->qkv_bias,    l->attention_bias, l->up_bias,
                              l->down_bias,   l->attention_gain, l->attention_shift,
                              l->output_gain, l->output_shift};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        free(vectors[i]);
    weight_free(l->qkv);
    weight_free(l->attention_out);
    weight_free(l->up);
    weight_free(l->down);
}

void encoder_weights_free(struct encoder_weights *w) {
    for (unsigned i = 0; w->layers && i < w->config.layers; i++)
        layer_free(&w->layers[i]);
    free(w->layers);
    free(w->first_type);
    free(w->embedding_gain);
    free(w->embedding_shift);
    matmul_free(w->matmul);
    checkpoint_close(w->checkpoint);
    *w = (struct encoder_weights){0};
}

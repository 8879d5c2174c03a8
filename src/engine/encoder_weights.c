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
    size_t linear,
        reads; /* offsets in struct encoder_layer, and of a rotation in encoder_weights */
};

static const struct piece pieces[] = {
    {{"attn_q", "attn_k", "attn_v"},
     HEADS_ROWS,
     offsetof(struct encoder_layer, qkv),
     offsetof(struct encoder_weights, hidden)},
    {{"attn_output"},
     HEADS_COLUMNS,
     offsetof(struct encoder_layer, attention_out),
     offsetof(struct encoder_weights, head)},
    {{"ffn_up"},
     HEADS_NONE,
     offsetof(struct encoder_layer, up),
     offsetof(struct encoder_weights, hidden)},
    {{"ffn_down"},
     HEADS_NONE,
     offsetof(struct encoder_layer, down),
     offsetof(struct encoder_weights, inner)},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

/* Widths as int8 has them. */
static int rounded(int n) {
    return (n + 15) / 16 * 16;
}

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

/* The matrix of q, k and v: each head's values are turned, which the attention's output layer
 * undoes. */
static void turn_values(const struct encoder_weights *w, float *f, float *bias, size_t k) {
    size_t dim = (size_t)w->dim, heads = w->config.heads;
    for (size_t h = 2 * heads; h < 3 * heads; h++) {
        rotation_columns(&w->head, f + h * dim * k, k);
        rotation_columns(&w->head, bias + h * dim, 1);
    }
}

/* f: [n, k] from malloc, which it frees. r: how what the layer reads is turned, in one piece (a row
 * and zeros up to a multiple of 16) or each head alone. */
static int pack8(const struct rotation *r, float *f, int n, int k, struct encoder_linear *out,
                 struct err *e) {
    int wide = rounded(k);
    float *rows = wide == k ? f : realloc(f, (size_t)n * (size_t)wide * sizeof *f);
    out->memory = aligned_alloc(64, weight8_bytes(n, wide));
    if (!rows || !out->memory) {
        free(rows ? rows : f);
        return err_nomem(e, "weights");
    }
    weights_spread(rows, (size_t)n, (size_t)k, (size_t)wide, 1);
    rotation_rows(r, rows, (size_t)n * ((size_t)wide / r->n));
    weight8_pack(rows, 0, n, n, wide, out->memory);
    weight8_view(out->memory, n, wide, &out->int8);
    free(rows);
    return 0;
}

static int load_piece(struct encoder_weights *w, struct matmul_lane *lane, int layer,
                      const struct piece *p, struct err *e) {
    struct encoder_linear *out = (void *)((char *)&w->layers[layer] + p->linear);
    const struct rotation *reads = (const void *)((const char *)w + p->reads);
    size_t n, outputs;
    out->bias = gather(w, layer, p, "bias", &outputs);
    float *f = out->bias ? gather(w, layer, p, "weight", &n) : NULL;
    if (!f)
        return err_nomem(e, "weights");
    int k = (int)(n / outputs);
    if (w->type == DTYPE_INT8 && out == &w->layers[layer].qkv)
        turn_values(w, f, out->bias, (size_t)k);
    if (w->type == DTYPE_INT8)
        return pack8(reads, f, (int)outputs, k, out, e);
    int rc = weight_pack(lane, f, (int)outputs, k, w->type, &out->packed, e);
    free(f);
    return rc;
}

/* An item is layer * PIECES + piece. */
static int load_pieces(void *user, struct pool_items *items, struct err *e) {
    struct encoder_weights *w = user;
    struct matmul_lane *lane = NULL;
    int rc = w->matmul ? matmul_lane_new(w->matmul, &lane, e) : 0;
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

/* Products of bytes, 255 * 127 at most each, are summed over a width in 32 bits. */
enum { WIDEST8 = 65536, MOST_BLOCK8 = 256 };

int encoder_weights_check8(const struct encoder_config *c, struct err *e) {
    if (c->hidden > WIDEST8 || c->intermediate > WIDEST8 ||
        (uint64_t)c->heads * (c->head_dim + 15) > WIDEST8)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s in int8: a width beyond %d (hidden %u, feed-forward %u, %u heads of "
                       "%u): use --precision bf16 or f32",
                       c->name, WIDEST8, c->hidden, c->intermediate, c->heads, c->head_dim);
    return 0;
}

/* Bytes of a layer's vectors. */
static size_t vector_bytes(const struct encoder_weights *w) {
    size_t heads = (size_t)w->config.heads * (size_t)w->dim;
    return (3 * heads + 6 * w->config.hidden + w->config.intermediate) * sizeof(float);
}

size_t encoder_weights_estimate(const struct encoder_weights *w) {
    int hidden = (int)w->config.hidden, inner = (int)w->config.intermediate;
    int heads = (int)w->config.heads * w->dim;
    size_t matrices = weight8_bytes(3 * heads, rounded(hidden)) + weight8_bytes(hidden, heads) +
                      weight8_bytes(inner, rounded(hidden)) + weight8_bytes(hidden, rounded(inner));
    if (w->type != DTYPE_INT8)
        matrices = (4 * (size_t)heads + 2 * (size_t)inner) * (size_t)hidden * dtype_size(w->type);
    return w->config.layers * (matrices + vector_bytes(w)) + 3 * (size_t)hidden * sizeof(float);
}

static size_t linear_bytes(const struct encoder_linear *l) {
    return l->packed ? weight_bytes(l->packed) : weight8_bytes(l->int8.n, l->int8.k);
}

static size_t sum_bytes(const struct encoder_weights *w) {
    size_t n = 3 * w->config.hidden * sizeof(float);
    for (unsigned i = 0; i < w->config.layers; i++) {
        const struct encoder_layer *l = &w->layers[i];
        n += linear_bytes(&l->qkv) + linear_bytes(&l->attention_out) + linear_bytes(&l->up) +
             linear_bytes(&l->down) + vector_bytes(w);
    }
    return n;
}

/* The signs are random, the same for a width everywhere. */
static int make_rotations(struct encoder_weights *w, struct err *e) {
    const struct encoder_config *c = &w->config;
    enum { SEED_HIDDEN = 1, SEED_HEAD, SEED_INNER };
    int rc =
        rotation_new((size_t)rounded((int)c->hidden), MOST_BLOCK8, 0, SEED_HIDDEN, &w->hidden, e);
    if (rc == 0)
        rc = rotation_new((size_t)w->dim, MOST_BLOCK8, 0, SEED_HEAD, &w->head, e);
    if (rc == 0)
        rc = rotation_new((size_t)rounded((int)c->intermediate), MOST_BLOCK8, 0, SEED_INNER,
                          &w->inner, e);
    return rc;
}

int encoder_weights_pack(struct encoder_weights *w, const struct kernel *kernel, int threads,
                         struct err *e) {
    int rc = w->type == DTYPE_INT8 ? make_rotations(w, e) : matmul_new(kernel, &w->matmul, e);
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

static void linear_free(struct encoder_linear *l) {
    weight_free(l->packed);
    free(l->memory);
    free(l->bias);
}

static void layer_free(struct encoder_layer *l) {
    float *const vectors[] = {l->attention_gain, l->attention_shift, l->output_gain,
                              l->output_shift};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        free(vectors[i]);
    linear_free(&l->qkv);
    linear_free(&l->attention_out);
    linear_free(&l->up);
    linear_free(&l->down);
}

void encoder_weights_free(struct encoder_weights *w) {
    for (unsigned i = 0; w->layers && i < w->config.layers; i++)
        layer_free(&w->layers[i]);
    free(w->layers);
    free(w->first_type);
    free(w->embedding_gain);
    free(w->embedding_shift);
    matmul_free(w->matmul);
    rotation_free(&w->hidden);
    rotation_free(&w->head);
    rotation_free(&w->inner);
    checkpoint_close(w->checkpoint);
    *w = (struct encoder_weights){0};
}

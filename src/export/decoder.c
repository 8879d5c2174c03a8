#include "export/decoder.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128, HEAD_UNIT = 16 /* dimensions that GroupQueryAttention rotates */ };

struct name {
    char s[NAME_SIZE];
};

struct building {
    const struct checkpoint *c;
    const struct decoder_config *d;
    enum export_precision precision;
    const char *data_file;
    struct onnx_graph *g;
    struct blob *blob;
    struct err *e;
    struct name summed; /* whose sums over blocks are there: "NAME/sums" */
    int rc;             /* the first failure; nothing is added to the blob after it */
};

static struct name named(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct name named(const char *format, ...) {
    struct name n;
    va_list ap;
    va_start(ap, format);
    vsnprintf(n.s, sizeof n.s, format, ap);
    va_end(ap);
    return n;
}

static enum onnx_type activations(const struct building *b) {
    return b->precision == EXPORT_F16 ? ONNX_F16 : ONNX_F32;
}

static bool quantized(const struct building *b) {
    return b->precision == EXPORT_INT8 || b->precision == EXPORT_INT4;
}

static void add_item(struct building *b, struct blob_item *x) {
    if (b->rc == 0)
        b->rc = blob_add(b->blob, x, x, b->e);
}

/* A tensor that the checkpoint must have; noted as a part of the item. */
static void add_part(struct building *b, struct blob_item *x, const char *tensor, unsigned heads) {
    const struct tensor *t = checkpoint_tensor(b->c, tensor);
    if (!t) {
        if (b->rc == 0)
            b->rc = err_set(b->e, PRECIS_EINPUT, "%s: tensor '%s' is missing",
                            checkpoint_path(b->c), tensor);
        return;
    }
    x->parts[x->n_parts].tensor = t;
    x->parts[x->n_parts++].heads = b->d->qk_interleaved ? heads : 0;
}

static void external(struct building *b, const char *name, enum onnx_type type,
                     const uint64_t *dims, size_t n_dims, uint64_t offset, uint64_t size) {
    onnx_graph_external(b->g, name, type, dims, n_dims, b->data_file, offset, size);
}

/* Vectors (gains, biases), one after the other, as the constant `name`. */
static void add_vectors(struct building *b, const char *name, enum onnx_type type,
                        struct blob_item *x) {
    x->form = BLOB_ROWS;
    x->type = type;
    x->rows = 1;
    x->columns = 0;
    for (unsigned i = 0; i < x->n_parts; i++)
        x->columns += x->parts[i].tensor->elements;
    add_item(b, x);
    external(b, name, type, &x->columns, 1, x->offset, x->size);
}

static struct name add_gain(struct building *b, const char *tensor, enum onnx_type type) {
    struct blob_item x = {0};
    struct name n = named("%s", tensor);
    add_part(b, &x, tensor, 0);
    add_vectors(b, n.s, type, &x);
    return n;
}

static void small_ints(struct building *b, const char *name, const int64_t *v, size_t n) {
    const uint64_t dims[1] = {n};
    onnx_graph_constant(b->g, name, ONNX_I64, dims, 1, v, n * sizeof *v);
}

static void small_float(struct building *b, const char *name, enum onnx_type type, float v) {
    uint16_t half = blob_f16(v);
    if (type == ONNX_F16)
        onnx_graph_constant(b->g, name, type, NULL, 0, &half, sizeof half);
    else
        onnx_graph_constant(b->g, name, type, NULL, 0, &v, sizeof v);
}

static void unary(struct building *b, const char *op, const char *in, const char *out) {
    onnx_graph_node(b->g, &(struct onnx_node){.op = op, .in = {in}, .out = {out}});
}

static void binary(struct building *b, const char *op, const char *x, const char *y,
                   const char *out) {
    onnx_graph_node(b->g, &(struct onnx_node){.op = op, .in = {x, y}, .out = {out}});
}

static void cast(struct building *b, const char *in, enum onnx_type to, const char *out) {
    onnx_graph_node(
        b->g, &(struct onnx_node){
                  .op = "Cast", .in = {in}, .out = {out}, .attributes = {{"to", ONNX_INT, to, 0}}});
}

/* RMSNorm over the last axis, in f32 whatever the activations are. ONNX of this operator set has no
 * such operator; ONNX Runtime makes one of this pattern. */
static void norm(struct building *b, const char *x, const char *gain, const char *out) {
    bool half = activations(b) == ONNX_F16;
    struct name g = add_gain(b, gain, ONNX_F32), wide = named("%s/wide", out);
    struct name square = named("%s/square", out), mean = named("%s/mean", out);
    struct name sum = named("%s/sum", out), root = named("%s/root", out);
    struct name ratio = named("%s/ratio", out), whole = named("%s/f32", out);
    if (half)
        cast(b, x, ONNX_F32, wide.s);
    const char *in = half ? wide.s : x;
    binary(b, "Pow", in, "two", square.s);
    onnx_graph_node(b->g, &(struct onnx_node){.op = "ReduceMean",
                                              .in = {square.s},
                                              .out = {mean.s},
                                              .attributes = {{"axes", ONNX_INTS, -1, 0},
                                                             {"keepdims", ONNX_INT, 1, 0}}});
    binary(b, "Add", mean.s, "epsilon", sum.s);
    unary(b, "Sqrt", sum.s, root.s);
    binary(b, "Div", in, root.s, ratio.s);
    binary(b, "Mul", ratio.s, g.s, half ? whole.s : out);
    if (half)
        cast(b, whole.s, ONNX_F16, out);
}

/* total = x + y; out = RMSNorm(total). total NULL: it is not needed. */
static void add_norm(struct building *b, const char *x, const char *y, const char *gain,
                     const char *out, const char *total) {
    struct name g = add_gain(b, gain, activations(b));
    onnx_graph_node(
        b->g, &(struct onnx_node){.op = "SkipSimplifiedLayerNormalization",
                                  .domain = ONNX_CONTRIB,
                                  .in = {x, y, g.s},
                                  .out = {out, total ? "" : NULL, "", total},
                                  .attributes = {{"epsilon", ONNX_FLOAT, 0, b->d->norm_eps}}});
}

/* "IN/sums" [.., columns / 32]: of each block of columns. */
static void sum_blocks(struct building *b, const char *in) {
    struct name blocks = named("%s/blocks", in), sums = named("%s/sums", in);
    if (strcmp(b->summed.s, in) == 0)
        return;
    b->summed = named("%s", in);
    binary(b, "Reshape", in, "by_block", blocks.s);
    onnx_graph_node(b->g, &(struct onnx_node){.op = "ReduceSum",
                                              .in = {blocks.s, "last_axis"},
                                              .out = {sums.s},
                                              .attributes = {{"keepdims", ONNX_INT, 0, 0}}});
}

/* out = coded + what the offsets of 4-bit weights add: the blocks' sums times them. */
static void add_offsets(struct building *b, const char *in, const struct blob_item *x,
                        const char *weight, const char *coded, const char *out) {
    struct name stored = named("%s.offsets", weight), wide = named("%s.offsets_f32", weight);
    struct name sums = named("%s/sums", in), shift = named("%s/shift", out);
    const uint64_t dims[2] = {x->columns / BLOB_BLOCK, x->rows};
    external(b, stored.s, ONNX_F16, dims, 2, x->shifts_offset, x->shifts_size);
    cast(b, stored.s, ONNX_F32, wide.s);
    sum_blocks(b, in);
    binary(b, "MatMul", sums.s, wide.s, shift.s);
    binary(b, "Add", coded, shift.s, out);
}

static void quantized_product(struct building *b, const char *in, struct blob_item *x, int bits,
                              const char *weight, const char *out) {
    struct name scales = named("%s.scales", weight), coded = named("%s/coded", out);
    x->form = bits == 4 ? BLOB_4_BITS : BLOB_8_BITS;
    add_item(b, x);
    const uint64_t blocks = x->columns / BLOB_BLOCK;
    const uint64_t dims[3] = {x->rows, blocks, BLOB_BLOCK / 8 * (uint64_t)bits};
    const uint64_t scale_dims[1] = {x->rows * blocks};
    external(b, weight, ONNX_U8, dims, 3, x->offset, x->size);
    external(b, scales.s, ONNX_F32, scale_dims, 1, x->scales_offset, x->scales_size);
    onnx_graph_node(b->g,
                    &(struct onnx_node){.op = "MatMulNBits",
                                        .domain = ONNX_CONTRIB,
                                        .in = {in, weight, scales.s},
                                        .out = {bits == 4 ? coded.s : out},
                                        .attributes = {{"K", ONNX_INT, (int64_t)x->columns, 0},
                                                       {"N", ONNX_INT, (int64_t)x->rows, 0},
                                                       {"bits", ONNX_INT, bits, 0},
                                                       {"block_size", ONNX_INT, BLOB_BLOCK, 0},
                                                       /* int8 products */
                                                       {"accuracy_level", ONNX_INT, 4, 0}}});
    if (bits == 4)
        add_offsets(b, in, x, weight, coded.s, out);
}

/* out = in times the rows of the item's parts. */
static void product(struct building *b, const char *in, struct blob_item *x, int bits,
                    const char *weight, const char *out) {
    x->columns = x->rows = 0;
    for (unsigned i = 0; i < x->n_parts; i++) {
        x->columns = x->parts[i].tensor->dims[0];
        x->rows += x->parts[i].tensor->dims[1];
    }
    if (quantized(b)) {
        quantized_product(b, in, x, bits, weight, out);
        return;
    }
    x->form = BLOB_TRANSPOSED;
    x->type = activations(b);
    add_item(b, x);
    const uint64_t dims[2] = {x->columns, x->rows};
    external(b, weight, x->type, dims, 2, x->offset, x->size);
    binary(b, "MatMul", in, weight, out);
}

static void linear(struct building *b, const char *in, const char *tensor, const char *out) {
    struct blob_item x = {0};
    struct name weight = named("%s", tensor);
    add_part(b, &x, tensor, 0);
    product(b, in, &x, b->precision == EXPORT_INT4 ? 4 : 8, weight.s, out);
}

enum { Q = 1, K = 2, V = 4 };

/* One product for those of q, k and v that `which` names. */
static void project(struct building *b, const char *in, unsigned layer, int which, const char *what,
                    const char *out) {
    static const char *const parts[] = {"attn_q", "attn_k", "attn_v"};
    const unsigned heads[] = {b->d->heads, b->d->kv_heads, 0};
    struct blob_item weights = {0}, biases = {0};
    for (int i = 0; i < 3; i++) {
        if (!(which >> i & 1))
            continue;
        add_part(b, &weights, named("blk.%u.%s.weight", layer, parts[i]).s, heads[i]);
        if (b->d->qkv_bias)
            add_part(b, &biases, named("blk.%u.%s.bias", layer, parts[i]).s, heads[i]);
    }
    struct name weight = named("blk.%u.%s.weight", layer, what);
    struct name bias = named("blk.%u.%s.bias", layer, what), plain = named("%s/product", out);
    bool biased = b->d->qkv_bias;
    product(b, in, &weights, b->precision == EXPORT_INT4 ? 4 : 8, weight.s, biased ? plain.s : out);
    if (biased) {
        add_vectors(b, bias.s, activations(b), &biases);
        binary(b, "Add", plain.s, bias.s, out);
    }
}

/* q or k through the norm of its heads. */
static void norm_heads(struct building *b, const char *in, unsigned layer, const char *what,
                       unsigned heads, const char *out) {
    struct name apart = named("%s/heads", out), normed = named("%s/normed", out);
    struct name shape = named("%s/shape", out);
    const int64_t width[3] = {0, 0, (int64_t)heads * b->d->head_dim};
    small_ints(b, shape.s, width, 3);
    binary(b, "Reshape", in, "by_head", apart.s);
    norm(b, apart.s, named("blk.%u.%s_norm.weight", layer, what).s, normed.s);
    binary(b, "Reshape", normed.s, shape.s, out);
}

static void attend(struct building *b, unsigned layer, const char *q, const char *k, const char *v,
                   const char *out) {
    const struct decoder_config *d = b->d;
    bool slides = config_slides(d, layer);
    struct name past_k = named("past_key_values.%u.key", layer);
    struct name past_v = named("past_key_values.%u.value", layer);
    struct name present_k = named("present.%u.key", layer);
    struct name present_v = named("present.%u.value", layer);
    const struct onnx_dim past[] = {{.symbol = "batch_size"},
                                    {.size = d->kv_heads},
                                    {.symbol = "past_sequence_length"},
                                    {.size = d->head_dim}};
    const struct onnx_dim present[] = {
        past[0], past[1], {.symbol = "total_sequence_length"}, past[3]};
    onnx_graph_input(b->g, past_k.s, activations(b), past, 4);
    onnx_graph_input(b->g, past_v.s, activations(b), past, 4);
    onnx_graph_output(b->g, present_k.s, activations(b), present, 4);
    onnx_graph_output(b->g, present_v.s, activations(b), present, 4);
    struct onnx_node node = {.op = "GroupQueryAttention",
                             .domain = ONNX_CONTRIB,
                             .in = {q, k, v, past_k.s, past_v.s, "last_key", "total_keys",
                                    slides ? "cos_local" : "cos", slides ? "sin_local" : "sin"},
                             .out = {out, present_k.s, present_v.s},
                             .attributes = {{"num_heads", ONNX_INT, d->heads, 0},
                                            {"kv_num_heads", ONNX_INT, d->kv_heads, 0},
                                            {"scale", ONNX_FLOAT, 0, d->attention_scale},
                                            {"do_rotary", ONNX_INT, 1, 0},
                                            {"rotary_interleaved", ONNX_INT, 0, 0}}};
    struct onnx_attribute *more = node.attributes + 5;
    if (slides)
        *more++ = (struct onnx_attribute){"local_window_size", ONNX_INT, d->window, 0};
    if (d->attention_cap > 0)
        *more++ = (struct onnx_attribute){"softcap", ONNX_FLOAT, 0, d->attention_cap};
    onnx_graph_node(b->g, &node);
}

/* The normed h of a layer to what its attention adds. */
static void attention(struct building *b, unsigned layer, const char *h, const char *out) {
    struct name mixed = named("layers.%u/mixed", layer);
    if (b->d->qk_norm) {
        struct name q = named("layers.%u/q", layer), k = named("layers.%u/k", layer);
        struct name v = named("layers.%u/v", layer), qn = named("layers.%u/q_normed", layer);
        struct name kn = named("layers.%u/k_normed", layer);
        project(b, h, layer, Q, "attn_q", q.s);
        project(b, h, layer, K, "attn_k", k.s);
        project(b, h, layer, V, "attn_v", v.s);
        norm_heads(b, q.s, layer, "attn_q", b->d->heads, qn.s);
        norm_heads(b, k.s, layer, "attn_k", b->d->kv_heads, kn.s);
        attend(b, layer, qn.s, kn.s, v.s, mixed.s);
    } else {
        struct name qkv = named("layers.%u/qkv", layer);
        project(b, h, layer, Q | K | V, "attn_qkv", qkv.s);
        attend(b, layer, qkv.s, "", "", mixed.s);
    }
    linear(b, mixed.s, named("blk.%u.attn_output.weight", layer).s, out);
}

static void feed_forward(struct building *b, unsigned layer, const char *h, const char *out) {
    struct name gate = named("layers.%u/gate", layer), up = named("layers.%u/up", layer);
    struct name open = named("layers.%u/open", layer), sigmoid = named("layers.%u/sigmoid", layer);
    struct name both = named("layers.%u/gated", layer);
    linear(b, h, named("blk.%u.ffn_gate.weight", layer).s, gate.s);
    linear(b, h, named("blk.%u.ffn_up.weight", layer).s, up.s);
    if (b->d->activation == ACTIVATION_SILU) {
        unary(b, "Sigmoid", gate.s, sigmoid.s);
        binary(b, "Mul", gate.s, sigmoid.s, open.s);
    } else {
        onnx_graph_node(
            b->g, &(struct onnx_node){
                      .op = "FastGelu", .domain = ONNX_CONTRIB, .in = {gate.s}, .out = {open.s}});
    }
    binary(b, "Mul", open.s, up.s, both.s);
    linear(b, both.s, named("blk.%u.ffn_down.weight", layer).s, out);
}

/* What a half of a layer adds, through its post-norm where there is one. */
static struct name after(struct building *b, unsigned layer, struct name added, const char *gain) {
    if (!b->d->post_norms)
        return added;
    struct name normed = named("%s_normed", added.s);
    norm(b, added.s, named("blk.%u.%s.weight", layer, gain).s, normed.s);
    return normed;
}

/* Takes and leaves the sum of all so far (x) and its norm (h). */
static void layer(struct building *b, unsigned l, struct name *x, struct name *h) {
    bool last = l + 1 == b->d->layers;
    struct name attended = named("layers.%u/attended", l), middle = named("layers.%u/middle", l);
    struct name fed = named("layers.%u/fed", l), inner = named("layers.%u/inner", l);
    attention(b, l, h->s, attended.s);
    attended = after(b, l, attended, "post_attention_norm");
    add_norm(b, x->s, attended.s, named("blk.%u.ffn_norm.weight", l).s, inner.s, middle.s);
    feed_forward(b, l, inner.s, fed.s);
    fed = after(b, l, fed, "post_ffw_norm");
    struct name gain = last ? named("output_norm.weight") : named("blk.%u.attn_norm.weight", l + 1);
    *x = named("layers.%u/out", l);
    *h = named("layers.%u/out_normed", l);
    add_norm(b, middle.s, fed.s, gain.s, h->s, last ? NULL : x->s);
}

static void caches(struct building *b, const struct rope *rope, const char *suffix) {
    for (int i = 0; i < 2; i++) {
        struct name n = named("%s%s", i ? "sin" : "cos", suffix);
        struct blob_item x = {.form = i ? BLOB_SIN : BLOB_COS,
                              .type = activations(b),
                              .rope = rope,
                              .rows = export_context(b->d),
                              .columns = rope->dims / 2};
        add_item(b, &x);
        const uint64_t dims[2] = {x.rows, x.columns};
        external(b, n.s, x.type, dims, 2, x.offset, x.size);
    }
}

/* last_key [batch]: tokens of each row so far, less one. total_keys []: columns of the mask. */
static void lengths(struct building *b) {
    static const int64_t one[1] = {1};
    small_ints(b, "axis_1", one, 1);
    onnx_graph_constant(b->g, "one", ONNX_I64, NULL, 0, one, sizeof *one);
    onnx_graph_node(b->g, &(struct onnx_node){.op = "ReduceSum",
                                              .in = {"attention_mask", "axis_1"},
                                              .out = {"tokens"},
                                              .attributes = {{"keepdims", ONNX_INT, 0, 0}}});
    binary(b, "Sub", "tokens", "one", "last_token");
    cast(b, "last_token", ONNX_I32, "last_key");
    unary(b, "Shape", "attention_mask", "mask_shape");
    binary(b, "Gather", "mask_shape", "one", "mask_columns");
    cast(b, "mask_columns", ONNX_I32, "total_keys");
}

static void embed(struct building *b, const char *out) {
    const struct decoder_config *d = b->d;
    enum onnx_type stored = b->precision == EXPORT_F32 ? ONNX_F32 : ONNX_F16;
    struct blob_item x = {
        .form = BLOB_ROWS, .type = stored, .rows = d->vocab, .columns = d->hidden};
    add_part(b, &x, "token_embd.weight", 0);
    add_item(b, &x);
    const uint64_t dims[2] = {x.rows, x.columns};
    external(b, "token_embd.weight", stored, dims, 2, x.offset, x.size);
    bool widen = stored != activations(b), scaled = d->embedding_scale != 1;
    const char *rows = widen ? "embedding/rows" : scaled ? "embedding/plain" : out;
    binary(b, "Gather", "token_embd.weight", "input_ids", rows);
    if (widen)
        cast(b, rows, activations(b), scaled ? "embedding/plain" : out);
    if (scaled) {
        small_float(b, "embedding_scale", activations(b), d->embedding_scale);
        binary(b, "Mul", "embedding/plain", "embedding_scale", out);
    }
}

/* The embedding's own rows serve as the output layer where the model ties them, but for quantised
 * exports, which have both. */
static void head(struct building *b, const char *h) {
    const struct decoder_config *d = b->d;
    bool half = activations(b) == ONNX_F16, capped = d->logit_cap > 0;
    const char *narrow = half ? "logits/f16" : capped ? "logits/plain" : "logits";
    if (d->tied && !quantized(b)) {
        onnx_graph_node(b->g, &(struct onnx_node){.op = "FusedMatMul",
                                                  .domain = ONNX_CONTRIB,
                                                  .in = {h, "token_embd.weight"},
                                                  .out = {narrow},
                                                  .attributes = {{"transB", ONNX_INT, 1, 0}}});
    } else {
        struct blob_item x = {0};
        add_part(b, &x, d->tied ? "token_embd.weight" : "output.weight", 0);
        product(b, h, &x, 8, "output.weight", narrow);
    }
    if (half)
        cast(b, narrow, ONNX_F32, capped ? "logits/plain" : "logits");
    if (capped) {
        small_float(b, "logit_cap", ONNX_F32, d->logit_cap);
        binary(b, "Div", "logits/plain", "logit_cap", "logits/ratio");
        unary(b, "Tanh", "logits/ratio", "logits/bent");
        binary(b, "Mul", "logits/bent", "logit_cap", "logits");
    }
}

unsigned export_context(const struct decoder_config *d) {
    return d->rope.original && d->rope.original < d->context ? d->rope.original : d->context;
}

static int unsupported(const struct building *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int unsupported(const struct building *b, const char *format, ...) {
    char text[160];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return err_set(b->e, PRECIS_EUNSUPPORTED, "%s: %s cannot be exported to ONNX",
                   checkpoint_path(b->c), text);
}

/* What the operators of ONNX Runtime refuse. */
static int check(const struct building *b) {
    const struct decoder_config *d = b->d;
    if (d->qk_interleaved && d->rope.dims != d->head_dim)
        return unsupported(b, "interleaved rotary over %u of %u dimensions", d->rope.dims,
                           d->head_dim);
    if (d->head_dim % HEAD_UNIT)
        return unsupported(b, "a head of %u dimensions (a multiple of %d is needed)", d->head_dim,
                           HEAD_UNIT);
    if (d->rope.dims % HEAD_UNIT || (d->window && d->rope_local.dims % HEAD_UNIT))
        return unsupported(b, "rotary over %u dimensions (a multiple of %d is needed)",
                           d->rope.dims, HEAD_UNIT);
    const unsigned rows[] = {d->hidden, d->heads * d->head_dim, d->intermediate};
    for (int i = 0; quantized(b) && i < 3; i++)
        if (rows[i] % BLOB_BLOCK)
            return unsupported(b, "a linear layer of %u inputs in blocks of %u", rows[i],
                               BLOB_BLOCK);
    return 0;
}

int export_decoder(const struct checkpoint *c, enum export_precision precision,
                   const char *data_file, struct onnx_graph *g, struct blob *p, struct err *e) {
    const struct decoder_config *d = checkpoint_decoder(c);
    if (!d)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: architecture '%s' cannot be exported to ONNX (decoders can)",
                       checkpoint_path(c), checkpoint_encoder(c)->architecture);
    struct building b = {
        .c = c, .d = d, .precision = precision, .data_file = data_file, .g = g, .blob = p, .e = e};
    int rc = check(&b);
    if (rc)
        return rc;
    const struct onnx_dim ids[] = {{.symbol = "batch_size"}, {.symbol = "sequence_length"}};
    const struct onnx_dim mask[] = {ids[0], {.symbol = "total_sequence_length"}};
    const struct onnx_dim logits[] = {ids[0], ids[1], {.size = d->vocab}};
    const int64_t by_head[4] = {0, 0, -1, d->head_dim}, by_block[4] = {0, 0, -1, BLOB_BLOCK};
    const int64_t last_axis[1] = {-1};
    onnx_graph_input(g, "input_ids", ONNX_I64, ids, 2);
    onnx_graph_input(g, "attention_mask", ONNX_I64, mask, 2);
    onnx_graph_output(g, "logits", ONNX_F32, logits, 3);
    small_float(&b, "two", ONNX_F32, 2);
    small_float(&b, "epsilon", ONNX_F32, d->norm_eps);
    if (d->qk_norm)
        small_ints(&b, "by_head", by_head, 4);
    if (precision == EXPORT_INT4) {
        small_ints(&b, "by_block", by_block, 4);
        small_ints(&b, "last_axis", last_axis, 1);
    }
    lengths(&b);
    caches(&b, &d->rope, "");
    if (d->window)
        caches(&b, &d->rope_local, "_local");
    struct name x = named("embedding"), h = named("embedding_normed");
    embed(&b, x.s);
    norm(&b, x.s, "blk.0.attn_norm.weight", h.s);
    for (unsigned l = 0; b.rc == 0 && l < d->layers; l++)
        layer(&b, l, &x, &h);
    head(&b, h.s);
    return b.rc;
}

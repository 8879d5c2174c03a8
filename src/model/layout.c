#include "model/layout.h"

#include <stdio.h>
#include <string.h>

enum size { ONE, HIDDEN, INNER, Q, KV, HEAD };
enum need {
    ALWAYS,
    BIAS = 1,
    QK_NORM = 2,
    POST_NORMS = 4,
    NO_POST_NORMS = 8,
    SPLIT_QKV = 16,
    SPLIT_GATE = 32,
};

struct part {
    const char *name, *folder; /* below "blk.L." and below "layers.L." */
    enum size in, out;
    unsigned need;
};

static const struct part decoder_parts[] = {
    {"attn_norm.weight", "input_layernorm.weight", HIDDEN, ONE, ALWAYS},
    {"attn_q.weight", "self_attn.q_proj.weight", HIDDEN, Q, SPLIT_QKV},
    {"attn_k.weight", "self_attn.k_proj.weight", HIDDEN, KV, SPLIT_QKV},
    {"attn_v.weight", "self_attn.v_proj.weight", HIDDEN, KV, SPLIT_QKV},
    {"attn_q.bias", "self_attn.q_proj.bias", Q, ONE, SPLIT_QKV | BIAS},
    {"attn_k.bias", "self_attn.k_proj.bias", KV, ONE, SPLIT_QKV | BIAS},
    {"attn_v.bias", "self_attn.v_proj.bias", KV, ONE, SPLIT_QKV | BIAS},
    {"attn_q_norm.weight", "self_attn.q_norm.weight", HEAD, ONE, QK_NORM},
    {"attn_k_norm.weight", "self_attn.k_norm.weight", HEAD, ONE, QK_NORM},
    {"attn_output.weight", "self_attn.o_proj.weight", Q, HIDDEN, ALWAYS},
    {"post_attention_norm.weight", "post_attention_layernorm.weight", HIDDEN, ONE, POST_NORMS},
    {"ffn_norm.weight", "post_attention_layernorm.weight", HIDDEN, ONE, NO_POST_NORMS},
    {"ffn_norm.weight", "pre_feedforward_layernorm.weight", HIDDEN, ONE, POST_NORMS},
    {"ffn_gate.weight", "mlp.gate_proj.weight", HIDDEN, INNER, SPLIT_GATE},
    {"ffn_up.weight", "mlp.up_proj.weight", HIDDEN, INNER, SPLIT_GATE},
    {"ffn_down.weight", "mlp.down_proj.weight", INNER, HIDDEN, ALWAYS},
    {"post_ffw_norm.weight", "post_feedforward_layernorm.weight", HIDDEN, ONE, POST_NORMS},
};

/* The one description of an encoder's layer: each part has a weight and a bias. */
static const struct part encoder_parts[] = {
    {"attn_q", "attention.self.query", HIDDEN, HIDDEN, SPLIT_QKV},
    {"attn_k", "attention.self.key", HIDDEN, HIDDEN, SPLIT_QKV},
    {"attn_v", "attention.self.value", HIDDEN, HIDDEN, SPLIT_QKV},
    {"attn_output", "attention.output.dense", HIDDEN, HIDDEN, ALWAYS},
    {"attn_output_norm", "attention.output.LayerNorm", HIDDEN, ONE, ALWAYS},
    {"ffn_up", "intermediate.dense", HIDDEN, INNER, ALWAYS},
    {"ffn_down", "output.dense", INNER, HIDDEN, ALWAYS},
    {"layer_output_norm", "output.LayerNorm", HIDDEN, ONE, ALWAYS},
};

struct binding {
    struct tensor_set *set;
    const struct layout_names *names; /* NULL: a GGUF */
    struct err *e;
    uint64_t sizes[6]; /* by enum size */
};

enum { STORED_SIZE = 2 * LAYOUT_PREFIX_SIZE + 64 };

static void stored_name(const struct binding *b, const char *list, unsigned layer, const char *name,
                        const char *folder, char out[STORED_SIZE]) {
    if (b->names)
        snprintf(out, STORED_SIZE, "%s%s.%u.%s", b->names->prefix, list, layer, folder);
    else
        snprintf(out, STORED_SIZE, "blk.%u.%s", layer, name);
}

static bool is_gain(const char *name) {
    return strstr(name, "norm.weight") != NULL;
}

static int bind_one(const struct binding *b, const char *name, const char *from, uint64_t in,
                    uint64_t out) {
    if (b->names && b->names->gains_less_one && is_gain(name))
        return tensor_set_bind_gain(b->set, name, from, in, b->e);
    return tensor_set_bind(b->set, name, from, in, out, b->e);
}

/* Binds the parts of one tensor whose rows follow one another, if it is there; *found says so. */
static int bind_fused(const struct binding *b, unsigned layer, const char *name, const char *folder,
                      const char *const parts[], const uint64_t rows[], int n, uint64_t in,
                      bool *found) {
    char from[STORED_SIZE], part[TENSOR_NAME_SIZE];
    uint64_t total = 0, first = 0;
    const bool vector = in == 1;
    stored_name(b, "layers", layer, name, folder, from);
    *found = tensor_set_stored(b->set, from) != NULL;
    if (!*found)
        return 0;
    for (int i = 0; i < n; i++)
        total += rows[i];
    for (int i = 0; i < n; i++) {
        snprintf(part, sizeof part, "blk.%u.%s", layer, parts[i]);
        int rc = tensor_set_bind_part(b->set, part, from, vector ? total : in, vector ? 1 : total,
                                      first, rows[i], b->e);
        if (rc)
            return rc;
        first += rows[i];
    }
    return 0;
}

static int bind_qkv(const struct binding *b, unsigned layer, bool bias, bool *found) {
    static const char *const weights[] = {"attn_q.weight", "attn_k.weight", "attn_v.weight"};
    static const char *const biases[] = {"attn_q.bias", "attn_k.bias", "attn_v.bias"};
    const uint64_t rows[] = {b->sizes[Q], b->sizes[KV], b->sizes[KV]};
    bool with_bias = false;
    int rc = bind_fused(b, layer, "attn_qkv.weight", "self_attn.qkv_proj.weight", weights, rows, 3,
                        b->sizes[HIDDEN], found);
    if (!rc && *found && bias)
        rc = bind_fused(b, layer, "attn_qkv.bias", "self_attn.qkv_proj.bias", biases, rows, 3, 1,
                        &with_bias);
    if (!rc && *found && bias && !with_bias)
        rc = err_set(b->e, PRECIS_EINPUT, "%s: tensor 'blk.%u.attn_qkv.bias' is missing",
                     b->set->path, layer);
    return rc;
}

/* In a GGUF the fused tensor has the name that the plain one has elsewhere. */
static int bind_gate_up(const struct binding *b, unsigned layer, bool *found) {
    static const char *const weights[] = {"ffn_gate.weight", "ffn_up.weight"};
    const uint64_t rows[] = {b->sizes[INNER], b->sizes[INNER]};
    char gate[STORED_SIZE];
    *found = false;
    stored_name(b, "layers", layer, "ffn_gate.weight", "mlp.gate_proj.weight", gate);
    if (tensor_set_stored(b->set, gate))
        return 0;
    return bind_fused(b, layer, "ffn_up.weight", "mlp.gate_up_proj.weight", weights, rows, 2,
                      b->sizes[HIDDEN], found);
}

static int bind_decoder_layer(const struct binding *b, const struct decoder_config *c,
                              unsigned layer) {
    const bool phi3 = strcmp(c->architecture, "phi3") == 0;
    bool fused_qkv = false, fused_gate = false;
    unsigned have = (c->qkv_bias ? BIAS : 0u) | (c->qk_norm ? QK_NORM : 0u) |
                    (c->post_norms ? POST_NORMS : NO_POST_NORMS);
    int rc = phi3 || !b->names ? bind_qkv(b, layer, c->qkv_bias, &fused_qkv) : 0;
    if (!rc && phi3)
        rc = bind_gate_up(b, layer, &fused_gate);
    have |= (fused_qkv ? 0u : SPLIT_QKV) | (fused_gate ? 0u : SPLIT_GATE);
    for (size_t i = 0; i < sizeof decoder_parts / sizeof *decoder_parts && !rc; i++) {
        const struct part *p = &decoder_parts[i];
        char name[TENSOR_NAME_SIZE], from[STORED_SIZE];
        if (p->need & ~have)
            continue;
        snprintf(name, sizeof name, "blk.%u.%s", layer, p->name);
        stored_name(b, "layers", layer, p->name, p->folder, from);
        rc = bind_one(b, name, from, b->sizes[p->in], b->sizes[p->out]);
    }
    return rc;
}

static int bind_top(const struct binding *b, const char *name, const char *folder, uint64_t in,
                    uint64_t out) {
    char from[STORED_SIZE];
    snprintf(from, sizeof from, "%s%s", b->names ? b->names->prefix : "", b->names ? folder : name);
    return bind_one(b, name, from, in, out);
}

static uint64_t count_parameters(const struct tensor_set *s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->stored_count; i++)
        if (s->stored[i].used)
            n += s->stored[i].tensor.elements;
    return n;
}

int layout_bind_decoder(struct tensor_set *s, struct decoder_config *c,
                        const struct layout_names *names, struct err *e) {
    struct binding b = {.set = s, .names = names, .e = e};
    b.sizes[ONE] = 1;
    b.sizes[HIDDEN] = c->hidden;
    b.sizes[INNER] = c->intermediate;
    b.sizes[Q] = (uint64_t)c->heads * c->head_dim;
    b.sizes[KV] = (uint64_t)c->kv_heads * c->head_dim;
    b.sizes[HEAD] = c->head_dim;
    int rc = bind_top(&b, "token_embd.weight", "embed_tokens.weight", c->hidden, c->vocab);
    if (!rc && !c->tied)
        rc = tensor_set_bind(s, "output.weight", names ? names->output : "output.weight", c->hidden,
                             c->vocab, e);
    if (!rc)
        rc = bind_top(&b, "output_norm.weight", "norm.weight", c->hidden, 1);
    for (unsigned i = 0; i < c->layers && !rc; i++)
        rc = bind_decoder_layer(&b, c, i);
    if (!rc)
        c->parameters = count_parameters(s);
    return rc;
}

/* A weight and its bias. */
static int bind_pair(const struct binding *b, const char *name, const char *from, uint64_t in,
                     uint64_t out) {
    char full[TENSOR_NAME_SIZE], stored[STORED_SIZE];
    snprintf(full, sizeof full, "%s.weight", name);
    snprintf(stored, sizeof stored, "%s.weight", from);
    int rc = bind_one(b, full, stored, in, out);
    snprintf(full, sizeof full, "%s.bias", name);
    snprintf(stored, sizeof stored, "%s.bias", from);
    return rc ? rc : bind_one(b, full, stored, out == 1 ? in : out, 1);
}

static int bind_encoder_layer(const struct binding *b, unsigned layer) {
    bool fused = false;
    int rc = b->names ? 0 : bind_qkv(b, layer, true, &fused);
    for (size_t i = 0; i < sizeof encoder_parts / sizeof *encoder_parts && !rc; i++) {
        const struct part *p = &encoder_parts[i];
        char name[TENSOR_NAME_SIZE], from[STORED_SIZE];
        if (p->need == SPLIT_QKV && fused)
            continue;
        snprintf(name, sizeof name, "blk.%u.%s", layer, p->name);
        stored_name(b, "encoder.layer", layer, p->name, p->folder, from);
        rc = bind_pair(b, name, from, b->sizes[p->in], b->sizes[p->out]);
    }
    return rc;
}

int layout_bind_encoder(struct tensor_set *s, struct encoder_config *c,
                        const struct layout_names *names, struct err *e) {
    struct binding b = {.set = s, .names = names, .e = e};
    char norm[STORED_SIZE];
    b.sizes[ONE] = 1;
    b.sizes[HIDDEN] = b.sizes[Q] = b.sizes[KV] = c->hidden;
    b.sizes[INNER] = c->intermediate;
    int rc =
        bind_top(&b, "token_embd.weight", "embeddings.word_embeddings.weight", c->hidden, c->vocab);
    if (!rc)
        rc = bind_top(&b, "position_embd.weight", "embeddings.position_embeddings.weight",
                      c->hidden, (uint64_t)c->position + c->context);
    if (!rc)
        rc = bind_top(&b, "token_types.weight", "embeddings.token_type_embeddings.weight",
                      c->hidden, c->types);
    snprintf(norm, sizeof norm, "%s%s", names ? names->prefix : "",
             names ? "embeddings.LayerNorm" : "token_embd_norm");
    if (!rc)
        rc = bind_pair(&b, "token_embd_norm", norm, c->hidden, 1);
    for (unsigned i = 0; i < c->layers && !rc; i++)
        rc = bind_encoder_layer(&b, i);
    if (!rc)
        c->parameters = count_parameters(s);
    return rc;
}

int layout_check_unused(const struct tensor_set *s, const char *architecture,
                        bool (*ignored)(struct str name), struct err *e) {
    for (size_t i = 0; i < s->stored_count; i++) {
        const struct str name = s->stored[i].tensor.name;
        if (!s->stored[i].used && !(ignored && ignored(name)))
            return err_set(e, PRECIS_EUNSUPPORTED,
                           "%s: tensor '%.*s' is not supported in %s models", s->path,
                           name.len > 80 ? 80 : (int)name.len, name.s, architecture);
    }
    return 0;
}

const char *layout_file_type(const struct tensor_set *s) {
    const struct tensor *first = NULL;
    for (size_t i = 0; i < s->stored_count; i++) {
        const struct tensor *t = &s->stored[i].tensor;
        if (!s->stored[i].used || t->n_dims < 2)
            continue;
        if (first && t->type != first->type)
            return "mixed";
        first = t;
    }
    return first ? quant_ggml_name(first->type) : "mixed";
}

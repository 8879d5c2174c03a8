#include "model/config_gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/rope.h"

/* No decoder comes near these; within them no product of two of the sizes overflows 64 bits. */
enum { MAX_HEADS = 1 << 14, MAX_SIZE = 1 << 30 };
enum { KEY_SIZE = 96 };

struct reading {
    const struct gguf *g;
    struct decoder_config *c;
    struct err *e;
    bool *used; /* for each tensor, whether the architecture asked for it */
};

static void full_key(const struct reading *r, const char *key, char out[KEY_SIZE]) {
    snprintf(out, KEY_SIZE, "%s.%s", r->c->architecture, key);
}

static int unsupported(const struct reading *r, const char *what) {
    return err_set(r->e, PRECIS_EUNSUPPORTED, "%s: %s is not supported", gguf_path(r->g), what);
}

/* A size: an integer from 1 to `most`. `fallback` is taken when the key is absent, unless it is 0.
 */
static int read_size(const struct reading *r, const char *key, unsigned most, unsigned fallback,
                     unsigned *out) {
    char k[KEY_SIZE];
    uint64_t v;
    enum gguf_type type;
    size_t count;
    full_key(r, key, k);
    if (gguf_array(r->g, k, &type, &count))
        return err_set(r->e, PRECIS_EUNSUPPORTED,
                       "%s: %s differs from layer to layer: not supported", gguf_path(r->g), k);
    if (!gguf_has(r->g, k)) {
        *out = fallback;
        return fallback ? 0
                        : err_set(r->e, PRECIS_EINPUT, "%s: key %s is missing", gguf_path(r->g), k);
    }
    if (!gguf_u64(r->g, k, &v))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is not a whole number above 0", gguf_path(r->g),
                       k);
    if (v < 1 || v > most)
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is %" PRIu64 ": 1 to %u are allowed",
                       gguf_path(r->g), k, v, most);
    *out = (unsigned)v;
    return 0;
}

/* A number from low to high; `fallback` when the key is absent, unless it is 0. */
static int read_real(const struct reading *r, const char *key, double low, double high,
                     double fallback, float *out) {
    char k[KEY_SIZE];
    double v = fallback;
    full_key(r, key, k);
    if (gguf_has(r->g, k) ? !gguf_f64(r->g, k, &v) : fallback == 0)
        return err_set(r->e, PRECIS_EINPUT, "%s: key %s is missing or not a number",
                       gguf_path(r->g), k);
    if (!(v >= low && v <= high))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is %g: %g to %g are allowed", gguf_path(r->g),
                       k, v, low, high);
    *out = (float)v;
    return 0;
}

/* Copies text for people: valid UTF-8 without control characters, cut between code points. */
static void copy_text(char *out, size_t size, const char *s, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len && s[i];) {
        uint32_t code_point;
        int step = utf8_decode((const uint8_t *)s + i, len - i, &code_point);
        bool plain = step > 0 && code_point >= 0x20 && (code_point < 0x7f || code_point > 0x9f);
        size_t take = plain ? (size_t)step : 1;
        if (n + take >= size)
            break;
        if (plain)
            memcpy(out + n, s + i, take);
        else
            out[n] = '?';
        n += take;
        i += step > 0 ? (size_t)step : 1;
    }
    out[n] = '\0';
}

static int read_architecture(const struct reading *r) {
    struct str s;
    char shown[64];
    if (!gguf_string(r->g, "general.architecture", &s))
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: key general.architecture is missing or not a string", gguf_path(r->g));
    copy_text(r->c->architecture, sizeof r->c->architecture, s.s, s.len);
    copy_text(shown, sizeof shown, s.s, s.len);
    bool llama = s.len == 5 && memcmp(s.s, "llama", 5) == 0;
    bool qwen2 = s.len == 5 && memcmp(s.s, "qwen2", 5) == 0;
    if (!llama && !qwen2)
        return err_set(r->e, PRECIS_EUNSUPPORTED,
                       "%s: architecture '%s' is not supported (llama and qwen2 are)",
                       gguf_path(r->g), shown);
    r->c->qk_interleaved = llama;
    return 0;
}

static void read_name(const struct reading *r) {
    struct str s;
    if (!gguf_string(r->g, "general.name", &s) || s.len == 0) {
        const char *path = gguf_path(r->g), *slash = strrchr(path, '/');
        s.s = slash ? slash + 1 : path;
        s.len = strlen(s.s);
    }
    copy_text(r->c->name, sizeof r->c->name, s.s, s.len);
}

/* The numbers are llama.cpp's enum llama_ftype. Files without one say the type that all their
 * matrices have. */
static void read_file_type(const struct reading *r) {
    static const char *const names[] = {
        [0] = "F32",     [1] = "F16",     [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",    [9] = "Q5_1",    [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L", [14] = "Q4_K_S", [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",   [21] = "Q2_K_S", [32] = "BF16"};
    const char *name = NULL;
    uint64_t type;
    if (gguf_u64(r->g, "general.file_type", &type)) {
        if (type < sizeof names / sizeof *names)
            name = names[type];
    } else {
        const struct tensor *first = NULL;
        for (size_t i = 0; i < gguf_tensor_count(r->g); i++) {
            const struct tensor *t = gguf_tensor_at(r->g, i);
            if (t->n_dims < 2)
                continue;
            if (!first)
                name = quant_ggml_name(t->type);
            else if (t->type != first->type)
                name = NULL;
            first = t;
            if (!name)
                break;
        }
    }
    snprintf(r->c->file_type, sizeof r->c->file_type, "%s", name ? name : "mixed");
}

/* Options that change what a model computes. A key with another value than the neutral one is
 * something this program would silently get wrong. */
static int check_options(const struct reading *r) {
    static const struct {
        const char *key, *name;
        double neutral;
    } options[] = {
        {"expert_count", "a mixture of experts", 0},
        {"expert_used_count", "a mixture of experts", 0},
        {"expert_shared_count", "a mixture of experts", 0},
        {"attention.clamp_kqv", "clamping of q, k and v", 0},
        {"attention.max_alibi_bias", "ALiBi", 0},
        {"attn_logit_softcapping", "soft capping of attention", 0},
        {"final_logit_softcapping", "soft capping of logits", 0},
        {"logit_scale", "a logit scale", 1},
        {"residual_scale", "a residual scale", 1},
        {"embedding_scale", "an embedding scale", 1},
        {"attention.scale", "an attention scale", 0},
        {"rope.scaling.attn_factor", "rope scaling", 1},
        {"rope.scale_linear", "rope scaling", 1},
    };
    static const struct {
        const char *key, *name;
        bool neutral;
    } switches[] = {{"attention.causal", "attention that is not causal", true},
                    {"use_parallel_residual", "a parallel residual", false}};
    char k[KEY_SIZE], text[KEY_SIZE + 64];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        double v;
        full_key(r, options[i].key, k);
        snprintf(text, sizeof text, "%s (%s)", options[i].name, k);
        if (gguf_has(r->g, k) && (!gguf_f64(r->g, k, &v) || v != options[i].neutral))
            return unsupported(r, text);
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        bool v;
        full_key(r, switches[i].key, k);
        snprintf(text, sizeof text, "%s (%s)", switches[i].name, k);
        if (gguf_has(r->g, k) && (!gguf_bool(r->g, k, &v) || v != switches[i].neutral))
            return unsupported(r, text);
    }
    full_key(r, "rope.dimension_sections", k);
    return gguf_has(r->g, k) ? unsupported(r, "rope in sections") : 0;
}

static int check_rope_scaling(const struct reading *r) {
    char k[KEY_SIZE], text[KEY_SIZE + 64];
    struct str type = {.s = "linear", .len = 6};
    double factor = 1;
    full_key(r, "rope.scaling.type", k);
    if (gguf_has(r->g, k) && !gguf_string(r->g, k, &type))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is not a string", gguf_path(r->g), k);
    if (type.len == 4 && memcmp(type.s, "none", 4) == 0)
        return 0;
    full_key(r, "rope.scaling.factor", k);
    if (gguf_has(r->g, k) && !gguf_f64(r->g, k, &factor))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is not a number", gguf_path(r->g), k);
    bool linear = type.len == 6 && memcmp(type.s, "linear", 6) == 0;
    /* 0 is what converters write for "not scaled". */
    if (linear && (factor == 1 || factor == 0))
        return 0;
    snprintf(text, sizeof text, "rope scaling of type %.*s by %g",
             type.len > 32 ? 32 : (int)type.len, type.s, factor);
    return unsupported(r, text);
}

/* What the file is, rather than what the model computes. */
static int check_kind(const struct reading *r) {
    struct str s;
    uint64_t parts;
    char text[96], kind[48];
    if (gguf_string(r->g, "general.type", &s) && !(s.len == 5 && memcmp(s.s, "model", 5) == 0)) {
        copy_text(kind, sizeof kind, s.s, s.len);
        snprintf(text, sizeof text, "a GGUF of type '%s'", kind);
        return unsupported(r, text);
    }
    if (gguf_u64(r->g, "split.count", &parts) && parts > 1) {
        snprintf(text, sizeof text, "a model split into %" PRIu64 " files", parts);
        return unsupported(r, text);
    }
    return 0;
}

static int check_window(const struct reading *r) {
    char k[KEY_SIZE], text[96];
    uint64_t window;
    full_key(r, "attention.sliding_window", k);
    if (!gguf_has(r->g, k))
        return 0;
    if (!gguf_u64(r->g, k, &window))
        return unsupported(r, "a sliding window that is not one number");
    if (window == 0 || window >= r->c->context)
        return 0;
    snprintf(text, sizeof text, "a sliding window of %" PRIu64 " tokens", window);
    return unsupported(r, text);
}

static int read_sizes(const struct reading *r) {
    struct decoder_config *c = r->c;
    int rc = read_size(r, "block_count", CONFIG_MAX_LAYERS, 0, &c->layers);
    if (!rc)
        rc = read_size(r, "context_length", MAX_SIZE, 0, &c->context);
    if (!rc)
        rc = read_size(r, "embedding_length", MAX_SIZE, 0, &c->hidden);
    if (!rc)
        rc = read_size(r, "feed_forward_length", MAX_SIZE, 0, &c->intermediate);
    if (!rc)
        rc = read_size(r, "attention.head_count", MAX_HEADS, 0, &c->heads);
    if (!rc)
        rc = read_size(r, "attention.head_count_kv", MAX_HEADS, c->heads, &c->kv_heads);
    if (!rc)
        rc = read_real(r, "attention.layer_norm_rms_epsilon", 1e-12, 0.1, 0, &c->norm_eps);
    if (!rc)
        rc = read_real(r, "rope.freq_base", 1, 1e12, 10000, &c->rope.base);
    if (!rc && c->heads % c->kv_heads)
        rc = err_set(r->e, PRECIS_EINPUT, "%s: %u heads cannot share %u key heads evenly",
                     gguf_path(r->g), c->heads, c->kv_heads);
    return rc;
}

static int read_head_dim(const struct reading *r) {
    struct decoder_config *c = r->c;
    unsigned value = 0, rope = 0;
    unsigned usual =
        c->hidden % c->heads || c->hidden / c->heads > CONFIG_MAX_DIM ? 0 : c->hidden / c->heads;
    int rc = read_size(r, "attention.key_length", CONFIG_MAX_DIM, usual, &c->head_dim);
    if (!rc)
        rc = read_size(r, "attention.value_length", CONFIG_MAX_DIM, c->head_dim, &value);
    if (!rc)
        rc = read_size(r, "rope.dimension_count", CONFIG_MAX_DIM, c->head_dim, &rope);
    if (rc)
        return rc;
    if (c->head_dim % 2)
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: a head of %u dimensions cannot be rotated in pairs", gguf_path(r->g),
                       c->head_dim);
    if (value != c->head_dim)
        return unsupported(r, "a value length that differs from the key length");
    if (rope != c->head_dim)
        return err_set(r->e, PRECIS_EUNSUPPORTED,
                       "%s: rope over %u of %u dimensions is not supported", gguf_path(r->g), rope,
                       c->head_dim);
    c->rope.dims = rope;
    rope_plain(&c->rope);
    c->rope_local = c->rope;
    c->attention_scale = 1.0f / sqrtf((float)c->head_dim);
    c->embedding_scale = 1;
    return 0;
}

static int wrong_shape(const struct reading *r, const char *name, const struct tensor *t,
                       uint64_t in, uint64_t out) {
    return err_set(r->e, PRECIS_EINPUT,
                   "%s: tensor '%s' has the shape [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                   "]: [%" PRIu64 ", %" PRIu64 "] is needed",
                   gguf_path(r->g), name, t->dims[0], t->dims[1], t->dims[2], t->dims[3], in, out);
}

/* A tensor of dims {in, out}; a vector has out 1. */
static int need_tensor(const struct reading *r, const char *name, uint64_t in, uint64_t out) {
    const struct tensor *t = gguf_find_tensor(r->g, name);
    if (!t)
        return err_set(r->e, PRECIS_EINPUT, "%s: tensor '%s' is missing", gguf_path(r->g), name);
    if (t->dims[0] != in || t->dims[1] != out || t->dims[2] != 1 || t->dims[3] != 1)
        return wrong_shape(r, name, t, in, out);
    r->used[t - gguf_tensor_at(r->g, 0)] = true;
    return 0;
}

static int check_layer(const struct reading *r, unsigned layer) {
    const struct decoder_config *c = r->c;
    const uint64_t q = (uint64_t)c->heads * c->head_dim, kv = (uint64_t)c->kv_heads * c->head_dim;
    const struct {
        const char *name;
        uint64_t in, out;
        bool bias;
    } parts[] = {
        {"attn_norm.weight", c->hidden, 1, false},
        {"attn_q.weight", c->hidden, q, false},
        {"attn_k.weight", c->hidden, kv, false},
        {"attn_v.weight", c->hidden, kv, false},
        {"attn_q.bias", q, 1, true},
        {"attn_k.bias", kv, 1, true},
        {"attn_v.bias", kv, 1, true},
        {"attn_output.weight", q, c->hidden, false},
        {"ffn_norm.weight", c->hidden, 1, false},
        {"ffn_gate.weight", c->hidden, c->intermediate, false},
        {"ffn_up.weight", c->hidden, c->intermediate, false},
        {"ffn_down.weight", c->intermediate, c->hidden, false},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s", layer, parts[i].name);
        int rc =
            parts[i].bias && !c->qkv_bias ? 0 : need_tensor(r, name, parts[i].in, parts[i].out);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_vocab(const struct reading *r) {
    const struct tensor *t = gguf_find_tensor(r->g, "token_embd.weight");
    if (!t)
        return err_set(r->e, PRECIS_EINPUT, "%s: tensor 'token_embd.weight' is missing",
                       gguf_path(r->g));
    if (t->dims[1] > MAX_SIZE)
        return err_set(r->e, PRECIS_EINPUT, "%s: a vocabulary of %" PRIu64 " tokens is absurd",
                       gguf_path(r->g), t->dims[1]);
    r->c->vocab = (unsigned)t->dims[1];
    unsigned said;
    int rc = read_size(r, "vocab_size", MAX_SIZE, r->c->vocab, &said);
    if (rc)
        return rc;
    enum gguf_type type;
    size_t tokens;
    if (said == r->c->vocab && gguf_array(r->g, "tokenizer.ggml.tokens", &type, &tokens))
        said = tokens > MAX_SIZE ? MAX_SIZE : (unsigned)tokens;
    if (said != r->c->vocab)
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: the vocabulary has %u tokens, but 'token_embd.weight' has %u rows",
                       gguf_path(r->g), said, r->c->vocab);
    return 0;
}

/* A tensor that nobody asked for would change the result, so it is an option by another name. */
static int check_unused(const struct reading *r) {
    uint64_t parameters = 0;
    for (size_t i = 0; i < gguf_tensor_count(r->g); i++) {
        const struct tensor *t = gguf_tensor_at(r->g, i);
        if (!r->used[i])
            return err_set(r->e, PRECIS_EUNSUPPORTED,
                           "%s: tensor '%.*s' is not supported in %s models", gguf_path(r->g),
                           t->name.len > 80 ? 80 : (int)t->name.len, t->name.s, r->c->architecture);
        parameters += t->elements;
    }
    r->c->parameters = parameters;
    return 0;
}

static int check_tensors(struct reading *r) {
    struct decoder_config *c = r->c;
    r->used = calloc(gguf_tensor_count(r->g) + 1, sizeof *r->used);
    if (!r->used)
        return err_nomem(r->e, gguf_path(r->g));
    c->tied = !gguf_find_tensor(r->g, "output.weight");
    c->qkv_bias =
        strcmp(c->architecture, "qwen2") == 0 || gguf_find_tensor(r->g, "blk.0.attn_q.bias");
    int rc = read_vocab(r);
    if (!rc)
        rc = need_tensor(r, "token_embd.weight", c->hidden, c->vocab);
    if (!rc && !c->tied)
        rc = need_tensor(r, "output.weight", c->hidden, c->vocab);
    if (!rc)
        rc = need_tensor(r, "output_norm.weight", c->hidden, 1);
    for (unsigned i = 0; i < c->layers && !rc; i++)
        rc = check_layer(r, i);
    if (!rc)
        rc = check_unused(r);
    free(r->used);
    return rc;
}

int decoder_config_read(const struct gguf *g, struct decoder_config *c, struct err *e) {
    *c = (struct decoder_config){0};
    struct reading r = {.g = g, .c = c, .e = e};
    int rc = read_architecture(&r);
    if (!rc)
        rc = check_kind(&r);
    if (!rc)
        rc = check_options(&r);
    if (!rc)
        rc = check_rope_scaling(&r);
    if (!rc)
        rc = read_sizes(&r);
    if (!rc)
        rc = check_window(&r);
    if (!rc)
        rc = read_head_dim(&r);
    if (!rc)
        rc = check_tensors(&r);
    if (rc)
        return rc;
    read_name(&r);
    read_file_type(&r);
    return 0;
}

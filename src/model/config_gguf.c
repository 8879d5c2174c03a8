#include "model/config_gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/layout.h"
#include "model/rope.h"

enum { KEY_SIZE = 96 };

/* What a family is, beyond what the metadata says. */
struct family {
    const char *architecture;
    bool qk_interleaved, qkv_bias, qk_norm, partial_rope, encoder;
    bool gemma; /* norms after the blocks, scaled embedding, two kinds of layers, GELU */
};

static const struct family families[] = {
    {.architecture = "llama", .qk_interleaved = true},
    {.architecture = "qwen2", .qkv_bias = true},
    {.architecture = "qwen3", .qk_norm = true},
    {.architecture = "phi3", .partial_rope = true},
    {.architecture = "gemma3", .qk_norm = true, .gemma = true},
    {.architecture = "bert", .encoder = true},
};

struct reading {
    const struct gguf *g;
    const struct family *family;
    struct tensor_set *set;
    struct decoder_config *c;
    struct err *e;
};

static void full_key(const struct reading *r, const char *key, char out[KEY_SIZE]) {
    snprintf(out, KEY_SIZE, "%s.%s", r->family->architecture, key);
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

static int read_architecture(struct reading *r) {
    struct str s;
    char shown[64];
    if (!gguf_string(r->g, "general.architecture", &s))
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: key general.architecture is missing or not a string", gguf_path(r->g));
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (s.len == strlen(families[i].architecture) &&
            memcmp(s.s, families[i].architecture, s.len) == 0)
            r->family = &families[i];
    config_copy_text(shown, sizeof shown, s.s, s.len);
    if (!r->family)
        return err_set(r->e, PRECIS_EUNSUPPORTED,
                       "%s: architecture '%s' is not supported (llama, qwen2, qwen3, phi3, gemma3 "
                       "and bert are)",
                       gguf_path(r->g), shown);
    return 0;
}

static void read_name(const struct reading *r, char *out, size_t size) {
    struct str s;
    if (gguf_string(r->g, "general.name", &s) && s.len > 0)
        config_copy_text(out, size, s.s, s.len);
    else
        config_name_from_path(out, size, gguf_path(r->g));
}

/* The numbers are llama.cpp's enum llama_ftype. Files without one say the type that all their
 * matrices have. */
static void read_file_type(const struct reading *r, char *out, size_t size) {
    static const char *const names[] = {
        [0] = "F32",     [1] = "F16",     [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",    [9] = "Q5_1",    [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L", [14] = "Q4_K_S", [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",   [21] = "Q2_K_S", [32] = "BF16"};
    const char *name = NULL;
    uint64_t type;
    if (!gguf_u64(r->g, "general.file_type", &type))
        name = layout_file_type(r->set);
    else if (type < sizeof names / sizeof *names)
        name = names[type];
    snprintf(out, size, "%s", name ? name : "mixed");
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
        {"logit_scale", "a logit scale", 1},
        {"residual_scale", "a residual scale", 1},
        {"embedding_scale", "an embedding scale", 1},
        {"attention.scale", "an attention scale", 0},
        {"rope.scale_linear", "rope scaling", 1},
        {"rope.scaling.yarn_ext_factor", "rope scaling", 1},
        {"rope.scaling.yarn_attn_factor", "rope scaling", 1},
        {"rope.scaling.yarn_beta_fast", "rope scaling", 32},
        {"rope.scaling.yarn_beta_slow", "rope scaling", 1},
        {"rope.scaling.yarn_log_multiplier", "rope scaling", 0},
        {"attention.temperature_scale", "an attention temperature", 0},
    };
    static const struct {
        const char *key, *name;
        bool neutral;
    } switches[] = {{"use_parallel_residual", "a parallel residual", false},
                    {"attention.causal", "attention that is not causal", true}};
    const size_t switch_count = r->family->encoder ? 1 : 2;
    char k[KEY_SIZE], text[KEY_SIZE + 64];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        double v;
        full_key(r, options[i].key, k);
        snprintf(text, sizeof text, "%s (%s)", options[i].name, k);
        if (gguf_has(r->g, k) && (!gguf_f64(r->g, k, &v) || v != options[i].neutral))
            return unsupported(r, text);
    }
    for (size_t i = 0; i < switch_count; i++) {
        bool v;
        full_key(r, switches[i].key, k);
        snprintf(text, sizeof text, "%s (%s)", switches[i].name, k);
        if (gguf_has(r->g, k) && (!gguf_bool(r->g, k, &v) || v != switches[i].neutral))
            return unsupported(r, text);
    }
    full_key(r, "rope.dimension_sections", k);
    return gguf_has(r->g, k) ? unsupported(r, "rope in sections") : 0;
}

/* What the file is, rather than what the model computes. */
static int check_kind(const struct reading *r) {
    struct str s;
    uint64_t parts;
    char text[96], kind[48];
    if (gguf_string(r->g, "general.type", &s) && !(s.len == 5 && memcmp(s.s, "model", 5) == 0)) {
        config_copy_text(kind, sizeof kind, s.s, s.len);
        snprintf(text, sizeof text, "a GGUF of type '%s'", kind);
        return unsupported(r, text);
    }
    if (gguf_u64(r->g, "split.count", &parts) && parts > 1) {
        snprintf(text, sizeof text, "a model split into %" PRIu64 " files", parts);
        return unsupported(r, text);
    }
    return 0;
}

/* attention.sliding_window and the layers that see only it. llama.cpp does the same for Gemma 3;
 * for Phi-3 and Mistral (whose files are of the llama architecture) the source is transformers,
 * where all layers slide. */
static int read_window(const struct reading *r) {
    struct decoder_config *c = r->c;
    char k[KEY_SIZE], text[96];
    uint64_t window = 0;
    unsigned pattern = 1;
    full_key(r, "attention.sliding_window", k);
    if (gguf_has(r->g, k) && !gguf_u64(r->g, k, &window))
        return unsupported(r, "a sliding window that is not one number");
    if (r->family->gemma) {
        int rc = read_size(r, "attention.sliding_window_pattern", CONFIG_MAX_LAYERS, 6, &pattern);
        if (rc)
            return rc;
        if (window < 1 || window > CONFIG_MAX_SIZE)
            return err_set(r->e, PRECIS_EINPUT, "%s: %s is %" PRIu64 ": 1 to %d are allowed",
                           gguf_path(r->g), k, window, CONFIG_MAX_SIZE);
    } else if (window == 0 || window >= c->context) {
        return 0;
    } else if (!r->family->partial_rope && strcmp(c->architecture, "llama") != 0) {
        snprintf(text, sizeof text, "a sliding window of %" PRIu64 " tokens", window);
        return unsupported(r, text);
    }
    c->window = (unsigned)window;
    for (unsigned i = 0; i < c->layers; i++)
        if (!r->family->gemma || (i + 1) % pattern != 0)
            config_slide(c, i);
    return 0;
}

/* Those that decoders and encoders have. */
static int read_common_sizes(const struct reading *r, unsigned *layers, unsigned *context,
                             unsigned *hidden, unsigned *intermediate, unsigned *heads) {
    int rc = read_size(r, "block_count", CONFIG_MAX_LAYERS, 0, layers);
    if (!rc)
        rc = read_size(r, "context_length", CONFIG_MAX_SIZE, 0, context);
    if (!rc)
        rc = read_size(r, "embedding_length", CONFIG_MAX_SIZE, 0, hidden);
    if (!rc)
        rc = read_size(r, "feed_forward_length", CONFIG_MAX_SIZE, 0, intermediate);
    if (!rc)
        rc = read_size(r, "attention.head_count", CONFIG_MAX_HEADS, 0, heads);
    return rc;
}

static int read_sizes(const struct reading *r) {
    struct decoder_config *c = r->c;
    const double usual_base = r->family->gemma ? 1e6 : 10000;
    int rc = read_common_sizes(r, &c->layers, &c->context, &c->hidden, &c->intermediate, &c->heads);
    if (!rc)
        rc = read_size(r, "attention.head_count_kv", CONFIG_MAX_HEADS, c->heads, &c->kv_heads);
    if (!rc)
        rc = read_real(r, "attention.layer_norm_rms_epsilon", 1e-12, 0.1, 0, &c->norm_eps);
    if (!rc)
        rc = read_real(r, "rope.freq_base", 1, 1e12, usual_base, &c->rope.base);
    return rc;
}

static int read_head_dim(const struct reading *r) {
    struct decoder_config *c = r->c;
    unsigned value = 0;
    unsigned usual =
        c->hidden % c->heads || c->hidden / c->heads > CONFIG_MAX_DIM ? 0 : c->hidden / c->heads;
    int rc = read_size(r, "attention.key_length", CONFIG_MAX_DIM, usual, &c->head_dim);
    if (!rc)
        rc = read_size(r, "attention.value_length", CONFIG_MAX_DIM, c->head_dim, &value);
    if (!rc)
        rc = read_size(r, "rope.dimension_count", CONFIG_MAX_DIM, c->head_dim, &c->rope.dims);
    if (!rc)
        rc = config_check_decoder(c, gguf_path(r->g), r->e);
    if (!rc && value != c->head_dim)
        rc = unsupported(r, "a value length that differs from the key length");
    if (!rc && c->rope.dims != c->head_dim && !r->family->partial_rope)
        rc =
            err_set(r->e, PRECIS_EUNSUPPORTED, "%s: rope over %u of %u dimensions is not supported",
                    gguf_path(r->g), c->rope.dims, c->head_dim);
    return rc;
}

static bool is(struct str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.s, text, s.len) == 0;
}

/* YaRN with llama.cpp's defaults, which are transformers' too. */
static int read_yarn(const struct reading *r, double factor) {
    char k[KEY_SIZE];
    struct rope_yarn y = {.factor = factor, .fast = 32, .slow = 1, .truncate = true};
    full_key(r, "rope.scaling.original_context_length", k);
    if (!gguf_f64(r->g, k, &y.original) || !(y.original >= 1 && y.original <= CONFIG_MAX_SIZE) ||
        !(factor >= 1 && factor <= 1e6))
        return err_set(r->e, PRECIS_EUNSUPPORTED,
                       "%s: rope scaling of type yarn by %g without a sound %s is not supported",
                       gguf_path(r->g), factor, k);
    y.scale = factor > 1 ? 0.1 * log(factor) + 1 : 1;
    rope_yarn(&r->c->rope, &y);
    return 0;
}

/* Factors for each pair, as their own tensor: of Llama 3.1 for all lengths, of Phi-3 for short and
 * for long sequences. */
static int read_rope_factors(const struct reading *r) {
    static const char *const names[] = {"rope_factors_short.weight", "rope_factors_long.weight"};
    float factors[CONFIG_MAX_DIM / 2];
    struct rope *rope = &r->c->rope;
    const bool all = r->family->qk_interleaved && tensor_set_stored(r->set, "rope_freqs.weight");
    const bool two = r->family->partial_rope &&
                     (tensor_set_stored(r->set, names[0]) || tensor_set_stored(r->set, names[1]));
    float scale = 1;
    int rc = read_real(r, "rope.scaling.attn_factor", 1e-3, 1e3, 1, &scale);
    if (!rc && scale != 1 && !two)
        rc = unsupported(r, "an attention factor of rope without its factors");
    if (!rc && two)
        rc = read_size(r, "rope.scaling.original_context_length", CONFIG_MAX_SIZE, r->c->context,
                       &rope->original);
    for (int row = 0; row < 2 && !rc && (all || two); row++) {
        rc = tensor_set_values(r->set, all ? "rope_freqs.weight" : names[row], rope->dims / 2,
                               factors, r->e);
        for (unsigned i = 0; i < rope->dims / 2 && !rc; i++)
            if (!(factors[i] > 1e-6f && factors[i] < 1e6f))
                rc = err_set(r->e, PRECIS_EINPUT, "%s: a rope factor is %g", gguf_path(r->g),
                             (double)factors[i]);
        if (!rc)
            rope_divide(rope, row, factors);
        rope->scale[row] = scale;
    }
    return rc;
}

static int read_rope(const struct reading *r) {
    struct decoder_config *c = r->c;
    char k[KEY_SIZE], text[KEY_SIZE + 64];
    struct str type = {.s = "linear", .len = 6};
    double factor = 1;
    c->rope_local.dims = c->rope.dims;
    rope_plain(&c->rope);
    int rc = read_real(r, "rope.freq_base_swa", 1, 1e12,
                       r->family->gemma ? 10000 : (double)c->rope.base, &c->rope_local.base);
    if (rc)
        return rc;
    rope_plain(&c->rope_local);
    full_key(r, "rope.scaling.type", k);
    if (gguf_has(r->g, k) && !gguf_string(r->g, k, &type))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is not a string", gguf_path(r->g), k);
    full_key(r, "rope.scaling.factor", k);
    if (gguf_has(r->g, k) && !gguf_f64(r->g, k, &factor))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is not a number", gguf_path(r->g), k);
    /* 0 is what converters write for "not scaled". */
    const bool scaled = factor != 0 && factor != 1 && !is(type, "none");
    if (!scaled || (is(type, "longrope") && r->family->partial_rope)) {
        rc = read_rope_factors(r);
    } else if (is(type, "linear") && factor >= 1e-3 && factor <= 1e6) {
        rope_linear(&c->rope, factor);
    } else if (is(type, "yarn") && !r->family->gemma) {
        rc = read_yarn(r, factor);
    } else {
        snprintf(text, sizeof text, "rope scaling of type %.*s by %g",
                 type.len > 32 ? 32 : (int)type.len, type.s, factor);
        rc = unsupported(r, text);
    }
    if (!rc && !r->family->gemma)
        c->rope_local = c->rope;
    return rc;
}

static int read_vocab(const struct reading *r, unsigned *vocab) {
    const struct stored_tensor *t = tensor_set_stored(r->set, "token_embd.weight");
    if (!t)
        return err_set(r->e, PRECIS_EINPUT, "%s: tensor 'token_embd.weight' is missing",
                       gguf_path(r->g));
    if (t->tensor.dims[1] > CONFIG_MAX_SIZE)
        return err_set(r->e, PRECIS_EINPUT, "%s: a vocabulary of %" PRIu64 " tokens is absurd",
                       gguf_path(r->g), t->tensor.dims[1]);
    *vocab = (unsigned)t->tensor.dims[1];
    unsigned said;
    int rc = read_size(r, "vocab_size", CONFIG_MAX_SIZE, *vocab, &said);
    if (rc)
        return rc;
    enum gguf_type type;
    size_t tokens;
    if (said == *vocab && gguf_array(r->g, "tokenizer.ggml.tokens", &type, &tokens))
        said = tokens > CONFIG_MAX_SIZE ? CONFIG_MAX_SIZE : (unsigned)tokens;
    if (said != *vocab)
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: the vocabulary has %u tokens, but 'token_embd.weight' has %u rows",
                       gguf_path(r->g), said, *vocab);
    return 0;
}

/* What a family computes besides its sizes. */
static int read_arithmetic(const struct reading *r) {
    /* The metadata does not have query_pre_attn_scalar; the one published size where it is not the
     * head's is the one of 62 layers, and llama.cpp tells it by that. */
    enum { LAYERS_OF_27B = 62 };
    struct decoder_config *c = r->c;
    float cap = 0;
    c->qk_interleaved = r->family->qk_interleaved;
    c->qk_norm = r->family->qk_norm;
    c->post_norms = r->family->gemma;
    c->activation = r->family->gemma ? ACTIVATION_GELU_TANH : ACTIVATION_SILU;
    c->embedding_scale = r->family->gemma ? sqrtf((float)c->hidden) : 1;
    c->attention_scale = 1.0f / sqrtf((float)c->head_dim);
    if (r->family->gemma && c->layers == LAYERS_OF_27B)
        c->attention_scale = 1.0f / sqrtf((float)c->hidden / (float)c->heads);
    int rc = read_real(r, "final_logit_softcapping", 0, 1e6, 1e6, &cap);
    char k[KEY_SIZE];
    full_key(r, "final_logit_softcapping", k);
    if (!rc && gguf_has(r->g, k) && cap != 0) {
        if (!r->family->gemma)
            return unsupported(r, "soft capping of logits");
        c->logit_cap = cap;
    }
    return rc;
}

static int read_decoder(const struct reading *r) {
    struct decoder_config *c = r->c;
    snprintf(c->architecture, sizeof c->architecture, "%s", r->family->architecture);
    int rc = read_sizes(r);
    if (!rc)
        rc = read_window(r);
    if (!rc)
        rc = read_head_dim(r);
    if (!rc)
        rc = read_rope(r);
    if (!rc)
        rc = read_arithmetic(r);
    if (!rc)
        rc = read_vocab(r, &c->vocab);
    c->tied = !tensor_set_stored(r->set, "output.weight");
    c->qkv_bias = r->family->qkv_bias ||
                  (r->family->qk_interleaved && tensor_set_stored(r->set, "blk.0.attn_q.bias"));
    if (!rc)
        rc = layout_bind_decoder(r->set, c, NULL, r->e);
    if (rc)
        return rc;
    read_name(r, c->name, sizeof c->name);
    read_file_type(r, c->file_type, sizeof c->file_type);
    return 0;
}

/* Converters cut the rows off that RoBERTa's positions never take, so the first token has row 0. */
static int read_encoder(const struct reading *r, struct encoder_config *c) {
    const struct stored_tensor *types = tensor_set_stored(r->set, "token_types.weight");
    snprintf(c->architecture, sizeof c->architecture, "%s", r->family->architecture);
    int rc = read_common_sizes(r, &c->layers, &c->context, &c->hidden, &c->intermediate, &c->heads);
    if (!rc)
        rc = read_real(r, "attention.layer_norm_epsilon", 1e-14, 0.1, 0, &c->norm_eps);
    if (!rc)
        rc = config_check_encoder(c, gguf_path(r->g), r->e);
    if (!rc)
        rc = read_vocab(r, &c->vocab);
    if (!rc && (!types || types->tensor.dims[1] > CONFIG_MAX_SIZE))
        rc = err_set(r->e, PRECIS_EINPUT, "%s: tensor 'token_types.weight' is missing or absurd",
                     gguf_path(r->g));
    if (rc || !types)
        return rc;
    c->head_dim = c->hidden / c->heads;
    c->activation = ACTIVATION_GELU;
    c->types = (unsigned)types->tensor.dims[1];
    rc = layout_bind_encoder(r->set, c, NULL, r->e);
    if (rc)
        return rc;
    read_name(r, c->name, sizeof c->name);
    read_file_type(r, c->file_type, sizeof c->file_type);
    return 0;
}

int config_gguf_read(const struct gguf *g, struct tensor_set *set, struct model_config *m,
                     struct err *e) {
    *m = (struct model_config){0};
    struct reading r = {.g = g, .set = set, .c = &m->decoder, .e = e};
    int rc = read_architecture(&r);
    if (rc || !r.family)
        return rc;
    rc = check_kind(&r);
    if (!rc)
        rc = check_options(&r);
    if (rc)
        return rc;
    m->is_encoder = r.family->encoder;
    rc = m->is_encoder ? read_encoder(&r, &m->encoder) : read_decoder(&r);
    return rc ? rc : layout_check_unused(set, r.family->architecture, NULL, e);
}

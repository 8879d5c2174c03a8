#include "model/config_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/config_json_impl.h"
#include "model/layout.h"

static const struct json_family families[] = {
    {.type = "llama",
     .architecture = "llama",
     .classes = "LlamaForCausalLM LlamaModel",
     .norm_eps = 1e-6,
     .rope_base = 10000,
     .context = 2048},
    {.type = "mistral",
     .architecture = "mistral",
     .classes = "MistralForCausalLM MistralModel",
     .norm_eps = 1e-6,
     .rope_base = 10000,
     .context = 131072,
     .kv_heads = 8,
     .window = true},
    {.type = "qwen2",
     .architecture = "qwen2",
     .classes = "Qwen2ForCausalLM Qwen2Model",
     .norm_eps = 1e-6,
     .rope_base = 10000,
     .context = 32768,
     .kv_heads = 32,
     .qkv_bias = true,
     .layer_types = true},
    {.type = "qwen3",
     .architecture = "qwen3",
     .classes = "Qwen3ForCausalLM Qwen3Model",
     .norm_eps = 1e-6,
     .rope_base = 10000,
     .context = 32768,
     .kv_heads = 32,
     .head_dim = 128,
     .qk_norm = true,
     .layer_types = true},
    {.type = "phi3",
     .architecture = "phi3",
     .classes = "Phi3ForCausalLM Phi3Model",
     .norm_eps = 1e-5,
     .rope_base = 10000,
     .original = 4096,
     .context = 4096,
     .window = true,
     .partial_rope = true},
    {.type = "gemma3_text",
     .architecture = "gemma3",
     .classes = "Gemma3ForCausalLM Gemma3TextModel Gemma3ForConditionalGeneration Gemma3Model",
     .norm_eps = 1e-6,
     .rope_base = 1e6,
     .context = 131072,
     .kv_heads = 4,
     .head_dim = 256,
     .qk_norm = true,
     .layer_types = true,
     .gemma = true},
    {.type = "bert",
     .architecture = "bert",
     .classes = "BertModel BertForMaskedLM BertForPreTraining BertForSequenceClassification "
                "BertForTokenClassification BertForQuestionAnswering BertForNextSentencePrediction",
     .norm_eps = 1e-12,
     .context = 512,
     .encoder = true},
    {.type = "roberta",
     .architecture = "roberta",
     .classes = "RobertaModel RobertaForMaskedLM RobertaForSequenceClassification "
                "RobertaForTokenClassification RobertaForQuestionAnswering",
     .norm_eps = 1e-12,
     .context = 512,
     .encoder = true},
    {.type = "xlm-roberta",
     .architecture = "roberta",
     .classes = "XLMRobertaModel XLMRobertaForMaskedLM XLMRobertaForSequenceClassification "
                "XLMRobertaForTokenClassification XLMRobertaForQuestionAnswering",
     .norm_eps = 1e-12,
     .context = 512,
     .encoder = true},
};

static const json_t *get(const struct json_reader *r, const char *key) {
    const json_t *v = json_object_get(r->object, key);
    return json_is_null(v) ? NULL : v;
}

bool json_has(const struct json_reader *r, const char *key) {
    return get(r, key) != NULL;
}

static int wrong(const struct json_reader *r, const char *key, const char *what) {
    return err_set(r->e, PRECIS_EINPUT, "%s: %s %s", r->path, key, what);
}

int json_size(const struct json_reader *r, const char *key, unsigned most, unsigned fallback,
              unsigned *out) {
    const json_t *v = get(r, key);
    *out = fallback;
    if (!v)
        return fallback ? 0 : err_set(r->e, PRECIS_EINPUT, "%s: key '%s' is missing", r->path, key);
    if (!json_is_integer(v))
        return wrong(r, key, "is not a whole number");
    const json_int_t n = json_integer_value(v);
    if (n < 1 || n > (json_int_t)most)
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: %s is %" JSON_INTEGER_FORMAT ": 1 to %u are allowed", r->path, key, n,
                       most);
    *out = (unsigned)n;
    return 0;
}

int json_number(const struct json_reader *r, const char *key, double low, double high,
                double fallback, double *out) {
    const json_t *v = get(r, key);
    *out = fallback;
    if (!v)
        return isnan(fallback)
                   ? err_set(r->e, PRECIS_EINPUT, "%s: key '%s' is missing", r->path, key)
                   : 0;
    if (!json_is_number(v))
        return wrong(r, key, "is not a number");
    *out = json_number_value(v);
    if (!(*out >= low && *out <= high))
        return err_set(r->e, PRECIS_EINPUT, "%s: %s is %g: %g to %g are allowed", r->path, key,
                       *out, low, high);
    return 0;
}

int json_flag(const struct json_reader *r, const char *key, bool fallback, bool *out) {
    const json_t *v = get(r, key);
    *out = v ? json_is_true(v) : fallback;
    return v && !json_is_boolean(v) ? wrong(r, key, "is neither true nor false") : 0;
}

int json_text(const struct json_reader *r, const char *key, const char **out) {
    const json_t *v = get(r, key);
    *out = json_string_value(v);
    return v && !*out ? wrong(r, key, "is not a string") : 0;
}

int json_unsupported(const struct json_reader *r, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(r->e, PRECIS_EUNSUPPORTED, "%s: %s is not supported", r->path, text);
}

static bool listed(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = n ? strstr(list, word) : NULL; p; p = strstr(p + 1, word))
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

/* By model_type; the class only has to go with it, since its other heads compute other things. */
static int find_family(const struct json_reader *r, const struct json_family **out) {
    const char *type;
    const json_t *classes = get(r, "architectures");
    const char *class = json_string_value(json_array_get(classes, 0));
    int rc = json_text(r, "model_type", &type);
    if (rc)
        return rc;
    if (!type)
        return err_set(r->e, PRECIS_EINPUT, "%s: key 'model_type' is missing", r->path);
    if (strcmp(type, "gemma3") == 0)
        type = "gemma3_text";
    *out = NULL;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].type, type) == 0)
            *out = &families[i];
    if (!*out)
        return json_unsupported(r,
                                "model_type '%.64s' (llama, mistral, qwen2, qwen3, phi3, gemma3, "
                                "bert, roberta and xlm-roberta are)",
                                type);
    if (class && !listed((*out)->classes, class))
        return json_unsupported(r, "architecture '%.64s'", class);
    return 0;
}

/* Switches that change what a model computes. */
static int check_options(const struct json_reader *r) {
    static const struct {
        const char *key, *name;
    } switches[] = {
        {"attention_bias", "attention_bias (a bias of o_proj)"},
        {"mlp_bias", "mlp_bias"},
        {"use_bidirectional_attention", "use_bidirectional_attention"},
        {"add_cross_attention", "add_cross_attention"},
        {"is_encoder_decoder", "is_encoder_decoder"},
        {"is_decoder", "is_decoder"},
    };
    static const char *const counts[] = {"num_local_experts", "num_experts", "n_routed_experts"};
    const json_t *quantization = get(r, "quantization_config");
    const char *method = json_string_value(json_object_get(quantization, "quant_method"));
    if (quantization)
        return json_unsupported(r, "quantization_config (%.32s)", method ? method : "unknown");
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        bool on;
        int rc = json_flag(r, switches[i].key, false, &on);
        if (rc || on)
            return rc ? rc : json_unsupported(r, "%s", switches[i].name);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        double n;
        int rc = json_number(r, counts[i], 0, 1e9, 0, &n);
        if (rc || n > 0)
            return rc ? rc : json_unsupported(r, "a mixture of experts (%s)", counts[i]);
    }
    return 0;
}

static int read_sizes(const struct json_reader *r, const struct json_family *f,
                      struct decoder_config *c) {
    const bool g = f->gemma; /* whose files may leave out what they have in common with the 2B */
    double eps;
    int rc = json_size(r, "num_hidden_layers", CONFIG_MAX_LAYERS, g ? 26 : 0, &c->layers);
    if (!rc)
        rc = json_size(r, "hidden_size", CONFIG_MAX_SIZE, g ? 2304 : 0, &c->hidden);
    if (!rc)
        rc = json_size(r, "intermediate_size", CONFIG_MAX_SIZE, g ? 9216 : 0, &c->intermediate);
    if (!rc)
        rc = json_size(r, "vocab_size", CONFIG_MAX_SIZE, g ? 262208 : 0, &c->vocab);
    if (!rc)
        rc = json_size(r, "max_position_embeddings", CONFIG_MAX_SIZE, f->context, &c->context);
    if (!rc)
        rc = json_size(r, "num_attention_heads", CONFIG_MAX_HEADS, g ? 8 : 0, &c->heads);
    if (rc || !c->heads)
        return rc;
    /* A null means as many as heads, a missing key what the class says. */
    const bool null = json_is_null(json_object_get(r->object, "num_key_value_heads"));
    const unsigned usual_kv = f->kv_heads && !null ? f->kv_heads : c->heads;
    const unsigned usual_dim = f->head_dim ? f->head_dim : c->hidden / c->heads;
    rc = json_size(r, "num_key_value_heads", CONFIG_MAX_HEADS, usual_kv, &c->kv_heads);
    if (!rc)
        rc = json_size(r, "head_dim", CONFIG_MAX_DIM, usual_dim, &c->head_dim);
    if (!rc && c->head_dim > CONFIG_MAX_DIM)
        rc = json_unsupported(r, "a head of %u dimensions", c->head_dim);
    if (!rc)
        rc = json_number(r, "rms_norm_eps", 1e-12, 0.1, f->norm_eps, &eps);
    if (!rc)
        c->norm_eps = (float)eps;
    return rc;
}

static int read_layer_types(const struct json_reader *r, const json_t *types,
                            struct decoder_config *c) {
    if (!json_is_array(types) || json_array_size(types) != c->layers)
        return err_set(r->e, PRECIS_EINPUT, "%s: layer_types is not a list of %u names", r->path,
                       c->layers);
    for (unsigned i = 0; i < c->layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type && strcmp(type, "sliding_attention") == 0)
            config_slide(c, i);
        else if (!type || strcmp(type, "full_attention") != 0)
            return json_unsupported(r, "layer type '%.32s'", type ? type : "?");
    }
    return 0;
}

/* Which layers slide where no list says so. */
static int read_pattern(const struct json_reader *r, const struct json_family *f, bool uses,
                        struct decoder_config *c) {
    unsigned pattern = 6;
    double first = 0;
    int rc = 0;
    if (f->gemma) {
        const char *key = json_has(r, "sliding_window_pattern") ? "sliding_window_pattern"
                                                                : "_sliding_window_pattern";
        rc = json_size(r, key, CONFIG_MAX_LAYERS, 6, &pattern);
    } else if (f->layer_types) {
        rc = json_number(r, "max_window_layers", 0, CONFIG_MAX_SIZE, 28, &first);
    }
    for (unsigned i = 0; i < c->layers && !rc; i++)
        if (f->gemma ? (i + 1) % pattern != 0 : uses && i >= first)
            config_slide(c, i);
    return rc;
}

static int read_window(const struct json_reader *r, const struct json_family *f,
                       struct decoder_config *c) {
    const json_t *types = get(r, "layer_types");
    const bool always = f->window || f->gemma;
    const bool null = json_is_null(json_object_get(r->object, "sliding_window"));
    bool uses = false, slides = false;
    unsigned window = 0;
    if (!always && !f->layer_types)
        return types ? json_unsupported(r, "layer_types in %s models", f->type) : 0;
    int rc = json_flag(r, "use_sliding_window", false, &uses);
    uses = uses || always;
    /* Phi-3's class has none where the key is absent, the others have 4096. */
    const bool usual = !null && strcmp(f->type, "phi3") != 0;
    if (!rc && uses && (usual || json_has(r, "sliding_window")))
        rc = json_size(r, "sliding_window", CONFIG_MAX_SIZE, 4096, &window);
    if (!rc)
        rc = types ? read_layer_types(r, types, c) : read_pattern(r, f, uses && window, c);
    if (rc)
        return rc;
    for (unsigned i = 0; i < c->layers; i++)
        slides = slides || (c->sliding[i / 8] >> i % 8 & 1);
    if (slides && !window)
        return json_unsupported(r, "a sliding layer without sliding_window");
    if (f->window && types)
        for (unsigned i = 0; i < c->layers; i++)
            if (window && !(c->sliding[i / 8] >> i % 8 & 1))
                return json_unsupported(r, "layer_types in %s models", f->type);
    /* A window that holds all of the context hides nothing; a Gemma's layers still differ by their
     * rotation. */
    c->window = slides && (f->gemma || window < c->context) ? window : 0;
    return 0;
}

static int read_activation(const struct json_reader *r, const struct json_family *f,
                           struct decoder_config *c) {
    const char *key = f->gemma ? "hidden_activation" : "hidden_act", *name;
    int rc = json_text(r, key, &name);
    if (rc)
        return rc;
    const bool fine = !name || (f->gemma ? strcmp(name, "gelu_pytorch_tanh") == 0
                                         : strcmp(name, "silu") == 0 || strcmp(name, "swish") == 0);
    c->activation = f->gemma ? ACTIVATION_GELU_TANH : ACTIVATION_SILU;
    return fine ? 0 : json_unsupported(r, "%s '%.32s'", key, name);
}

/* Gemma 3's class has attn_logit_softcapping too, but neither transformers nor any other
 * implementation applies it in this family. */
static int read_arithmetic(const struct json_reader *r, const struct json_family *f,
                           struct decoder_config *c) {
    double scalar = c->head_dim, cap = 0;
    int rc = read_activation(r, f, c);
    if (!rc && f->gemma)
        rc = json_number(r, "query_pre_attn_scalar", 1e-3, 1e9, 256, &scalar);
    if (!rc && f->gemma)
        rc = json_number(r, "final_logit_softcapping", 1e-3, 1e6, 0, &cap);
    c->attention_scale = (float)(1 / sqrt(scalar));
    c->embedding_scale = f->gemma ? (float)sqrt(c->hidden) : 1;
    c->logit_cap = (float)cap;
    c->qk_norm = f->qk_norm;
    c->qkv_bias = f->qkv_bias;
    c->post_norms = f->gemma;
    return rc;
}

/* The beginnings that a decoder's names may have: of a causal language model, of the model without
 * its output layer, and of a language model within a multimodal one. */
static int find_names(const struct json_reader *r, const struct tensor_set *set,
                      struct layout_names *names) {
    static const struct {
        const char *prefix, *output;
    } known[] = {{"model.", "lm_head.weight"},
                 {"", "lm_head.weight"},
                 {"language_model.model.", "language_model.lm_head.weight"},
                 {"model.language_model.", "lm_head.weight"},
                 {"language_model.", "lm_head.weight"}};
    char name[LAYOUT_PREFIX_SIZE + 32];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        snprintf(name, sizeof name, "%sembed_tokens.weight", known[i].prefix);
        if (!tensor_set_stored(set, name))
            continue;
        snprintf(names->prefix, sizeof names->prefix, "%s", known[i].prefix);
        snprintf(names->output, sizeof names->output, "%s", known[i].output);
        return 0;
    }
    return err_set(r->e, PRECIS_EINPUT, "%s: tensor 'model.embed_tokens.weight' is missing",
                   set->path);
}

/* An output layer beside a tied embedding counts only if it differs, as in transformers. */
static int read_tied(const struct json_reader *r, const struct json_reader *top,
                     const struct json_family *f, const struct tensor_set *set,
                     const struct layout_names *names, struct decoder_config *c) {
    char name[LAYOUT_PREFIX_SIZE + 32];
    bool tied;
    int rc = json_flag(top, "tie_word_embeddings", f->gemma, &tied);
    if (!rc && top->object != r->object && !json_has(top, "tie_word_embeddings"))
        rc = json_flag(r, "tie_word_embeddings", f->gemma, &tied);
    if (rc)
        return rc;
    struct stored_tensor *output = tensor_set_stored(set, names->output);
    snprintf(name, sizeof name, "%sembed_tokens.weight", names->prefix);
    const struct stored_tensor *embedding = tensor_set_stored(set, name);
    c->tied = tied && (!output || (embedding && output->tensor.type == embedding->tensor.type &&
                                   output->tensor.size == embedding->tensor.size &&
                                   memcmp(output->tensor.data, embedding->tensor.data,
                                          embedding->tensor.size) == 0));
    return 0;
}

static bool ends(struct str s, const char *with) {
    const size_t n = strlen(with);
    return s.len >= n && memcmp(s.s + s.len - n, with, n) == 0;
}

static bool begins(struct str s, const char *with) {
    const size_t n = strlen(with);
    return s.len >= n && memcmp(s.s, with, n) == 0;
}

/* What a decoder's files may have besides: frequencies that follow from the configuration, the copy
 * of a tied embedding, and the other half of a multimodal Gemma. */
static bool ignored(struct str name) {
    return ends(name, ".rotary_emb.inv_freq") || ends(name, "lm_head.weight") ||
           begins(name, "vision_tower.") || begins(name, "model.vision_tower.") ||
           begins(name, "multi_modal_projector.") || begins(name, "model.multi_modal_projector.");
}

static void read_name(const struct json_reader *r, const char *folder, char *out, size_t size) {
    const char *name = json_string_value(get(r, "_name_or_path"));
    if (name && *name && *name != '/' && *name != '.')
        config_copy_text(out, size, name, strlen(name));
    else
        config_name_from_path(out, size, folder);
}

static int read_decoder(const struct json_reader *r, const struct json_reader *top,
                        const struct json_family *f, struct tensor_set *set,
                        struct decoder_config *c) {
    struct layout_names names = {.gains_less_one = f->gemma};
    snprintf(c->architecture, sizeof c->architecture, "%s", f->architecture);
    int rc = read_sizes(r, f, c);
    if (!rc)
        rc = read_window(r, f, c);
    if (!rc)
        rc = config_json_rope(r, f, c);
    if (!rc)
        rc = config_check_decoder(c, r->path, r->e);
    if (!rc)
        rc = read_arithmetic(r, f, c);
    if (!rc)
        rc = find_names(r, set, &names);
    if (!rc)
        rc = read_tied(r, top, f, set, &names, c);
    if (!rc)
        rc = layout_bind_decoder(set, c, &names, r->e);
    if (!rc)
        rc = layout_check_unused(set, f->type, ignored, r->e);
    if (!rc)
        snprintf(c->file_type, sizeof c->file_type, "%s", layout_file_type(set));
    return rc;
}

int config_json_read(const json_t *config, const char *path, const char *folder,
                     struct tensor_set *set, struct model_config *m, struct err *e) {
    struct json_reader top = {.object = config, .path = path, .e = e}, r = top;
    const struct json_family *f = NULL;
    *m = (struct model_config){0};
    if (!json_is_object(config))
        return err_set(e, PRECIS_EINPUT, "%s: is not a JSON object", path);
    int rc = find_family(&r, &f);
    if (rc || !f)
        return rc;
    const json_t *text = f->gemma ? get(&r, "text_config") : NULL;
    rc = check_options(&r);
    if (!rc && text) {
        r.object = text;
        rc = json_is_object(text) ? check_options(&r) : wrong(&top, "text_config", "is no object");
    }
    m->is_encoder = f->encoder;
    if (!rc && f->encoder) {
        rc = config_json_encoder(&r, f, set, &m->encoder);
        read_name(&top, folder, m->encoder.name, sizeof m->encoder.name);
    } else if (!rc) {
        rc = read_decoder(&r, &top, f, set, &m->decoder);
        read_name(&top, folder, m->decoder.name, sizeof m->decoder.name);
    }
    return rc;
}

#include <stdio.h>
#include <string.h>

#include "model/config_json_impl.h"
#include "model/layout.h"

/* What the files may have besides the encoder: its pooler and the heads of its classes, none of
 * which a text's hidden states need, and position numbers that old files store. */
static bool ignored(struct str name) {
    static const char *const prefixes[] = {"bert.", "roberta.", ""};
    static const char *const rests[] = {
        "pooler.dense.", "embeddings.position_ids", "cls.", "lm_head.", "classifier.",
        "qa_outputs.",
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const size_t skip = strlen(prefixes[i]);
        if (name.len < skip || memcmp(name.s, prefixes[i], skip) != 0)
            continue;
        for (size_t j = 0; j < sizeof rests / sizeof *rests; j++)
            if (strncmp(name.s + skip, rests[j], strlen(rests[j])) == 0)
                return true;
    }
    return false;
}

static int find_names(const struct json_reader *r, const struct tensor_set *set,
                      struct layout_names *names) {
    static const char *const prefixes[] = {"", "bert.", "roberta."};
    char name[LAYOUT_PREFIX_SIZE + 48];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefixes[i]);
        if (!tensor_set_stored(set, name))
            continue;
        snprintf(names->prefix, sizeof names->prefix, "%s", prefixes[i]);
        return 0;
    }
    return err_set(r->e, PRECIS_EINPUT, "%s: tensor 'embeddings.word_embeddings.weight' is missing",
                   set->path);
}

static int read_sizes(const struct json_reader *r, const struct json_family *f,
                      struct encoder_config *c) {
    double eps;
    int rc = json_size(r, "num_hidden_layers", CONFIG_MAX_LAYERS, 0, &c->layers);
    if (!rc)
        rc = json_size(r, "hidden_size", CONFIG_MAX_SIZE, 0, &c->hidden);
    if (!rc)
        rc = json_size(r, "intermediate_size", CONFIG_MAX_SIZE, 0, &c->intermediate);
    if (!rc)
        rc = json_size(r, "vocab_size", CONFIG_MAX_SIZE, 0, &c->vocab);
    if (!rc)
        rc = json_size(r, "max_position_embeddings", CONFIG_MAX_SIZE, f->context, &c->context);
    if (!rc)
        rc = json_size(r, "type_vocab_size", CONFIG_MAX_SIZE, 2, &c->types);
    if (!rc)
        rc = json_size(r, "num_attention_heads", CONFIG_MAX_HEADS, 0, &c->heads);
    if (!rc)
        rc = json_number(r, "layer_norm_eps", 1e-14, 0.1, f->norm_eps, &eps);
    if (!rc)
        rc = config_check_encoder(c, r->path, r->e);
    if (rc)
        return rc;
    c->norm_eps = (float)eps;
    c->head_dim = c->hidden / c->heads;
    return 0;
}

/* RoBERTa counts positions from the one after the padding's. */
static int read_positions(const struct json_reader *r, struct encoder_config *c) {
    const json_t *value = json_object_get(r->object, "pad_token_id");
    const json_int_t padding = json_is_integer(value) ? json_integer_value(value) : 1;
    if (strcmp(c->architecture, "roberta") != 0)
        return 0;
    if (padding < 0 || padding >= (json_int_t)c->context - 1 ||
        (json_has(r, "pad_token_id") && !json_is_integer(value)))
        return err_set(r->e, PRECIS_EINPUT,
                       "%s: pad_token_id %" JSON_INTEGER_FORMAT
                       " is no whole number, or its %u positions leave none after the padding's",
                       r->path, padding, c->context);
    c->position = (unsigned)padding + 1;
    c->context -= c->position;
    return 0;
}

static int read_activation(const struct json_reader *r, struct encoder_config *c) {
    static const struct {
        const char *name;
        enum activation activation;
    } known[] = {{"gelu", ACTIVATION_GELU},
                 {"gelu_new", ACTIVATION_GELU_TANH},
                 {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
                 {"relu", ACTIVATION_RELU}};
    const char *name;
    int rc = json_text(r, "hidden_act", &name);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name ? name : "gelu", known[i].name) == 0) {
            c->activation = known[i].activation;
            return 0;
        }
    return json_unsupported(r, "hidden_act '%.32s'", name);
}

int config_json_encoder(const struct json_reader *r, const struct json_family *f,
                        struct tensor_set *set, struct encoder_config *c) {
    struct layout_names names = {0};
    const char *positions;
    snprintf(c->architecture, sizeof c->architecture, "%s", f->architecture);
    int rc = read_activation(r, c);
    if (!rc)
        rc = json_text(r, "position_embedding_type", &positions);
    if (!rc && positions && strcmp(positions, "absolute") != 0)
        rc = json_unsupported(r, "position_embedding_type '%.32s'", positions);
    if (!rc)
        rc = read_sizes(r, f, c);
    if (!rc)
        rc = read_positions(r, c);
    if (!rc)
        rc = find_names(r, set, &names);
    if (!rc)
        rc = layout_bind_encoder(set, c, &names, r->e);
    if (!rc)
        rc = layout_check_unused(set, f->type, ignored, r->e);
    if (!rc)
        snprintf(c->file_type, sizeof c->file_type, "%s", layout_file_type(set));
    return rc;
}

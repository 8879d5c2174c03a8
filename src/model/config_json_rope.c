#include <math.h>
#include <string.h>

#include "model/config_json_impl.h"
#include "model/rope.h"

/* One set of rotary parameters and what surrounds it. */
struct rotary {
    struct json_reader params; /* rope_parameters, one layer type's part of it, or rope_scaling */
    const struct json_reader *config;
    const struct json_family *family;
    unsigned context, head_dim;
};

static int read_factor(const struct rotary *x, const char *key, double low, double *out) {
    return json_number(&x->params, key, low, 1e6, NAN, out);
}

/* Where the model was trained before its context was stretched. A key outside of the parameters
 * comes first. */
static int read_original(const struct rotary *x, double *out) {
    double fallback = x->family->original > 0 ? x->family->original : NAN;
    const char *key = "original_max_position_embeddings";
    if (json_has(x->config, key) || !isnan(fallback))
        return json_number(x->config, key, 1, CONFIG_MAX_SIZE, fallback, out);
    return json_number(&x->params, key, 1, CONFIG_MAX_SIZE, x->context, out);
}

static int read_llama3(const struct rotary *x, struct rope *r) {
    double factor, low, high, original;
    int rc = read_factor(x, "factor", 1e-3, &factor);
    if (!rc)
        rc = read_factor(x, "low_freq_factor", 1e-3, &low);
    if (!rc)
        rc = read_factor(x, "high_freq_factor", 1e-3, &high);
    if (!rc)
        rc = read_original(x, &original);
    if (!rc && high <= low)
        rc = err_set(x->params.e, PRECIS_EINPUT, "%s: high_freq_factor %g is not above %g",
                     x->params.path, high, low);
    if (!rc)
        rope_llama3(r, factor, low, high, original);
    return rc;
}

static double yarn_scale(double factor, double by) {
    return factor <= 1 ? 1 : 0.1 * by * log(factor) + 1;
}

static int read_yarn(const struct rotary *x, struct rope *r) {
    struct rope_yarn y;
    double over, under;
    int rc = read_original(x, &y.original);
    if (!rc)
        rc = json_number(&x->params, "factor", 1e-3, 1e6, x->context / y.original, &y.factor);
    if (!rc)
        rc = json_number(&x->params, "beta_fast", 0, 1e6, 32, &y.fast);
    if (!rc)
        rc = json_number(&x->params, "beta_slow", 0, 1e6, 1, &y.slow);
    if (!rc)
        rc = json_number(&x->params, "mscale", -1e3, 1e3, 0, &over);
    if (!rc)
        rc = json_number(&x->params, "mscale_all_dim", -1e3, 1e3, 0, &under);
    if (!rc)
        rc = json_flag(&x->params, "truncate", true, &y.truncate);
    if (rc)
        return rc;
    y.fast = y.fast == 0 ? 32 : y.fast;
    y.slow = y.slow == 0 ? 1 : y.slow;
    const bool both = over != 0 && under != 0;
    rc = json_number(&x->params, "attention_factor", 0, 1e6,
                     both ? yarn_scale(y.factor, over) / yarn_scale(y.factor, under)
                          : yarn_scale(y.factor, 1),
                     &y.scale);
    if (!rc && (!isfinite(y.scale) || (double)r->base <= 1))
        rc = json_unsupported(&x->params, "YaRN with base %g and scale %g", (double)r->base,
                              y.scale);
    if (!rc)
        rope_yarn(r, &y);
    return rc;
}

static int read_factors(const struct rotary *x, const char *key, struct rope *r, int row) {
    float factors[CONFIG_MAX_DIM / 2];
    const json_t *list = json_object_get(x->params.object, key);
    if (!json_is_array(list) || json_array_size(list) != r->dims / 2)
        return err_set(x->params.e, PRECIS_EINPUT, "%s: %s is not a list of %u numbers",
                       x->params.path, key, r->dims / 2);
    for (size_t i = 0; i < r->dims / 2; i++) {
        const double v = json_number_value(json_array_get(list, i));
        if (!(v >= 1e-6 && v <= 1e6))
            return err_set(x->params.e, PRECIS_EINPUT, "%s: %s[%zu] is %g: 1e-6 to 1e6 are allowed",
                           x->params.path, key, i, v);
        factors[i] = (float)v;
    }
    rope_divide(r, row, factors);
    return 0;
}

static int read_long(const struct rotary *x, struct rope *r) {
    double original, factor, scale;
    int rc = read_original(x, &original);
    if (!rc)
        rc = json_number(&x->params, "factor", 1e-3, 1e6, x->context / original, &factor);
    if (rc)
        return rc;
    const double usual = factor <= 1 ? 1 : sqrt(1 + log(factor) / log(original));
    rc = json_number(&x->params, "attention_factor", 0, 1e6, usual, &scale);
    if (!rc && !isfinite(scale))
        rc = json_unsupported(&x->params, "longrope from %g positions", original);
    rope_plain(r);
    if (!rc)
        rc = read_factors(x, "short_factor", r, 0);
    if (!rc)
        rc = read_factors(x, "long_factor", r, 1);
    r->scale[0] = r->scale[1] = (float)scale;
    r->original = (unsigned)original;
    return rc;
}

static int read_dims(const struct rotary *x, struct rope *r) {
    double part, outside;
    int rc = json_number(x->config, "partial_rotary_factor", 1e-3, 1, 1, &outside);
    if (!rc)
        rc = json_number(&x->params, "partial_rotary_factor", 1e-3, 1, outside, &part);
    if (rc)
        return rc;
    if (part != 1 && !x->family->partial_rope)
        return json_unsupported(&x->params, "partial_rotary_factor %g in %s models", part,
                                x->family->type);
    r->dims = (unsigned)(x->head_dim * part);
    return 0;
}

static int read_rotary(const struct rotary *x, double base, struct rope *r) {
    const char *type, *old;
    double theta, factor;
    int rc = read_dims(x, r);
    if (!rc)
        rc = json_number(&x->params, "rope_theta", 1, 1e12, base, &theta);
    if (!rc)
        rc = json_text(&x->params, "rope_type", &type);
    if (!rc)
        rc = json_text(&x->params, "type", &old);
    if (rc)
        return rc;
    r->base = (float)theta;
    type = type ? type : old ? old : "default";
    /* What Phi-3's first files call it. */
    if (strcmp(x->family->type, "phi3") == 0 &&
        (strcmp(type, "su") == 0 || strcmp(type, "yarn") == 0))
        type = "longrope";
    /* Up to the context the dynamic kind is the default kind, and nothing goes beyond it here. */
    if (strcmp(type, "default") == 0 || strcmp(type, "dynamic") == 0) {
        rope_plain(r);
    } else if (strcmp(type, "linear") == 0) {
        rc = read_factor(x, "factor", 1e-3, &factor);
        if (!rc)
            rope_linear(r, factor);
    } else if (strcmp(type, "llama3") == 0) {
        rc = read_llama3(x, r);
    } else if (strcmp(type, "yarn") == 0) {
        rc = read_yarn(x, r);
    } else if (strcmp(type, "longrope") == 0) {
        rc = read_long(x, r);
    } else {
        rc = json_unsupported(&x->params, "rope of type '%.32s'", type);
    }
    return rc;
}

/* The part of a Gemma's parameters for one type of layers, or an empty one. */
static const json_t *part_of(const json_t *parameters, const char *type) {
    const json_t *part = json_object_get(parameters, type);
    return json_is_object(part) ? part : NULL;
}

static int read_gemma(const struct json_reader *r, struct rotary *x, struct decoder_config *c) {
    const json_t *parameters = json_object_get(r->object, "rope_parameters");
    const json_t *scaling = json_object_get(r->object, "rope_scaling");
    const json_t *global = part_of(parameters, "full_attention");
    const json_t *local = part_of(parameters, "sliding_attention");
    double global_base, local_base;
    int rc = json_number(r, "rope_theta", 1, 1e12, x->family->rope_base, &global_base);
    if (!rc)
        rc = json_number(r, "rope_local_base_freq", 1, 1e12, 10000, &local_base);
    if (rc)
        return rc;
    if (json_object_size(parameters) && !global && !local)
        return json_unsupported(r, "rope_parameters without full_attention and sliding_attention");
    if (json_object_size(scaling) && global)
        return json_unsupported(r, "rope_scaling beside rope_parameters");
    x->params.object = json_object_size(scaling) ? scaling : global;
    rc = read_rotary(x, global_base, &c->rope);
    x->params.object = local;
    if (!rc)
        rc = read_rotary(x, local_base, &c->rope_local);
    if (!rc && (c->rope.original || c->rope_local.original))
        rc = json_unsupported(r, "longrope in %s models", x->family->type);
    return rc;
}

int config_json_rope(const struct json_reader *r, const struct json_family *f,
                     struct decoder_config *c) {
    struct rotary x = {
        .params = *r, .config = r, .family = f, .context = c->context, .head_dim = c->head_dim};
    double base;
    if (f->gemma)
        return read_gemma(r, &x, c);
    const json_t *scaling = json_object_get(r->object, "rope_scaling");
    const json_t *parameters = json_object_get(r->object, "rope_parameters");
    x.params.object = json_object_size(scaling) ? scaling : parameters;
    if (part_of(x.params.object, "full_attention") || part_of(x.params.object, "sliding_attention"))
        return json_unsupported(r, "rope_parameters for each type of layers in %s models", f->type);
    int rc = json_number(r, "rope_theta", 1, 1e12, f->rope_base, &base);
    if (!rc)
        rc = read_rotary(&x, base, &c->rope);
    if (!rc)
        c->rope_local = c->rope;
    return rc;
}

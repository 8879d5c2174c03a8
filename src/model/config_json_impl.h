/* Shared by config_json*.c; nobody else includes this. */
#ifndef PRECIS_MODEL_CONFIG_JSON_IMPL_H
#define PRECIS_MODEL_CONFIG_JSON_IMPL_H

#include "model/config_json.h"

/* A JSON object that is read key by key. null counts as absent, as it does for transformers. */
struct json_reader {
    const json_t *object;
    const char *path; /* begins every message */
    struct err *e;
};

struct json_family {
    const char *type;                     /* model_type */
    const char *architecture;             /* of decoder_config or encoder_config */
    const char *classes;                  /* of "architectures", separated by blanks */
    double norm_eps, rope_base, original; /* what transformers takes where the key is absent */
    unsigned context, kv_heads, head_dim; /* likewise; kv_heads 0: as many as heads */
    bool encoder, qkv_bias, qk_norm, window, layer_types, partial_rope, gemma;
};

bool json_has(const struct json_reader *r, const char *key);
/* A whole number from 1 to `most`; `fallback` when absent, unless it is 0. */
int json_size(const struct json_reader *r, const char *key, unsigned most, unsigned fallback,
              unsigned *out);
/* A number from low to high; `fallback` when absent, unless it is NAN. */
int json_number(const struct json_reader *r, const char *key, double low, double high,
                double fallback, double *out);
int json_flag(const struct json_reader *r, const char *key, bool fallback, bool *out);
/* A string; NULL when absent. PRECIS_EINPUT when it is something else. */
int json_text(const struct json_reader *r, const char *key, const char **out);
int json_unsupported(const struct json_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* c->rope and rope_local from rope_parameters, or rope_scaling and rope_theta, when c's sizes are
 * there. */
int config_json_rope(const struct json_reader *r, const struct json_family *f,
                     struct decoder_config *c);
/* The encoder's part of config_json_read. */
int config_json_encoder(const struct json_reader *r, const struct json_family *f,
                        struct tensor_set *set, struct encoder_config *c);

#endif

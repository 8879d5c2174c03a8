/* config.json against what transformers makes of it (tests/golden/model/configs.json, written by
 * tools/golden/make_configs.py), and options that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config_cases.h"
#include "safetensors_build.h"
#include "model/config_json.h"

static int read_config(const json_t *config, const json_t *shapes, struct model_config *m,
                       struct err *e) {
    struct buf b = {0};
    struct safetensors *s;
    struct tensor_set set = {.path = "model"};
    put_tensors(&b, shapes);
    if (safetensors_open_memory("m", (uint8_t *)b.data, b.len, &s, e) != 0)
        fail_msg("%s", e->text);
    int rc = tensor_set_from_files(&set, &s, 1, e);
    if (!rc)
        rc = config_json_read(config, "config.json", "some/model/", &set, m, e);
    tensor_set_free(&set);
    safetensors_close(s);
    buf_free(&b);
    return rc;
}

static double number(const json_t *want, const char *key) {
    return json_number_value(json_object_get(want, key));
}

static void same(const char *name, const char *key, double got, double want) {
    if (fabs(got - want) > 3e-7 * fabs(want))
        fail_msg("%s: %s is %.9g, not %.9g", name, key, got, want);
}

static void same_rope(const char *name, const struct rope *got, const json_t *want) {
    const json_t *rows = json_object_get(want, "frequencies");
    same(name, "original", got->original, number(want, "original"));
    for (size_t row = 0; row < 2; row++) {
        const json_t *list = json_array_get(rows, row < json_array_size(rows) ? row : 0);
        same(name, "rotated dimensions", got->dims, 2 * (double)json_array_size(list));
        same(name, "rope scale", (double)got->scale[row], number(want, "scale"));
        for (size_t i = 0; i < json_array_size(list); i++)
            same(name, "frequency", (double)got->frequencies[row][i],
                 json_number_value(json_array_get(list, i)));
    }
}

struct value {
    const char *key;
    double value;
};

static void same_values(const char *name, const struct value *values, size_t n,
                        const json_t *want) {
    for (size_t i = 0; i < n; i++)
        same(name, values[i].key, values[i].value, number(want, values[i].key));
}

#define VALUE(field)                                                                               \
    { #field, (double)c->field }

static void same_decoder(const char *name, const struct decoder_config *c, const json_t *want) {
    const struct value values[] = {VALUE(layers),   VALUE(heads),           VALUE(kv_heads),
                                   VALUE(head_dim), VALUE(hidden),          VALUE(intermediate),
                                   VALUE(vocab),    VALUE(context),         VALUE(norm_eps),
                                   VALUE(window),   VALUE(attention_scale), VALUE(embedding_scale),
                                   VALUE(logit_cap)};
    const char *sliding = json_string_value(json_object_get(want, "sliding"));
    const json_t *local = json_object_get(want, "rope_local");
    same_values(name, values, sizeof values / sizeof *values, want);
    for (unsigned i = 0; i < c->layers; i++)
        if (config_slides(c, i) != (sliding[i] == 's'))
            fail_msg("%s: layer %u of %s", name, i, sliding);
    if (c->tied != json_is_true(json_object_get(want, "tied")))
        fail_msg("%s: tied", name);
    same_rope(name, &c->rope, json_object_get(want, "rope"));
    same_rope(name, &c->rope_local, local ? local : json_object_get(want, "rope"));
    assert_string_equal(c->name, "model");
    assert_string_equal(c->file_type, "F32");
    assert_true(c->attention_cap == 0 && !c->qk_interleaved);
    assert_int_equal(c->qkv_bias, strncmp(name, "qwen2", 5) == 0);
    assert_int_equal(c->post_norms, strncmp(name, "gemma3", 6) == 0);
}

static void same_encoder(const char *name, const struct encoder_config *c, const json_t *want) {
    const struct value values[] = {VALUE(layers),       VALUE(heads),   VALUE(hidden),
                                   VALUE(intermediate), VALUE(vocab),   VALUE(types),
                                   VALUE(position),     VALUE(context), VALUE(norm_eps)};
    same_values(name, values, sizeof values / sizeof *values, want);
    assert_int_equal(c->head_dim * c->heads, c->hidden);
    assert_int_equal(c->activation, ACTIVATION_GELU);
}

static void agrees_with_transformers(void **state) {
    (void)state;
    const json_t *cases = cases_all();
    assert_true(json_array_size(cases) >= 42);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i), *want = json_object_get(one, "want");
        const char *name = json_string_value(json_object_get(one, "name"));
        struct model_config m;
        struct err e;
        if (read_config(json_object_get(one, "config"), shapes_of(one), &m, &e) != 0)
            fail_msg("%s: %s", name, e.text);
        if (m.is_encoder)
            same_encoder(name, &m.encoder, want);
        else
            same_decoder(name, &m.decoder, want);
    }
}

/* The case's config.json with some keys replaced (null takes them away). */
static void changed(const char *name, const char *patch, int code, const char *part) {
    const json_t *one = case_named(name);
    json_t *config = json_deep_copy(json_object_get(one, "config"));
    json_t *keys = json_loads(patch, 0, NULL);
    struct model_config m;
    struct err e = {0};
    assert_non_null(keys);
    json_object_update(config, keys);
    int rc = read_config(config, shapes_of(one), &m, &e);
    if (rc != code || (rc && (e.code != rc || !strstr(e.text, part))))
        fail_msg("%s with %s: %d wanted with '%s'; got %d: %s", name, patch, code, part, rc,
                 e.text);
    json_decref(keys);
    json_decref(config);
}

static void refuses_what_it_would_get_wrong(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"llama", "{\"attention_bias\":true}", "attention_bias (a bias of o_proj)"},
        {"llama", "{\"mlp_bias\":true}", "mlp_bias"},
        {"llama", "{\"hidden_act\":\"gelu\"}", "hidden_act 'gelu'"},
        {"llama", "{\"num_local_experts\":8}", "a mixture of experts (num_local_experts)"},
        {"llama", "{\"quantization_config\":{\"quant_method\":\"awq\"}}",
         "quantization_config (awq)"},
        {"llama", "{\"quantization_config\":{}}", "quantization_config (unknown)"},
        {"llama", "{\"layer_types\":[]}", "layer_types in llama models"},
        {"llama", "{\"partial_rotary_factor\":0.5}", "partial_rotary_factor 0.5"},
        {"llama", "{\"rope_scaling\":{\"rope_type\":\"axial\"}}", "rope of type 'axial'"},
        {"llama", "{\"rope_parameters\":{\"full_attention\":{}}}", "for each type of layers"},
        {"llama", "{\"architectures\":[\"LlamaForSequenceClassification\"]}",
         "architecture 'LlamaForSequenceClassification'"},
        {"llama", "{\"architectures\":[\"Llama\"]}", "architecture 'Llama'"},
        {"llama", "{\"model_type\":\"gpt2\"}", "model_type 'gpt2'"},
        {"mistral", "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}",
         "layer_types in mistral models"},
        {"qwen2, window", "{\"layer_types\":[\"full_attention\",\"chunked_attention\"]}",
         "layer type 'chunked_attention'"},
        {"qwen2", "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}",
         "a sliding layer without sliding_window"},
        {"gemma3", "{\"use_bidirectional_attention\":true}", "use_bidirectional_attention"},
        {"gemma3", "{\"sliding_window\":null}", "a sliding layer without sliding_window"},
        {"gemma3", "{\"hidden_activation\":\"gelu\"}", "hidden_activation 'gelu'"},
        {"gemma3", "{\"rope_parameters\":{\"rope_type\":\"default\"}}", "without full_attention"},
        {"gemma3", "{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2}}", "beside"},
        {"phi3", "{\"partial_rotary_factor\":0.75,\"rope_parameters\":null}", "rope over 3 of 4"},
        {"bert", "{\"hidden_act\":\"silu\"}", "hidden_act 'silu'"},
        {"bert", "{\"position_embedding_type\":\"relative_key\"}", "'relative_key'"},
        {"bert", "{\"is_decoder\":true}", "is_decoder"},
        {"bert", "{\"add_cross_attention\":true}", "add_cross_attention"},
        {"bert", "{\"architectures\":[\"BertGenerationDecoder\"]}", "'BertGenerationDecoder'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        changed(cases[i][0], cases[i][1], PRECIS_EUNSUPPORTED, cases[i][2]);
}

static void refuses_bad_values(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"llama", "{\"model_type\":null}", "'model_type' is missing"},
        {"llama", "{\"model_type\":7}", "model_type is not a string"},
        {"llama", "{\"hidden_size\":null}", "'hidden_size' is missing"},
        {"llama", "{\"hidden_size\":16.0}", "hidden_size is not a whole number"},
        {"llama", "{\"hidden_size\":0}", "hidden_size is 0"},
        {"llama", "{\"num_hidden_layers\":9223372036854775807}", "1 to 4096 are allowed"},
        {"llama", "{\"num_attention_heads\":-1}", "num_attention_heads is -1"},
        {"llama", "{\"num_attention_heads\":3}", "3 heads cannot share 2 key heads"},
        {"llama", "{\"head_dim\":257}", "head_dim is 257"},
        {"llama", "{\"head_dim\":3}", "cannot be rotated in pairs"},
        {"llama", "{\"hidden_size\":17}", "has the shape [16, 24, 1, 1]: [17, 24] is needed"},
        {"llama", "{\"rms_norm_eps\":\"1e-6\"}", "rms_norm_eps is not a number"},
        {"llama", "{\"rms_norm_eps\":1}", "rms_norm_eps is 1"},
        {"llama", "{\"rope_parameters\":{\"rope_theta\":-1}}", "rope_theta is -1"},
        {"llama", "{\"tie_word_embeddings\":1}", "neither true nor false"},
        {"llama", "{\"num_hidden_layers\":3}",
         "'model.layers.2.input_layernorm.weight' is missing"},
        {"llama3", "{\"rope_scaling\":{\"rope_type\":\"llama3\"}}", "'factor' is missing"},
        {"llama3",
         "{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
         "\"high_freq_factor\":4}}",
         "high_freq_factor 4 is not above 4"},
        {"llama", "{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":0}}", "factor is 0"},
        {"phi3, longrope",
         "{\"rope_scaling\":{\"rope_type\":\"longrope\",\"short_factor\":[1]},"
         "\"partial_rotary_factor\":0.75}",
         "short_factor is not a list of 3 numbers"},
        {"phi3, longrope",
         "{\"rope_scaling\":{\"rope_type\":\"longrope\",\"short_factor\":[1,\"a\",1]},"
         "\"partial_rotary_factor\":0.75}",
         "short_factor[1] is 0"},
        {"qwen2, window", "{\"layer_types\":[]}", "layer_types is not a list of 2 names"},
        {"qwen2", "{\"use_sliding_window\":1}", "use_sliding_window is neither"},
        {"gemma3, multimodal", "{\"text_config\":7}", "text_config is no object"},
        {"bert", "{\"num_attention_heads\":5}", "16 dimensions are not 5 heads"},
        {"roberta", "{\"pad_token_id\":33}", "leave none"},
        {"roberta", "{\"pad_token_id\":9223372036854775807}", "leave none"},
        {"roberta", "{\"pad_token_id\":1.5}", "pad_token_id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        changed(cases[i][0], cases[i][1], PRECIS_EINPUT, cases[i][2]);
    struct model_config m;
    struct err e;
    json_t *list = json_array();
    assert_int_equal(read_config(list, shapes_of(case_named("llama")), &m, &e), PRECIS_EINPUT);
    json_decref(list);
}

/* The case with another tensor, or without one of its own. */
static void with_tensor(const char *name, const char *more, const char *less, int code,
                        const char *part) {
    const json_t *one = case_named(name);
    json_t *shapes = json_deep_copy(shapes_of(one));
    struct model_config m;
    struct err e = {0};
    if (more)
        json_object_set_new(shapes, more, json_pack("[i]", 4));
    if (less)
        assert_int_equal(json_object_del(shapes, less), 0);
    int rc = read_config(json_object_get(one, "config"), shapes, &m, &e);
    if (rc != code || (rc && !strstr(e.text, part)))
        fail_msg("%s: %d wanted with '%s'; got %d: %s", name, code, part, rc, e.text);
    json_decref(shapes);
}

static void every_tensor_counts(void **state) {
    (void)state;
    static const char *const ignored[][2] = {
        {"llama", "model.layers.0.self_attn.rotary_emb.inv_freq"},
        {"llama, tied", "lm_head.weight"},
        {"bert", "embeddings.position_ids"},
        {"bert", "cls.predictions.bias"},
        {"roberta", "lm_head.bias"},
        {"bert", "classifier.weight"},
    };
    with_tensor("llama", "model.layers.0.self_attn.q_proj.bias", NULL, PRECIS_EUNSUPPORTED,
                "'model.layers.0.self_attn.q_proj.bias' is not supported in llama models");
    with_tensor("llama", "model.layers.0.mlp.gate_proj.weight_scale", NULL, PRECIS_EUNSUPPORTED,
                "weight_scale");
    with_tensor("bert", "encoder.layer.0.crossattention.self.query.weight", NULL,
                PRECIS_EUNSUPPORTED, "crossattention");
    with_tensor("llama", NULL, "lm_head.weight", PRECIS_EINPUT, "'lm_head.weight' is missing");
    with_tensor("llama", NULL, "model.embed_tokens.weight", PRECIS_EINPUT,
                "'model.embed_tokens.weight' is missing");
    with_tensor("qwen2", NULL, "model.layers.1.self_attn.k_proj.bias", PRECIS_EINPUT,
                "k_proj.bias' is missing");
    with_tensor("phi3", NULL, "model.layers.1.self_attn.qkv_proj.weight", PRECIS_EINPUT, "missing");
    with_tensor("phi3", NULL, "model.layers.1.mlp.gate_up_proj.weight", PRECIS_EINPUT, "missing");
    with_tensor("gemma3", NULL, "model.layers.1.post_feedforward_layernorm.weight", PRECIS_EINPUT,
                "missing");
    with_tensor("bert", NULL, "embeddings.word_embeddings.weight", PRECIS_EINPUT, "missing");
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strcmp(ignored[i][0], "llama, tied") != 0)
            with_tensor(ignored[i][0], ignored[i][1], NULL, 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_transformers),
        cmocka_unit_test(refuses_what_it_would_get_wrong),
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(every_tensor_counts),
    };
    return cmocka_run_group_tests(tests, cases_load, cases_unload);
}

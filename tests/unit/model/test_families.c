/* GGUF files of each family beyond llama and qwen2: what their metadata means, and which parts of
 * which tensors the engine gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gguf_build.h"
#include "model/config_gguf.h"

enum { LAYERS = 7, HIDDEN = 8, INNER = 12, VOCAB = 3, HEADS = 2, KEYS = 1, HEAD = 4 };
enum { Q = HEADS * HEAD, KV = KEYS * HEAD };

/* A file being built; values of all tensors are counted through. */
struct model {
    const char *architecture;
    unsigned layers;
    struct buf keys, list;
    uint64_t key_count, tensor_count;
    size_t values;
    struct {
        char name[96];
        size_t first;
    } starts[200];
    /* After open_model. */
    struct buf file;
    struct gguf *gguf;
    struct tensor_set set;
    struct model_config config;
};

static const char *full(const struct model *m, const char *key) {
    static char name[96];
    snprintf(name, sizeof name, "%s.%s", m->architecture, key);
    return name;
}

static void key_u32(struct model *m, const char *key, uint32_t v) {
    put_key_u32(&m->keys, full(m, key), v);
    m->key_count++;
}

static void key_f32(struct model *m, const char *key, float v) {
    put_key_f32(&m->keys, full(m, key), v);
    m->key_count++;
}

static void key_string(struct model *m, const char *key, const char *v) {
    put_key_string(&m->keys, full(m, key), v);
    m->key_count++;
}

static void tensor(struct model *m, const char *name, uint64_t in, uint64_t out) {
    const uint64_t dims[] = {in, out == 1 ? 0 : out, 0};
    snprintf(m->starts[m->tensor_count].name, sizeof m->starts[0].name, "%s", name);
    m->starts[m->tensor_count++].first = m->values;
    put_tensor(&m->list, name, dims, QUANT_F32, m->values * 4);
    m->values += (in * out + 7) / 8 * 8; /* on 32 bytes */
}

static void layer(struct model *m, unsigned i, const char *name, uint64_t in, uint64_t out) {
    char s[96];
    snprintf(s, sizeof s, "blk.%u.%s", i, name);
    tensor(m, s, in, out);
}

static void begin(struct model *m, const char *architecture, unsigned layers) {
    *m = (struct model){.architecture = architecture, .layers = layers};
    put_key_string(&m->keys, "general.architecture", architecture);
    m->key_count = 1;
    key_u32(m, "block_count", layers);
    key_u32(m, "context_length", 64);
    key_u32(m, "embedding_length", HIDDEN);
    key_u32(m, "feed_forward_length", INNER);
    key_u32(m, "attention.head_count", HEADS);
    tensor(m, "token_embd.weight", HIDDEN, VOCAB);
}

static void begin_decoder(struct model *m, const char *architecture, unsigned layers) {
    begin(m, architecture, layers);
    key_u32(m, "attention.head_count_kv", KEYS);
    key_f32(m, "attention.layer_norm_rms_epsilon", 1e-6f);
    tensor(m, "output_norm.weight", HIDDEN, 1);
}

static void put_values(struct model *m) {
    put_head(&m->file, 3, m->tensor_count, m->key_count);
    buf_append(&m->file, m->keys.data, m->keys.len);
    buf_append(&m->file, m->list.data, m->list.len);
    put_padding(&m->file, 32);
    for (size_t i = 0; i < m->values; i++) {
        const float v = (float)(i + 1);
        buf_append(&m->file, &v, sizeof v);
    }
}

static int open_model(struct model *m, struct err *e) {
    put_values(m);
    m->set.path = "m.gguf";
    int rc = gguf_open_memory("m.gguf", (uint8_t *)m->file.data, m->file.len, &m->gguf, e);
    if (!rc)
        rc = tensor_set_from_gguf(&m->set, m->gguf, e);
    if (!rc)
        rc = config_gguf_read(m->gguf, &m->set, &m->config, e);
    tensor_set_finish(&m->set);
    return rc;
}

static void close_model(struct model *m) {
    tensor_set_free(&m->set);
    gguf_close(m->gguf);
    buf_free(&m->file);
    buf_free(&m->keys);
    buf_free(&m->list);
}

static const struct decoder_config *accepted(struct model *m) {
    struct err e;
    if (open_model(m, &e) != 0)
        fail_msg("%s", e.text);
    return &m->config.decoder;
}

static void refused(struct model *m, int code, const char *part) {
    struct err e = {0};
    int rc = open_model(m, &e);
    if (rc != code || !strstr(e.text, part))
        fail_msg("%d wanted with '%s'; got %d: %s", code, part, rc, e.text);
    close_model(m);
}

static void is_part(const struct model *m, const char *name, const char *stored, size_t skip,
                    uint64_t in, uint64_t out) {
    const struct tensor *t = tensor_set_find(&m->set, name);
    float value;
    size_t i = 0;
    while (i < m->tensor_count && strcmp(m->starts[i].name, stored) != 0)
        i++;
    if (!t || i == m->tensor_count)
        fail_msg("no tensor '%s' or '%s'", name, stored);
    memcpy(&value, t->data, sizeof value);
    if (value != (float)(m->starts[i].first + skip + 1) || t->dims[0] != in || t->dims[1] != out ||
        t->size != in * out * 4)
        fail_msg("%s begins with %g", name, (double)value);
}

static void near(float got, double want) {
    if (fabs((double)got - want) > 3e-7 * fabs(want))
        fail_msg("%.9g is not %.9g", (double)got, want);
}

static void feed_forward(struct model *m, unsigned i) {
    layer(m, i, "attn_norm.weight", HIDDEN, 1);
    layer(m, i, "attn_output.weight", Q, HIDDEN);
    layer(m, i, "ffn_norm.weight", HIDDEN, 1);
    layer(m, i, "ffn_down.weight", INNER, HIDDEN);
}

static void split(struct model *m, unsigned i) {
    layer(m, i, "attn_q.weight", HIDDEN, Q);
    layer(m, i, "attn_k.weight", HIDDEN, KV);
    layer(m, i, "attn_v.weight", HIDDEN, KV);
    layer(m, i, "ffn_gate.weight", HIDDEN, INNER);
    layer(m, i, "ffn_up.weight", HIDDEN, INNER);
}

static void head_norms(struct model *m, unsigned i) {
    layer(m, i, "attn_q_norm.weight", HEAD, 1);
    layer(m, i, "attn_k_norm.weight", HEAD, 1);
}

static void qwen3_has_head_norms(void **state) {
    (void)state;
    struct model m;
    begin_decoder(&m, "qwen3", 1);
    key_f32(&m, "rope.freq_base", 1e6f);
    feed_forward(&m, 0);
    split(&m, 0);
    head_norms(&m, 0);
    const struct decoder_config *c = accepted(&m);
    assert_true(c->qk_norm && !c->qkv_bias && !c->qk_interleaved && !c->post_norms && c->tied);
    assert_int_equal(c->activation, ACTIVATION_SILU);
    is_part(&m, "blk.0.attn_k_norm.weight", "blk.0.attn_k_norm.weight", 0, HEAD, 1);
    close_model(&m);
}

static void begin_phi3(struct model *m) {
    begin_decoder(m, "phi3", 1);
    tensor(m, "output.weight", HIDDEN, VOCAB);
    feed_forward(m, 0);
    layer(m, 0, "attn_qkv.weight", HIDDEN, Q + 2 * KV);
    layer(m, 0, "ffn_up.weight", HIDDEN, 2 * INNER);
}

static void phi3_is_fused(void **state) {
    (void)state;
    struct model m;
    begin_phi3(&m);
    key_u32(&m, "rope.dimension_count", 2);
    key_u32(&m, "attention.sliding_window", 20);
    const struct decoder_config *c = accepted(&m);
    assert_true(c->window == 20 && config_slides(c, 0) && !c->tied);
    assert_int_equal(c->rope.dims, 2);
    assert_int_equal(c->rope.original, 0);
    is_part(&m, "blk.0.attn_q.weight", "blk.0.attn_qkv.weight", 0, HIDDEN, Q);
    is_part(&m, "blk.0.attn_k.weight", "blk.0.attn_qkv.weight", Q * HIDDEN, HIDDEN, KV);
    is_part(&m, "blk.0.attn_v.weight", "blk.0.attn_qkv.weight", (Q + KV) * HIDDEN, HIDDEN, KV);
    is_part(&m, "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", 0, HIDDEN, INNER);
    is_part(&m, "blk.0.ffn_up.weight", "blk.0.ffn_up.weight", INNER * HIDDEN, HIDDEN, INNER);
    close_model(&m);
}

static void phi3_has_two_sets_of_factors(void **state) {
    (void)state;
    struct model m;
    begin_phi3(&m);
    key_u32(&m, "rope.scaling.original_context_length", 32);
    key_f32(&m, "rope.scaling.attn_factor", 1.25f);
    tensor(&m, "rope_factors_long.weight", HEAD / 2, 1);
    tensor(&m, "rope_factors_short.weight", HEAD / 2, 1);
    const double first = (double)m.starts[m.tensor_count - 2].first + 1;
    const double second = (double)m.starts[m.tensor_count - 1].first + 1;
    const struct decoder_config *c = accepted(&m);
    assert_int_equal(c->rope.original, 32);
    assert_true(c->rope.scale[0] == 1.25f && c->rope.scale[1] == 1.25f);
    near(c->rope.frequencies[0][0], 1 / second);
    near(c->rope.frequencies[0][1], 1 / ((second + 1) * 100));
    near(c->rope.frequencies[1][0], 1 / first);
    near(c->rope.frequencies[1][1], 1 / ((first + 1) * 100));
    close_model(&m);
    begin_phi3(&m);
    tensor(&m, "rope_factors_long.weight", HEAD / 2, 1);
    refused(&m, PRECIS_EINPUT, "'rope_factors_short.weight' is missing");
    begin_phi3(&m);
    key_f32(&m, "rope.scaling.attn_factor", 1.25f);
    refused(&m, PRECIS_EUNSUPPORTED, "an attention factor of rope");
}

static void begin_gemma3(struct model *m) {
    begin_decoder(m, "gemma3", LAYERS);
    key_u32(m, "attention.key_length", HEAD);
    key_u32(m, "attention.value_length", HEAD);
    for (unsigned i = 0; i < LAYERS; i++) {
        feed_forward(m, i);
        split(m, i);
        head_norms(m, i);
        layer(m, i, "post_attention_norm.weight", HIDDEN, 1);
        layer(m, i, "post_ffw_norm.weight", HIDDEN, 1);
    }
}

static void gemma3_slides_five_of_six(void **state) {
    (void)state;
    struct model m;
    begin_gemma3(&m);
    key_u32(&m, "attention.sliding_window", 512);
    key_string(&m, "rope.scaling.type", "linear");
    key_f32(&m, "rope.scaling.factor", 8);
    key_f32(&m, "final_logit_softcapping", 30);
    const struct decoder_config *c = accepted(&m);
    assert_int_equal(c->window, 512); /* beyond the context: the layers differ all the same */
    for (unsigned i = 0; i < LAYERS; i++)
        assert_int_equal(config_slides(c, i), i != 5);
    assert_true(c->qk_norm && c->post_norms && c->tied && c->logit_cap == 30);
    assert_int_equal(c->activation, ACTIVATION_GELU_TANH);
    near(c->embedding_scale, sqrt(HIDDEN));
    near(c->attention_scale, 0.5);
    near(c->rope.frequencies[0][1], 1e-3 / 8);
    near(c->rope_local.frequencies[0][1], 1e-2);
    /* Gains are complete in a GGUF. */
    is_part(&m, "blk.6.post_ffw_norm.weight", "blk.6.post_ffw_norm.weight", 0, HIDDEN, 1);
    close_model(&m);
}

static void gemma3_refusals(void **state) {
    (void)state;
    struct model m;
    begin_gemma3(&m);
    refused(&m, PRECIS_EINPUT, "gemma3.attention.sliding_window is 0");
    begin_gemma3(&m);
    key_u32(&m, "attention.sliding_window", 8);
    key_f32(&m, "attn_logit_softcapping", 50);
    refused(&m, PRECIS_EUNSUPPORTED, "soft capping of attention");
    begin_gemma3(&m);
    key_u32(&m, "attention.sliding_window", 8);
    key_string(&m, "rope.scaling.type", "yarn");
    key_f32(&m, "rope.scaling.factor", 8);
    refused(&m, PRECIS_EUNSUPPORTED, "rope scaling of type yarn by 8");
}

static void begin_llama(struct model *m) {
    begin_decoder(m, "llama", 1);
    feed_forward(m, 0);
    split(m, 0);
}

static void llama_may_scale_rope(void **state) {
    (void)state;
    struct model m;
    begin_llama(&m);
    tensor(&m, "rope_freqs.weight", HEAD / 2, 1);
    const double first = (double)m.starts[m.tensor_count - 1].first + 1;
    const struct decoder_config *c = accepted(&m);
    near(c->rope.frequencies[0][0], 1 / first);
    near(c->rope.frequencies[1][1], 1 / ((first + 1) * 100));
    assert_int_equal(c->rope.original, 0);
    close_model(&m);
    begin_llama(&m);
    key_string(&m, "rope.scaling.type", "yarn");
    key_f32(&m, "rope.scaling.factor", 4);
    key_u32(&m, "rope.scaling.original_context_length", 16);
    c = accepted(&m);
    near(c->rope.scale[0], 0.1 * log(4) + 1);
    /* Pair 0 turns 16 / 2 pi times and is blended, pair 1 hardly turns at all. */
    near(c->rope.frequencies[0][1], 0.01 / 4);
    close_model(&m);
    begin_llama(&m);
    key_string(&m, "rope.scaling.type", "longrope");
    key_f32(&m, "rope.scaling.factor", 4);
    refused(&m, PRECIS_EUNSUPPORTED, "rope scaling of type longrope by 4");
}

static void begin_bert(struct model *m) {
    static const char *const norms[] = {"attn_output_norm", "layer_output_norm"};
    begin(m, "bert", 1);
    key_f32(m, "attention.layer_norm_epsilon", 1e-12f);
    put_key_bool(&m->keys, "bert.attention.causal", 0);
    m->key_count++;
    tensor(m, "position_embd.weight", HIDDEN, 64);
    tensor(m, "token_types.weight", HIDDEN, 2);
    tensor(m, "token_embd_norm.weight", HIDDEN, 1);
    tensor(m, "token_embd_norm.bias", HIDDEN, 1);
    layer(m, 0, "attn_output.weight", HIDDEN, HIDDEN);
    layer(m, 0, "attn_output.bias", HIDDEN, 1);
    layer(m, 0, "ffn_up.weight", HIDDEN, INNER);
    layer(m, 0, "ffn_up.bias", INNER, 1);
    layer(m, 0, "ffn_down.weight", INNER, HIDDEN);
    layer(m, 0, "ffn_down.bias", HIDDEN, 1);
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weight", norms[i]);
        layer(m, 0, name, HIDDEN, 1);
        snprintf(name, sizeof name, "%s.bias", norms[i]);
        layer(m, 0, name, HIDDEN, 1);
    }
}

static void bert_is_an_encoder(void **state) {
    (void)state;
    static const char *const parts[] = {"attn_q", "attn_k", "attn_v"};
    struct model m;
    begin_bert(&m);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weight", parts[i]);
        layer(&m, 0, name, HIDDEN, HIDDEN);
        snprintf(name, sizeof name, "%s.bias", parts[i]);
        layer(&m, 0, name, HIDDEN, 1);
    }
    accepted(&m);
    const struct encoder_config *c = &m.config.encoder;
    assert_true(m.config.is_encoder);
    assert_string_equal(c->architecture, "bert");
    assert_true(c->types == 2 && c->position == 0 && c->context == 64 && c->head_dim == 4);
    assert_int_equal(c->activation, ACTIVATION_GELU);
    is_part(&m, "blk.0.attn_v.bias", "blk.0.attn_v.bias", 0, HIDDEN, 1);
    close_model(&m);
    begin_bert(&m);
    refused(&m, PRECIS_EINPUT, "'blk.0.attn_q.weight' is missing");
}

static void bert_may_be_fused(void **state) {
    (void)state;
    struct model m;
    begin_bert(&m);
    layer(&m, 0, "attn_qkv.weight", HIDDEN, 3 * HIDDEN);
    layer(&m, 0, "attn_qkv.bias", 3 * HIDDEN, 1);
    accepted(&m);
    is_part(&m, "blk.0.attn_v.weight", "blk.0.attn_qkv.weight", 2 * HIDDEN * HIDDEN, HIDDEN,
            HIDDEN);
    is_part(&m, "blk.0.attn_k.bias", "blk.0.attn_qkv.bias", HIDDEN, HIDDEN, 1);
    close_model(&m);
    begin_bert(&m);
    layer(&m, 0, "attn_qkv.weight", HIDDEN, 3 * HIDDEN);
    refused(&m, PRECIS_EINPUT, "'blk.0.attn_qkv.bias' is missing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qwen3_has_head_norms),
        cmocka_unit_test(phi3_is_fused),
        cmocka_unit_test(phi3_has_two_sets_of_factors),
        cmocka_unit_test(gemma3_slides_five_of_six),
        cmocka_unit_test(gemma3_refusals),
        cmocka_unit_test(llama_may_scale_rope),
        cmocka_unit_test(bert_is_an_encoder),
        cmocka_unit_test(bert_may_be_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

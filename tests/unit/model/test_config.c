#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf_build.h"
#include "model/catalogue.h"
#include "model/config_gguf.h"

static int read_decoder(const struct gguf *g, struct decoder_config *c, struct err *e) {
    struct tensor_set set = {.path = gguf_path(g)};
    struct model_config m = {0};
    int rc = tensor_set_from_gguf(&set, g, e);
    if (!rc)
        rc = config_gguf_read(g, &set, &m, e);
    *c = m.decoder;
    tensor_set_free(&set);
    return rc;
}

static int read_tiny(const struct tiny *tiny, struct decoder_config *c, struct err *e) {
    struct buf b = {0};
    uint8_t *copy;
    struct gguf *g;
    put_tiny(&b, tiny);
    if (open_exact(&b, b.len, &copy, &g, e) != 0)
        fail_msg("%s", e->text);
    int rc = read_decoder(g, c, e);
    gguf_close(g);
    free(copy);
    buf_free(&b);
    return rc;
}

static void accepted(struct tiny tiny, struct decoder_config *c) {
    struct err e = {0};
    if (read_tiny(&tiny, c, &e) != 0)
        fail_msg("%s", e.text);
}

static void refused(struct tiny tiny, int code, const char *part) {
    struct decoder_config c;
    struct err e = {0};
    int rc = read_tiny(&tiny, &c, &e);
    if (rc != code || e.code != code || !strstr(e.text, part) ||
        strncmp(e.text, "m.gguf: ", 8) != 0)
        fail_msg("%d wanted with '%s'; got %d: %s", code, part, rc, e.text);
}

static void reads_llama(void **state) {
    (void)state;
    struct decoder_config c;
    accepted((struct tiny){.architecture = "llama", .tied = true, .layers = 3}, &c);
    assert_string_equal(c.architecture, "llama");
    assert_string_equal(c.name, "m.gguf");
    assert_string_equal(c.file_type, "F16");
    assert_int_equal(c.layers, 3);
    assert_int_equal(c.heads, 4);
    assert_int_equal(c.kv_heads, 2);
    assert_int_equal(c.head_dim, 4);
    assert_int_equal(c.hidden, 8);
    assert_int_equal(c.intermediate, 12);
    assert_int_equal(c.vocab, 3);
    assert_int_equal(c.context, 64);
    assert_true(c.norm_eps == 1e-5f && c.rope.base == 10000.0f);
    assert_true(c.qk_interleaved && !c.qkv_bias && c.tied);
    assert_int_equal(c.parameters, 24 + 8 + 3 * (8 + 128 + 64 + 64 + 8 + 128 + 96 + 96 + 96));
    accepted((struct tiny){.architecture = "llama", .bias = true}, &c);
    assert_true(c.qkv_bias && !c.tied);
}

static void reads_qwen2(void **state) {
    (void)state;
    struct decoder_config c;
    accepted((struct tiny){.architecture = "qwen2", .bias = true}, &c);
    assert_true(!c.qk_interleaved && c.qkv_bias && !c.tied);
    refused((struct tiny){.architecture = "qwen2"}, PRECIS_EINPUT,
            "'blk.0.attn_q.bias' is missing");
}

static void takes_defaults(void **state) {
    (void)state;
    static const char *const optional[] = {"rope.freq_base", "rope.dimension_count"};
    struct decoder_config c;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        accepted((struct tiny){.architecture = "llama", .drop = optional[i]}, &c);
    assert_true(c.rope.base == 10000.0f);
    /* Without the key a head has hidden / heads = 2 dimensions, and without the other as many key
     * heads as heads. */
    refused((struct tiny){.architecture = "llama", .drop = "attention.key_length"},
            PRECIS_EUNSUPPORTED, "rope over 4 of 2 dimensions");
    refused((struct tiny){.architecture = "llama", .drop = "attention.head_count_kv"},
            PRECIS_EINPUT, "'blk.0.attn_k.weight' has the shape [8, 8, 1, 1]: [8, 16] is needed");
}

static void needs_keys(void **state) {
    (void)state;
    static const char *const needed[] = {
        "block_count",         "context_length",       "embedding_length",
        "feed_forward_length", "attention.head_count", "attention.layer_norm_rms_epsilon"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        refused((struct tiny){.architecture = "llama", .drop = needed[i]}, PRECIS_EINPUT,
                needed[i]);
        refused((struct tiny){.architecture = "llama", .retype = needed[i]}, PRECIS_EINPUT,
                needed[i]);
    }
    refused((struct tiny){.architecture = "llama", .drop = "general.architecture"}, PRECIS_EINPUT,
            "general.architecture is missing");
}

static void needs_tensors(void **state) {
    (void)state;
    static const char *const needed[] = {
        "token_embd.weight",     "output_norm.weight",       "blk.0.attn_norm.weight",
        "blk.0.attn_q.weight",   "blk.0.attn_k.weight",      "blk.0.attn_v.weight",
        "blk.0.attn_q.bias",     "blk.0.attn_k.bias",        "blk.0.attn_v.bias",
        "blk.0.ffn_up.weight",   "blk.0.attn_output.weight", "blk.0.ffn_norm.weight",
        "blk.0.ffn_gate.weight", "blk.1.ffn_down.weight"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        char text[96];
        snprintf(text, sizeof text, "'%s' is missing", needed[i]);
        struct tiny tiny = {.architecture = "qwen2", .bias = true, .layers = 2, .drop = needed[i]};
        refused(tiny, PRECIS_EINPUT, text);
        tiny.drop = NULL;
        tiny.reshape = needed[i];
        /* The embedding's rows are the vocabulary: the other tensor is then the wrong one. */
        refused(tiny, PRECIS_EINPUT, i ? needed[i] : "output.weight");
    }
    refused((struct tiny){.architecture = "llama", .reshape = "output.weight"}, PRECIS_EINPUT,
            "'output.weight' has the shape [8, 4, 1, 1]: [8, 3] is needed");
}

static void refuses_what_it_would_get_wrong(void **state) {
    (void)state;
    static const char *const tensors[] = {"rope_factors_long.weight", "blk.0.attn_q_norm.weight",
                                          "blk.0.attn_output.bias",   "blk.0.ffn_gate_inp.weight",
                                          "blk.1.attn_norm.weight",   "output.bias"};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        refused((struct tiny){.architecture = "llama", .more_tensor = tensors[i]},
                PRECIS_EUNSUPPORTED, tensors[i]);
    refused((struct tiny){.architecture = "gemma2"}, PRECIS_EUNSUPPORTED, "architecture 'gemma2'");
    refused((struct tiny){.architecture = "llama4"}, PRECIS_EUNSUPPORTED, "architecture 'llama4'");
    refused((struct tiny){.architecture = "\x1b[2J\xff"}, PRECIS_EUNSUPPORTED,
            "architecture '?[2J?'");
}

static void more_experts(struct buf *b) {
    put_key_u32(b, "llama.expert_count", 8);
}
static void more_no_experts(struct buf *b) {
    put_key_u32(b, "llama.expert_count", 0);
}
static void more_yarn(struct buf *b) {
    put_key_string(b, "llama.rope.scaling.type", "yarn");
    put_key_f32(b, "llama.rope.scaling.factor", 4);
}
static void more_linear(struct buf *b) {
    put_key_string(b, "llama.rope.scaling.type", "linear");
    put_key_f32(b, "llama.rope.scaling.factor", 2);
}
static void more_linear_one(struct buf *b) {
    put_key_string(b, "llama.rope.scaling.type", "linear");
    put_key_f32(b, "llama.rope.scaling.factor", 1);
}
static void more_none(struct buf *b) {
    put_key_string(b, "llama.rope.scaling.type", "none");
}
static void more_window(struct buf *b) {
    put_key_u32(b, "llama.attention.sliding_window", 63);
}
static void more_wide_window(struct buf *b) {
    put_key_u32(b, "llama.attention.sliding_window", 64);
}
static void more_softcap(struct buf *b) {
    put_key_f32(b, "llama.attn_logit_softcapping", 50);
}
static void more_value_length(struct buf *b) {
    put_key_u32(b, "llama.attention.value_length", 8);
}
static void more_acausal(struct buf *b) {
    put_key_bool(b, "llama.attention.causal", 0);
}
static void more_causal(struct buf *b) {
    put_key_bool(b, "llama.attention.causal", 1);
}
static void more_adapter(struct buf *b) {
    put_key_string(b, "general.type", "adapter");
}
static void more_split(struct buf *b) {
    put_key(b, "split.count", GGUF_U16);
    buf_append(b, "\3\0", 2);
}
static void more_vocab(struct buf *b) {
    put_key_u32(b, "llama.vocab_size", 4);
}
static void more_tokens(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 2);
    put_string(b, "a");
    put_string(b, "b");
}

static void knows_options(void **state) {
    (void)state;
    static const struct {
        void (*more)(struct buf *);
        unsigned keys;
        int code;
        const char *part;
    } cases[] = {
        {more_experts, 1, PRECIS_EUNSUPPORTED, "a mixture of experts (llama.expert_count)"},
        {more_no_experts, 1, 0, NULL},
        {more_yarn, 2, PRECIS_EUNSUPPORTED, "rope scaling of type yarn by 4"},
        {more_linear, 2, 0, NULL},
        {more_linear_one, 2, 0, NULL},
        {more_none, 1, 0, NULL},
        {more_window, 1, 0, NULL},
        {more_wide_window, 1, 0, NULL},
        {more_softcap, 1, PRECIS_EUNSUPPORTED, "soft capping of attention"},
        {more_value_length, 1, PRECIS_EUNSUPPORTED, "value length"},
        {more_acausal, 1, PRECIS_EUNSUPPORTED, "attention that is not causal"},
        {more_causal, 1, 0, NULL},
        {more_adapter, 1, PRECIS_EUNSUPPORTED, "a GGUF of type 'adapter'"},
        {more_split, 1, PRECIS_EUNSUPPORTED, "split into 3 files"},
        {more_vocab, 1, PRECIS_EINPUT, "has 4 tokens, but 'token_embd.weight' has 3 rows"},
        {more_tokens, 1, PRECIS_EINPUT, "has 2 tokens, but 'token_embd.weight' has 3 rows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tiny tiny = {
            .architecture = "llama", .more = cases[i].more, .more_keys = cases[i].keys};
        struct decoder_config c;
        if (cases[i].code) {
            refused(tiny, cases[i].code, cases[i].part);
            continue;
        }
        accepted(tiny, &c);
        assert_int_equal(c.window, cases[i].more == more_window ? 63 : 0); /* Mistral */
        assert_true(config_slides(&c, 0) == (c.window > 0));
    }
}

static void more_long_name(struct buf *b) {
    char name[400];
    for (size_t i = 0; i < sizeof name - 1; i++)
        name[i] = "a\xc3\xa9"[i % 3];
    name[sizeof name - 1] = '\0';
    put_key_string(b, "general.name", name);
    put_key_u32(b, "general.file_type", 15);
}
static void more_hostile_name(struct buf *b) {
    put_key_string(b, "general.name", "A\n\x1b[1m\xff\xc2\x9b!");
    put_key_u32(b, "general.file_type", 999);
}

static void names_are_clean(void **state) {
    (void)state;
    struct decoder_config c;
    accepted((struct tiny){.architecture = "llama", .more = more_long_name, .more_keys = 2}, &c);
    /* 127 bytes would cut a letter in two. */
    assert_int_equal(strlen(c.name), 127 - 127 % 3 + 1);
    assert_string_equal(c.file_type, "Q4_K_M");
    accepted((struct tiny){.architecture = "llama", .more = more_hostile_name, .more_keys = 2}, &c);
    assert_string_equal(c.name, "A?"
                                "?[1m?"
                                "?!");
    assert_string_equal(c.file_type, "mixed");
}

/* Sizes one at a time, at values that would overflow if they were multiplied unchecked. */
static void refuses_absurd_sizes(void **state) {
    (void)state;
    static const char *const keys[] = {"block_count",          "context_length",
                                       "embedding_length",     "feed_forward_length",
                                       "attention.head_count", "attention.head_count_kv",
                                       "attention.key_length", "rope.dimension_count"};
    static const uint64_t values[] = {0, 1ull << 31, 1ull << 32, UINT64_MAX};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            struct buf b = {0};
            uint8_t *copy;
            struct gguf *g;
            struct err e = {0};
            struct decoder_config c;
            char key[64];
            snprintf(key, sizeof key, "llama.%s", keys[i]);
            put_head(&b, 3, 0, 10);
            put_key_string(&b, "general.architecture", "llama");
            put_key(&b, key, GGUF_U64);
            put_u64(&b, values[j]);
            for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
                snprintf(key, sizeof key, "llama.%s%s", keys[k], k == i ? ".other" : "");
                put_key_u32(&b, key, 4);
            }
            assert_int_equal(open_exact(&b, b.len, &copy, &g, &e), 0);
            assert_int_equal(read_decoder(g, &c, &e), PRECIS_EINPUT);
            gguf_close(g);
            free(copy);
            buf_free(&b);
        }
}

static void model_is(const char *model, const struct decoder_config *want) {
    char path[4096];
    struct err e;
    struct gguf *g;
    struct decoder_config c;
    if (catalogue_resolve(model, path, sizeof path, &e) != 0) {
        print_message("%s\n", e.text);
        skip();
    }
    if (gguf_open(path, &g, &e) != 0 || read_decoder(g, &c, &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(c.architecture, want->architecture);
    assert_string_equal(c.name, want->name);
    assert_string_equal(c.file_type, want->file_type);
    assert_int_equal(c.layers, want->layers);
    assert_int_equal(c.heads, want->heads);
    assert_int_equal(c.kv_heads, want->kv_heads);
    assert_int_equal(c.head_dim, want->head_dim);
    assert_int_equal(c.hidden, want->hidden);
    assert_int_equal(c.intermediate, want->intermediate);
    assert_int_equal(c.vocab, want->vocab);
    assert_int_equal(c.context, want->context);
    assert_true(c.norm_eps == want->norm_eps && c.rope.base == want->rope.base);
    assert_int_equal(c.qk_interleaved, want->qk_interleaved);
    assert_int_equal(c.qkv_bias, want->qkv_bias);
    assert_int_equal(c.tied, want->tied);
    assert_int_equal(c.parameters, want->parameters);
    gguf_close(g);
}

static void smollm2_is_known(void **state) {
    (void)state;
    model_is("smollm2", &(struct decoder_config){.architecture = "llama",
                                                 .name = "Smollm2 135M 8k Lc100K Mix1 Ep2",
                                                 .file_type = "Q4_1",
                                                 .layers = 30,
                                                 .heads = 9,
                                                 .kv_heads = 3,
                                                 .head_dim = 64,
                                                 .hidden = 576,
                                                 .intermediate = 1536,
                                                 .vocab = 49152,
                                                 .context = 8192,
                                                 .norm_eps = 1e-5f,
                                                 .rope = {.base = 1e5f},
                                                 .qk_interleaved = true,
                                                 .tied = true,
                                                 .parameters = 134515008});
}

static void qwen_is_known(void **state) {
    (void)state;
    model_is("qwen2.5-coder-0.5b",
             &(struct decoder_config){.architecture = "qwen2",
                                      .name = "Qwen2.5 Coder 0.5B Instruct AWQ",
                                      .file_type = "Q4_K_M",
                                      .layers = 24,
                                      .heads = 14,
                                      .kv_heads = 2,
                                      .head_dim = 64,
                                      .hidden = 896,
                                      .intermediate = 4864,
                                      .vocab = 151936,
                                      .context = 32768,
                                      .norm_eps = 1e-6f,
                                      .rope = {.base = 1e6f},
                                      .qkv_bias = true,
                                      .parameters = 630167424});
}

static void names_come_from_paths(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a/b.gguf", "b.gguf"},
        {"b.gguf", "b.gguf"},
        {"a/folder//", "folder"},
        {"hub/models--org--one/snapshots/0123abcd", "org/one"},
        {"hub/models--org--one/snapshots/0123abcd/", "org/one"},
        {"models--org--a-b--c/snapshots/x", "org/a-b--c"},
        {"models--one/snapshots/x", "one"},
        {"models--/snapshots/x", "x"},
        {"models--org--one/snapshots/x/m.gguf", "m.gguf"},
        {"models--org--one/x", "x"},
        {"snapshots/x", "x"},
        {"/x", "x"},
        {"/usr/bin/..", "usr"},
        {"/usr/.", "usr"},
        {"..x", "..x"},
    };
    char name[128], cwd[1024];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_name_from_path(name, sizeof name, cases[i][0]);
        assert_string_equal(name, cases[i][1]);
    }
    assert_non_null(getcwd(cwd, sizeof cwd));
    config_name_from_path(name, sizeof name, ".");
    assert_string_equal(name, strrchr(cwd, '/') + 1);
    config_name_from_path(name, 4, "models--org--one/snapshots/x");
    assert_string_equal(name, "org");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_llama),          cmocka_unit_test(reads_qwen2),
        cmocka_unit_test(takes_defaults),       cmocka_unit_test(needs_keys),
        cmocka_unit_test(needs_tensors),        cmocka_unit_test(refuses_what_it_would_get_wrong),
        cmocka_unit_test(knows_options),        cmocka_unit_test(names_are_clean),
        cmocka_unit_test(refuses_absurd_sizes), cmocka_unit_test(smollm2_is_known),
        cmocka_unit_test(qwen_is_known),        cmocka_unit_test(names_come_from_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Any text as a config.json, beside the tensors of whichever family it says. The first line may
 * take tensors away or add one: "-NAME" or "+NAME". */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/config_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HIDDEN = 8, INNER = 12, VOCAB = 3, HEADS = 2, KEYS = 1, HEAD = 4, POSITIONS = 16 };

static volatile float sink;

/* The file that is written: its header and how many bytes of data it has. */
struct writer {
    struct buf header;
    size_t at;
    const char *change; /* the line, NUL-terminated */
};

static void add(struct writer *w, const char *name, int out, int in) {
    if (w->change[0] == '-' && strcmp(w->change + 1, name) == 0)
        return;
    const size_t n = (size_t)in * (size_t)(out ? out : 1) * 2;
    buf_printf(&w->header, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[", w->at ? "," : "{", name);
    if (out)
        buf_printf(&w->header, "%d,", out);
    buf_printf(&w->header, "%d],\"data_offsets\":[%zu,%zu]}", in, w->at, w->at + n);
    w->at += n;
}

static void decoder(struct writer *w, bool fused, bool bias, bool norms, bool gemma) {
    static const char layer[] = "model.layers.0.";
    const struct {
        const char *name;
        int out, in;
        bool there;
    } parts[] = {
        {"input_layernorm.weight", 0, HIDDEN, true},
        {"post_attention_layernorm.weight", 0, HIDDEN, true},
        {"pre_feedforward_layernorm.weight", 0, HIDDEN, gemma},
        {"post_feedforward_layernorm.weight", 0, HIDDEN, gemma},
        {"self_attn.qkv_proj.weight", (HEADS + 2 * KEYS) * HEAD, HIDDEN, fused},
        {"self_attn.q_proj.weight", HEADS * HEAD, HIDDEN, !fused},
        {"self_attn.k_proj.weight", KEYS * HEAD, HIDDEN, !fused},
        {"self_attn.v_proj.weight", KEYS * HEAD, HIDDEN, !fused},
        {"self_attn.q_proj.bias", 0, HEADS * HEAD, bias},
        {"self_attn.k_proj.bias", 0, KEYS * HEAD, bias},
        {"self_attn.v_proj.bias", 0, KEYS * HEAD, bias},
        {"self_attn.q_norm.weight", 0, HEAD, norms},
        {"self_attn.k_norm.weight", 0, HEAD, norms},
        {"self_attn.o_proj.weight", HIDDEN, HEADS * HEAD, true},
        {"mlp.gate_up_proj.weight", 2 * INNER, HIDDEN, fused},
        {"mlp.gate_proj.weight", INNER, HIDDEN, !fused},
        {"mlp.up_proj.weight", INNER, HIDDEN, !fused},
        {"mlp.down_proj.weight", HIDDEN, INNER, true},
    };
    add(w, "model.embed_tokens.weight", VOCAB, HIDDEN);
    add(w, "model.norm.weight", 0, HIDDEN);
    add(w, "lm_head.weight", VOCAB, HIDDEN);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", layer, parts[i].name);
        if (parts[i].there)
            add(w, name, parts[i].out, parts[i].in);
    }
}

static void pair(struct writer *w, const char *name, int out, int in) {
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    add(w, full, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    add(w, full, 0, out ? out : in);
}

static void encoder(struct writer *w) {
    add(w, "embeddings.word_embeddings.weight", VOCAB, HIDDEN);
    add(w, "embeddings.position_embeddings.weight", POSITIONS, HIDDEN);
    add(w, "embeddings.token_type_embeddings.weight", 2, HIDDEN);
    pair(w, "embeddings.LayerNorm", 0, HIDDEN);
    pair(w, "encoder.layer.0.attention.self.query", HIDDEN, HIDDEN);
    pair(w, "encoder.layer.0.attention.self.key", HIDDEN, HIDDEN);
    pair(w, "encoder.layer.0.attention.self.value", HIDDEN, HIDDEN);
    pair(w, "encoder.layer.0.attention.output.dense", HIDDEN, HIDDEN);
    pair(w, "encoder.layer.0.attention.output.LayerNorm", 0, HIDDEN);
    pair(w, "encoder.layer.0.intermediate.dense", INNER, HIDDEN);
    pair(w, "encoder.layer.0.output.dense", HIDDEN, INNER);
    pair(w, "encoder.layer.0.output.LayerNorm", 0, HIDDEN);
}

static void write_file(struct writer *w, const char *type, struct buf *file) {
    if (strstr(type, "bert"))
        encoder(w);
    else
        decoder(w, strcmp(type, "phi3") == 0, strcmp(type, "qwen2") == 0,
                strcmp(type, "qwen3") == 0 || strncmp(type, "gemma3", 6) == 0,
                strncmp(type, "gemma3", 6) == 0);
    if (w->change[0] == '+' && strlen(w->change) < 64 && !strpbrk(w->change, "\"\\"))
        add(w, w->change + 1, 0, HIDDEN);
    buf_char(&w->header, '}');
    const uint64_t n = w->header.len;
    buf_append(file, &n, sizeof n);
    buf_append(file, w->header.data, w->header.len);
    for (size_t i = 0; i < w->at; i++)
        buf_char(file, (char)(i * 7));
}

static void check_rope(const struct rope *r) {
    if (r->dims < 2 || r->dims % 2 || r->dims > CONFIG_MAX_DIM)
        abort();
    for (int row = 0; row < 2; row++)
        for (unsigned i = 0; i < r->dims / 2; i++)
            if (!isfinite(r->frequencies[row][i]) || !isfinite(r->scale[row]))
                abort();
}

static void check(const struct model_config *m, struct tensor_set *set) {
    tensor_set_finish(set);
    for (size_t i = 0; i < set->bound_count; i++) {
        const struct tensor *t = &set->bound[i].tensor;
        float *values = malloc((size_t)t->elements * sizeof *values);
        if (!values)
            return;
        quant_to_f32(t->type, t->data, (size_t)t->elements, values);
        sink += values[t->elements - 1];
        free(values);
    }
    if (!tensor_set_find(set, "token_embd.weight"))
        abort();
    if (m->is_encoder) {
        if (m->encoder.heads * m->encoder.head_dim != m->encoder.hidden || m->encoder.context < 1)
            abort();
        return;
    }
    check_rope(&m->decoder.rope);
    check_rope(&m->decoder.rope_local);
    if (!isfinite(m->decoder.attention_scale) || m->decoder.heads % m->decoder.kv_heads)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct writer w = {0};
    struct buf file = {0}, text = {0};
    struct tensor_set set = {.path = "fuzz"};
    struct safetensors *s = NULL;
    struct model_config m;
    struct err e = {0};
    buf_append(&text, data, size);
    buf_char(&text, '\0');
    char *end = text.data ? strchr(text.data, '\n') : NULL;
    if (!end) {
        buf_free(&text);
        return 0;
    }
    *end = '\0';
    w.change = text.data;
    const size_t skip = (size_t)(end + 1 - text.data);
    json_t *config = json_loadb(end + 1, size - skip, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(config, "model_type"));
    write_file(&w, type ? type : "", &file);
    if (config && safetensors_open_memory("fuzz", (uint8_t *)file.data, file.len, &s, &e) == 0 &&
        tensor_set_from_files(&set, &s, 1, &e) == 0) {
        if (config_json_read(config, "config.json", "fuzz", &set, &m, &e) == 0)
            check(&m, &set);
        else if (!e.text[0])
            abort();
    }
    tensor_set_free(&set);
    safetensors_close(s);
    json_decref(config);
    buf_free(&w.header);
    buf_free(&file);
    buf_free(&text);
    return 0;
}

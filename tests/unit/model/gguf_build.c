#include "gguf_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void put_u32(struct buf *b, uint32_t v) {
    buf_append(b, &v, sizeof v);
}

void put_u64(struct buf *b, uint64_t v) {
    buf_append(b, &v, sizeof v);
}

void put_string(struct buf *b, const char *s) {
    put_u64(b, strlen(s));
    buf_str(b, s);
}

void put_head(struct buf *b, uint32_t version, uint64_t tensors, uint64_t keys) {
    buf_str(b, "GGUF");
    put_u32(b, version);
    put_u64(b, tensors);
    put_u64(b, keys);
}

void put_key(struct buf *b, const char *key, uint32_t type) {
    put_string(b, key);
    put_u32(b, type);
}

void put_key_u32(struct buf *b, const char *key, uint32_t v) {
    put_key(b, key, GGUF_U32);
    put_u32(b, v);
}

void put_key_f32(struct buf *b, const char *key, float v) {
    put_key(b, key, GGUF_F32);
    buf_append(b, &v, sizeof v);
}

void put_key_bool(struct buf *b, const char *key, unsigned v) {
    put_key(b, key, GGUF_BOOL);
    buf_char(b, (char)v);
}

void put_key_string(struct buf *b, const char *key, const char *v) {
    put_key(b, key, GGUF_STRING);
    put_string(b, v);
}

void put_key_array(struct buf *b, const char *key, uint32_t item, uint64_t count) {
    put_key(b, key, GGUF_ARRAY);
    put_u32(b, item);
    put_u64(b, count);
}

void put_tensor(struct buf *b, const char *name, const uint64_t *dims, uint32_t type,
                uint64_t offset) {
    uint32_t n = 0;
    while (dims[n])
        n++;
    put_string(b, name);
    put_u32(b, n);
    for (uint32_t i = 0; i < n; i++)
        put_u64(b, dims[i]);
    put_u32(b, type);
    put_u64(b, offset);
}

void put_zeros(struct buf *b, size_t n) {
    while (n--)
        buf_char(b, 0);
}

void put_padding(struct buf *b, size_t alignment) {
    put_zeros(b, (alignment - b->len % alignment) % alignment);
}

struct writer {
    const struct tiny *tiny;
    struct buf keys, list;
    uint64_t key_count, tensor_count, offset;
};

static bool is(const char *a, const char *b) {
    return a && strcmp(a, b) == 0;
}

static void number(struct writer *w, const char *key, uint32_t v) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", w->tiny->architecture, key);
    if (is(w->tiny->drop, key))
        return;
    w->key_count++;
    if (is(w->tiny->retype, key))
        put_key_string(&w->keys, full, "text");
    else if (strstr(key, "epsilon"))
        put_key_f32(&w->keys, full, 1e-5f);
    else
        put_key_u32(&w->keys, full, v);
}

static void tensor(struct writer *w, const char *name, uint64_t in, uint64_t out) {
    uint64_t dims[] = {in, is(w->tiny->reshape, name) ? out + 1 : out, 0};
    if (is(w->tiny->drop, name))
        return;
    if (out == 1 && dims[1] == 1)
        dims[1] = 0;
    w->tensor_count++;
    put_tensor(&w->list, name, dims, QUANT_F16, w->offset);
    w->offset += (in * (dims[1] ? dims[1] : 1) * 2 + 31) / 32 * 32;
}

static void layer(struct writer *w, unsigned i) {
    static const struct {
        const char *name;
        uint64_t in, out;
    } parts[] = {
        {"attn_norm.weight", 8, 1}, {"attn_q.weight", 8, 16},  {"attn_k.weight", 8, 8},
        {"attn_v.weight", 8, 8},    {"attn_q.bias", 16, 1},    {"attn_k.bias", 8, 1},
        {"attn_v.bias", 8, 1},      {"ffn_norm.weight", 8, 1}, {"attn_output.weight", 16, 8},
        {"ffn_gate.weight", 8, 12}, {"ffn_up.weight", 8, 12},  {"ffn_down.weight", 12, 8}};
    for (size_t j = 0; j < sizeof parts / sizeof *parts; j++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s", i, parts[j].name);
        if (w->tiny->bias || !strstr(name, "bias"))
            tensor(w, name, parts[j].in, parts[j].out);
    }
}

void put_tiny(struct buf *b, const struct tiny *tiny) {
    struct writer w = {.tiny = tiny};
    unsigned layers = tiny->layers ? tiny->layers : 1;
    number(&w, "block_count", layers);
    number(&w, "context_length", 64);
    number(&w, "embedding_length", 8);
    number(&w, "feed_forward_length", 12);
    number(&w, "attention.head_count", 4);
    number(&w, "attention.head_count_kv", 2);
    number(&w, "attention.key_length", 4);
    number(&w, "attention.layer_norm_rms_epsilon", 0);
    number(&w, "rope.freq_base", 10000);
    number(&w, "rope.dimension_count", 4);
    tensor(&w, "token_embd.weight", 8, 3);
    tensor(&w, "output_norm.weight", 8, 1);
    if (!tiny->tied)
        tensor(&w, "output.weight", 8, 3);
    for (unsigned i = 0; i < layers; i++)
        layer(&w, i);
    if (tiny->more_tensor)
        tensor(&w, tiny->more_tensor, 8, 1);
    put_head(b, 3, w.tensor_count,
             w.key_count + tiny->more_keys + !is(tiny->drop, "general.architecture"));
    if (!is(tiny->drop, "general.architecture"))
        put_key_string(b, "general.architecture", tiny->architecture);
    buf_append(b, w.keys.data, w.keys.len);
    if (tiny->more)
        tiny->more(b);
    buf_append(b, w.list.data, w.list.len);
    put_padding(b, 32);
    put_zeros(b, (size_t)w.offset);
    buf_free(&w.keys);
    buf_free(&w.list);
}

int open_exact(const struct buf *b, size_t size, uint8_t **copy, struct gguf **g, struct err *e) {
    *copy = malloc(size ? size : 1);
    if (!*copy)
        return err_nomem(e, "a test");
    if (size)
        memcpy(*copy, b->data, size);
    return gguf_open_memory("m.gguf", *copy, size, g, e);
}

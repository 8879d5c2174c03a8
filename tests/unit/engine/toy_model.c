#include "toy_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../model/gguf_build.h"
#include "base/rng.h"
#include "model/quant.h"

enum { ALIGNMENT = 32 };

struct list {
    const struct toy *toy;
    struct buf entries, data;
    uint64_t n;
    struct rng rng;
};

static void begin(struct list *l, const char *name, uint64_t in, uint64_t out,
                  enum quant_type type) {
    uint64_t dims[] = {in, out, 0};
    put_padding(&l->data, ALIGNMENT);
    put_tensor(&l->entries, name, dims, type, l->data.len);
    l->n++;
}

/* The sum of two uniform numbers, cheap and without outliers. */
static void matrix(struct list *l, const char *name, uint64_t in, uint64_t out) {
    begin(l, name, in, out, QUANT_BF16);
    double scale = sqrt(6.0 / (double)in) / 65536.0;
    uint16_t *row = malloc(in * sizeof *row);
    assert_non_null(row);
    for (uint64_t r = 0; r < out; r++) {
        for (uint64_t i = 0; i < in; i++) {
            uint64_t bits = rng_next(&l->rng);
            double sum = (double)(bits & 0xffff) + (double)(bits >> 16 & 0xffff) - 65535.0;
            row[i] = quant_f32_to_bf16((float)(sum * scale));
        }
        buf_append(&l->data, row, in * sizeof *row);
    }
    free(row);
}

static void vector(struct list *l, const char *name, uint64_t n, bool gains) {
    begin(l, name, n, 0, QUANT_F32);
    for (uint64_t i = 0; i < n; i++) {
        double u = rng_uniform(&l->rng);
        float v = (float)(gains ? exp2(6.0 * u - 3.0) : u - 0.5);
        buf_append(&l->data, &v, sizeof v);
    }
}

static void layer(struct list *l, unsigned i) {
    const struct toy *t = l->toy;
    uint64_t q = (uint64_t)t->heads * t->head_dim, kv = (uint64_t)t->kv_heads * t->head_dim;
    const struct {
        const char *name;
        uint64_t in, out; /* out 0: a norm's gains, 1: a bias */
    } parts[] = {{"attn_norm.weight", t->hidden, 0},
                 {"attn_q.weight", t->hidden, q},
                 {"attn_k.weight", t->hidden, kv},
                 {"attn_v.weight", t->hidden, kv},
                 {"attn_q.bias", q, 1},
                 {"attn_k.bias", kv, 1},
                 {"attn_v.bias", kv, 1},
                 {"attn_output.weight", q, t->hidden},
                 {"ffn_norm.weight", t->hidden, 0},
                 {"ffn_gate.weight", t->hidden, t->intermediate},
                 {"ffn_up.weight", t->hidden, t->intermediate},
                 {"ffn_down.weight", t->intermediate, t->hidden}};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s", i, parts[p].name);
        if (parts[p].out > 1)
            matrix(l, name, parts[p].in, parts[p].out);
        else if (parts[p].out == 0 || t->bias)
            vector(l, name, parts[p].in, parts[p].out == 0);
    }
}

static void put_config(struct buf *b, const struct toy *t) {
    const struct {
        const char *key;
        uint32_t v;
    } numbers[] = {{"block_count", t->layers},
                   {"context_length", 1024},
                   {"embedding_length", t->hidden},
                   {"feed_forward_length", t->intermediate},
                   {"attention.head_count", t->heads},
                   {"attention.head_count_kv", t->kv_heads},
                   {"attention.key_length", t->head_dim},
                   {"rope.dimension_count", t->head_dim}};
    size_t n = sizeof numbers / sizeof *numbers;
    char key[96];
    put_u64(b, n + 3);
    put_key_string(b, "general.architecture", t->architecture);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%s.%s", t->architecture, numbers[i].key);
        put_key_u32(b, key, numbers[i].v);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", t->architecture);
    put_key_f32(b, key, 1e-5f);
    snprintf(key, sizeof key, "%s.rope.freq_base", t->architecture);
    put_key_f32(b, key, 10000);
}

void toy_write(const struct toy *t, const char *path) {
    struct list l = {.toy = t, .rng = {t->seed}};
    matrix(&l, "token_embd.weight", t->hidden, t->vocab);
    vector(&l, "output_norm.weight", t->hidden, true);
    if (!t->tied)
        matrix(&l, "output.weight", t->hidden, t->vocab);
    for (unsigned i = 0; i < t->layers; i++)
        layer(&l, i);
    struct buf head = {0};
    buf_str(&head, "GGUF");
    put_u32(&head, 3);
    put_u64(&head, l.n);
    put_config(&head, t);
    buf_append(&head, l.entries.data, l.entries.len);
    put_padding(&head, ALIGNMENT);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(head.data, 1, head.len, f), head.len);
    assert_int_equal(fwrite(l.data.data, 1, l.data.len, f), l.data.len);
    assert_int_equal(fclose(f), 0);
    buf_free(&head);
    buf_free(&l.entries);
    buf_free(&l.data);
}

/* Any bytes as a GGUF file: opening, every getter, the decoder's configuration and every tensor's
 * values. */
#include <stdint.h>
#include <stdlib.h>

#include "model/config_gguf.h"
#include "model/gguf_parse.h"

enum { MOST_VALUES = 1 << 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void touch(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        sink += (unsigned char)s.s[i];
}

static void ask(const struct gguf *g, const char *key) {
    uint64_t u = 0;
    double d = 0;
    bool b = false;
    struct str s = {0};
    enum gguf_type type;
    size_t count = 0;
    sink += gguf_has(g, key) + gguf_u64(g, key, &u) + gguf_f64(g, key, &d) + gguf_bool(g, key, &b);
    if (gguf_string(g, key, &s))
        touch(s);
    if (!gguf_array(g, key, &type, &count))
        return;
    for (size_t i = 0; i <= count && i < MOST_VALUES; i++) {
        if (gguf_array_string(g, key, i, &s))
            touch(s);
        sink += gguf_array_f64(g, key, i, &d);
    }
}

static void ask_all(const struct gguf *g) {
    for (size_t i = 0; i < g->value_count; i++) {
        struct str key = g->values[i].key;
        char name[1100];
        size_t n = key.len < sizeof name ? key.len : sizeof name - 1;
        for (size_t j = 0; j < n; j++)
            name[j] = key.s[j];
        name[n] = '\0';
        ask(g, name);
    }
    ask(g, "absent");
}

static void dequantise(const struct tensor *t) {
    size_t n = t->elements < MOST_VALUES ? (size_t)t->elements : MOST_VALUES;
    float *out = malloc(n * sizeof *out);
    if (!out)
        return;
    quant_to_f32(t->type, t->data, n, out);
    for (size_t i = 0; i < t->size; i++)
        sink += t->data[i];
    free(out);
}

static void configure(const struct gguf *g) {
    struct tensor_set set = {.path = "fuzz"};
    struct model_config m;
    struct err e;
    if (tensor_set_from_gguf(&set, g, &e) == 0 && config_gguf_read(g, &set, &m, &e) == 0) {
        const struct decoder_config *c = &m.decoder;
        if (!m.is_encoder && (c->layers == 0 || c->heads % c->kv_heads != 0))
            abort();
        tensor_set_finish(&set);
        if (!tensor_set_find(&set, "token_embd.weight"))
            abort();
    }
    tensor_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gguf *g;
    struct err e;
    if (gguf_open_memory("fuzz", data, size, &g, &e) != 0)
        return e.text[0] ? 0 : (abort(), 0);
    ask_all(g);
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        dequantise(gguf_tensor_at(g, i));
    sink += gguf_find_tensor(g, "token_embd.weight") != NULL;
    configure(g);
    gguf_close(g);
    return 0;
}

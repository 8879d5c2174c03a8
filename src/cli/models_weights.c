/* The card of a GGUF or a Hugging Face folder. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/models_card.h"
#include "cli/transfer.h"
#include "model/checkpoint.h"
#include "model/folder.h"
#include "model/revision.h"

enum { MOST_TYPES = 64 };

struct tally {
    struct {
        char name[16];
        uint64_t tensors, elements, bytes;
    } v[MOST_TYPES];
    size_t n;
};

static void count(struct tally *t, const char *type, uint64_t elements, uint64_t bytes) {
    size_t i = 0;
    while (i < t->n && strcmp(t->v[i].name, type) != 0)
        i++;
    if (i == MOST_TYPES)
        return;
    if (i == t->n) {
        snprintf(t->v[i].name, sizeof t->v[i].name, "%s", type);
        for (char *p = t->v[i].name; *p; p++) /* of a file: it goes to JSON and to a terminal */
            *p = isalnum((unsigned char)*p) || *p == '_' ? *p : '?';
        t->n++;
    }
    t->v[i].tensors++;
    t->v[i].elements += elements;
    t->v[i].bytes += bytes;
}

static void put_tally(struct card *c, const struct tally *t) {
    char bytes[32];
    uint64_t parameters = 0;
    struct buf *b = card_member(c, "tensors");
    buf_char(b, '[');
    for (size_t i = 0; i < t->n; i++) {
        buf_printf(b,
                   "%s{\"type\": \"%s\", \"tensors\": %llu, \"elements\": %llu, \"bytes\": %llu}",
                   i ? ", " : "", t->v[i].name, (unsigned long long)t->v[i].tensors,
                   (unsigned long long)t->v[i].elements, (unsigned long long)t->v[i].bytes);
        transfer_bytes(bytes, sizeof bytes, (double)t->v[i].bytes);
        card_line(c, i ? "" : "tensors", "%llu %s, %s", (unsigned long long)t->v[i].tensors,
                  t->v[i].name, bytes);
        parameters += t->v[i].elements;
    }
    buf_char(b, ']');
    card_number(c, "parameters", "parameters", parameters, "");
}

/* Keys and values of one token. int8 has a scale for each head's position; models whose keys have
 * biases or norms keep them in floats also then (engine/native.c). */
static void put_memory(struct card *c, const struct decoder_config *d) {
    uint64_t rows = 2ull * d->layers * d->kv_heads, dim = (d->head_dim + 15) / 16 * 16;
    bool int8 = !d->qkv_bias && !d->qk_norm;
    const struct {
        const char *name;
        uint64_t bytes;
    } kinds[] = {{"f32", rows * dim * 4}, {"bf16", rows * dim * 2}, {"int8", rows * (dim + 4)}};
    struct buf *b = card_member(c, "kv_bytes");
    buf_char(b, '{');
    for (int i = 0; i < 2 + int8; i++) {
        char full[32];
        uint64_t all = kinds[i].bytes * d->context;
        transfer_bytes(full, sizeof full, (double)all);
        buf_printf(b, "%s\"%s\": {\"token\": %llu, \"context\": %llu}", i ? ", " : "",
                   kinds[i].name, (unsigned long long)kinds[i].bytes, (unsigned long long)all);
        card_line(c, i ? "" : "sequence", "%llu bytes a token in %s, %s for the whole context",
                  (unsigned long long)kinds[i].bytes, kinds[i].name, full);
    }
    buf_char(b, '}');
}

static void put_decoder(struct card *c, const struct decoder_config *d) {
    card_string(c, "name", "name", d->name);
    card_string(c, "architecture", "architecture", d->architecture);
    card_string(c, "weights", "file_type", d->file_type);
    card_number(c, "layers", "layers", d->layers, "");
    card_line(c, "heads", "%u (%u for keys and values) of %u", d->heads, d->kv_heads, d->head_dim);
    card_number(c, NULL, "heads", d->heads, "");
    card_number(c, NULL, "kv_heads", d->kv_heads, "");
    card_number(c, NULL, "head_dim", d->head_dim, "");
    card_number(c, "hidden", "hidden", d->hidden, "");
    card_number(c, "intermediate", "intermediate", d->intermediate, "");
    card_number(c, "vocabulary", "vocabulary", d->vocab, d->tied ? " (tied)" : "");
    card_number(c, "context", "context", d->context, " tokens");
    if (d->window)
        card_number(c, "window", "window", d->window, " tokens in sliding layers");
    put_memory(c, d);
}

static void put_encoder(struct card *c, const struct encoder_config *d) {
    card_string(c, "name", "name", d->name);
    card_string(c, "architecture", "architecture", d->architecture);
    card_string(c, "weights", "file_type", d->file_type);
    card_number(c, "layers", "layers", d->layers, "");
    card_line(c, "heads", "%u of %u", d->heads, d->head_dim);
    card_number(c, NULL, "heads", d->heads, "");
    card_number(c, NULL, "head_dim", d->head_dim, "");
    card_number(c, "hidden", "hidden", d->hidden, "");
    card_number(c, "intermediate", "intermediate", d->intermediate, "");
    card_number(c, "vocabulary", "vocabulary", d->vocab, "");
    card_number(c, "context", "context", d->context, " tokens");
    card_line(c, "sequence", "keeps nothing: an encoder reads a text at once");
}

/* What the engine's reader says; a model that precis cannot run is described all the same. */
static int put_config(struct card *c, const char *path, char *architecture, size_t size,
                      struct err *e) {
    struct checkpoint *cp;
    struct err why = {0};
    int rc = checkpoint_open(path, &cp, &why);
    if (rc == 0) {
        const struct decoder_config *d = checkpoint_decoder(cp);
        if (d)
            put_decoder(c, d);
        else
            put_encoder(c, checkpoint_encoder(cp));
        checkpoint_close(cp);
        return 0;
    }
    if (rc != PRECIS_EUNSUPPORTED)
        return err_set(e, rc, "%s", why.text);
    if (architecture[0])
        card_text(c, "architecture", "architecture", architecture, strnlen(architecture, size));
    card_string(c, "not run", "unsupported", why.text);
    return 0;
}

static void put_tokenizer(struct card *c, const struct gguf *g) {
    struct str model, pre;
    char line[160];
    if (!gguf_string(g, "tokenizer.ggml.model", &model)) {
        card_string(c, "tokenizer", "tokenizer", "none");
        return;
    }
    bool has_pre = gguf_string(g, "tokenizer.ggml.pre", &pre);
    snprintf(line, sizeof line, "%.*s%s%.*s", (int)(model.len < 60 ? model.len : 60), model.s,
             has_pre ? ", split as " : "", has_pre ? (int)(pre.len < 60 ? pre.len : 60) : 0,
             has_pre ? pre.s : "");
    card_string(c, "tokenizer", "tokenizer", line);
    if (gguf_string(g, "tokenizer.chat_template", &model))
        card_template(c, model.s, model.len);
    else
        card_line(c, "chat template", "none");
}

static int show_gguf(struct card *c, const char *path, struct err *e) {
    struct gguf *g;
    struct tally t = {0};
    struct str s;
    char sha256[HASH_HEX_SIZE], size[32], architecture[64] = "";
    int rc = gguf_open(path, &g, e);
    if (rc)
        return rc;
    if (gguf_string(g, "general.architecture", &s))
        snprintf(architecture, sizeof architecture, "%.*s", (int)(s.len < 60 ? s.len : 60), s.s);
    rc = put_config(c, path, architecture, sizeof architecture, e);
    if (rc == 0)
        rc = revision_of(path, gguf_bytes(g), gguf_size(g), sha256, e);
    if (rc == 0) {
        for (size_t i = 0; i < gguf_tensor_count(g); i++) {
            const struct tensor *x = gguf_tensor_at(g, i);
            const char *name = quant_ggml_name(x->type);
            count(&t, name ? name : "?", x->elements, x->size);
        }
        put_tally(c, &t);
        put_tokenizer(c, g);
        if (!gguf_string(g, "general.license", &s))
            s = (struct str){"", 0};
        card_licence(c, s.s, s.len);
        if (gguf_string(g, "general.license.link", &s))
            card_text(c, NULL, "licence_link", s.s, s.len);
        card_string(c, "file", "path", path);
        transfer_bytes(size, sizeof size, (double)gguf_size(g));
        card_number(c, NULL, "bytes", gguf_size(g), "");
        card_line(c, "bytes", "%zu (%s)", gguf_size(g), size);
        card_string(c, "sha256", "sha256", sha256);
    }
    gguf_close(g);
    return rc;
}

static int show_folder(struct card *c, const char *path, struct err *e) {
    struct folder f = {0};
    struct tally t = {0};
    char sha256[HASH_HEX_SIZE], size[32];
    int rc = folder_open(&f, path, e);
    if (rc == 0) {
        const char *type = json_string_value(json_object_get(f.config, "model_type"));
        char architecture[64];
        snprintf(architecture, sizeof architecture, "%.60s", type ? type : "");
        rc = put_config(c, path, architecture, sizeof architecture, e);
    }
    if (rc == 0)
        rc = folder_revision(&f, sha256, e);
    if (rc == 0) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < f.count; i++) {
            bytes += safetensors_size(f.files[i]);
            for (size_t j = 0; j < safetensors_count(f.files[i]); j++) {
                const struct safetensor *x = safetensors_at(f.files[i], j);
                count(&t, x->dtype, x->tensor.elements, x->tensor.size);
            }
        }
        put_tally(c, &t);
        card_tokenizer_of_folder(c, path);
        card_licence_of_folder(c, path);
        card_string(c, "folder", "path", path);
        transfer_bytes(size, sizeof size, (double)bytes);
        card_number(c, NULL, "bytes", bytes, "");
        card_line(c, "bytes", "%llu (%s) of weights", (unsigned long long)bytes, size);
        card_string(c, "sha256", "sha256", sha256);
        rc = card_files(c, path, e);
    }
    folder_free(&f);
    return rc;
}

int card_weights(struct card *c, const char *path, bool folder, struct err *e) {
    return folder ? show_folder(c, path, e) : show_gguf(c, path, e);
}

#include "export/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "export/decoder.h"
#include "export/json_text.h"
#include "export/tokenizer_json.h"
#include "text/tok.h"

enum { MOST_STOPS = 16, MOST_JSON = 64 << 20 };

static const char genai_name[] = "genai_config.json";

/* Ids with a meaning, from wherever the model has them. */
struct ends {
    int64_t bos;              /* -1: none */
    int64_t stop[MOST_STOPS]; /* the first is the end of text */
    size_t n;
};

void described_free(struct described *d) {
    for (size_t i = 0; i < d->n; i++)
        buf_free(&d->v[i].text);
    *d = (struct described){0};
}

static struct buf *add_file(struct described *d, const char *name) {
    d->v[d->n].name = name;
    return &d->v[d->n++].text;
}

static void add_stop(struct ends *ends, int64_t id) {
    for (size_t i = 0; i < ends->n; i++)
        if (ends->stop[i] == id)
            return;
    if (id >= 0 && ends->n < MOST_STOPS)
        ends->stop[ends->n++] = id;
}

static int ends_of_gguf(const struct gguf *g, bool tokenizer, struct ends *ends, struct err *e) {
    uint64_t id;
    if (gguf_u64(g, "tokenizer.ggml.bos_token_id", &id) && id <= INT32_MAX)
        ends->bos = (int64_t)id;
    if (gguf_u64(g, "tokenizer.ggml.eos_token_id", &id) && id <= INT32_MAX)
        add_stop(ends, (int64_t)id);
    if (!tokenizer)
        return 0;
    struct tok *t;
    size_t n;
    int rc = tok_from_gguf(g, &t, e);
    if (rc)
        return rc;
    const uint32_t *stops = tok_stops(t, &n);
    for (size_t i = 0; i < n; i++)
        add_stop(ends, stops[i]);
    tok_free(t);
    return 0;
}

static void ends_of_json(const json_t *root, struct ends *ends) {
    const json_t *bos = json_object_get(root, "bos_token_id");
    const json_t *eos = json_object_get(root, "eos_token_id");
    if (json_is_integer(bos) && ends->bos < 0)
        ends->bos = json_integer_value(bos);
    if (json_is_integer(eos))
        add_stop(ends, json_integer_value(eos));
    for (size_t i = 0; i < json_array_size(eos); i++)
        if (json_is_integer(json_array_get(eos, i)))
            add_stop(ends, json_integer_value(json_array_get(eos, i)));
}

static void put_ids(struct buf *b, const struct ends *ends) {
    if (ends->n == 1)
        buf_printf(b, "%" PRId64, ends->stop[0]);
    for (size_t i = 0; ends->n != 1 && i < ends->n; i++)
        buf_printf(b, "%s%" PRId64, i ? ", " : "[", ends->stop[i]);
    if (ends->n > 1)
        buf_char(b, ']');
}

static void put_ends(struct buf *b, const char *indent, const struct ends *ends) {
    if (ends->bos >= 0)
        buf_printf(b, "%s\"bos_token_id\": %" PRId64 ",\n", indent, ends->bos);
    if (ends->n) {
        buf_printf(b, "%s\"eos_token_id\": ", indent);
        put_ids(b, ends);
        buf_str(b, ",\n");
    }
}

/* How a family is called by transformers and by ONNX Runtime GenAI. */
static const struct family {
    const char *architecture, *class, *type, *genai;
} families[] = {
    {"llama", "LlamaForCausalLM", "llama", "llama"},
    {"mistral", "MistralForCausalLM", "mistral", "mistral"},
    {"qwen2", "Qwen2ForCausalLM", "qwen2", "qwen2"},
    {"qwen3", "Qwen3ForCausalLM", "qwen3", "qwen3"},
    {"phi3", "Phi3ForCausalLM", "phi3", "phi3"},
    {"gemma3", "Gemma3ForCausalLM", "gemma3_text", "gemma3_text"},
};

static const struct family *family_of(const struct decoder_config *d) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].architecture, d->architecture) == 0)
            return &families[i];
    return NULL;
}

/* The sizes, for tools that look here for them; what the graph computes is in the graph. */
static void put_config(struct buf *b, const struct decoder_config *d, const struct family *f,
                       const struct ends *ends) {
    buf_printf(b, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n", f->class,
               f->type);
    put_ends(b, "  ", ends);
    buf_printf(
        b,
        "  \"head_dim\": %u,\n  \"hidden_act\": \"%s\",\n  \"hidden_size\": %u,\n"
        "  \"intermediate_size\": %u,\n  \"max_position_embeddings\": %u,\n"
        "  \"num_attention_heads\": %u,\n  \"num_hidden_layers\": %u,\n"
        "  \"num_key_value_heads\": %u,\n  \"rms_norm_eps\": %.9g,\n  \"rope_theta\": %.9g,\n"
        "  \"tie_word_embeddings\": %s,\n  \"vocab_size\": %u\n}\n",
        d->head_dim, d->activation == ACTIVATION_SILU ? "silu" : "gelu_pytorch_tanh", d->hidden,
        d->intermediate, export_context(d), d->heads, d->layers, d->kv_heads, (double)d->norm_eps,
        (double)d->rope.base, d->tied ? "true" : "false", d->vocab);
}

static void put_genai(struct buf *b, const struct decoder_config *d, const struct family *f,
                      const char *model_file, const struct ends *ends) {
    unsigned context = export_context(d);
    buf_str(b, "{\n  \"model\": {\n");
    put_ends(b, "    ", ends);
    if (ends->n)
        buf_printf(b, "    \"pad_token_id\": %" PRId64 ",\n", ends->stop[0]);
    buf_printf(b,
               "    \"context_length\": %u,\n    \"decoder\": {\n"
               "      \"session_options\": {\"log_id\": \"onnxruntime-genai\", "
               "\"provider_options\": []},\n      \"filename\": \"%s\",\n"
               "      \"head_size\": %u,\n      \"hidden_size\": %u,\n"
               "      \"num_attention_heads\": %u,\n      \"num_hidden_layers\": %u,\n"
               "      \"num_key_value_heads\": %u,\n",
               context, model_file, d->head_dim, d->hidden, d->heads, d->layers, d->kv_heads);
    buf_printf(b,
               "      \"inputs\": {\n        \"input_ids\": \"input_ids\",\n"
               "        \"attention_mask\": \"attention_mask\",\n"
               "        \"past_key_names\": \"past_key_values.%%d.key\",\n"
               "        \"past_value_names\": \"past_key_values.%%d.value\"\n      },\n"
               "      \"outputs\": {\n        \"logits\": \"logits\",\n"
               "        \"present_key_names\": \"present.%%d.key\",\n"
               "        \"present_value_names\": \"present.%%d.value\"\n      }\n    },\n"
               "    \"type\": \"%s\",\n    \"vocab_size\": %u\n  },\n"
               "  \"search\": {\n    \"do_sample\": false,\n    \"max_length\": %u,\n"
               "    \"min_length\": 0,\n    \"num_beams\": 1,\n"
               "    \"num_return_sequences\": 1,\n"
               "    \"past_present_share_buffer\": false,\n"
               "    \"repetition_penalty\": 1.0,\n    \"temperature\": 1.0,\n    \"top_k\": 1,\n"
               "    \"top_p\": 1.0\n  }\n}\n",
               f->genai, d->vocab, context);
}

static int describe_gguf(const struct checkpoint *c, const struct family *f, bool tokenizer,
                         struct described *out, struct ends *ends, struct err *e) {
    const struct gguf *g = checkpoint_gguf(c);
    const struct decoder_config *d = checkpoint_decoder(c);
    int rc = 0;
    if (tokenizer) {
        rc = tokenizer_json(g, add_file(out, "tokenizer.json"), e);
        if (rc == 0)
            rc = tokenizer_config_json(g, export_context(d), add_file(out, "tokenizer_config.json"),
                                       e);
    }
    if (rc == 0)
        rc = ends_of_gguf(g, tokenizer, ends, e);
    if (rc)
        return rc;
    put_config(add_file(out, "config.json"), d, f, ends);
    struct buf *b = add_file(out, "generation_config.json");
    buf_str(b, "{\n");
    put_ends(b, "  ", ends);
    buf_str(b, "  \"do_sample\": false\n}\n");
    return 0;
}

/* *bytes are the file's, or empty when there is no such file. */
static int read_beside(const char *folder, const char *name, struct buf *bytes, bool *there,
                       struct err *e) {
    struct buf path = {0};
    struct mapping m;
    buf_printf(&path, "%s/%s", folder, name);
    int rc = buf_failed(&path) ? err_nomem(e, name) : 0;
    *there = rc == 0 && access(path.data, F_OK) == 0;
    if (*there && (rc = file_map(path.data, &m, e)) == 0) {
        if (m.size > MOST_JSON)
            rc = err_set(e, PRECIS_ELIMIT, "%s: more than %d bytes", path.data, MOST_JSON);
        else
            buf_append(bytes, m.data, m.size);
        file_unmap(&m);
        if (rc == 0 && buf_failed(bytes))
            rc = err_nomem(e, name);
    }
    buf_free(&path);
    return rc;
}

static int ends_of_file(const char *folder, const char *name, const struct buf *text,
                        struct ends *ends, struct err *e) {
    json_error_t why;
    json_t *root = json_read(text->data ? text->data : "", text->len, 0, &why);
    if (json_lacked_memory(root, &why))
        return err_nomem(e, name);
    if (!root)
        return err_set(e, PRECIS_EINPUT, "%s/%s: line %d: %s", folder, name, why.line, why.text);
    ends_of_json(root, ends);
    json_decref(root);
    return 0;
}

/* What says how generations end comes first: it knows more than the configuration. */
static const struct {
    const char *name;
    enum { SIZES, ENDS, TOKENS } what;
    bool needed;
} copied[] = {{"generation_config.json", ENDS, false},
              {"config.json", ENDS, true},
              {"LICENSE", SIZES, false},
              {"tokenizer.json", TOKENS, true},
              {"tokenizer_config.json", TOKENS, false},
              {"special_tokens_map.json", TOKENS, false},
              {"added_tokens.json", TOKENS, false},
              {"chat_template.jinja", TOKENS, false},
              {"chat_template.json", TOKENS, false},
              {"vocab.json", TOKENS, false},
              {"merges.txt", TOKENS, false},
              {"tokenizer.model", TOKENS, false}};

static int copy_folder(const struct checkpoint *c, bool tokenizer, struct described *out,
                       struct ends *ends, struct err *e) {
    const char *folder = checkpoint_path(c);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        bool there;
        if (copied[i].what == TOKENS && !tokenizer)
            continue;
        struct buf *text = add_file(out, copied[i].name);
        int rc = read_beside(folder, copied[i].name, text, &there, e);
        if (rc == 0 && !there && copied[i].needed)
            rc = err_set(e, PRECIS_EINPUT, "%s: %s is missing", folder, copied[i].name);
        if (rc == 0 && there && copied[i].what == ENDS)
            rc = ends_of_file(folder, copied[i].name, text, ends, e);
        if (rc)
            return rc;
        if (!there)
            out->n--;
    }
    return 0;
}

bool describes(const char *name) {
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (strcmp(name, copied[i].name) == 0)
            return true;
    return strcmp(name, genai_name) == 0;
}

int describe(const struct checkpoint *c, const char *model_file, bool tokenizer,
             struct described *out, struct err *e) {
    const struct decoder_config *d = checkpoint_decoder(c);
    const struct family *f = family_of(d);
    struct ends ends = {.bos = -1};
    if (!f)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: architecture '%s' cannot be exported to ONNX",
                       checkpoint_path(c), d->architecture);
    int rc = checkpoint_gguf(c) ? describe_gguf(c, f, tokenizer, out, &ends, e)
                                : copy_folder(c, tokenizer, out, &ends, e);
    if (rc == 0)
        put_genai(add_file(out, genai_name), d, f, model_file, &ends);
    for (size_t i = 0; rc == 0 && i < out->n; i++)
        if (buf_failed(&out->v[i].text))
            rc = err_nomem(e, out->v[i].name);
    return rc;
}

#include "export/tokenizer_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "export/json_text.h"

#define KEY "tokenizer.ggml."

/* Of tokenizer.ggml.token_type. */
enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };

#define BYTE_LEVEL(regex)                                                                          \
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "              \
    "\"use_regex\": " regex "}"
#define SEQUENCE(first, second)                                                                    \
    "{\"type\": \"Sequence\", \"pretokenizers\": [" first ", " second "]}"
#define DIGITS "{\"type\": \"Digits\", \"individual_digits\": true}"
#define SPLIT(pattern)                                                                             \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" pattern                                    \
    "\"}, \"behavior\": \"Isolated\", \"invert\": false}"
/* The patterns of the models' own tokenizer.json; they differ in how many digits stay together. */
#define WORDS(digits)                                                                              \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" digits                 \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

static const struct kind {
    const char *pre, *pre_tokenizer, *normalizer;
    bool ignore_merges;
} kinds[] = {
    {"gpt-2", BYTE_LEVEL("true"), "null", false},
    {"smollm", SEQUENCE(DIGITS, BYTE_LEVEL("true")), "null", false},
    {"starcoder", SEQUENCE(DIGITS, BYTE_LEVEL("true")), "null", false},
    {"qwen2", SEQUENCE(SPLIT(WORDS("\\\\p{N}")), BYTE_LEVEL("false")), "{\"type\": \"NFC\"}",
     false},
    {"llama-bpe", SEQUENCE(SPLIT(WORDS("\\\\p{N}{1,3}")), BYTE_LEVEL("false")), "null", true},
};

struct writer {
    const struct gguf *g;
    struct buf *out;
    size_t tokens, merges;
    bool typed; /* tokenizer.ggml.token_type is there */
    struct err *e;
};

static int bad(const struct writer *w, int code, const char *what) {
    return err_set(w->e, code, "%s: %s", gguf_path(w->g), what);
}

static int find_kind(const struct writer *w, const struct kind **out) {
    struct str model = {0}, pre = {0};
    gguf_string(w->g, KEY "model", &model);
    gguf_string(w->g, KEY "pre", &pre);
    if (model.len != 4 || memcmp(model.s, "gpt2", 4) != 0)
        return err_set(w->e, PRECIS_EUNSUPPORTED,
                       "%s: " KEY "model \"%.*s\" cannot be written as tokenizer.json (gpt2 can; "
                       "--no-tokenizer leaves it out)",
                       gguf_path(w->g), (int)(model.len < 40 ? model.len : 40), model.s);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (pre.len == strlen(kinds[i].pre) && memcmp(pre.s, kinds[i].pre, pre.len) == 0) {
            *out = &kinds[i];
            return 0;
        }
    return err_set(w->e, PRECIS_EUNSUPPORTED,
                   "%s: " KEY "pre \"%.*s\" cannot be written as tokenizer.json (--no-tokenizer "
                   "leaves it out)",
                   gguf_path(w->g), (int)(pre.len < 40 ? pre.len : 40), pre.s);
}

static int begin(struct writer *w, const struct gguf *g, struct buf *out, struct err *e) {
    enum gguf_type type;
    size_t types;
    *w = (struct writer){.g = g, .out = out, .e = e};
    if (!gguf_array(g, KEY "tokens", &type, &w->tokens) || type != GGUF_STRING)
        return bad(w, PRECIS_EINPUT, KEY "tokens is missing or no array of strings");
    w->typed = gguf_has(g, KEY "token_type");
    if (w->typed && (!gguf_array(g, KEY "token_type", &type, &types) || type == GGUF_STRING ||
                     types != w->tokens))
        return bad(w, PRECIS_EINPUT, KEY "token_type is not one number for each token");
    return 0;
}

static int type_of(const struct writer *w, size_t id) {
    double v;
    return w->typed && gguf_array_f64(w->g, KEY "token_type", id, &v) && v >= 1 && v <= 6
               ? (int)v
               : TYPE_NORMAL;
}

static bool is_added(int type) {
    return type == TYPE_CONTROL || type == TYPE_USER;
}

static int spelling(const struct writer *w, size_t id, struct str *out) {
    if (!gguf_array_string(w->g, KEY "tokens", id, out))
        return bad(w, PRECIS_EINPUT, KEY "tokens: an entry cannot be read");
    if (!utf8_valid(out->s, out->len))
        return err_set(w->e, PRECIS_EINPUT, "%s: " KEY "tokens: entry %zu is not valid UTF-8",
                       gguf_path(w->g), id);
    return 0;
}

static void put_flags(struct buf *b, bool special) {
    buf_printf(b,
               "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
               "\"normalized\": false, \"special\": %s}",
               special ? "true" : "false");
}

/* As the elements of a list, or, `keyed`, as the members of an object. */
static int put_added(const struct writer *w, bool keyed) {
    const char *between = "\n";
    for (size_t id = 0; id < w->tokens; id++) {
        struct str s;
        int type = type_of(w, id), rc = is_added(type) ? spelling(w, id, &s) : 0;
        if (rc)
            return rc;
        if (!is_added(type) || s.len == 0)
            continue;
        buf_printf(w->out, keyed ? "%s    \"%zu\": {" : "%s    {\"id\": %zu, ", between, id);
        buf_str(w->out, "\"content\": ");
        json_text_string(w->out, s);
        buf_str(w->out, ", ");
        put_flags(w->out, type == TYPE_CONTROL);
        between = ",\n";
    }
    return 0;
}

/* Added tokens are entries, too, so that they keep their ids wherever they are. */
static int put_vocabulary(const struct writer *w) {
    const char *between = "\n";
    for (size_t id = 0; id < w->tokens; id++) {
        struct str s;
        if (type_of(w, id) == TYPE_UNUSED)
            continue;
        int rc = spelling(w, id, &s);
        if (rc)
            return rc;
        buf_str(w->out, between);
        buf_str(w->out, "      ");
        json_text_string(w->out, s);
        buf_printf(w->out, ": %zu", id);
        between = ",\n";
    }
    return 0;
}

static int put_merges(const struct writer *w) {
    enum gguf_type type;
    size_t n;
    if (!gguf_array(w->g, KEY "merges", &type, &n) || type != GGUF_STRING)
        return bad(w, PRECIS_EINPUT, KEY "merges is missing or no array of strings");
    for (size_t i = 0; i < n; i++) {
        struct str s;
        if (!gguf_array_string(w->g, KEY "merges", i, &s) || !utf8_valid(s.s, s.len))
            return err_set(w->e, PRECIS_EINPUT, "%s: " KEY "merges: entry %zu cannot be read",
                           gguf_path(w->g), i);
        buf_str(w->out, i ? ",\n      " : "\n      ");
        json_text_string(w->out, s);
    }
    return 0;
}

/* The id and spelling of tokenizer.ggml.WHAT_token_id; false: none. */
static bool special_token(const struct writer *w, const char *what, uint64_t *id, struct str *s) {
    char key[64];
    snprintf(key, sizeof key, KEY "%s_token_id", what);
    return gguf_u64(w->g, key, id) && *id < w->tokens && spelling(w, (size_t)*id, s) == 0;
}

static bool adds(const struct writer *w, const char *what, uint64_t *id, struct str *s) {
    char key[64];
    bool on = false;
    snprintf(key, sizeof key, KEY "add_%s_token", what);
    return gguf_bool(w->g, key, &on) && on && special_token(w, what, id, s);
}

static void put_member(struct buf *b, const char *kind, struct str s, int type_id) {
    buf_printf(b, "{\"%s\": {\"id\": ", kind);
    json_text_string(b, s);
    buf_printf(b, ", \"type_id\": %d}}", type_id);
}

/* TemplateProcessing of [bos] A [eos] and [bos] A [eos] [bos] B [eos]. */
static void put_template(const struct writer *w) {
    uint64_t bos_id = 0, eos_id = 0;
    struct str bos = {0}, eos = {0};
    bool first = adds(w, "bos", &bos_id, &bos), last = adds(w, "eos", &eos_id, &eos);
    struct buf *b = w->out;
    if (!first && !last) {
        buf_str(b, BYTE_LEVEL("true"));
        return;
    }
    buf_str(b, "{\"type\": \"TemplateProcessing\", ");
    for (int texts = 1; texts <= 2; texts++) {
        buf_str(b, texts == 1 ? "\"single\": [" : "], \"pair\": [");
        for (int t = 0; t < texts; t++) {
            if (t)
                buf_str(b, ", ");
            if (first)
                put_member(b, "SpecialToken", bos, t);
            buf_str(b, first ? ", " : "");
            put_member(b, "Sequence", (struct str){t ? "B" : "A", 1}, t);
            buf_str(b, last ? ", " : "");
            if (last)
                put_member(b, "SpecialToken", eos, t);
        }
    }
    buf_str(b, "], \"special_tokens\": {");
    for (int i = 0; i < 2; i++) {
        if (i ? !last || (first && bos_id == eos_id) : !first)
            continue;
        struct str s = i ? eos : bos;
        buf_str(b, i && first ? ", " : "");
        json_text_string(b, s);
        buf_str(b, ": {\"id\": ");
        json_text_string(b, s);
        buf_printf(b, ", \"ids\": [%" PRIu64 "], \"tokens\": [", i ? eos_id : bos_id);
        json_text_string(b, s);
        buf_str(b, "]}");
    }
    buf_str(b, "}}");
}

int tokenizer_json(const struct gguf *g, struct buf *out, struct err *e) {
    struct writer w;
    const struct kind *kind = NULL;
    bool prefix = false;
    int rc = begin(&w, g, out, e);
    if (rc == 0)
        rc = find_kind(&w, &kind);
    if (rc)
        return rc;
    if (gguf_bool(g, KEY "add_space_prefix", &prefix) && prefix)
        return bad(&w, PRECIS_EUNSUPPORTED, KEY "add_space_prefix true is not supported");
    buf_str(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
                 "  \"added_tokens\": [");
    rc = put_added(&w, false);
    buf_printf(out, "\n  ],\n  \"normalizer\": %s,\n  \"pre_tokenizer\": %s,\n", kind->normalizer,
               kind->pre_tokenizer);
    buf_str(out, "  \"post_processor\": ");
    put_template(&w);
    buf_printf(
        out,
        ",\n  \"decoder\": " BYTE_LEVEL(
            "true") ",\n  \"model\": {\n    \"type\": \"BPE\", "
                    "\"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null,\n"
                    "    \"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": "
                    "false, "
                    "\"ignore_merges\": %s,\n    \"vocab\": {",
        kind->ignore_merges ? "true" : "false");
    if (rc == 0)
        rc = put_vocabulary(&w);
    buf_str(out, "\n    },\n    \"merges\": [");
    if (rc == 0)
        rc = put_merges(&w);
    buf_str(out, "\n    ]\n  }\n}\n");
    return rc || !buf_failed(out) ? rc : err_nomem(e, "tokenizer.json");
}

int tokenizer_config_json(const struct gguf *g, unsigned context, struct buf *out, struct err *e) {
    static const char *const keys[] = {"bos", "eos", "unknown", "padding"};
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
    struct writer w;
    struct str s;
    uint64_t id;
    int rc = begin(&w, g, out, e);
    if (rc)
        return rc;
    buf_str(out, "{\n  \"added_tokens_decoder\": {");
    rc = put_added(&w, true);
    buf_str(out, "\n  },\n");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!special_token(&w, keys[i], &id, &s))
            continue;
        buf_printf(out, "  \"%s\": ", names[i]);
        json_text_string(out, s);
        buf_str(out, ",\n");
    }
    if (gguf_string(g, "tokenizer.chat_template", &s)) {
        buf_str(out, "  \"chat_template\": ");
        json_text_string(out, s);
        buf_str(out, ",\n");
    }
    buf_printf(out,
               "  \"clean_up_tokenization_spaces\": false,\n  \"model_max_length\": %u,\n"
               "  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n",
               context);
    return rc || !buf_failed(out) ? rc : err_nomem(e, "tokenizer_config.json");
}

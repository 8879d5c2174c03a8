#include "export/tokenizer_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "export/json_text.h"
#include "export/tokenizer_spm.h"

#define KEY "tokenizer.ggml."

/* Of tokenizer.ggml.token_type. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };

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

#define NFC "{\"type\": \"NFC\"}"
#define LLAMA3 SEQUENCE(SPLIT(WORDS("\\\\p{N}{1,3}")), BYTE_LEVEL("false"))

static const struct kind {
    const char *pre, *pre_tokenizer, *normalizer;
    bool ignore_merges;
} kinds[] = {
    {"gpt-2", BYTE_LEVEL("true"), "null", false},
    {"smollm", SEQUENCE(DIGITS, BYTE_LEVEL("true")), "null", false},
    {"starcoder", SEQUENCE(DIGITS, BYTE_LEVEL("true")), "null", false},
    {"refact", SEQUENCE(DIGITS, BYTE_LEVEL("true")), "null", false},
    {"command-r", SEQUENCE(DIGITS, BYTE_LEVEL("true")), NFC, false},
    {"qwen2", SEQUENCE(SPLIT(WORDS("\\\\p{N}")), BYTE_LEVEL("false")), NFC, false},
    {"llama-bpe", LLAMA3, "null", true},
    {"llama3", LLAMA3, "null", true},
    {"llama-v3", LLAMA3, "null", true},
};

/* SentencePiece's: U+2581 stands for a space. Without `prefix`, none is put before the text. */
#define MARK "\xe2\x96\x81"
#define REPLACE(from, to)                                                                          \
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"" from "\"}, \"content\": \"" to "\"}"
static const char spm_normalizer[] = REPLACE(" ", MARK);
static const char spm_prefix_normalizer[] =
    "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"" MARK
    "\"}, " REPLACE(" ", MARK) "]}";
#define SPM_DECODERS                                                                               \
    "{\"type\": \"Sequence\", \"decoders\": [" REPLACE(                                            \
        MARK, " ") ", {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}"
static const char spm_decoder[] = SPM_DECODERS "]}";
static const char spm_prefix_decoder[] =
    SPM_DECODERS ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}";

struct writer {
    const struct gguf *g;
    struct buf *out;
    size_t tokens;
    bool typed;           /* tokenizer.ggml.token_type is there */
    bool spm;             /* SentencePiece's, else byte-level */
    struct str *spelling; /* [tokens], owned */
    char *respelled;      /* the bytes of those that are not as in the file; owned */
    struct err *e;
};

static int bad(const struct writer *w, int code, const char *what) {
    return err_set(w->e, code, "%s: %s", gguf_path(w->g), what);
}

/* Byte-level BPE: what the model's own tokenizer.json has, by the name of its pre-tokeniser. */
static int find_kind(const struct writer *w, const struct kind **out) {
    struct str pre = {0};
    gguf_string(w->g, KEY "pre", &pre);
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

static int find_model(struct writer *w) {
    struct str model = {0};
    gguf_string(w->g, KEY "model", &model);
    w->spm = model.len == 5 && memcmp(model.s, "llama", 5) == 0;
    if (w->spm || (model.len == 4 && memcmp(model.s, "gpt2", 4) == 0))
        return 0;
    return err_set(w->e, PRECIS_EUNSUPPORTED,
                   "%s: " KEY "model \"%.*s\" cannot be written as tokenizer.json (gpt2 and llama "
                   "can; --no-tokenizer leaves it out)",
                   gguf_path(w->g), (int)(model.len < 40 ? model.len : 40), model.s);
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

/* llama.cpp writes SentencePiece's runs of marks as spaces and calls them the user's; merges reach
 * them, so they are pieces like others. */
static bool is_run(const struct writer *w, size_t id) {
    struct str s;
    if (!w->spm || !gguf_array_string(w->g, KEY "tokens", id, &s) || s.len < 2)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.s[i] != ' ')
            return false;
    return true;
}

static int read_spellings(struct writer *w) {
    size_t more = 0;
    w->spelling = malloc((w->tokens + 1) * sizeof *w->spelling);
    if (!w->spelling)
        return err_nomem(w->e, "vocabulary");
    for (size_t id = 0; id < w->tokens; id++) {
        struct str *s = &w->spelling[id];
        if (!gguf_array_string(w->g, KEY "tokens", id, s) || !utf8_valid(s->s, s->len))
            return err_set(w->e, PRECIS_EINPUT, "%s: " KEY "tokens: entry %zu is not valid UTF-8",
                           gguf_path(w->g), id);
        more += is_run(w, id) ? s->len * (sizeof MARK - 1) : 0;
    }
    char *to = w->respelled = malloc(more + 1);
    if (!to)
        return err_nomem(w->e, "vocabulary");
    for (size_t id = 0; id < w->tokens; id++)
        if (is_run(w, id)) {
            struct str *s = &w->spelling[id];
            size_t n = s->len;
            *s = (struct str){to, n * (sizeof MARK - 1)};
            for (; n; n--, to += sizeof MARK - 1)
                memcpy(to, MARK, sizeof MARK - 1);
        }
    return 0;
}

/* end is due whatever comes back. */
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
    int rc = find_model(w);
    return rc ? rc : read_spellings(w);
}

static void end(struct writer *w) {
    free(w->spelling);
    free(w->respelled);
}

static void put_flags(struct buf *b, bool special) {
    buf_printf(b,
               "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
               "\"normalized\": false, \"special\": %s}",
               special ? "true" : "false");
}

/* As the elements of a list, or, `keyed`, as the members of an object. */
static void put_added(const struct writer *w, bool keyed) {
    const char *between = "\n";
    for (size_t id = 0; id < w->tokens; id++) {
        int type = type_of(w, id);
        struct str s = w->spelling[id];
        if (!is_added(type) || s.len == 0 || is_run(w, id))
            continue;
        buf_printf(w->out, keyed ? "%s    \"%zu\": {" : "%s    {\"id\": %zu, ", between, id);
        buf_str(w->out, "\"content\": ");
        json_text_string(w->out, s);
        buf_str(w->out, ", ");
        put_flags(w->out, type == TYPE_CONTROL);
        between = ",\n";
    }
}

/* Added tokens are entries, too, so that they keep their ids wherever they are. What byte-level
 * files call unused fills the matrix up. */
static void put_vocabulary(const struct writer *w) {
    const char *between = "\n";
    for (size_t id = 0; id < w->tokens; id++) {
        if (!w->spm && type_of(w, id) == TYPE_UNUSED)
            continue;
        buf_str(w->out, between);
        buf_str(w->out, "      ");
        json_text_string(w->out, w->spelling[id]);
        buf_printf(w->out, ": %zu", id);
        between = ",\n";
    }
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
    if (!gguf_u64(w->g, key, id) || *id >= w->tokens)
        return false;
    *s = w->spelling[*id];
    return true;
}

static bool adds(const struct writer *w, const char *what, uint64_t *id, struct str *s) {
    char key[64];
    bool on = w->spm && strcmp(what, "bos") == 0;
    snprintf(key, sizeof key, KEY "add_%s_token", what);
    gguf_bool(w->g, key, &on);
    return on && special_token(w, what, id, s);
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
        buf_str(b, w->spm ? "null" : BYTE_LEVEL("true"));
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

static void put_head(const struct writer *w, const char *normalizer, const char *pre_tokenizer) {
    buf_str(w->out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
                    "  \"added_tokens\": [");
    put_added(w, false);
    buf_printf(w->out, "\n  ],\n  \"normalizer\": %s,\n  \"pre_tokenizer\": %s,\n", normalizer,
               pre_tokenizer);
    buf_str(w->out, "  \"post_processor\": ");
    put_template(w);
}

static int put_byte_level(const struct writer *w) {
    const struct kind *kind = NULL;
    bool prefix = false;
    int rc = find_kind(w, &kind);
    if (rc)
        return rc;
    if (gguf_bool(w->g, KEY "add_space_prefix", &prefix) && prefix)
        return bad(w, PRECIS_EUNSUPPORTED, KEY "add_space_prefix true is not supported");
    put_head(w, kind->normalizer, kind->pre_tokenizer);
    buf_printf(
        w->out,
        ",\n  \"decoder\": " BYTE_LEVEL(
            "true") ",\n  \"model\": {\n    \"type\": \"BPE\", "
                    "\"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null,\n"
                    "    \"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": "
                    "false, "
                    "\"ignore_merges\": %s,\n    \"vocab\": {",
        kind->ignore_merges ? "true" : "false");
    put_vocabulary(w);
    buf_str(w->out, "\n    },\n    \"merges\": [");
    return put_merges(w);
}

static void put_unknown(const struct writer *w) {
    uint64_t id;
    struct str s;
    bool there = special_token(w, "unknown", &id, &s);
    for (size_t i = 0; !there && i < w->tokens; i++) {
        there = type_of(w, i) == TYPE_UNKNOWN;
        s = w->spelling[i];
    }
    if (there)
        json_text_string(w->out, s);
    else
        buf_str(w->out, "null");
}

static int put_spm(const struct writer *w) {
    bool prefix = true;
    if (gguf_has(w->g, KEY "add_space_prefix") && !gguf_bool(w->g, KEY "add_space_prefix", &prefix))
        return bad(w, PRECIS_EINPUT, KEY "add_space_prefix is no boolean");
    put_head(w, prefix ? spm_prefix_normalizer : spm_normalizer, "null");
    buf_printf(w->out,
               ",\n  \"decoder\": %s,\n  \"model\": {\n    \"type\": \"BPE\", "
               "\"dropout\": null, \"unk_token\": ",
               prefix ? spm_prefix_decoder : spm_decoder);
    put_unknown(w);
    buf_str(w->out, ", \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null, "
                    "\"fuse_unk\": true, \"byte_fallback\": true, \"ignore_merges\": false,\n"
                    "    \"vocab\": {");
    put_vocabulary(w);
    buf_str(w->out, "\n    },\n    \"merges\": [");
    return tokenizer_spm_merges(w->g, w->spelling, w->tokens, w->out, w->e);
}

int tokenizer_json(const struct gguf *g, struct buf *out, struct err *e) {
    struct writer w;
    int rc = begin(&w, g, out, e);
    if (rc == 0)
        rc = w.spm ? put_spm(&w) : put_byte_level(&w);
    buf_str(out, "\n    ]\n  }\n}\n");
    end(&w);
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
        goto done;
    buf_str(out, "{\n  \"added_tokens_decoder\": {");
    put_added(&w, true);
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
    rc = buf_failed(out) ? err_nomem(e, "tokenizer_config.json") : 0;
done:
    end(&w);
    return rc;
}

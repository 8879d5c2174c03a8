/* A tokenizer from GGUF metadata. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/spm.h"
#include "text/tok_build.h"

#define KEY "tokenizer.ggml."

struct source {
    const struct gguf *g;
    struct builder b;
    bool add_bos, add_eos;
    char *block; /* room for the next respelled token; within b.owned */
};

static int string_array(struct source *l, const char *key, size_t most, size_t *n) {
    enum gguf_type type;
    if (!gguf_array(l->g, key, &type, n) || type != GGUF_STRING)
        return build_bad(&l->b, PRECIS_EINPUT, "%s is missing or no array of strings", key);
    if (*n > most)
        return build_bad(&l->b, PRECIS_EINPUT, "%s has %zu entries, more than %zu", key, *n, most);
    return 0;
}

/* The type of each token: 1 to 6; NULL where the file says nothing. */
static int read_types(struct source *l, size_t n, uint8_t **types) {
    *types = NULL;
    if (!gguf_has(l->g, KEY "token_type"))
        return 0;
    enum gguf_type type;
    size_t count;
    if (!gguf_array(l->g, KEY "token_type", &type, &count) || type == GGUF_STRING)
        return build_bad(&l->b, PRECIS_EINPUT, KEY "token_type is no array of numbers");
    if (count != n)
        return build_bad(&l->b, PRECIS_EINPUT,
                         KEY "token_type has %zu entries, " KEY "tokens has %zu", count, n);
    *types = calloc(n + 1, 1);
    if (!*types)
        return err_nomem(l->b.e, "vocabulary");
    for (size_t i = 0; i < n; i++) {
        double v = 0;
        if (!gguf_array_f64(l->g, KEY "token_type", i, &v) ||
            !(v >= TOK_TYPE_NORMAL && v <= TOK_TYPE_BYTE))
            return build_bad(&l->b, PRECIS_EINPUT, KEY "token_type: entry %zu is not 1 to 6", i);
        (*types)[i] = (uint8_t)v;
    }
    return 0;
}

/* Tokens have different spellings. */
static int check_different(struct source *l) {
    struct builder *b = &l->b;
    for (uint32_t i = 0; b->tokens.used < b->n && i < b->n; i++) {
        int64_t id = build_id(b, b->spelling[i]);
        if (id != i)
            return build_bad(b, PRECIS_EINPUT,
                             KEY "tokens: entry %" PRId64 " repeats entry %" PRIu32 " (\"%.*s\")",
                             id, i, build_shown(b->spelling[i]), b->spelling[i].s);
    }
    return 0;
}

/* respell: what the file writes becomes what `tokenizers` does; NULL: the same. */
static int load_tokens(struct source *l,
                       struct str (*respell)(struct source *, struct str, enum tok_type *)) {
    size_t n;
    uint8_t *types = NULL;
    int rc = string_array(l, KEY "tokens", BUILD_MAX_TOKENS, &n);
    if (rc == 0 && n == 0)
        rc = build_bad(&l->b, PRECIS_EINPUT, KEY "tokens is empty");
    /* what is wrong with the types is said after what is wrong with the tokens */
    int types_rc = rc ? 0 : read_types(l, n, &types);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct str s;
        enum tok_type type = types && types_rc == 0 ? (enum tok_type)types[i] : TOK_TYPE_NORMAL;
        if (!gguf_array_string(l->g, KEY "tokens", i, &s))
            rc = build_bad(&l->b, PRECIS_EINPUT, KEY "tokens: entry %zu cannot be read", i);
        else if (!utf8_valid(s.s, s.len))
            rc = build_bad(&l->b, PRECIS_EINPUT, KEY "tokens: entry %zu is no UTF-8", i);
        else {
            s = respell ? respell(l, s, &type) : s;
            rc = build_put(&l->b, i, s, type, KEY "tokens");
        }
    }
    free(types);
    if (rc == 0)
        rc = build_index(&l->b);
    if (rc == 0)
        rc = check_different(l);
    return rc ? rc : types_rc;
}

static bool is(struct str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.s, text, s.len) == 0;
}

/* The file does not tell which tokens take the white space after them along: in the tokenizer.json
 * of Phi-3 all do but these two. */
static bool takes_white(const struct source *l, struct str s) {
    struct str arch, model;
    return gguf_string(l->g, "general.architecture", &arch) && is(arch, "phi3") &&
           gguf_string(l->g, KEY "model", &model) && is(model, "llama") && !is(s, "<s>") &&
           !is(s, "<|endoftext|>");
}

/* The added tokens: special ones, and the user's. */
static int load_added(struct source *l, bool user_is_special) {
    struct builder *b = &l->b;
    int rc = 0;
    b->raw_added = true;
    for (uint32_t i = 0; rc == 0 && i < b->n; i++)
        if (b->type[i] == TOK_TYPE_CONTROL || b->type[i] == TOK_TYPE_USER)
            rc = build_add(b, &(struct build_added){.s = b->spelling[i],
                                                    .special = b->type[i] == TOK_TYPE_CONTROL ||
                                                               user_is_special,
                                                    .rstrip = takes_white(l, b->spelling[i])});
    return rc;
}

/* An optional id. */
static int load_id(struct source *l, const char *key, int64_t *id) {
    uint64_t v;
    *id = -1;
    if (!gguf_has(l->g, key))
        return 0;
    if (!gguf_u64(l->g, key, &v))
        return build_bad(&l->b, PRECIS_EINPUT, "%s is no token id", key);
    if (v >= l->b.n)
        return build_bad(&l->b, PRECIS_EINPUT,
                         "%s is %" PRIu64 ", but there are only %" PRIu32 " tokens", key, v,
                         l->b.n);
    *id = (int64_t)v;
    return 0;
}

/* An optional flag that wants the id. */
static int load_flag(struct source *l, const char *key, int64_t id, bool otherwise, bool *flag) {
    *flag = otherwise;
    if (gguf_has(l->g, key) && !gguf_bool(l->g, key, flag))
        return build_bad(&l->b, PRECIS_EINPUT, "%s is no boolean", key);
    if (*flag && id < 0)
        return build_bad(&l->b, PRECIS_EINPUT, "%s is true, but there is no such token", key);
    return 0;
}

/* BOS text EOS, as far as they are asked for. */
static int load_ids(struct source *l, bool bos, bool eos) {
    struct tok *t = l->b.t;
    int64_t eot;
    int rc = load_id(l, KEY "bos_token_id", &t->bos);
    if (rc == 0)
        rc = load_id(l, KEY "eos_token_id", &t->eos);
    if (rc == 0)
        rc = load_id(l, KEY "eot_token_id", &eot);
    if (rc == 0)
        rc = load_flag(l, KEY "add_bos_token", t->bos, bos, &l->add_bos);
    if (rc == 0)
        rc = load_flag(l, KEY "add_eos_token", t->eos, eos, &l->add_eos);
    if (rc)
        return rc;
    build_stop(&l->b, t->eos);
    build_stop(&l->b, eot);
    build_stops_by_name(&l->b);
    build_controls(&l->b);
    struct postprocess *p = &t->post;
    p->items = malloc(3 * sizeof *p->items);
    if (!p->items)
        return err_nomem(l->b.e, "tokenizer");
    if (l->add_bos)
        p->items[p->n++] = (uint32_t)t->bos;
    p->items[p->n++] = POST_TEXT;
    if (l->add_eos)
        p->items[p->n++] = (uint32_t)t->eos;
    p->added = p->n - 1;
    return 0;
}

static int load_template(struct source *l) {
    struct str s;
    if (!gguf_string(l->g, "tokenizer.chat_template", &s))
        return 0;
    l->b.t->chat_template = build_copy(s);
    return l->b.t->chat_template ? 0 : err_nomem(l->b.e, "chat template");
}

static int add_stage(struct source *l, const struct pre_stage *p) {
    return pre_stages_add(&l->b.t->pre, p) ? 0 : err_nomem(l->b.e, "pre-tokenisers");
}

static int add_split(struct source *l, const char *pattern) {
    struct pre_stage p = {.kind = PRE_SPLIT, .behavior = PRE_ISOLATED};
    p.scan = split_of_pattern(pattern, strlen(pattern));
    int rc = p.scan ? 0 : regex_new(pattern, strlen(pattern), &p.regex, l->b.e);
    return rc ? rc : add_stage(l, &p);
}

static int add_normaliser(struct source *l, struct normaliser m) {
    return normalisers_add(&l->b.t->normalisers, &m) ? 0 : err_nomem(l->b.e, "normalisers");
}

/* Byte-level BPE by the name of its pre-tokeniser: what the original tokenizer.json of the model
 * has that the name stands for. */
static const struct pre {
    const char *name;
    bool nfc, digits, gpt2, ignore_merges;
    const char *patterns[4];
} pres[] = {
    {"gpt-2", .gpt2 = true},
    {"smollm", .digits = true, .gpt2 = true},
    {"starcoder", .digits = true, .gpt2 = true},
    {"refact", .digits = true, .gpt2 = true},
    {"command-r", .nfc = true, .digits = true, .gpt2 = true},
    {"qwen2", .nfc = true, .patterns = {SPLIT_QWEN2}},
    {"llama-bpe", .ignore_merges = true, .patterns = {SPLIT_LLAMA3}},
    {"llama3", .ignore_merges = true, .patterns = {SPLIT_LLAMA3}},
    {"llama-v3", .ignore_merges = true, .patterns = {SPLIT_LLAMA3}},
    {"deepseek-coder", .digits = true,
     .patterns = {"[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+"}},
};

static int unknown_pre(struct source *l, struct str name) {
    struct buf names = {0};
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", pres[i].name);
    int rc = build_bad(&l->b, PRECIS_EUNSUPPORTED, KEY "pre \"%.*s\" is not supported (only: %s)",
                       build_shown(name), name.s, names.data ? names.data : "");
    buf_free(&names);
    return rc;
}

static int load_pre(struct source *l) {
    struct str name;
    struct tok *t = l->b.t;
    if (!gguf_string(l->g, KEY "pre", &name))
        return build_bad(&l->b, PRECIS_EUNSUPPORTED,
                         KEY "pre is missing or no string: the pre-tokeniser is unknown");
    const struct pre *p = NULL;
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++)
        if (name.len == strlen(pres[i].name) && memcmp(name.s, pres[i].name, name.len) == 0)
            p = &pres[i];
    if (!p)
        return unknown_pre(l, name);
    int rc = 0;
    t->model.ignore_merges = p->ignore_merges;
    if (p->nfc)
        rc = add_normaliser(l, (struct normaliser){.kind = NORMALISE_FORM, .form = UNICODE_NFC});
    for (size_t i = 0; rc == 0 && i < 4 && p->patterns[i]; i++)
        rc = add_split(l, p->patterns[i]);
    if (rc == 0 && p->digits)
        rc = add_stage(l, &(struct pre_stage){.kind = PRE_DIGITS, .individual = true});
    if (rc == 0)
        rc = add_stage(l, &(struct pre_stage){
                              .kind = PRE_BYTE_LEVEL, .use_regex = p->gpt2, .keep_bytes = true});
    if (rc == 0)
        t->split = pre_stages_scanner(&t->pre);
    return rc;
}

static int load_merges(struct source *l) {
    size_t n;
    int rc = string_array(l, KEY "merges", BUILD_MAX_MERGES, &n);
    if (rc == 0)
        rc = build_merges(&l->b, n);
    uint32_t guess = UINT32_MAX;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        struct str s;
        if (!gguf_array_string(l->g, KEY "merges", i, &s))
            return build_bad(&l->b, PRECIS_EINPUT, KEY "merges: entry %" PRIu32 " cannot be read",
                             i);
        const char *space = s.len ? memchr(s.s, ' ', s.len) : NULL;
        size_t k = space ? (size_t)(space - s.s) : 0;
        if (!space || memchr(space + 1, ' ', s.len - k - 1))
            return build_bad(&l->b, PRECIS_EINPUT,
                             KEY "merges: entry %" PRIu32
                                 " (\"%.*s\") is not two tokens and a space",
                             i, build_shown(s), s.s);
        rc = build_merge(&l->b, i, (struct str){s.s, k}, (struct str){space + 1, s.len - k - 1}, 0,
                         &guess, KEY "merges");
    }
    return rc;
}

static int add_decode(struct source *l, struct decode_op op) {
    struct decoder *d = &l->b.t->decoder;
    d->v[d->n++] = op;
    return 0;
}

static int load_gpt2(struct source *l) {
    bool prefix = false;
    int rc = load_pre(l);
    if (rc == 0)
        rc = load_tokens(l, NULL);
    if (rc == 0)
        rc = load_added(l, true);
    if (rc == 0)
        rc = add_decode(l, (struct decode_op){.kind = DECODE_BYTE_LEVEL});
    if (rc == 0)
        rc = build_tables(&l->b);
    if (rc == 0)
        rc = load_merges(l);
    if (rc == 0)
        rc = load_ids(l, false, false);
    if (rc == 0 && gguf_bool(l->g, KEY "add_space_prefix", &prefix) && prefix)
        rc = build_bad(&l->b, PRECIS_EUNSUPPORTED, KEY "add_space_prefix true is not supported");
    return rc ? rc : build_bytes_model(&l->b);
}

static char *text_of(const char *s, size_t *len) {
    *len = strlen(s);
    return build_copy((struct str){s, *len});
}

/* " " becomes the mark, or with `back` the mark " ". */
static int mark_spaces(struct source *l, bool back) {
    static const char mark[] = "\xe2\x96\x81";
    size_t n, k;
    char *text = text_of(back ? mark : " ", &n), *content = text_of(back ? " " : mark, &k);
    if (!text || !content) {
        free(text);
        free(content);
        return err_nomem(l->b.e, "tokenizer");
    }
    if (back)
        return add_decode(l, (struct decode_op){.kind = DECODE_REPLACE,
                                                .text = text,
                                                .text_len = n,
                                                .content = content,
                                                .content_len = k});
    return add_normaliser(l, (struct normaliser){.kind = NORMALISE_REPLACE,
                                                 .text = text,
                                                 .text_len = n,
                                                 .content = content,
                                                 .content_len = k});
}

static int spm_stages(struct source *l) {
    bool prefix = true;
    if (gguf_has(l->g, KEY "add_space_prefix") && !gguf_bool(l->g, KEY "add_space_prefix", &prefix))
        return build_bad(&l->b, PRECIS_EINPUT, KEY "add_space_prefix is no boolean");
    int rc = 0;
    if (prefix) {
        struct normaliser m = {.kind = NORMALISE_PREPEND};
        m.text = text_of("\xe2\x96\x81", &m.text_len);
        rc = m.text ? add_normaliser(l, m) : err_nomem(l->b.e, "tokenizer");
    }
    if (rc == 0)
        rc = mark_spaces(l, false);
    if (rc == 0)
        rc = mark_spaces(l, true);
    if (rc == 0)
        rc = add_decode(l, (struct decode_op){.kind = DECODE_BYTE_FALLBACK});
    if (rc == 0)
        rc = add_decode(l, (struct decode_op){.kind = DECODE_FUSE});
    if (rc == 0 && prefix)
        rc = add_decode(l, (struct decode_op){.kind = DECODE_STRIP, .code_point = ' ', .start = 1});
    return rc;
}

/* Scores become ranks of merges, as in the conversion that writes a tokenizer.json. */
static int spm_ranks(struct source *l) {
    struct builder *b = &l->b;
    enum gguf_type type;
    struct str arch;
    size_t n, count = 0;
    /* for Gemma the conversion ranks by id */
    bool by_id = gguf_string(l->g, "general.architecture", &arch) && arch.len >= 5 &&
                 memcmp(arch.s, "gemma", 5) == 0;
    if (!gguf_array(l->g, KEY "scores", &type, &n) || type == GGUF_STRING || n != b->n)
        return build_bad(b, PRECIS_EINPUT, KEY "scores is no array of %" PRIu32 " numbers", b->n);
    struct spm_piece *pieces = malloc(((size_t)b->n + 1) * sizeof *pieces);
    struct spm_merge *merges = NULL;
    int rc = pieces ? 0 : err_nomem(b->e, "vocabulary");
    for (uint32_t i = 0; pieces && rc == 0 && i < b->n; i++) {
        double score;
        if (!gguf_array_f64(l->g, KEY "scores", i, &score))
            rc = build_bad(b, PRECIS_EINPUT, KEY "scores: entry %" PRIu32 " cannot be read", i);
        else
            pieces[i] = (struct spm_piece){b->spelling[i].s, (uint32_t)b->spelling[i].len,
                                           by_id ? -(double)i : score};
    }
    if (rc == 0) {
        rc = spm_merges(pieces, b->n, &merges, &count, b->e);
        if (rc && rc != PRECIS_ENOMEM)
            err_prefix(b->e, b->path);
    }
    if (rc == 0)
        rc = build_merges(b, count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        bpe_add(&b->t->model.bpe, (uint32_t)i, merges[i].left, merges[i].right, merges[i].merged);
    free(pieces);
    free(merges);
    return rc;
}

/* Room for all tokens respelled, which at most triples them and adds two bytes. */
static int respell_block(struct source *l) {
    size_t n, total = 1;
    int rc = string_array(l, KEY "tokens", BUILD_MAX_TOKENS, &n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct str s;
        if (gguf_array_string(l->g, KEY "tokens", i, &s))
            total += 3 * s.len + 2;
    }
    if (rc)
        return rc;
    l->block = l->b.owned = malloc(total);
    return l->block ? 0 : err_nomem(l->b.e, "vocabulary");
}

/* llama.cpp writes the runs of marks among the user's tokens as spaces; they are no added tokens in
 * the tokenizer.json, but pieces like others. */
static struct str llama_spelling(struct source *l, struct str s, enum tok_type *type) {
    for (size_t i = 0; i < s.len; i++)
        if (s.s[i] != ' ')
            return s;
    if (*type != TOK_TYPE_USER || !s.len)
        return s;
    struct str out = {l->block, 3 * s.len};
    for (size_t i = 0; i < s.len; i++, l->block += 3)
        memcpy(l->block, "\xe2\x96\x81", 3);
    *type = TOK_TYPE_NORMAL;
    return out;
}

static int load_llama(struct source *l) {
    struct word_model *m = &l->b.t->model;
    int rc = spm_stages(l);
    if (rc == 0)
        rc = respell_block(l);
    if (rc == 0)
        rc = load_tokens(l, llama_spelling);
    if (rc == 0)
        rc = load_added(l, false);
    if (rc == 0)
        rc = build_tables(&l->b);
    if (rc == 0)
        rc = spm_ranks(l);
    if (rc == 0)
        rc = load_ids(l, true, false);
    if (rc == 0)
        rc = load_id(l, KEY "unknown_token_id", &m->unk);
    for (uint32_t i = 0; rc == 0 && m->unk < 0 && i < l->b.n; i++)
        if (l->b.t->type[i] == TOK_TYPE_UNKNOWN)
            m->unk = i;
    m->kind = WORD_BPE_CHARS;
    m->byte_fallback = m->fuse_unk = true;
    return rc ? rc : build_chars_model(&l->b);
}

/* llama.cpp writes "##ing" as "ing" and "word" as U+2581 "word"; "[CLS]" stays. */
static struct str bert_spelling(struct source *l, struct str s, enum tok_type *type) {
    if (s.len >= 3 && memcmp(s.s, "\xe2\x96\x81", 3) == 0)
        return (struct str){s.s + 3, s.len - 3};
    if (*type != TOK_TYPE_NORMAL || (s.len >= 2 && s.s[0] == '[' && s.s[s.len - 1] == ']'))
        return s;
    char *at = l->block;
    l->block += s.len + 2;
    at[0] = at[1] = '#';
    memcpy(at + 2, s.s, s.len);
    return (struct str){at, s.len + 2};
}

/* The file does not say whether the text is put in lower case: a vocabulary with upper case is of a
 * model that leaves it. */
static bool bert_lowers(const struct builder *b) {
    for (uint32_t i = 0; i < b->n; i++)
        for (size_t k = 0; b->type[i] == TOK_TYPE_NORMAL && k < b->spelling[i].len; k++)
            if (b->spelling[i].s[0] != '[' && (uint8_t)(b->spelling[i].s[k] - 'A') < 26)
                return false;
    return true;
}

static int bert_stages(struct source *l, bool lower) {
    static const struct normaliser chain[] = {{.kind = NORMALISE_BERT_CLEAN},
                                              {.kind = NORMALISE_BERT_CHINESE},
                                              {.kind = NORMALISE_FORM, .form = UNICODE_NFD},
                                              {.kind = NORMALISE_BERT_ACCENTS},
                                              {.kind = NORMALISE_LOWERCASE}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < (lower ? 5 : 2); i++)
        rc = add_normaliser(l, chain[i]);
    if (rc == 0)
        rc = add_stage(l, &(struct pre_stage){.kind = PRE_BERT});
    struct decode_op op = {.kind = DECODE_WORDPIECE, .cleanup = true};
    if (rc == 0 && !(op.text = text_of("##", &op.text_len)))
        rc = err_nomem(l->b.e, "tokenizer");
    return rc ? rc : add_decode(l, op);
}

static int bert_ends(struct source *l) {
    static const char *const names[] = {"[CLS]", NULL, "[SEP]"};
    struct postprocess *p = &l->b.t->post;
    p->items = malloc(3 * sizeof *p->items);
    if (!p->items)
        return err_nomem(l->b.e, "tokenizer");
    for (size_t i = 0; i < 3; i++) {
        int64_t id = names[i] ? build_id(&l->b, (struct str){names[i], 5}) : 0;
        if (id < 0)
            return build_bad(&l->b, PRECIS_EINPUT, KEY "tokens lacks %s", names[i]);
        p->items[i] = names[i] ? (uint32_t)id : POST_TEXT;
    }
    p->n = 3;
    p->added = 2;
    l->b.t->bos = p->items[0];
    l->b.t->eos = p->items[2];
    return 0;
}

static int load_bert(struct source *l) {
    int rc = respell_block(l);
    if (rc == 0)
        rc = load_tokens(l, bert_spelling);
    if (rc == 0)
        rc = bert_stages(l, bert_lowers(&l->b));
    if (rc == 0)
        rc = load_added(l, false);
    if (rc == 0)
        rc = build_tables(&l->b);
    if (rc == 0)
        rc = bert_ends(l);
    if (rc)
        return rc;
    l->b.t->model.unk = build_id(&l->b, (struct str){"[UNK]", 5});
    return build_word_piece(&l->b, (struct str){"##", 2}, 100);
}

static int load(struct source *l) {
    static const struct {
        const char *name;
        int (*load)(struct source *);
    } kinds[] = {{"gpt2", load_gpt2}, {"llama", load_llama}, {"bert", load_bert}};
    struct str model;
    if (!gguf_string(l->g, KEY "model", &model))
        return build_bad(&l->b, PRECIS_EINPUT,
                         KEY "model is missing or no string: the file has no tokenizer");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (model.len == strlen(kinds[i].name) && memcmp(model.s, kinds[i].name, model.len) == 0) {
            int rc = kinds[i].load(l);
            return rc ? rc : load_template(l);
        }
    return build_bad(&l->b, PRECIS_EUNSUPPORTED,
                     KEY "model \"%.*s\" is not supported (only: gpt2, llama, bert)",
                     build_shown(model), model.s);
}

int tok_from_gguf(const struct gguf *g, struct tok **out, struct err *e) {
    struct source l = {.g = g};
    *out = NULL;
    int rc = build_begin(&l.b, gguf_path(g), e);
    if (rc == 0)
        rc = load(&l);
    return build_end(&l.b, rc, out);
}

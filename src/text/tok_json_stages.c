/* Normalisers, pre-tokenisers, decoders and post-processors of a tokenizer.json. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text/precompiled.h"
#include "text/tok_json.h"

enum { MOST_STAGES = 64, MOST_DEPTH = 16 };

int part_kind(struct builder *b, const json_t *o, const char *where, const char **out) {
    *out = json_string_value(json_object_get(o, "type"));
    return *out ? 0 : build_bad(b, PRECIS_EUNSUPPORTED, "%s: no \"type\"", where);
}

static int refuse(struct builder *b, const char *where, const char *type) {
    return build_bad(b, PRECIS_EUNSUPPORTED, "%s \"%s\" is not supported", where, type);
}

int part_flag_or(struct builder *b, const json_t *o, const char *where, const char *key,
                 bool otherwise, bool *out) {
    const json_t *v = json_object_get(o, key);
    *out = otherwise;
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_boolean(v))
        return build_bad(b, PRECIS_EINPUT, "%s: \"%s\" is no boolean", where, key);
    *out = json_is_true(v);
    return 0;
}

int part_flag(struct builder *b, const json_t *o, const char *where, const char *key, bool *out) {
    if (!json_is_boolean(json_object_get(o, key)))
        return build_bad(b, PRECIS_EINPUT, "%s: no boolean \"%s\"", where, key);
    return part_flag_or(b, o, where, key, false, out);
}

int part_text_or_none(struct builder *b, const json_t *o, const char *where, const char *key,
                      struct str *out) {
    const json_t *v = json_object_get(o, key);
    *out = (struct str){0};
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return build_bad(b, PRECIS_EINPUT, "%s: \"%s\" is no string", where, key);
    *out = (struct str){json_string_value(v), json_string_length(v)};
    return 0;
}

int part_text(struct builder *b, const json_t *o, const char *where, const char *key,
              struct str *out) {
    int rc = part_text_or_none(b, o, where, key, out);
    if (rc == 0 && !out->s)
        rc = build_bad(b, PRECIS_EINPUT, "%s: no string \"%s\"", where, key);
    return rc;
}

int part_size(struct builder *b, const json_t *o, const char *where, const char *key, size_t most,
              size_t *out) {
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || (uint64_t)n > most)
        return build_bad(b, PRECIS_EINPUT, "%s: \"%s\" is no number up to %zu", where, key, most);
    *out = (size_t)n;
    return 0;
}

/* A string of exactly one character. */
static int one_char(struct builder *b, const json_t *o, const char *where, const char *key,
                    uint32_t *out) {
    struct str s;
    int rc = part_text(b, o, where, key, &s);
    if (rc == 0 && (!s.len || unicode_char((const uint8_t *)s.s, out) != s.len))
        rc = build_bad(b, PRECIS_EINPUT, "%s: \"%s\" is not one character", where, key);
    return rc;
}

static int copy(struct builder *b, struct str s, char **out, size_t *len) {
    *len = s.len;
    *out = build_copy(s);
    return *out ? 0 : err_nomem(b->e, "tokenizer");
}

/* {"String": ...} to *text, {"Regex": ...} to *regex. */
static int pattern(struct builder *b, const json_t *o, const char *where, char **text, size_t *len,
                   struct regex **regex, split_fn **scan) {
    const json_t *p = json_object_get(o, "pattern");
    struct str s;
    int rc = part_text_or_none(b, p, where, "String", &s);
    if (rc == 0 && s.s)
        return s.len ? copy(b, s, text, len)
                     : build_bad(b, PRECIS_EUNSUPPORTED, "%s: an empty pattern is not supported",
                                 where);
    if (rc == 0)
        rc = part_text(b, p, where, "Regex", &s);
    if (rc)
        return rc;
    if (scan && (*scan = split_of_pattern(s.s, s.len)) != NULL)
        return 0;
    rc = regex_new(s.s, s.len, regex, b->e);
    if (rc == 0)
        return 0;
    err_prefix(b->e, where);
    return err_prefix(b->e, b->path);
}

/* RFC 4648, section 4. False: no base64. */
static bool base64(struct str s, struct buf *out) {
    uint32_t bits = 0;
    int n = 0;
    while (s.len && s.s[s.len - 1] == '=')
        s.len--;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.s[i];
        int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if ((n += 6) >= 8) {
            n -= 8;
            buf_char(out, (char)(bits >> n));
        }
    }
    return n < 6;
}

static int precompiled(struct builder *b, const json_t *o, const char *where,
                       struct normaliser *m) {
    struct str s;
    struct buf map = {0};
    int rc = part_text(b, o, where, "precompiled_charsmap", &s);
    if (rc == 0 && !base64(s, &map))
        rc = build_bad(b, PRECIS_EINPUT, "%s: \"precompiled_charsmap\" is no base64", where);
    if (rc == 0 && buf_failed(&map))
        rc = err_nomem(b->e, "normaliser");
    if (rc == 0) {
        m->kind = NORMALISE_PRECOMPILED;
        rc = precompiled_new((const uint8_t *)(map.data ? map.data : ""), map.len, &m->precompiled,
                             b->e);
        if (rc && rc != PRECIS_ENOMEM) {
            err_prefix(b->e, where);
            err_prefix(b->e, b->path);
        }
    }
    buf_free(&map);
    return rc;
}

static int add_normaliser(struct builder *b, struct normaliser m) {
    return normalisers_add(&b->t->normalisers, &m) ? 0 : err_nomem(b->e, "normalisers");
}

static int bert_normaliser(struct builder *b, const json_t *o, const char *where) {
    bool clean = false, chinese = false, lower = false, accents = false;
    int rc = part_flag(b, o, where, "clean_text", &clean);
    if (rc == 0)
        rc = part_flag(b, o, where, "handle_chinese_chars", &chinese);
    if (rc == 0)
        rc = part_flag(b, o, where, "lowercase", &lower);
    if (rc == 0)
        rc = part_flag_or(b, o, where, "strip_accents", lower, &accents);
    if (rc == 0 && clean)
        rc = add_normaliser(b, (struct normaliser){.kind = NORMALISE_BERT_CLEAN});
    if (rc == 0 && chinese)
        rc = add_normaliser(b, (struct normaliser){.kind = NORMALISE_BERT_CHINESE});
    if (rc == 0 && accents)
        rc = add_normaliser(b, (struct normaliser){.kind = NORMALISE_FORM, .form = UNICODE_NFD});
    if (rc == 0 && accents)
        rc = add_normaliser(b, (struct normaliser){.kind = NORMALISE_BERT_ACCENTS});
    if (rc == 0 && lower)
        rc = add_normaliser(b, (struct normaliser){.kind = NORMALISE_LOWERCASE});
    return rc;
}

static const struct {
    const char *type;
    struct normaliser m;
} plain_normalisers[] = {
    {"NFC", {.kind = NORMALISE_FORM, .form = UNICODE_NFC}},
    {"NFD", {.kind = NORMALISE_FORM, .form = UNICODE_NFD}},
    {"NFKC", {.kind = NORMALISE_FORM, .form = UNICODE_NFKC}},
    {"NFKD", {.kind = NORMALISE_FORM, .form = UNICODE_NFKD}},
    {"Lowercase", {.kind = NORMALISE_LOWERCASE}},
    {"StripAccents", {.kind = NORMALISE_STRIP_ACCENTS}},
    {"Nmt", {.kind = NORMALISE_NMT}},
    {"ByteLevel", {.kind = NORMALISE_BYTE_LEVEL}},
};

static int normaliser(struct builder *b, const json_t *o, int depth);

static int each(struct builder *b, const json_t *o, const char *where, const char *key, int depth,
                int (*call)(struct builder *, const json_t *, int)) {
    const json_t *list = json_object_get(o, key);
    if (!json_is_array(list))
        return build_bad(b, PRECIS_EINPUT, "%s: no array \"%s\"", where, key);
    if (depth == MOST_DEPTH)
        return build_bad(b, PRECIS_EUNSUPPORTED, "%s: sequences nested more than %d deep", where,
                         MOST_DEPTH);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = call(b, json_array_get(list, i), depth + 1);
    return rc;
}

static int normaliser(struct builder *b, const json_t *o, int depth) {
    static const char where[] = "normalizer";
    const char *type;
    int rc = part_kind(b, o, where, &type);
    if (rc)
        return rc;
    if (b->t->normalisers.n >= MOST_STAGES)
        return build_bad(b, PRECIS_EUNSUPPORTED, "more than %d normalizers", MOST_STAGES);
    if (strcmp(type, "Sequence") == 0)
        return each(b, o, where, "normalizers", depth, normaliser);
    if (strcmp(type, "BertNormalizer") == 0)
        return bert_normaliser(b, o, type);
    for (size_t i = 0; i < sizeof plain_normalisers / sizeof *plain_normalisers; i++)
        if (strcmp(type, plain_normalisers[i].type) == 0)
            return add_normaliser(b, plain_normalisers[i].m);
    struct normaliser m = {0};
    struct str s;
    if (strcmp(type, "Strip") == 0) {
        m.kind = NORMALISE_STRIP;
        rc = part_flag(b, o, type, "strip_left", &m.left);
        if (rc == 0)
            rc = part_flag(b, o, type, "strip_right", &m.right);
    } else if (strcmp(type, "Prepend") == 0) {
        m.kind = NORMALISE_PREPEND;
        rc = part_text(b, o, type, "prepend", &s);
        if (rc == 0 && s.len == 0)
            rc = build_bad(b, PRECIS_EUNSUPPORTED, "%s: an empty text is not supported", type);
        if (rc == 0)
            rc = copy(b, s, &m.text, &m.text_len);
    } else if (strcmp(type, "Replace") == 0) {
        m.kind = NORMALISE_REPLACE;
        rc = pattern(b, o, type, &m.text, &m.text_len, &m.regex, NULL);
        if (rc == 0)
            rc = part_text(b, o, type, "content", &s);
        if (rc == 0)
            rc = copy(b, s, &m.content, &m.content_len);
    } else if (strcmp(type, "Precompiled") == 0) {
        rc = precompiled(b, o, type, &m);
    } else {
        return refuse(b, where, type);
    }
    if (rc) {
        struct normalisers one = {0};
        if (normalisers_add(&one, &m)) /* frees it either way */
            normalisers_free(&one);
        return rc;
    }
    return add_normaliser(b, m);
}

int part_normaliser(struct builder *b, const json_t *o) {
    return !o || json_is_null(o) ? 0 : normaliser(b, o, 0);
}

static int behavior(struct builder *b, const json_t *o, const char *where, bool needed,
                    enum pre_behavior *out) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    struct str s;
    *out = PRE_ISOLATED;
    int rc = needed ? part_text(b, o, where, "behavior", &s)
                    : part_text_or_none(b, o, where, "behavior", &s);
    if (rc || !s.s)
        return rc;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(s.s, names[i]) == 0) {
            *out = (enum pre_behavior)i;
            return 0;
        }
    return build_bad(b, PRECIS_EUNSUPPORTED, "%s: behavior \"%.*s\" is not supported", where,
                     build_shown(s), s.s);
}

/* Scheme of a Metaspace, old files included: add_prefix_space false means never. */
static int scheme(struct builder *b, const json_t *o, enum pre_scheme *out) {
    struct str s;
    bool prefix;
    int rc = part_text_or_none(b, o, "Metaspace", "prepend_scheme", &s);
    if (rc == 0)
        rc = part_flag_or(b, o, "Metaspace", "add_prefix_space", true, &prefix);
    if (rc)
        return rc;
    *out = !s.s || strcmp(s.s, "always") == 0 ? PRE_ALWAYS
           : strcmp(s.s, "first") == 0        ? PRE_FIRST
                                              : PRE_NEVER;
    if (s.s && *out == PRE_NEVER && strcmp(s.s, "never") != 0)
        return build_bad(b, PRECIS_EUNSUPPORTED,
                         "Metaspace: prepend_scheme \"%.*s\" is not supported", build_shown(s),
                         s.s);
    if (!prefix && *out != PRE_NEVER)
        return build_bad(b, PRECIS_EINPUT,
                         "Metaspace: add_prefix_space does not match prepend_scheme");
    return 0;
}

static int pre_options(struct builder *b, const json_t *o, const char *type, struct pre_stage *p) {
    int rc = 0;
    switch (p->kind) {
    case PRE_BYTE_LEVEL:
        rc = part_flag(b, o, type, "add_prefix_space", &p->prefix_space);
        if (rc == 0)
            rc = part_flag_or(b, o, type, "use_regex", true, &p->use_regex);
        break;
    case PRE_METASPACE:
        rc = one_char(b, o, type, "replacement", &p->code_point);
        if (rc == 0)
            rc = scheme(b, o, &p->scheme);
        if (rc == 0)
            rc = part_flag_or(b, o, type, "split", true, &p->split);
        break;
    case PRE_SPLIT:
        rc = behavior(b, o, type, true, &p->behavior);
        if (rc == 0)
            rc = part_flag(b, o, type, "invert", &p->invert);
        if (rc == 0)
            rc = pattern(b, o, type, &p->text, &p->text_len, &p->regex, &p->scan);
        break;
    case PRE_DIGITS:
        rc = part_flag(b, o, type, "individual_digits", &p->individual);
        break;
    case PRE_PUNCTUATION:
        rc = behavior(b, o, type, false, &p->behavior);
        break;
    case PRE_CHAR:
        rc = one_char(b, o, type, "delimiter", &p->code_point);
        break;
    case PRE_FIXED_LENGTH:
        p->length = 5;
        if (json_object_get(o, "length"))
            rc = part_size(b, o, type, "length", INT32_MAX, &p->length);
        if (rc == 0 && p->length == 0)
            rc = build_bad(b, PRECIS_EINPUT, "%s: length is 0", type);
        break;
    case PRE_WHITESPACE:
    case PRE_WHITESPACE_SPLIT:
    case PRE_BERT:
    case PRE_SCRIPTS:
        break;
    }
    return rc;
}

static int pre_tokeniser(struct builder *b, const json_t *o, int depth) {
    static const struct {
        const char *type;
        enum pre_kind kind;
    } kinds[] = {{"ByteLevel", PRE_BYTE_LEVEL},
                 {"Metaspace", PRE_METASPACE},
                 {"Split", PRE_SPLIT},
                 {"Digits", PRE_DIGITS},
                 {"Punctuation", PRE_PUNCTUATION},
                 {"Whitespace", PRE_WHITESPACE},
                 {"WhitespaceSplit", PRE_WHITESPACE_SPLIT},
                 {"BertPreTokenizer", PRE_BERT},
                 {"CharDelimiterSplit", PRE_CHAR},
                 {"UnicodeScripts", PRE_SCRIPTS},
                 {"FixedLength", PRE_FIXED_LENGTH}};
    static const char where[] = "pre_tokenizer";
    const char *type;
    int rc = part_kind(b, o, where, &type);
    if (rc)
        return rc;
    if (strcmp(type, "Sequence") == 0)
        return each(b, o, where, "pretokenizers", depth, pre_tokeniser);
    if (b->t->pre.n >= MOST_STAGES)
        return build_bad(b, PRECIS_EUNSUPPORTED, "more than %d pre_tokenizers", MOST_STAGES);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0) {
            struct pre_stage p = {.kind = kinds[i].kind};
            rc = pre_options(b, o, type, &p);
            if (rc) {
                free(p.text);
                regex_free(p.regex);
                return rc;
            }
            return pre_stages_add(&b->t->pre, &p) ? 0 : err_nomem(b->e, "pre-tokenisers");
        }
    return refuse(b, where, type);
}

int part_pre_tokeniser(struct builder *b, const json_t *o) {
    return !o || json_is_null(o) ? 0 : pre_tokeniser(b, o, 0);
}

static int decode_options(struct builder *b, const json_t *o, const char *type,
                          struct decode_op *op) {
    struct str s;
    enum pre_scheme prepend;
    int rc = 0;
    switch (op->kind) {
    case DECODE_METASPACE:
        rc = one_char(b, o, type, "replacement", &op->code_point);
        if (rc == 0)
            rc = scheme(b, o, &prepend);
        op->drop = rc == 0 && prepend != PRE_NEVER;
        break;
    case DECODE_WORDPIECE:
        rc = part_text(b, o, type, "prefix", &s);
        if (rc == 0)
            rc = copy(b, s, &op->text, &op->text_len);
        if (rc == 0)
            rc = part_flag(b, o, type, "cleanup", &op->cleanup);
        break;
    case DECODE_BPE:
        rc = part_text(b, o, type, "suffix", &s);
        if (rc == 0 && s.len == 0)
            rc = build_bad(b, PRECIS_EUNSUPPORTED, "%s: an empty suffix is not supported", type);
        if (rc == 0)
            rc = copy(b, s, &op->text, &op->text_len);
        break;
    case DECODE_REPLACE:
        rc = pattern(b, o, type, &op->text, &op->text_len, &op->regex, NULL);
        if (rc == 0)
            rc = part_text(b, o, type, "content", &s);
        if (rc == 0)
            rc = copy(b, s, &op->content, &op->content_len);
        break;
    case DECODE_STRIP:
        rc = one_char(b, o, type, "content", &op->code_point);
        if (rc == 0)
            rc = part_size(b, o, type, "start", INT32_MAX, &op->start);
        if (rc == 0)
            rc = part_size(b, o, type, "stop", INT32_MAX, &op->stop);
        break;
    case DECODE_SPACES:
    case DECODE_BYTE_LEVEL:
    case DECODE_BYTE_FALLBACK:
    case DECODE_FUSE:
        break;
    }
    return rc;
}

static int decoder(struct builder *b, const json_t *o, int depth) {
    static const struct {
        const char *type;
        enum decode_kind kind;
    } kinds[] = {{"ByteLevel", DECODE_BYTE_LEVEL},
                 {"Metaspace", DECODE_METASPACE},
                 {"WordPiece", DECODE_WORDPIECE},
                 {"BPEDecoder", DECODE_BPE},
                 {"Replace", DECODE_REPLACE},
                 {"ByteFallback", DECODE_BYTE_FALLBACK},
                 {"Fuse", DECODE_FUSE},
                 {"Strip", DECODE_STRIP}};
    static const char where[] = "decoder";
    struct decoder *d = &b->t->decoder;
    const char *type;
    int rc = part_kind(b, o, where, &type);
    if (rc)
        return rc;
    if (strcmp(type, "Sequence") == 0)
        return each(b, o, where, "decoders", depth, decoder);
    if (d->n == DECODE_MOST)
        return build_bad(b, PRECIS_EUNSUPPORTED, "more than %d decoders", DECODE_MOST);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0) {
            d->v[d->n].kind = kinds[i].kind;
            d->n++; /* freed with the tokenizer, whatever comes */
            return decode_options(b, o, type, &d->v[d->n - 1]);
        }
    return refuse(b, where, type);
}

int part_decoder(struct builder *b, const json_t *o) {
    if (o && !json_is_null(o))
        return decoder(b, o, 0);
    b->t->decoder.v[0].kind = DECODE_SPACES;
    b->t->decoder.n = 1;
    return 0;
}

static int post_item(struct builder *b, uint32_t item) {
    struct postprocess *p = &b->t->post;
    uint32_t *items = realloc(p->items, (p->n + 1) * sizeof *items);
    if (!items)
        return err_nomem(b->e, "post-processor");
    p->items = items;
    p->items[p->n++] = item;
    p->added += item != POST_TEXT;
    return 0;
}

static int post_id(struct builder *b, const json_t *v, const char *where) {
    json_int_t id = json_integer_value(v);
    if (!json_is_integer(v) || id < 0 || (uint64_t)id >= b->t->n)
        return build_bad(b, PRECIS_EINPUT, "%s: an id is not in 0..%" PRIu32, where, b->t->n - 1);
    return post_item(b, (uint32_t)id);
}

/* [CLS] text [SEP], of BertProcessing and RobertaProcessing: {"cls": ["[CLS]", 101], ...} */
static int cls_and_sep(struct builder *b, const json_t *o, const char *type) {
    int rc = post_id(b, json_array_get(json_object_get(o, "cls"), 1), type);
    if (rc == 0)
        rc = post_item(b, POST_TEXT);
    return rc ? rc : post_id(b, json_array_get(json_object_get(o, "sep"), 1), type);
}

static int template_piece(struct builder *b, const json_t *piece, const json_t *specials) {
    static const char where[] = "TemplateProcessing";
    struct str name;
    const json_t *part = json_object_get(piece, "Sequence");
    int rc = part_text(b, part ? part : json_object_get(piece, "SpecialToken"), where, "id", &name);
    if (rc)
        return rc;
    if (part)
        return name.s && strcmp(name.s, "A") == 0
                   ? post_item(b, POST_TEXT)
                   : build_bad(b, PRECIS_EUNSUPPORTED,
                               "%s: \"single\" with a sequence \"%.*s\" is not supported", where,
                               build_shown(name), name.s);
    const json_t *ids = json_object_get(json_object_get(specials, name.s), "ids");
    if (!json_is_array(ids))
        return build_bad(b, PRECIS_EINPUT, "%s: no ids of \"%.*s\"", where, build_shown(name),
                         name.s);
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++)
        rc = post_id(b, json_array_get(ids, i), where);
    return rc;
}

static int post_processor(struct builder *b, const json_t *o, int depth) {
    static const char where[] = "post_processor";
    const char *type;
    int rc = part_kind(b, o, where, &type);
    if (rc || strcmp(type, "ByteLevel") == 0)
        return rc;
    if (strcmp(type, "Sequence") == 0)
        return each(b, o, where, "processors", depth, post_processor);
    if (b->t->post.n)
        return build_bad(
            b, PRECIS_EUNSUPPORTED,
            "post_processor \"%s\" after another one that adds tokens is not supported", type);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0)
        return cls_and_sep(b, o, type);
    if (strcmp(type, "TemplateProcessing") != 0)
        return refuse(b, where, type);
    const json_t *single = json_object_get(o, "single");
    if (!json_is_array(single) || !json_array_size(single))
        return build_bad(b, PRECIS_EINPUT, "%s: \"single\" is no array with something in it", type);
    for (size_t i = 0; rc == 0 && i < json_array_size(single); i++)
        rc = template_piece(b, json_array_get(single, i), json_object_get(o, "special_tokens"));
    return rc;
}

int part_post_processor(struct builder *b, const json_t *o) {
    return !o || json_is_null(o) ? 0 : post_processor(b, o, 0);
}

int part_truncation(struct builder *b, const json_t *o) {
    static const char where[] = "truncation";
    struct postprocess *p = &b->t->post;
    struct str direction = {0}, strategy = {0};
    size_t stride = 0;
    if (!o || json_is_null(o))
        return 0;
    int rc = part_size(b, o, where, "max_length", INT32_MAX, &p->max_length);
    if (rc == 0)
        rc = part_size(b, o, where, "stride", INT32_MAX, &stride);
    if (rc == 0)
        rc = part_text_or_none(b, o, where, "direction", &direction);
    if (rc == 0)
        rc = part_text(b, o, where, "strategy", &strategy);
    if (rc)
        return rc;
    p->truncate = true;
    p->from_left = direction.s && strcmp(direction.s, "Left") == 0;
    if (direction.s && !p->from_left && strcmp(direction.s, "Right") != 0)
        return build_bad(b, PRECIS_EUNSUPPORTED, "%s: direction \"%.*s\" is not supported", where,
                         build_shown(direction), direction.s);
    if (!strategy.s ||
        (strcmp(strategy.s, "LongestFirst") != 0 && strcmp(strategy.s, "OnlyFirst") != 0))
        return build_bad(b, PRECIS_EUNSUPPORTED, "%s: strategy \"%.*s\" is not supported", where,
                         build_shown(strategy), strategy.s);
    if (p->max_length < p->added)
        return build_bad(b, PRECIS_EINPUT,
                         "%s: max_length %zu leaves no room beside %zu special tokens", where,
                         p->max_length, p->added);
    return 0;
}

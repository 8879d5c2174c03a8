/* The model of a tokenizer.json. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/score_text.h"
#include "text/tok_json.h"

static const char where[] = "model";

/* What the oldest files leave out is known by what they hold, in the order of `tokenizers`. */
static int model_kind(struct builder *b, const json_t *o, enum word_model_kind *kind) {
    static const struct {
        const char *type;
        enum word_model_kind kind;
    } kinds[] = {{"BPE", WORD_BPE_CHARS},
                 {"WordPiece", WORD_PIECE},
                 {"WordLevel", WORD_LEVEL},
                 {"Unigram", WORD_UNIGRAM}};
    const char *type = json_string_value(json_object_get(o, "type"));
    if (!json_is_object(o))
        return build_bad(b, PRECIS_EINPUT, "no object \"model\"");
    if (!type)
        type = json_object_get(o, "merges")                     ? "BPE"
               : json_is_array(json_object_get(o, "vocab"))     ? "Unigram"
               : json_object_get(o, "max_input_chars_per_word") ? "WordPiece"
                                                                : "WordLevel";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0) {
            *kind = kinds[i].kind;
            return 0;
        }
    return build_bad(b, PRECIS_EUNSUPPORTED, "model \"%s\" is not supported", type);
}

static int put_array(struct builder *b, const json_t *vocab) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(vocab); i++) {
        const json_t *pair = json_array_get(vocab, i), *s = json_array_get(pair, 0);
        if (!json_is_string(s) || !json_is_number(json_array_get(pair, 1)))
            return build_bad(b, PRECIS_EINPUT, "%s: vocab: entry %zu is no [text, score]", where,
                             i);
        rc = build_put(b, i, (struct str){json_string_value(s), json_string_length(s)},
                       TOK_TYPE_NORMAL, "model: vocab");
    }
    return rc;
}

int part_model_tokens(struct builder *b, const json_t *o) {
    json_t *vocab = json_object_get(o, "vocab");
    int rc = model_kind(b, o, &b->t->model.kind);
    if (rc)
        return rc;
    if (b->t->model.kind == WORD_UNIGRAM && json_is_array(vocab))
        return put_array(b, vocab);
    if (b->t->model.kind == WORD_UNIGRAM || !json_is_object(vocab))
        return build_bad(b, PRECIS_EINPUT, "%s: \"vocab\" is missing or of another form", where);
    const char *key;
    size_t len;
    json_t *id;
    json_object_keylen_foreach(vocab, key, len, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0)
            return build_bad(b, PRECIS_EINPUT, "%s: vocab: the id of \"%.*s\" is no number", where,
                             build_shown((struct str){key, len}), key);
        rc = build_put(b, (uint64_t)json_integer_value(id), (struct str){key, len}, TOK_TYPE_NORMAL,
                       "model: vocab");
        if (rc)
            return rc;
    }
    return 0;
}

/* "LEFT RIGHT", or [LEFT, RIGHT]. */
static int merge_parts(struct builder *b, const json_t *m, uint32_t rank, struct str *left,
                       struct str *right) {
    const json_t *l = json_array_get(m, 0), *r = json_array_get(m, 1);
    if (json_is_string(m)) {
        struct str s = {json_string_value(m), json_string_length(m)};
        const char *space = memchr(s.s, ' ', s.len);
        *left = (struct str){s.s, space ? (size_t)(space - s.s) : 0};
        *right = (struct str){space ? space + 1 : s.s, space ? s.len - left->len - 1 : 0};
        if (!space || memchr(right->s, ' ', right->len))
            return build_bad(b, PRECIS_EINPUT,
                             "%s: merges: entry %" PRIu32
                             " (\"%.*s\") is not two tokens and a space",
                             where, rank, build_shown(s), s.s);
        return 0;
    }
    if (json_array_size(m) != 2 || !json_is_string(l) || !json_is_string(r))
        return build_bad(b, PRECIS_EINPUT, "%s: merges: entry %" PRIu32 " is no pair of tokens",
                         where, rank);
    *left = (struct str){json_string_value(l), json_string_length(l)};
    *right = (struct str){json_string_value(r), json_string_length(r)};
    return 0;
}

static int merges(struct builder *b, const json_t *o) {
    const json_t *list = json_object_get(o, "merges");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > BUILD_MAX_MERGES)
        return build_bad(b, PRECIS_EINPUT, "%s: no array \"merges\" of up to %d", where,
                         BUILD_MAX_MERGES);
    int rc = build_merges(b, n);
    uint32_t guess = UINT32_MAX, rank = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const json_t *m = json_array_get(list, i);
        struct str left = {0}, right = {0};
        if (json_is_string(m) && strncmp(json_string_value(m), "#version", 8) == 0)
            continue;
        rc = merge_parts(b, m, rank, &left, &right);
        if (rc == 0 && right.len < b->t->model.prefix_len)
            rc = build_bad(b, PRECIS_EINPUT,
                           "%s: merges: entry %" PRIu32 ": \"%.*s\" lacks the prefix", where, rank,
                           build_shown(right), right.s);
        if (rc == 0)
            rc = build_merge(b, rank, left, right, b->t->model.prefix_len, &guess, "model: merges");
        rank++;
    }
    return rc;
}

/* Do the words come as bytes, and can the model take them raw? */
static bool takes_bytes(struct builder *b) {
    const struct word_model *m = &b->t->model;
    const struct pre_stages *p = &b->t->pre;
    if (!p->n || p->v[p->n - 1].kind != PRE_BYTE_LEVEL || m->prefix || m->suffix ||
        m->byte_fallback || (m->ignore_merges && !decoder_is_bytes(&b->t->decoder)))
        return false;
    bool all = true;
    for (unsigned byte = 0; byte < 256; byte++) {
        buf_clear(&b->text);
        unicode_append(&b->text, byte_level_char((uint8_t)byte));
        all = all && !buf_failed(&b->text) &&
              build_id(b, (struct str){b->text.data, b->text.len}) >= 0;
    }
    return all || (m->unk < 0 && !m->unk_lost);
}

static int bpe(struct builder *b, const json_t *o) {
    struct word_model *m = &b->t->model;
    struct str unk, prefix, suffix;
    const json_t *dropout = json_object_get(o, "dropout");
    if (dropout && !json_is_null(dropout) && json_number_value(dropout) != 0.0)
        return build_bad(b, PRECIS_EUNSUPPORTED, "%s: dropout is not supported", where);
    int rc = part_text_or_none(b, o, where, "unk_token", &unk);
    if (rc == 0)
        rc = part_text_or_none(b, o, where, "continuing_subword_prefix", &prefix);
    if (rc == 0)
        rc = part_text_or_none(b, o, where, "end_of_word_suffix", &suffix);
    if (rc == 0)
        rc = part_flag_or(b, o, where, "fuse_unk", false, &m->fuse_unk);
    if (rc == 0)
        rc = part_flag_or(b, o, where, "byte_fallback", false, &m->byte_fallback);
    if (rc == 0)
        rc = part_flag_or(b, o, where, "ignore_merges", false, &m->ignore_merges);
    if (rc)
        return rc;
    m->unk = unk.s ? build_id(b, unk) : -1;
    m->unk_lost = unk.s && m->unk < 0;
    if (prefix.len && !(m->prefix = build_copy(prefix)))
        return err_nomem(b->e, "model");
    if (suffix.len && !(m->suffix = build_copy(suffix)))
        return err_nomem(b->e, "model");
    m->prefix_len = prefix.len;
    m->suffix_len = suffix.len;
    rc = merges(b, o);
    if (rc)
        return rc;
    if (!takes_bytes(b))
        return build_chars_model(b);
    b->t->pre.v[b->t->pre.n - 1].keep_bytes = true;
    b->t->split = pre_stages_scanner(&b->t->pre);
    return build_bytes_model(b);
}

static int word_piece(struct builder *b, const json_t *o) {
    struct word_model *m = &b->t->model;
    struct str unk, prefix;
    size_t most = 100;
    int rc = part_text(b, o, where, "unk_token", &unk);
    if (rc == 0)
        rc = part_text(b, o, where, "continuing_subword_prefix", &prefix);
    if (rc == 0 && json_object_get(o, "max_input_chars_per_word"))
        rc = part_size(b, o, where, "max_input_chars_per_word", INT32_MAX, &most);
    if (rc)
        return rc;
    m->unk = build_id(b, unk);
    return build_word_piece(b, prefix, most);
}

/* The library's JSON reader rounds in its own way: the file is read once more for that. */
static int unigram_scores(struct builder *b, double *scores, size_t n) {
    struct mapping m;
    int rc = file_map(b->path, &m, b->e);
    if (rc)
        return rc;
    size_t found = score_text_read((const char *)m.data, m.size, scores, n);
    file_unmap(&m);
    return found == n ? 0
                      : build_bad(b, PRECIS_EINPUT, "%s: vocab: %zu scores for %zu pieces", where,
                                  found, n);
}

static int unigram(struct builder *b, const json_t *o) {
    struct word_model *m = &b->t->model;
    const json_t *vocab = json_object_get(o, "vocab"), *unk = json_object_get(o, "unk_id");
    bool fallback;
    int rc = part_flag_or(b, o, where, "byte_fallback", false, &fallback);
    if (rc == 0 && unk && !json_is_null(unk)) {
        if (!json_is_integer(unk) || json_integer_value(unk) < 0 ||
            (uint64_t)json_integer_value(unk) >= b->n_model)
            return build_bad(b, PRECIS_EINPUT, "%s: unk_id is no place in the vocab", where);
        m->unk = json_integer_value(unk);
    }
    if (rc)
        return rc;
    size_t n = json_array_size(vocab);
    struct unigram_piece *pieces = malloc((n + 1) * sizeof *pieces);
    double *scores = malloc((n + 1) * sizeof *scores);
    if (!pieces || !scores) {
        rc = err_nomem(b->e, "model");
    } else if ((rc = unigram_scores(b, scores, n)) == 0) {
        for (size_t i = 0; i < n; i++)
            pieces[i] =
                (struct unigram_piece){b->spelling[i].s, (uint32_t)b->spelling[i].len, scores[i]};
        rc = unigram_new(pieces, n, m->unk, fallback, &m->unigram, b->e);
        if (rc && rc != PRECIS_ENOMEM)
            err_prefix(b->e, b->path);
    }
    free(pieces);
    free(scores);
    return rc ? rc : build_ready(b);
}

int part_model(struct builder *b, const json_t *o) {
    struct str unk;
    int rc;
    switch (b->t->model.kind) {
    case WORD_BPE_CHARS:
    case WORD_BPE_BYTES:
        return bpe(b, o);
    case WORD_PIECE:
        return word_piece(b, o);
    case WORD_UNIGRAM:
        return unigram(b, o);
    case WORD_LEVEL:
        break;
    }
    rc = part_text(b, o, where, "unk_token", &unk);
    if (rc)
        return rc;
    b->t->model.unk = build_id(b, unk);
    return build_chars_model(b);
}

#include "text/tok_build.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* a power of two, twice as many as there may be */
enum { ADDED_PLACES = 2 * BUILD_MAX_ADDED };

int build_bad(struct builder *b, int code, const char *format, ...) {
    char line[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    return err_set(b->e, code, "%s: %s", b->path, line);
}

int build_shown(struct str s) {
    size_t n = s.len < 60 ? s.len : 60;
    while (n < s.len && n && ((uint8_t)s.s[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

int build_begin(struct builder *b, const char *path, struct err *e) {
    *b = (struct builder){.path = path, .e = e, .t = calloc(1, sizeof *b->t)};
    if (!b->t || !(b->t->pool = encoder_pool_new()))
        return err_nomem(e, "tokenizer");
    b->t->bos = b->t->eos = b->t->model.unk = -1;
    memset(b->t->model.fallback, 0xff, sizeof b->t->model.fallback);
    return 0;
}

int build_end(struct builder *b, int rc, struct tok **out) {
    for (size_t i = 0; i < b->n_added; i++)
        free(b->added[i].alias);
    free(b->added);
    free(b->added_at);
    vocab_free(&b->tokens);
    free(b->spelling);
    free(b->owned);
    free(b->type);
    buf_free(&b->text);
    *out = rc == 0 ? b->t : NULL;
    if (rc)
        tok_free(b->t);
    return rc;
}

char *build_copy(struct str s) {
    char *copy = malloc(s.len + 1);
    if (copy) {
        if (s.len)
            memcpy(copy, s.s, s.len);
        copy[s.len] = 0;
    }
    return copy;
}

/* Ids up to n - 1; new ones are holes. */
static int extend(struct builder *b, uint32_t n) {
    if (n > b->cap) {
        size_t cap = b->cap ? b->cap : 1024;
        while (cap < n)
            cap *= 2;
        struct str *spelling = realloc(b->spelling, cap * sizeof *spelling);
        if (!spelling)
            return err_nomem(b->e, "vocabulary");
        b->spelling = spelling;
        uint8_t *type = realloc(b->type, cap);
        if (!type)
            return err_nomem(b->e, "vocabulary");
        b->type = type;
        b->cap = cap;
    }
    for (; b->n < n; b->n++) {
        b->spelling[b->n] = (struct str){0};
        b->type[b->n] = TOK_TYPE_NONE;
    }
    return 0;
}

int build_put(struct builder *b, uint64_t id, struct str s, enum tok_type type, const char *what) {
    if (id >= BUILD_MAX_TOKENS)
        return build_bad(b, PRECIS_EINPUT, "%s: id %" PRIu64 " of \"%.*s\" is more than %d", what,
                         id, build_shown(s), s.s, BUILD_MAX_TOKENS - 1);
    int rc = id < b->n ? 0 : extend(b, (uint32_t)id + 1);
    if (rc)
        return rc;
    if (b->type[id] != TOK_TYPE_NONE)
        return build_bad(b, PRECIS_EINPUT, "%s: id %" PRIu64 " is of \"%.*s\" and of \"%.*s\"",
                         what, id, build_shown(b->spelling[id]), b->spelling[id].s, build_shown(s),
                         s.s);
    b->spelling[id] = s;
    b->type[id] = (uint8_t)type;
    b->n_model++;
    return 0;
}

/* All spellings one after the other, aliases behind them, to t->piece. */
static int write_pieces(struct builder *b) {
    struct tok *t = b->t;
    size_t total = 0, n = b->n, at = 0;
    for (uint32_t i = 0; i < b->n; i++)
        total += b->spelling[i].len;
    for (size_t i = 0; i < b->n_added; i++) {
        total += b->added[i].alias_len;
        n += b->added[i].alias != NULL;
    }
    if (total > INT32_MAX)
        return build_bad(b, PRECIS_EINPUT, "%zu bytes of tokens are too many", total);
    free(t->piece);
    free(t->piece_at);
    t->piece = malloc(total + 1);
    t->piece_at = malloc((n + 1) * sizeof *t->piece_at);
    if (!t->piece || !t->piece_at)
        return err_nomem(b->e, "vocabulary");
    for (size_t i = 0; i < b->n; i++) {
        t->piece_at[i] = (uint32_t)at;
        if (b->spelling[i].len)
            memcpy(t->piece + at, b->spelling[i].s, b->spelling[i].len);
        at += b->spelling[i].len;
    }
    size_t k = b->n;
    for (size_t i = 0; i < b->n_added; i++)
        if (b->added[i].alias) {
            t->piece_at[k++] = (uint32_t)at;
            memcpy(t->piece + at, b->added[i].alias, b->added[i].alias_len);
            at += b->added[i].alias_len;
        }
    t->piece_at[k] = (uint32_t)at;
    b->tokens.text = t->piece;
    b->tokens.at = t->piece_at;
    return 0;
}

/* Tokens of the model, by id. NULL: out of memory. */
static bool *model_tokens(const struct builder *b) {
    bool *in = calloc((size_t)b->n + 1, sizeof *in);
    for (uint32_t i = 0; in && i < b->n; i++)
        in[i] = b->type[i] != TOK_TYPE_NONE;
    return in;
}

int build_index(struct builder *b) {
    int rc = write_pieces(b);
    if (rc)
        return rc;
    bool *in = model_tokens(b);
    bool ok = in && vocab_init(&b->tokens, b->t->piece, b->t->piece_at, b->n, in);
    free(in);
    return ok ? 0 : err_nomem(b->e, "vocabulary");
}

int64_t build_id(const struct builder *b, struct str s) {
    return vocab_find(&b->tokens, s.s, s.len);
}

static bool same(struct str a, struct str b) {
    return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* The decoder sees s in the place of the token's id. */
static int alias(struct builder *b, struct build_added *x, struct str s) {
    if (x->alias)
        return 0;
    x->alias = build_copy(s);
    x->alias_len = s.len;
    return x->alias ? 0 : err_nomem(b->e, "added tokens");
}

static int make_alias(struct builder *b, struct build_added *x) {
    struct normalise_work w = {0};
    size_t len = x->s.len;
    size_t origin = 0;
    const uint8_t *s = normalise(&b->t->normalisers, &w, (const uint8_t *)x->s.s, &len, &origin);
    int rc = s ? 0 : regex_failure(&w.regex, "added tokens", b->e);
    if (s && len == 0)
        rc = build_bad(b, PRECIS_EUNSUPPORTED,
                       "added_tokens: \"%.*s\" is empty once normalised, which is not supported",
                       build_shown(x->s), x->s.s);
    else if (s && !same(x->s, (struct str){(const char *)s, len}))
        rc = alias(b, x, (struct str){(const char *)s, len});
    normalise_work_free(&w);
    return rc;
}

/* The place of a spelling in the index of added tokens: its own, or an empty one. */
static uint32_t *added_place(const struct builder *b, struct str s) {
    size_t i = (size_t)hash_bytes(s.s, s.len, 0) & (ADDED_PLACES - 1);
    while (b->added_at[i] && !same(b->added[b->added_at[i] - 1].s, s))
        i = (i + 1) & (ADDED_PLACES - 1);
    return &b->added_at[i];
}

struct build_added *build_find_added(const struct builder *b, struct str s) {
    uint32_t at = b->added_at ? *added_place(b, s) : 0;
    return at ? &b->added[at - 1] : NULL;
}

static int append_added(struct builder *b, struct build_added *x) {
    bool ok = array_grow((void **)&b->added, b->n_added, &b->cap_added, sizeof *b->added) &&
              (b->added_at || (b->added_at = calloc(ADDED_PLACES, sizeof *b->added_at)));
    if (!ok) {
        free(x->alias);
        return err_nomem(b->e, "added tokens");
    }
    uint32_t *place = added_place(b, x->s);
    b->added[b->n_added++] = *x;
    *place = (uint32_t)b->n_added;
    return 0;
}

int build_add(struct builder *b, const struct build_added *token) {
    struct build_added x = *token;
    struct build_added *old = build_find_added(b, x.s);
    int rc = 0;
    if (x.s.len == 0)
        return 0;
    if (b->n_added == BUILD_MAX_ADDED)
        return build_bad(b, PRECIS_ELIMIT, "more than %d added tokens", BUILD_MAX_ADDED);
    int64_t id = old ? (int64_t)old->id : build_id(b, x.s);
    /* `tokenizers` counts on from the number of the model's tokens, whatever ids those have */
    x.id = id >= 0 ? (uint32_t)id : b->n_model + b->n_new;
    x.alias = NULL;
    x.alias_len = 0;
    if (x.normalized && b->t->normalisers.n)
        rc = make_alias(b, &x);
    if (rc)
        return rc;
    if (old) {
        x.special |= old->special;
        free(old->alias);
        *old = x;
        return 0;
    }
    rc = append_added(b, &x);
    if (rc == 0 && id < 0) {
        b->n_new++;
        rc = x.id < BUILD_MAX_TOKENS ? extend(b, x.id + 1) : err_nomem(b->e, "added tokens");
        if (rc == 0 && b->type[x.id] == TOK_TYPE_NONE)
            b->spelling[x.id] = x.s;
        else if (rc == 0) /* ids have gaps: another token has this one, too */
            rc = alias(b, &b->added[b->n_added - 1], x.s);
    }
    return rc;
}

/* Is this what some special token is spelled? */
static bool special_spelling(const struct builder *b, struct str s) {
    const struct build_added *x = build_find_added(b, s);
    return x && x->special;
}

/* Is this spelled like what a chat format puts between messages? */
static bool is_mark(struct str s) {
    static const char *const marks[] = {"[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (same(s, (struct str){marks[i], strlen(marks[i])}))
            return true;
    return s.len > 4 && memcmp(s.s, "<|", 2) == 0 && memcmp(s.s + s.len - 2, "|>", 2) == 0;
}

static int special_lists(struct builder *b) {
    struct tok *t = b->t;
    size_t total = 0, n[2] = {0};
    for (size_t i = 0; i < b->n_added; i++) {
        total += b->added[i].alias ? b->added[i].alias_len : b->added[i].s.len;
        n[b->added[i].normalized]++;
    }
    char *text = malloc(total + 1);
    struct special_token *v[2] = {malloc((n[0] + 1) * sizeof *v[0]),
                                  malloc((n[1] + 1) * sizeof *v[1])};
    if (!text || !v[0] || !v[1]) {
        free(text);
        free(v[0]);
        free(v[1]);
        return err_nomem(b->e, "added tokens");
    }
    t->special_text = text;
    n[0] = n[1] = 0;
    for (size_t i = 0; i < b->n_added; i++) {
        const struct build_added *x = &b->added[i];
        struct str s = x->alias ? (struct str){x->alias, x->alias_len} : x->s;
        memcpy(text, s.s, s.len);
        v[x->normalized][n[x->normalized]++] =
            (struct special_token){.s = text,
                                   .len = s.len,
                                   .id = x->id,
                                   .single_word = x->single_word,
                                   .lstrip = x->lstrip,
                                   .rstrip = x->rstrip,
                                   .special = x->special,
                                   .control = x->special || is_mark(x->s)};
        text += s.len;
    }
    special_init(&t->special[0], v[0], n[0]);
    special_init(&t->special[1], v[1], n[1]);
    for (size_t i = 1; i < n[1]; i++)
        if (v[1][i].len == v[1][i - 1].len && memcmp(v[1][i].s, v[1][i - 1].s, v[1][i].len) == 0)
            return build_bad(b, PRECIS_EUNSUPPORTED,
                             "added_tokens: two of them are \"%.*s\" once normalised, which is not "
                             "supported",
                             build_shown((struct str){v[1][i].s, v[1][i].len}), v[1][i].s);
    return 0;
}

static int types_and_aliases(struct builder *b) {
    struct tok *t = b->t;
    size_t k = b->n;
    for (size_t i = 0; i < b->n_added; i++) {
        const struct build_added *x = &b->added[i];
        struct str s = x->alias ? (struct str){x->alias, x->alias_len} : x->s;
        if (!b->raw_added && b->type[x->id] >= TOK_TYPE_CONTROL)
            return build_bad(b, PRECIS_EUNSUPPORTED,
                             "added_tokens: \"%.*s\" has the id %" PRIu32
                             " of another one, since the vocabulary's ids have gaps, which is not "
                             "supported",
                             build_shown(x->s), x->s.s, x->id);
        if (!b->raw_added) /* else its type is known */
            b->type[x->id] =
                (x->alias ? special_spelling(b, s) : x->special) ? TOK_TYPE_CONTROL : TOK_TYPE_USER;
        if (!x->alias)
            continue;
        if (!t->alias) {
            t->alias = malloc(b->n * sizeof *t->alias);
            if (!t->alias)
                return err_nomem(b->e, "added tokens");
            for (uint32_t id = 0; id < b->n; id++)
                t->alias[id] = id;
        }
        t->alias[x->id] = (uint32_t)k++;
    }
    t->n = b->n;
    t->type = b->type;
    b->type = NULL;
    return 0;
}

/* What every token stands for. */
static int write_bytes(struct builder *b) {
    struct tok *t = b->t;
    t->at = malloc(((size_t)t->n + 1) * sizeof *t->at);
    if (!t->at)
        return err_nomem(b->e, "vocabulary");
    struct buf out = {0};
    struct regex_work w = {0};
    if (!buf_reserve(&out, 64))
        return err_nomem(b->e, "vocabulary");
    for (uint32_t id = 0; id < t->n && !buf_failed(&out); id++) {
        uint32_t k = t->alias ? t->alias[id] : id;
        const char *s = t->piece + t->piece_at[k];
        size_t n = t->piece_at[k + 1] - t->piece_at[k];
        t->at[id] = (uint32_t)out.len;
        bool control = t->type[id] == TOK_TYPE_CONTROL;
        bool raw = b->raw_added ? control || t->type[id] == TOK_TYPE_USER
                                : control && !decoder_is_bytes(&t->decoder);
        if (raw)
            buf_append(&out, s, n);
        else
            decode_middle(&t->decoder, s, n, &w, &out);
        if (out.len > INT32_MAX) {
            regex_work_free(&w);
            buf_free(&out);
            return build_bad(b, PRECIS_EINPUT, "tokens of more than %d bytes", INT32_MAX);
        }
    }
    regex_work_free(&w);
    if (buf_failed(&out)) {
        buf_free(&out);
        return regex_failure(&w, "vocabulary", b->e);
    }
    t->at[t->n] = (uint32_t)out.len;
    t->bytes = out.data;
    return 0;
}

int build_tables(struct builder *b) {
    decoder_ready(&b->t->decoder);
    b->t->ask_origin = pre_stages_ask(&b->t->pre);
    int rc = write_pieces(b);
    if (rc == 0)
        rc = special_lists(b);
    if (rc == 0)
        rc = types_and_aliases(b);
    return rc ? rc : write_bytes(b);
}

int build_merges(struct builder *b, size_t n) {
    return bpe_init(&b->t->model.bpe, n) ? 0 : err_nomem(b->e, "merges");
}

/* The id that s names; -1: none. A good guess saves a cache miss. */
static int64_t guessed_id(const struct builder *b, struct str s, uint32_t guess) {
    if (guess < b->n && b->spelling[guess].s && same(b->spelling[guess], s))
        return guess;
    return build_id(b, s);
}

int build_merge(struct builder *b, uint32_t rank, struct str left, struct str right, size_t skip,
                uint32_t *guess, const char *where) {
    skip = skip < right.len ? skip : right.len;
    buf_clear(&b->text);
    buf_append(&b->text, left.s, left.len);
    buf_append(&b->text, right.s + skip, right.len - skip);
    if (buf_failed(&b->text))
        return err_nomem(b->e, "merges");
    struct str part[3] = {left, right, {b->text.data ? b->text.data : "", b->text.len}};
    int64_t id[3];
    for (int i = 0; i < 3; i++) {
        id[i] = i == 2 ? guessed_id(b, part[i], *guess) : build_id(b, part[i]);
        if (id[i] < 0)
            return build_bad(b, PRECIS_EINPUT,
                             "%s: entry %" PRIu32 " (\"%.*s %.*s\") names a token that the "
                             "vocabulary lacks: \"%.*s\"",
                             where, rank, build_shown(left), left.s, build_shown(right), right.s,
                             build_shown(part[i]), part[i].s);
    }
    *guess = (uint32_t)id[2] + 1;
    bpe_add(&b->t->model.bpe, rank, (uint32_t)id[0], (uint32_t)id[1], (uint32_t)id[2]);
    return 0;
}

int build_ready(struct builder *b) {
    return word_model_ready(&b->t->model) == 0 ? 0 : err_nomem(b->e, "vocabulary");
}

/* Tokens of the model that are bytes in GPT-2's alphabet. */
static bool spells_bytes(struct str s) {
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        i += unicode_char((const uint8_t *)s.s + i, &c);
        if (byte_level_byte(c) < 0)
            return false;
    }
    return s.len > 0;
}

int build_bytes_model(struct builder *b) {
    struct word_model *m = &b->t->model;
    m->kind = WORD_BPE_BYTES;
    for (unsigned byte = 0; byte < 256; byte++) {
        buf_clear(&b->text);
        unicode_append(&b->text, byte_level_char((uint8_t)byte));
        if (buf_failed(&b->text))
            return err_nomem(b->e, "vocabulary");
        m->bpe.byte_id[byte] = (int32_t)build_id(b, (struct str){b->text.data, b->text.len});
    }
    if (m->ignore_merges) {
        bool *in = calloc((size_t)b->n + 1, sizeof *in);
        for (uint32_t i = 0; in && i < b->n; i++)
            in[i] = b->spelling[i].s && build_id(b, b->spelling[i]) == i &&
                    spells_bytes(b->spelling[i]);
        bool ok = in && vocab_init(&m->vocab, b->t->bytes, b->t->at, b->n, in);
        free(in);
        if (!ok)
            return err_nomem(b->e, "vocabulary");
    }
    if (decoder_is_bytes(&b->t->decoder)) {
        /* nothing needs the spellings any more */
        free(b->t->piece);
        free(b->t->piece_at);
        free(b->t->alias);
        b->t->piece = NULL;
        b->t->piece_at = b->t->alias = NULL;
    }
    return build_ready(b);
}

int build_chars_model(struct builder *b) {
    struct word_model *m = &b->t->model;
    m->vocab = b->tokens; /* of t->piece */
    b->tokens = (struct vocab){0};
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", byte);
        m->fallback[byte] = (int32_t)vocab_find(&m->vocab, name, (size_t)n);
    }
    return build_ready(b);
}

int build_word_piece(struct builder *b, struct str prefix, size_t most_chars) {
    struct word_model *m = &b->t->model;
    struct trie_key *keys = malloc(((size_t)b->n + 1) * sizeof *keys);
    size_t n = 0;
    if (!keys)
        return err_nomem(b->e, "model");
    m->kind = WORD_PIECE;
    for (uint32_t id = 0; id < b->n; id++)
        if (b->spelling[id].s && build_id(b, b->spelling[id]) == id)
            keys[n++] = (struct trie_key){
                .s = b->spelling[id].s, .len = (uint32_t)b->spelling[id].len, .value = id};
    int rc = wordpiece_new(keys, n, m->unk, prefix.s, prefix.len, most_chars, &m->wordpiece, b->e);
    free(keys);
    if (rc)
        return rc == PRECIS_ENOMEM ? rc : (err_prefix(b->e, b->path), rc);
    return build_ready(b);
}

void build_stop(struct builder *b, int64_t id) {
    struct tok *t = b->t;
    for (size_t i = 0; i < t->n_stops; i++)
        if (t->stops[i] == id)
            return;
    if (id >= 0 && t->n_stops < TOK_MAX_STOPS)
        t->stops[t->n_stops++] = (uint32_t)id;
}

void build_stops_by_name(struct builder *b) {
    static const char *const names[] = {"<|im_end|>",   "<|endoftext|>", "<|eot_id|>",
                                        "<|eom_id|>",   "<|end|>",       "<|end_of_text|>",
                                        "<end_of_turn>"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct special_token *token = tok_added(b->t, names[i], strlen(names[i]));
        if (token && token->special)
            build_stop(b, token->id);
    }
}

void build_controls(struct builder *b) {
    struct tok *t = b->t;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < t->special[k].n; i++) {
            struct special_token *x = &t->special[k].v[i];
            for (size_t s = 0; s < t->n_stops; s++)
                x->control |= x->id == t->stops[s];
            x->control |= x->id == t->bos;
        }
}

#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/tok_impl.h"

void tok_free(struct tok *t) {
    if (!t)
        return;
    encoder_pool_free(t->pool);
    special_free(&t->special[0]);
    special_free(&t->special[1]);
    free(t->special_text);
    word_model_free(&t->model);
    normalisers_free(&t->normalisers);
    pre_stages_free(&t->pre);
    postprocess_free(&t->post);
    decoder_free(&t->decoder);
    free(t->piece);
    free(t->piece_at);
    free(t->alias);
    free(t->bytes);
    free(t->at);
    free(t->type);
    free(t->chat_template);
    free(t);
}

size_t tok_vocab(const struct tok *t) {
    return t->n;
}

const char *tok_bytes(const struct tok *t, uint32_t id, size_t *len) {
    *len = id < t->n ? t->at[id + 1] - t->at[id] : 0;
    return id < t->n ? t->bytes + t->at[id] : "";
}

bool tok_is_special(const struct tok *t, uint32_t id) {
    return id < t->n && t->type[id] == TOK_TYPE_CONTROL;
}

const struct special_token *tok_added(const struct tok *t, const char *spelling, size_t len) {
    const struct special_token *token = special_get(&t->special[0], spelling, len);
    if (!token) /* as it is spelled after normalising */
        token = special_get(&t->special[1], spelling, len);
    return token;
}

int64_t tok_id(const struct tok *t, const char *spelling) {
    const struct special_token *token = tok_added(t, spelling, strlen(spelling));
    return token ? (int64_t)token->id : -1;
}

int64_t tok_bos(const struct tok *t) {
    return t->bos;
}

int64_t tok_eos(const struct tok *t) {
    return t->eos;
}

const uint32_t *tok_stops(const struct tok *t, size_t *n) {
    *n = t->n_stops;
    return t->stops;
}

const char *tok_chat_template(const struct tok *t) {
    return t->chat_template;
}

/* Valid UTF-8 for text: text itself, or enc->clean with one U+FFFD for each ill-formed subpart.
 * NULL: out of memory. */
static const uint8_t *clean(struct encoder *enc, const uint8_t *s, size_t *len) {
    size_t n = *len, i = 0, copied = 0;
    buf_clear(&enc->clean);
    while (i < n) {
        uint64_t w;
        if (n - i >= 8 && (memcpy(&w, s + i, 8), !(w & 0x8080808080808080u))) {
            i += 8;
            continue;
        }
        int k = utf8_scan(s + i, n - i);
        if (k > 0) {
            i += (size_t)k;
            continue;
        }
        buf_append(&enc->clean, s + copied, i - copied);
        buf_str(&enc->clean, "\xef\xbf\xbd");
        i = k == 0 ? n : i + (size_t)-k;
        copied = i;
    }
    if (copied == 0)
        return s;
    buf_append(&enc->clean, s + copied, n - copied);
    *len = enc->clean.len;
    return buf_failed(&enc->clean) ? NULL : (const uint8_t *)enc->clean.data;
}

/* Normalised text without added tokens. */
static int encode_plain(const struct tok *t, struct encoder *enc, const uint8_t *s, size_t len,
                        size_t origin, struct ids *out) {
    if (t->split)
        return encoder_words(enc, &t->model, t->split, s, len, out);
    if (!pre_tokenise(&t->pre, &enc->pre, s, len, origin))
        return enc->pre.regex.failed ? enc->pre.regex.failed : PRECIS_ENOMEM;
    return encoder_spans(enc, &t->model, out);
}

/* Text without such added tokens as are found before normalising. */
static int encode_part(const struct tok *t, struct encoder *enc, const uint8_t *s, size_t len,
                       bool first, unsigned flags, struct ids *out) {
    uint32_t c;
    size_t origin = first && t->ask_origin ? unicode_char(s, &c) : 0;
    if (t->normalisers.n && !(s = normalise(&t->normalisers, &enc->normal, s, &len, &origin)))
        return enc->normal.regex.failed ? enc->normal.regex.failed : PRECIS_ENOMEM;
    if (!t->special[1].n)
        return encode_plain(t, enc, s, len, origin, out);
    struct special_walk w;
    const struct special_token *token;
    const uint8_t *text;
    int rc = 0;
    special_start(&w, &t->special[1], s, len, flags & TOK_PLAIN);
    do {
        token = special_next(&w, &text, &len);
        size_t at = (size_t)(text - s);
        if (len)
            rc = encode_plain(t, enc, text, len, origin > at ? origin - at : 0, out);
        if (token)
            ids_push(out, token->id);
    } while (rc == 0 && token);
    return rc;
}

static int encode(const struct tok *t, struct encoder *enc, const uint8_t *s, size_t len,
                  unsigned flags, struct ids *out) {
    struct special_walk w;
    const struct special_token *token;
    const uint8_t *text;
    int rc = 0;
    s = clean(enc, s, &len);
    if (!s)
        return PRECIS_ENOMEM;
    special_start(&w, &t->special[0], s, len, flags & TOK_PLAIN);
    do {
        token = special_next(&w, &text, &len);
        if (len)
            rc = encode_part(t, enc, text, len, text == s && !(flags & TOK_CONTINUES), flags, out);
        if (token)
            ids_push(out, token->id);
    } while (rc == 0 && token);
    return rc;
}

/* Appends at most `most` ids; *all (may be NULL) is how many it were without that. */
static int encode_text(const struct tok *t, const char *text, size_t len, unsigned flags,
                       size_t most, size_t *all, struct ids *out, struct err *e) {
    if (len > INT32_MAX / 3)
        return err_set(e, PRECIS_ELIMIT, "a text of %zu bytes is too long to be tokenised at once",
                       len);
    struct encoder *enc = encoder_take(t->pool);
    size_t before = out->n;
    bool special = !(flags & TOK_NO_SPECIAL);
    int rc = enc && !out->failed ? 0 : PRECIS_ENOMEM;
    if (rc == 0)
        enc->pre.regex.failed = enc->normal.regex.failed = 0;
    if (rc == 0 && len)
        rc = encode(t, enc, (const uint8_t *)text, len, flags, out);
    if (rc == 0 && all)
        *all = out->n - before + (special ? t->post.added : 0);
    if (rc == 0 && !postprocess(&t->post, before, special, most, out))
        rc = PRECIS_ENOMEM;
    if (rc == PRECIS_ELIMIT)
        rc = regex_failure(enc->pre.regex.failed ? &enc->pre.regex : &enc->normal.regex,
                           "tokens of a text", e);
    if (enc)
        encoder_give(t->pool, enc);
    if (rc == 0 && !out->failed)
        return 0;
    out->n = before;
    if (rc == PRECIS_ELIMIT)
        return rc;
    if (rc == PRECIS_EINPUT)
        return err_set(e, rc,
                       "the text has a word that is not in the vocabulary, which has no token for "
                       "unknown ones");
    return err_nomem(e, "tokens of a text");
}

int tok_encode(const struct tok *t, const char *text, size_t len, unsigned flags, struct ids *out,
               struct err *e) {
    size_t most = flags & TOK_TRUNCATE && t->post.truncate ? t->post.max_length : SIZE_MAX;
    return encode_text(t, text, len, flags, most, NULL, out, e);
}

int tok_encode_within(const struct tok *t, const char *text, size_t len, unsigned flags,
                      size_t most, size_t *all, struct ids *out, struct err *e) {
    if (t->post.n && t->post.n != t->post.added + 1)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "a tokenizer that repeats or drops the text cannot cut it");
    if (!(flags & TOK_NO_SPECIAL) && most < t->post.added)
        return err_set(e, PRECIS_EUSAGE, "%zu tokens at most: %zu of them are special tokens", most,
                       t->post.added);
    return encode_text(t, text, len, flags, most, all, out, e);
}

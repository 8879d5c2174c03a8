#include "text/tok.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/tok_impl.h"

void tok_free(struct tok *t) {
    if (!t)
        return;
    encoder_pool_free(t->pool);
    special_free(&t->special);
    bpe_free(&t->bpe);
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

int64_t tok_id(const struct tok *t, const char *spelling) {
    const struct special_token *token = special_get(&t->special, spelling, strlen(spelling));
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

/* Text without special tokens. */
static bool encode_plain(const struct tok *t, struct encoder *enc, const uint8_t *s, size_t len,
                         struct ids *out) {
    if (t->nfc && !(s = unicode_nfc(&enc->nfc, s, &len)))
        return false;
    return encoder_words(enc, &t->bpe, t->split, s, len, out);
}

static bool encode(const struct tok *t, struct encoder *enc, const uint8_t *s, size_t len,
                   unsigned flags, struct ids *out) {
    s = clean(enc, s, &len);
    if (!s)
        return false;
    const uint8_t *end = s + len;
    while (s < end) {
        const struct special_token *token = NULL;
        const uint8_t *at = flags & TOK_PLAIN ? NULL : special_find(&t->special, s, end, &token);
        if (!encode_plain(t, enc, s, (size_t)((at ? at : end) - s), out))
            return false;
        if (!at)
            break;
        ids_push(out, token->id);
        s = at + token->len;
    }
    return !out->failed;
}

int tok_encode(const struct tok *t, const char *text, size_t len, unsigned flags, struct ids *out,
               struct err *e) {
    if (len > INT32_MAX / 3)
        return err_set(e, PRECIS_ELIMIT, "a text of %zu bytes is too long to be tokenised at once",
                       len);
    struct encoder *enc = encoder_take(t->pool);
    size_t before = out->n;
    bool ok = enc && !out->failed;
    if (ok && t->add_bos && !(flags & TOK_NO_SPECIAL))
        ids_push(out, (uint32_t)t->bos);
    ok = ok && (len == 0 || encode(t, enc, (const uint8_t *)text, len, flags, out));
    if (ok && t->add_eos && !(flags & TOK_NO_SPECIAL))
        ids_push(out, (uint32_t)t->eos);
    if (enc)
        encoder_give(t->pool, enc);
    if (ok && !out->failed)
        return 0;
    out->n = before;
    return err_nomem(e, "tokens of a text");
}

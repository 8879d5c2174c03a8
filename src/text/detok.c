#include <string.h>

#include "base/utf8.h"
#include "text/tok_impl.h"

#define REPLACEMENT "\xef\xbf\xbd"

void detok_start(struct detok *d, const struct tok *t, bool keep_special) {
    *d = (struct detok){.tok = t, .keep_special = keep_special};
}

void detok_free(struct detok *d) {
    for (size_t i = 0; i < DECODE_MOST; i++) {
        buf_free(&d->op[i].held);
        buf_free(&d->op[i].made);
    }
    regex_work_free(&d->regex);
}

/* One byte more of a character that is not whole. */
static void push_byte(struct detok *d, uint8_t byte, struct buf *out) {
    d->pending[d->n_pending++] = byte;
    while (d->n_pending) {
        int n = utf8_scan(d->pending, (size_t)d->n_pending);
        if (n == 0)
            return;
        if (n > 0)
            buf_append(out, d->pending, (size_t)n);
        else
            buf_str(out, REPLACEMENT);
        n = n > 0 ? n : -n;
        d->n_pending -= n;
        memmove(d->pending, d->pending + n, (size_t)d->n_pending);
    }
}

static void push_bytes(struct detok *d, const uint8_t *s, size_t len, struct buf *out) {
    for (size_t i = 0; i < len;) {
        int n = d->n_pending ? 0 : utf8_scan(s + i, len - i);
        if (n > 0)
            buf_append(out, s + i, (size_t)n);
        else
            push_byte(d, s[i], out);
        i += n > 0 ? (size_t)n : 1;
    }
}

static void feed(struct detok *d, size_t i, const char *s, size_t n, struct buf *out);

/* The string that an operation made goes on to the next. */
static void pass(struct detok *d, size_t i, struct buf *out) {
    struct buf *made = &d->op[i].made;
    out->failed |= made->failed;
    feed(d, i + 1, made->data ? made->data : "", made->len, out);
}

/* The run of byte tokens is over: its text, or U+FFFD for each of them. */
static void end_bytes(struct detok *d, size_t i, struct buf *out) {
    struct buf *held = &d->op[i].held;
    size_t n = held->len;
    out->failed |= held->failed;
    if (n && utf8_valid(held->data, n))
        feed(d, i + 1, held->data, n, out);
    else
        for (size_t k = 0; k < n; k++)
            feed(d, i + 1, REPLACEMENT, 3, out);
    buf_clear(held);
}

/* Strip at the beginning of all the text, as it comes. */
static void strip_begin(struct detok *d, size_t i, const char *s, size_t n, struct buf *out) {
    const struct decode_op *op = &d->tok->decoder.v[i];
    while (n && d->op[i].count < op->start) {
        uint32_t c;
        unsigned k = unicode_char((const uint8_t *)s, &c);
        if (c != op->code_point) {
            d->op[i].count = op->start;
            break;
        }
        d->op[i].count++;
        s += k;
        n -= k;
    }
    feed(d, i + 1, s, n, out);
}

static bool streams(const struct decode_op *op) {
    return op->kind == DECODE_FUSE || (op->kind == DECODE_STRIP && op->stop == 0);
}

/* A token, or a part of the joined text, into operation i and those after it. */
static void feed(struct detok *d, size_t i, const char *s, size_t n, struct buf *out) {
    const struct decoder *decoder = &d->tok->decoder;
    if (i == decoder->n) {
        buf_append(out, s, n);
        return;
    }
    const struct decode_op *op = &decoder->v[i];
    if (op->whole && op->kind == DECODE_STRIP && streams(op)) {
        strip_begin(d, i, s, n, out);
    } else if (op->kind == DECODE_FUSE) {
        feed(d, i + 1, s, n, out);
    } else if (op->whole) {
        buf_append(&d->op[i].held, s, n);
    } else if (op->kind == DECODE_BYTE_LEVEL) {
        decode_token(op, 0, s, n, &d->regex, &d->op[i].made);
        out->failed |= d->op[i].made.failed;
        buf_clear(&d->op[i].held);
        push_bytes(d, (const uint8_t *)d->op[i].made.data, d->op[i].made.len, &d->op[i].held);
        feed(d, i + 1, d->op[i].held.data ? d->op[i].held.data : "", d->op[i].held.len, out);
    } else if (op->kind == DECODE_BYTE_FALLBACK) {
        int byte = decode_byte(s, n);
        if (byte >= 0) {
            buf_char(&d->op[i].held, (char)byte);
            return;
        }
        end_bytes(d, i, out);
        feed(d, i + 1, s, n, out);
    } else if (op->kind == DECODE_BPE) { /* the last token is another matter: each waits */
        struct buf *held = &d->op[i].held;
        if (d->op[i].count++) {
            decode_token(op, 0, held->data ? held->data : "", held->len, &d->regex, &d->op[i].made);
            pass(d, i, out);
        }
        buf_clear(held);
        buf_append(held, s, n);
        out->failed |= held->failed;
    } else {
        decode_token(op, d->op[i].count++, s, n, &d->regex, &d->op[i].made);
        pass(d, i, out);
    }
}

void detok_push(struct detok *d, uint32_t id, struct buf *out) {
    const struct tok *t = d->tok;
    if (id >= t->n || t->type[id] == TOK_TYPE_NONE || (!d->keep_special && tok_is_special(t, id)))
        return;
    size_t len;
    if (t->piece) {
        uint32_t at = t->alias ? t->alias[id] : id;
        feed(d, 0, t->piece + t->piece_at[at], t->piece_at[at + 1] - t->piece_at[at], out);
    } else {
        const uint8_t *s = (const uint8_t *)tok_bytes(t, id, &len);
        push_bytes(d, s, len, out);
    }
}

/* What an operation has kept back. */
static void finish_op(struct detok *d, size_t i, struct buf *out) {
    const struct decode_op *op = &d->tok->decoder.v[i];
    struct buf *held = &d->op[i].held;
    const char *s = held->data ? held->data : "";
    if (op->whole && !streams(op)) {
        out->failed |= held->failed;
        if (op->kind == DECODE_BYTE_LEVEL) { /* and its bytes become characters */
            struct buf text = {0};
            decode_token(op, 0, s, held->len, &d->regex, &d->op[i].made);
            utf8_append_valid(&text, d->op[i].made.data ? d->op[i].made.data : "",
                              d->op[i].made.len);
            out->failed |= buf_failed(&text);
            feed(d, i + 1, text.data ? text.data : "", text.len, out);
            buf_free(&text);
            return;
        }
        if (op->kind == DECODE_BYTE_FALLBACK && decode_byte(s, held->len) >= 0) {
            char byte = (char)decode_byte(s, held->len);
            bool ascii = !((uint8_t)byte & 0x80);
            feed(d, i + 1, ascii ? &byte : REPLACEMENT, ascii ? 1 : 3, out);
            return;
        }
        if (op->kind == DECODE_BPE) {
            struct decode_op last = {
                .kind = DECODE_REPLACE, .text = op->text, .text_len = op->text_len};
            decode_token(&last, 0, s, held->len, &d->regex, &d->op[i].made);
        } else {
            decode_token(op, 0, s, held->len, &d->regex, &d->op[i].made);
        }
        pass(d, i, out);
    } else if (op->kind == DECODE_BYTE_FALLBACK) {
        end_bytes(d, i, out);
    } else if (op->kind == DECODE_BYTE_LEVEL && d->n_pending) {
        d->n_pending = 0;
        feed(d, i + 1, REPLACEMENT, 3, out);
    } else if (op->kind == DECODE_BPE && d->op[i].count) {
        struct decode_op last = {
            .kind = DECODE_REPLACE, .text = op->text, .text_len = op->text_len};
        decode_token(&last, 0, s, held->len, &d->regex, &d->op[i].made);
        pass(d, i, out);
    }
}

void detok_finish(struct detok *d, struct buf *out) {
    if (d->tok->piece)
        for (size_t i = 0; i < d->tok->decoder.n; i++)
            finish_op(d, i, out);
    if (d->n_pending)
        buf_str(out, REPLACEMENT);
    detok_free(d);
    struct regex_work why = d->regex;
    detok_start(d, d->tok, d->keep_special);
    d->regex = why;
}

int detok_failure(const struct detok *d, const char *what, struct err *e) {
    return regex_failure(&d->regex, what, e);
}

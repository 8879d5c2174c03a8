#include "text/decode.h"

#include <stdlib.h>
#include <string.h>

#include "text/normalise.h"
#include "text/unicode.h"

void decoder_free(struct decoder *d) {
    for (size_t i = 0; i < d->n; i++) {
        free(d->v[i].text);
        free(d->v[i].content);
        regex_free(d->v[i].regex);
    }
    *d = (struct decoder){0};
}

void decoder_ready(struct decoder *d) {
    bool joined = false;
    for (size_t i = 0; i < d->n; i++) {
        d->v[i].whole = joined;
        joined = joined || d->v[i].kind == DECODE_FUSE || d->v[i].kind == DECODE_BYTE_LEVEL;
    }
}

bool decoder_is_bytes(const struct decoder *d) {
    return d->n == 1 && d->v[0].kind == DECODE_BYTE_LEVEL;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int decode_byte(const char *s, size_t n) {
    if (n != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>')
        return -1;
    int high = s[3] == '+' ? 0 : hex_digit(s[3]), low = hex_digit(s[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static void replace_all(const char *s, size_t n, const char *what, size_t len, const char *by,
                        size_t by_len, struct buf *out) {
    const char *end = s + n;
    for (const char *p; what && len && (p = memmem(s, (size_t)(end - s), what, len)) != NULL;
         s = p + len) {
        buf_append(out, s, (size_t)(p - s));
        buf_append(out, by, by_len);
    }
    buf_append(out, s, (size_t)(end - s));
}

static void replace_regex(const struct decode_op *op, const char *s, size_t n, struct regex_work *w,
                          struct buf *out) {
    struct regex_search q;
    size_t done = 0, begin, end;
    int rc = 0;
    regex_start(&q, op->regex, (const uint8_t *)s, n);
    while (n && (rc = regex_next(&q, w, &begin, &end)) > 0) {
        buf_append(out, s + done, begin - done);
        buf_append(out, op->content, op->content_len);
        done = end;
    }
    buf_append(out, s + done, n - done);
    out->failed |= rc < 0;
}

/* Of one token, in this order (decoders/wordpiece.rs). */
static void clean_up(struct buf *out) {
    static const char *const rules[][2] = {{" .", "."},     {" ?", "?"},           {" !", "!"},
                                           {" ,", ","},     {" ' ", "'"},          {" n't", "n't"},
                                           {" 'm", "'m"},   {" do not", " don't"}, {" 's", "'s"},
                                           {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const char *what = rules[i][0], *by = rules[i][1];
        if (!out->len || !memmem(out->data, out->len, what, strlen(what)))
            continue;
        struct buf made = {0};
        replace_all(out->data, out->len, what, strlen(what), by, strlen(by), &made);
        made.failed |= out->failed;
        buf_free(out);
        *out = made;
    }
}

static void metaspace(const struct decode_op *op, bool drop, const char *s, size_t n,
                      struct buf *out) {
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        k = unicode_char((const uint8_t *)s + i, &c);
        if (c != op->code_point)
            buf_append(out, s + i, k);
        else if (!drop)
            buf_char(out, ' ');
    }
}

static void strip(const struct decode_op *op, const char *s, size_t n, struct buf *out) {
    const uint8_t *p = (const uint8_t *)s, *end = p + n;
    uint32_t c;
    for (size_t i = 0; i < op->start && p < end; i++) {
        unsigned k = unicode_char(p, &c);
        if (c != op->code_point)
            break;
        p += k;
    }
    for (size_t i = 0; i < op->stop && p < end; i++) {
        const uint8_t *last = end - 1;
        while ((*last & 0xc0) == 0x80)
            last--;
        unicode_char(last, &c);
        if (c != op->code_point)
            break;
        end = last;
    }
    buf_append(out, p, (size_t)(end - p));
}

/* The bytes that a token in GPT-2's alphabet stands for; one with another character is its own. */
static void byte_level(const char *s, size_t n, struct buf *out) {
    size_t before = out->len;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += unicode_char((const uint8_t *)s + i, &c);
        int byte = byte_level_byte(c);
        if (byte < 0) {
            out->len = before;
            buf_append(out, s, n);
            return;
        }
        buf_char(out, (char)byte);
    }
}

void decode_token(const struct decode_op *op, size_t index, const char *s, size_t n,
                  struct regex_work *w, struct buf *out) {
    buf_clear(out);
    switch (op->kind) {
    case DECODE_SPACES:
        if (index)
            buf_char(out, ' ');
        buf_append(out, s, n);
        break;
    case DECODE_BYTE_LEVEL:
        byte_level(s, n, out);
        break;
    case DECODE_METASPACE:
        metaspace(op, op->drop && index == 0, s, n, out);
        break;
    case DECODE_WORDPIECE:
        if (index && n >= op->text_len && memcmp(s, op->text, op->text_len) == 0) {
            buf_append(out, s + op->text_len, n - op->text_len);
        } else {
            if (index)
                buf_char(out, ' ');
            buf_append(out, s, n);
        }
        if (op->cleanup)
            clean_up(out);
        break;
    case DECODE_BPE: /* not the last token */
        replace_all(s, n, op->text, op->text_len, " ", 1, out);
        break;
    case DECODE_REPLACE:
        if (op->regex)
            replace_regex(op, s, n, w, out);
        else
            replace_all(s, n, op->text, op->text_len, op->content, op->content_len, out);
        break;
    case DECODE_STRIP:
        strip(op, s, n, out);
        break;
    case DECODE_BYTE_FALLBACK:
    case DECODE_FUSE:
        buf_append(out, s, n);
        break;
    }
}

void decode_middle(const struct decoder *d, const char *s, size_t n, struct regex_work *w,
                   struct buf *out) {
    struct buf text[2] = {0};
    int side = 0;
    for (size_t i = 0; i < d->n && !d->v[i].whole; i++) {
        int byte = d->v[i].kind == DECODE_BYTE_FALLBACK ? decode_byte(s, n) : -1;
        if (byte >= 0) {
            buf_char(out, (char)byte);
            goto done;
        }
        decode_token(&d->v[i], 1, s, n, w, &text[side]);
        out->failed |= text[side].failed;
        s = text[side].data ? text[side].data : "";
        n = text[side].len;
        side = !side;
    }
    buf_append(out, s, n);
done:
    buf_free(&text[0]);
    buf_free(&text[1]);
}

#include <string.h>

#include "base/utf8.h"
#include "text/tok.h"

#define REPLACEMENT "\xef\xbf\xbd"

void detok_start(struct detok *d, const struct tok *t, bool keep_special) {
    *d = (struct detok){.tok = t, .keep_special = keep_special};
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

void detok_push(struct detok *d, uint32_t id, struct buf *out) {
    if (!d->keep_special && tok_is_special(d->tok, id))
        return;
    size_t len;
    const uint8_t *s = (const uint8_t *)tok_bytes(d->tok, id, &len);
    for (size_t i = 0; i < len;) {
        int n = d->n_pending ? 0 : utf8_scan(s + i, len - i);
        if (n > 0)
            buf_append(out, s + i, (size_t)n);
        else
            push_byte(d, s[i], out);
        i += n > 0 ? (size_t)n : 1;
    }
}

void detok_finish(struct detok *d, struct buf *out) {
    if (d->n_pending)
        buf_str(out, REPLACEMENT);
    d->n_pending = 0;
}

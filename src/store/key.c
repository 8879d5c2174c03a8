#include <string.h>

#include "base/buf.h"
#include "store/store.h"

static void put_number(struct buf *b, uint64_t v) {
    for (int i = 0; i < 8; i++)
        buf_char(b, (char)(v >> 8 * i));
}

static void put(struct buf *b, const void *data, size_t size) {
    put_number(b, size);
    buf_append(b, data, size);
}

static void put_text(struct buf *b, const char *s) {
    put(b, s, strlen(s));
}

int store_key(const struct store_subject *subject, uint8_t key[HASH_SHA256_SIZE], struct err *e) {
    const struct store_origin *m = subject->made;
    struct buf b = {0};
    put_text(&b, "precis-line-1");
    put(&b, &(uint8_t){(uint8_t)subject->level}, 1);
    put(&b, subject->text, HASH_SHA256_SIZE);
    put_text(&b, subject->path);
    put(&b, subject->context ? subject->context : (const uint8_t *)"",
        subject->context ? HASH_SHA256_SIZE : 0);
    put_text(&b, m->model_revision);
    put_text(&b, m->precision);
    put_text(&b, m->isa);
    put_text(&b, m->prompt_version);
    put_text(&b, m->decoder_version);
    put_text(&b, m->parameters);
    put_number(&b, 8);
    put_number(&b, m->seed);
    if (subject->source && strcmp(subject->source, "model") != 0)
        put_text(&b, subject->source);
    int rc = buf_failed(&b) ? err_nomem(e, "key of a line") : hash_sha256(b.data, b.len, key, e);
    buf_free(&b);
    return rc;
}

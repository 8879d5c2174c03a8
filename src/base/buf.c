#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b) {
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

bool buf_reserve(struct buf *b, size_t more) {
    if (b->failed)
        return false;
    if (more > SIZE_MAX / 2 - b->len - 1) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_append(struct buf *b, const void *data, size_t len) {
    if (!buf_reserve(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void buf_str(struct buf *b, const char *s) {
    buf_append(b, s, strlen(s));
}

void buf_char(struct buf *b, char c) {
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void ids_free(struct ids *ids) {
    free(ids->v);
    *ids = (struct ids){0};
}

bool ids_reserve(struct ids *ids, size_t more) {
    if (ids->failed)
        return false;
    if (more <= ids->cap - ids->n)
        return true;
    size_t cap = ids->cap ? ids->cap : 64;
    while (cap - ids->n < more && cap <= SIZE_MAX / 16)
        cap *= 2;
    uint32_t *grown = cap - ids->n < more ? NULL : realloc(ids->v, cap * sizeof *grown);
    if (!grown) {
        ids->failed = true;
        return false;
    }
    ids->v = grown;
    ids->cap = cap;
    return true;
}

void ids_append(struct ids *ids, const uint32_t *v, size_t n) {
    if (!ids_reserve(ids, n))
        return;
    if (n)
        memcpy(ids->v + ids->n, v, n * sizeof *v);
    ids->n += n;
}

void ids_push(struct ids *ids, uint32_t id) {
    ids_append(ids, &id, 1);
}

bool array_grow(void **array, size_t n, size_t *cap, size_t size) {
    if (n < *cap)
        return true;
    size_t grown = *cap ? *cap * 2 : 16;
    if (grown > SIZE_MAX / 2 / size)
        return false;
    void *p = realloc(*array, grown * size);
    if (!p)
        return false;
    *array = p;
    *cap = grown;
    return true;
}

#include "export/protobuf.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void varint(struct buf *b, uint64_t v) {
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    buf_append(b, bytes, n);
}

static void tag(struct buf *b, unsigned field, enum wire wire) {
    varint(b, (uint64_t)field << 3 | wire);
}

void protobuf_int(struct buf *b, unsigned field, int64_t v) {
    tag(b, field, WIRE_VARINT);
    varint(b, (uint64_t)v);
}

void protobuf_float(struct buf *b, unsigned field, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                        (uint8_t)(bits >> 24)};
    tag(b, field, WIRE_FIXED32);
    buf_append(b, bytes, sizeof bytes);
}

void protobuf_bytes(struct buf *b, unsigned field, const void *data, size_t size) {
    tag(b, field, WIRE_BYTES);
    varint(b, size);
    buf_append(b, data, size);
}

void protobuf_string(struct buf *b, unsigned field, const char *s) {
    protobuf_bytes(b, field, s, strlen(s));
}

void protobuf_message(struct buf *b, unsigned field, struct buf *message) {
    protobuf_bytes(b, field, message->data ? message->data : "", message->len);
    b->failed |= message->failed;
    buf_free(message);
}

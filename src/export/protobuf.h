/* The wire format of Protocol Buffers (protobuf.dev, "Encoding"), as far as ONNX needs it, into a
 * growable buffer: an allocation that fails shows in buf_failed. */
#ifndef PRECIS_EXPORT_PROTOBUF_H
#define PRECIS_EXPORT_PROTOBUF_H

#include "base/buf.h"

/* int32, int64, enum: negative ones take ten bytes. */
void protobuf_int(struct buf *b, unsigned field, int64_t v);
void protobuf_float(struct buf *b, unsigned field, float v);
void protobuf_bytes(struct buf *b, unsigned field, const void *data, size_t size);
void protobuf_string(struct buf *b, unsigned field, const char *s);
/* A message that was written into a buffer of its own. Its failure becomes b's; it is freed. */
void protobuf_message(struct buf *b, unsigned field, struct buf *message);

#endif

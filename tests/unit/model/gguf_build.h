/* Writes GGUF files, sound or hostile, for tests. */
#ifndef PRECIS_TESTS_GGUF_BUILD_H
#define PRECIS_TESTS_GGUF_BUILD_H

#include "base/buf.h"
#include "model/gguf.h"

void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_string(struct buf *b, const char *s);

void put_head(struct buf *b, uint32_t version, uint64_t tensors, uint64_t keys);
void put_key(struct buf *b, const char *key, uint32_t type); /* the value follows */
void put_key_u32(struct buf *b, const char *key, uint32_t v);
void put_key_f32(struct buf *b, const char *key, float v);
void put_key_bool(struct buf *b, const char *key, unsigned v);
void put_key_string(struct buf *b, const char *key, const char *v);
void put_key_array(struct buf *b, const char *key, uint32_t item,
                   uint64_t count); /* items follow */
/* dims end with 0. */
void put_tensor(struct buf *b, const char *name, const uint64_t *dims, uint32_t type,
                uint64_t offset);
void put_zeros(struct buf *b, size_t n);
void put_padding(struct buf *b, size_t alignment);

/* A decoder of one layer: hidden 8, 4 heads sharing 2, of 4 dimensions (so that heads * head_dim is
 * not hidden), feed-forward 12, 3 tokens. Parts of it can be changed. */
struct tiny {
    const char *architecture;
    const char *drop;            /* a key or tensor to leave out; or NULL */
    const char *reshape;         /* a tensor to give one more row; or NULL */
    const char *retype;          /* a key to write as a string; or NULL */
    const char *more_tensor;     /* or NULL */
    void (*more)(struct buf *b); /* writes more_keys keys */
    unsigned more_keys;
    bool tied, bias;
    unsigned layers; /* as the metadata says; the file has as many. 0 is 1 */
};
void put_tiny(struct buf *b, const struct tiny *tiny);

/* Opens bytes from a block of their exact size, so that a sanitizer sees every step beyond. */
int open_exact(const struct buf *b, size_t size, uint8_t **copy, struct gguf **g, struct err *e);

#endif

/* The inside of `struct gguf`, shared by the parser and the getters; nobody else includes this. */
#ifndef PRECIS_MODEL_GGUF_PARSE_H
#define PRECIS_MODEL_GGUF_PARSE_H

#include "base/file.h"
#include "model/gguf.h"

struct gguf_value {
    struct str key;
    enum gguf_type type;
    enum gguf_type item;  /* of an array */
    size_t count;         /* of an array */
    const uint8_t *bytes; /* of the value; of an array: of its first element */
    size_t *starts;       /* owned; an array of strings: where each begins, in bytes from `bytes` */
};

/* Names to indices: open addressing, at most half full, slots hold index + 1. */
struct gguf_table {
    uint32_t *slots; /* owned */
    size_t mask;
    uint64_t seed; /* differs from run to run, so that no file can be made to collide */
};

struct gguf {
    char *path;         /* owned */
    struct mapping map; /* zeroed when the bytes are somebody else's */
    const uint8_t *data;
    size_t size;
    struct gguf_value *values; /* owned */
    size_t value_count;
    struct gguf_table value_table;
    struct tensor *tensors; /* owned */
    size_t tensor_count;
    struct gguf_table tensor_table;
};

/* Fills everything but path, map, data and size, which are set. On failure what was allocated stays
 * in *g for the caller to free. */
int gguf_parse(struct gguf *g, struct err *e);

/* The index of a name, or SIZE_MAX. `names` is the first name of an array whose elements are
 * `stride` bytes apart. */
size_t gguf_table_find(const struct gguf_table *t, const void *names, size_t stride,
                       struct str name);

static inline uint32_t gguf_load_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t gguf_load_u64(const uint8_t *p) {
    return gguf_load_u32(p) | (uint64_t)gguf_load_u32(p + 4) << 32;
}

/* Bytes of a scalar; 0 for strings, arrays and numbers that are no type. */
size_t gguf_scalar_size(uint32_t type);

#endif

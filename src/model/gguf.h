/* Reads GGUF files (versions 2 and 3; specification: ggml's docs/gguf.md). The file stays mapped
 * while the struct lives; every offset, length and count is checked before it is used, so that no
 * bytes can make a reader leave the mapping, overflow or allocate more than the file's own size
 * warrants. */
#ifndef PRECIS_MODEL_GGUF_H
#define PRECIS_MODEL_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/tensor.h"

enum gguf_type { /* the numbers of the specification */
                 GGUF_U8,
                 GGUF_I8,
                 GGUF_U16,
                 GGUF_I16,
                 GGUF_U32,
                 GGUF_I32,
                 GGUF_F32,
                 GGUF_BOOL,
                 GGUF_STRING,
                 GGUF_ARRAY,
                 GGUF_U64,
                 GGUF_I64,
                 GGUF_F64
};

struct gguf;

/* Errors name the path and the value: PRECIS_EIO, PRECIS_EINPUT (not a GGUF, truncated, absurd
 * counts, overlapping or unaligned tensors, duplicate keys or names), PRECIS_EUNSUPPORTED (version,
 * byte order, tensor type, arrays of arrays). */
int gguf_open(const char *path, struct gguf **out, struct err *e);
/* The same over bytes that the caller keeps until gguf_close. `name` stands for the path in
 * messages. */
int gguf_open_memory(const char *name, const uint8_t *bytes, size_t size, struct gguf **out,
                     struct err *e);
void gguf_close(struct gguf *g); /* NULL is fine */
/* Lets the system drop the tensor bytes that were read so far; they come back when touched. */
void gguf_release(const struct gguf *g);
const char *gguf_path(const struct gguf *g);
size_t gguf_size(const struct gguf *g);          /* bytes of the file */
const uint8_t *gguf_bytes(const struct gguf *g); /* all of them, borrowed */

/* Metadata. Getters return false when the key is absent or of another kind; *out is then untouched.
 * gguf_u64 takes any integer type whose value is not negative; gguf_f64 any number. */
bool gguf_has(const struct gguf *g, const char *key);
bool gguf_u64(const struct gguf *g, const char *key, uint64_t *out);
bool gguf_f64(const struct gguf *g, const char *key, double *out);
bool gguf_bool(const struct gguf *g, const char *key, bool *out);
bool gguf_string(const struct gguf *g, const char *key, struct str *out);
/* Arrays: element type and count, then elements by index. gguf_array_string is O(1). */
bool gguf_array(const struct gguf *g, const char *key, enum gguf_type *type, size_t *count);
bool gguf_array_string(const struct gguf *g, const char *key, size_t i, struct str *out);
bool gguf_array_f64(const struct gguf *g, const char *key, size_t i, double *out);

size_t gguf_tensor_count(const struct gguf *g);
const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i);
const struct tensor *gguf_find_tensor(const struct gguf *g, const char *name); /* NULL: absent */

#endif

/* The tensors of a model under two kinds of names: those that its files have ("stored"), and those
 * that the engine asks for ("bound", listed in model/checkpoint.h). What is bound may be a range of
 * rows of what is stored. Whatever is bound marks the stored tensor as used, so that in the end
 * what nobody asked for can be told. */
#ifndef PRECIS_MODEL_TENSOR_SET_H
#define PRECIS_MODEL_TENSOR_SET_H

#include "base/err.h"
#include "model/gguf.h"
#include "model/safetensors.h"
#include "model/tensor.h"

enum { TENSOR_NAME_SIZE = 48 /* of a bound name */ };

struct stored_tensor {
    struct tensor tensor;
    const char *dtype; /* NULL: its values can be read; else what they are */
    bool used;
};

struct bound_tensor {
    struct tensor tensor; /* tensor.name is set by tensor_set_finish */
    char name[TENSOR_NAME_SIZE];
    float *values; /* owned; the data, where it was computed */
};

struct tensor_set {
    const char *path; /* borrowed; begins every message */
    struct stored_tensor *stored;
    size_t stored_count;
    struct bound_tensor *bound;
    size_t bound_count, bound_cap;
};

/* Into a zeroed set whose path is set; on failure the caller frees it. Everything of the files is
 * borrowed. Names that two files have are PRECIS_EINPUT. */
int tensor_set_from_gguf(struct tensor_set *s, const struct gguf *g, struct err *e);
int tensor_set_from_files(struct tensor_set *s, struct safetensors *const *files, size_t n,
                          struct err *e);
void tensor_set_free(struct tensor_set *s); /* safe on a zeroed one */

struct stored_tensor *tensor_set_stored(const struct tensor_set *s, const char *name);

/* The stored tensor `from` has dims {in, out}; a vector has out 1. It is bound as `name`. Errors:
 * PRECIS_EINPUT (missing, another shape), PRECIS_EUNSUPPORTED (its type), PRECIS_ENOMEM. */
int tensor_set_bind(struct tensor_set *s, const char *name, const char *from, uint64_t in,
                    uint64_t out, struct err *e);
/* The same for `count` rows (elements of a vector) from `first`. */
int tensor_set_bind_part(struct tensor_set *s, const char *name, const char *from, uint64_t in,
                         uint64_t out, uint64_t first, uint64_t count, struct err *e);
/* A vector of n gains stored as what they exceed 1 by: bound as f32 values of 1 + stored. */
int tensor_set_bind_gain(struct tensor_set *s, const char *name, const char *from, uint64_t n,
                         struct err *e);
/* The n values of a stored vector, which is marked as used. */
int tensor_set_values(struct tensor_set *s, const char *from, uint64_t n, float *out,
                      struct err *e);

/* After the last bind: tensor_set_find works from here on. */
void tensor_set_finish(struct tensor_set *s);
const struct tensor *tensor_set_find(const struct tensor_set *s, const char *name);

#endif

/* Reads one safetensors file (format: the README of huggingface/safetensors): 8 bytes of
 * little-endian header length, a JSON object, the tensors' bytes. The file stays mapped while the
 * struct lives. As the format asks, names are unique, every tensor's bytes are exactly its shape
 * times its type, and together they cover the data without gap or overlap. */
#ifndef PRECIS_MODEL_SAFETENSORS_H
#define PRECIS_MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/tensor.h"

struct safetensor {
    /* The name is NUL-terminated. dims are turned round: the file's last one comes first. type is
     * set when readable. Without elements, data points to where they would be. */
    struct tensor tensor;
    char dtype[12]; /* as the file has it: "BF16", "I64" */
    bool readable;  /* F32, F16 or BF16, and at most four dimensions */
};

struct safetensors;

/* Errors name the path and the value: PRECIS_EIO, PRECIS_EINPUT, PRECIS_ENOMEM. Types that no
 * tensor of a model needs are no error: see readable. */
int safetensors_open(const char *path, struct safetensors **out, struct err *e);
/* The same over bytes that the caller keeps until safetensors_close. `name` stands for the path in
 * messages. */
int safetensors_open_memory(const char *name, const uint8_t *bytes, size_t size,
                            struct safetensors **out, struct err *e);
void safetensors_close(struct safetensors *s); /* NULL is fine */
/* Lets the system drop the tensor bytes that were read so far; they come back when touched. */
void safetensors_release(const struct safetensors *s);

const char *safetensors_path(const struct safetensors *s);
const uint8_t *safetensors_bytes(const struct safetensors *s); /* all of the file, borrowed */
size_t safetensors_size(const struct safetensors *s);
size_t safetensors_count(const struct safetensors *s);
const struct safetensor *safetensors_at(const struct safetensors *s, size_t i); /* by offset */

#endif

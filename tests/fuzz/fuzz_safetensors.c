/* Any bytes as a safetensors file: opening, and every byte and value of every tensor. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "model/tensor_set.h"

enum { MOST_VALUES = 1 << 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void touch(const struct safetensor *t) {
    const struct tensor *x = &t->tensor;
    for (size_t i = 0; i < x->size; i++)
        sink += x->data[i];
    if (strlen(x->name.s) != x->name.len || (t->readable && x->n_dims > 4))
        abort();
    size_t n = x->elements < MOST_VALUES ? (size_t)x->elements : MOST_VALUES;
    float *out = t->readable ? malloc((n + 1) * sizeof *out) : NULL;
    if (out)
        quant_to_f32(x->type, x->data, n, out);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct safetensors *s;
    struct tensor_set set = {.path = "fuzz"};
    struct err e = {0};
    if (safetensors_open_memory("fuzz", data, size, &s, &e) != 0)
        return e.text[0] ? 0 : (abort(), 0);
    size_t covered = 0;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        touch(safetensors_at(s, i));
        covered += safetensors_at(s, i)->tensor.size;
    }
    if (covered > size || tensor_set_from_files(&set, &s, 1, &e) != 0)
        abort();
    for (size_t i = 0; i < safetensors_count(s); i++)
        if (!tensor_set_stored(&set, safetensors_at(s, i)->tensor.name.s))
            abort();
    tensor_set_free(&set);
    safetensors_close(s);
    return 0;
}

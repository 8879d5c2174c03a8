/* A tensor as a model file has it. */
#ifndef PRECIS_MODEL_TENSOR_H
#define PRECIS_MODEL_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "model/quant.h"

struct str { /* not NUL-terminated; borrowed from the mapping */
    const char *s;
    size_t len;
};

struct tensor {
    struct str name;
    enum quant_type type;
    int n_dims;
    uint64_t dims[4]; /* dims[0] runs fastest: a linear layer has dims {in, out}; 1 beyond n_dims */
    uint64_t elements;
    const uint8_t *data; /* borrowed from the mapping, any alignment */
    size_t size;         /* bytes of data */
};

#endif

/* What an ONNX file says of itself: inputs, outputs, tensor types, opsets, external data. Reads the
 * protobuf encoding (onnx.proto of onnx 1.16, IR version 3 and later) without ONNX Runtime. Strict:
 * every length is checked, what is not of its field's wire type is refused, unknown fields are
 * skipped. */
#ifndef PRECIS_MODEL_ONNX_READ_H
#define PRECIS_MODEL_ONNX_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "model/tensor.h"

enum { ONNX_READ_RANK = 16, ONNX_READ_TYPES = 32 };

struct onnx_dim {
    int64_t value;   /* -1: not fixed */
    struct str name; /* of one that is not fixed; empty: it has none */
};

struct onnx_value {
    struct str name;
    int type; /* TensorProto.DataType; 0: no tensor, or not said */
    int rank; /* -1: not said */
    struct onnx_dim dims[ONNX_READ_RANK];
};

struct onnx_opset {
    struct str domain; /* "": ai.onnx */
    int64_t version;
};

struct onnx_property {
    struct str key, value;
};

struct onnx_external {
    struct str location; /* relative, below the file's folder */
    uint64_t bytes;      /* that the file needs at least; 0: all it has, not said */
};

struct onnx_count {
    uint64_t tensors, elements, bytes;
};

/* Strings are valid UTF-8 and borrowed from the file's bytes. */
struct onnx_info {
    struct mapping map; /* of onnx_read_open */
    int64_t ir_version;
    struct str producer, producer_version, graph;
    struct onnx_value *inputs, *outputs; /* without the inputs that have an initializer */
    size_t n_inputs, n_outputs, n_opsets, n_properties, n_externals;
    struct onnx_opset *opsets;
    struct onnx_property *properties;
    struct onnx_external *externals;          /* each once, by location */
    struct onnx_count types[ONNX_READ_TYPES]; /* of initializers, those of subgraphs too */
    int bits;                                 /* of MatMulNBits' weights; 0: there are none */
    uint64_t nodes, parameters; /* parameters: elements of initializers of two or more dimensions,
                                   or of floats */
};

/* Errors name the path and where: PRECIS_EIO, PRECIS_EINPUT, PRECIS_EUNSUPPORTED (a later
 * ir_version than 13), PRECIS_ENOMEM. */
int onnx_read_open(const char *path, struct onnx_info *out, struct err *e);
/* The same over bytes that the caller keeps; `name` stands for the path in messages. */
int onnx_read_memory(const char *name, const uint8_t *bytes, size_t size, struct onnx_info *out,
                     struct err *e);
void onnx_read_close(struct onnx_info *m); /* safe on a zeroed one */

/* How most of the weights are kept: "q4", "int8", "float32". */
void onnx_read_weights(const struct onnx_info *m, char *out, size_t size);
const char *onnx_type_name(int type); /* "float32", "int4"; "undefined" */

#endif

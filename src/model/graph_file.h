/* What an ONNX file says of itself, read without ONNX Runtime: protobuf messages of onnx.proto
 * (ModelProto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
#ifndef PRECIS_MODEL_GRAPH_FILE_H
#define PRECIS_MODEL_GRAPH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { GRAPH_MOST_RANK = 8, GRAPH_TYPES = 32 };

/* An input or output. */
struct graph_value {
    char *name;                       /* owned */
    int type;                         /* TensorProto.DataType; 0: not a tensor */
    int rank;                         /* -1: not said */
    int64_t dims[GRAPH_MOST_RANK];    /* -1: any */
    char *dim_names[GRAPH_MOST_RANK]; /* owned; NULL: none */
};

struct graph_file {
    struct graph_value *inputs, *outputs; /* owned; inputs without those that have a default */
    size_t n_inputs, n_outputs;
    uint64_t parameters;         /* elements of all constants */
    uint64_t bytes[GRAPH_TYPES]; /* of them, by TensorProto.DataType */
    char **external;             /* [n_external] owned names of files beside it */
    size_t n_external;
    int64_t opset; /* of the main domain; 0: not said */
    int bits;      /* of MatMulNBits' weights; 0: there are none */
    char producer[64];
};

/* Errors: PRECIS_EINPUT (not well-formed, at which byte; an external file that is not below the
 * folder), PRECIS_ENOMEM. The text names no path. On failure *g is zeroed. */
int graph_file_parse(const void *data, size_t size, struct graph_file *g, struct err *e);
int graph_file_read(const char *path, struct graph_file *g, struct err *e);
void graph_file_free(struct graph_file *g); /* safe on a zeroed one */

const char *graph_type_name(int type); /* "f32", "int64", ...; "?" */
/* How most of the weights are kept: "q4", "int8", "f16", "f32", ... */
void graph_file_weights(const struct graph_file *g, char *out, size_t size);

#endif

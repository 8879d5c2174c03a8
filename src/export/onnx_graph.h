/* Builds an ONNX model: nodes, inputs, outputs and constants, the large ones of which lie in a file
 * of their own. Field numbers are those of onnx.proto (github.com/onnx/onnx). Every allocation that
 * fails shows at onnx_graph_finish. Strings are copied. */
#ifndef PRECIS_EXPORT_ONNX_GRAPH_H
#define PRECIS_EXPORT_ONNX_GRAPH_H

#include "base/buf.h"
#include "base/err.h"

enum onnx_type { /* the numbers of TensorProto.DataType */
                 ONNX_F32 = 1,
                 ONNX_U8 = 2,
                 ONNX_I32 = 6,
                 ONNX_I64 = 7,
                 ONNX_F16 = 10
};

/* IR version and operator set: ONNX Runtime 1.17 and later read them (its attention takes f32 since
 * 1.19, and goes on with a prompt correctly since 1.20). */
enum { ONNX_IR_VERSION = 8, ONNX_OPSET = 17, ONNX_CONTRIB_OPSET = 1 };
#define ONNX_CONTRIB "com.microsoft"

enum { ONNX_MOST_INPUTS = 12, ONNX_MOST_OUTPUTS = 4, ONNX_MOST_ATTRIBUTES = 8 };

struct onnx_attribute {
    const char *name;                              /* NULL: no more */
    enum { ONNX_INT, ONNX_FLOAT, ONNX_INTS } kind; /* INTS: a list with i alone in it */
    int64_t i;
    float f;
};

struct onnx_node {
    const char *op, *domain;                /* domain NULL: ONNX itself */
    const char *in[ONNX_MOST_INPUTS + 1];   /* NULL ends; "" is an optional one left out */
    const char *out[ONNX_MOST_OUTPUTS + 1]; /* the same */
    struct onnx_attribute attributes[ONNX_MOST_ATTRIBUTES + 1];
};

struct onnx_dim {
    int64_t size;
    const char *symbol; /* instead of a size; NULL: none */
};

struct onnx_graph { /* zeroed at birth */
    struct buf nodes, constants, inputs, outputs;
};

void onnx_graph_free(struct onnx_graph *g);
/* The node's name is that of its first output. */
void onnx_graph_node(struct onnx_graph *g, const struct onnx_node *node);
void onnx_graph_input(struct onnx_graph *g, const char *name, enum onnx_type type,
                      const struct onnx_dim *dims, size_t n_dims);
void onnx_graph_output(struct onnx_graph *g, const char *name, enum onnx_type type,
                       const struct onnx_dim *dims, size_t n_dims);
/* A constant in the model itself; data is little-endian, as all of ONNX is. */
void onnx_graph_constant(struct onnx_graph *g, const char *name, enum onnx_type type,
                         const uint64_t *dims, size_t n_dims, const void *data, size_t size);
/* A constant whose bytes are in `file` (a name beside the model), at `offset`. */
void onnx_graph_external(struct onnx_graph *g, const char *name, enum onnx_type type,
                         const uint64_t *dims, size_t n_dims, const char *file, uint64_t offset,
                         uint64_t size);
/* The ModelProto into *out (appended); the graph is empty afterwards. PRECIS_ENOMEM. */
int onnx_graph_finish(struct onnx_graph *g, const char *name, struct buf *out, struct err *e);

#endif

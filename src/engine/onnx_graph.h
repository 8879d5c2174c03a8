/* One ONNX graph in a session, and what its inputs and outputs are for. */
#ifndef PRECIS_ENGINE_ONNX_GRAPH_H
#define PRECIS_ENGINE_ONNX_GRAPH_H

#include "engine/onnx_library.h"
#include "model/graph.h"

enum { ONNX_MOST_RANK = 8 };

enum onnx_use {
    ONNX_IDS,         /* [1, n] */
    ONNX_MASK,        /* [1, past + n] ones */
    ONNX_POSITIONS,   /* [1, n] past .. */
    ONNX_TYPES,       /* [1, n] zeros: every token is of the first text */
    ONNX_CACHED,      /* [1] bool: past is there; of merged decoders */
    ONNX_ROWS,        /* the number of last positions whose logits are wanted */
    ONNX_STATES,      /* [1, source, width] of the encoder */
    ONNX_SOURCE_MASK, /* [1, source] ones */
    ONNX_PAST         /* a slot of keys and values */
};

struct onnx_tensor {
    char *name; /* owned */
    ONNXTensorElementDataType type;
    size_t rank;
    int64_t dims[ONNX_MOST_RANK]; /* -1: any */
};

struct onnx_input {
    struct onnx_tensor tensor;
    enum onnx_use use;
    int slot; /* of ONNX_PAST */
};

/* Keys or values of a layer, as they go round: an output of one step, an input of the next. */
struct onnx_slot {
    int pair, layer;
    bool cross; /* of the source: the first step's outputs serve all others */
    ONNXTensorElementDataType type;
    size_t rank, axis; /* axis: of the positions */
    int64_t dims[ONNX_MOST_RANK];
};

struct onnx_slots {
    struct onnx_slot *v; /* owned */
    int n;
};

struct onnx_graph {
    OrtSession *session;
    char *path;
    struct onnx_input *inputs;
    int n_inputs;
    struct onnx_tensor result; /* logits, or an encoder's hidden states */
    bool is_logits;
    char **present;             /* [slots] owned names of outputs; NULL: this graph has none */
    bool takes_past, one_token; /* one_token: its ids have room for just one */
};

/* Opens the graph of a role. slots: those of its inputs are appended; a graph whose presents have
 * no inputs to go to finds its outputs with onnx_graph_bind once all graphs are open. Errors: what
 * the library says of the file; PRECIS_EUNSUPPORTED: an input, its type or its shape by name. */
int onnx_graph_open(const struct onnx_library *l, const OrtSessionOptions *o,
                    const struct graph_model *m, enum graph_role role, struct onnx_slots *slots,
                    struct onnx_graph *g, struct err *e);
/* Finds the outputs that fill the slots. needed: all of them must be there, but what is not `cross`
 * alone if it takes past. */
int onnx_graph_bind(const struct onnx_library *l, const struct graph_model *m,
                    const struct onnx_slots *slots, struct onnx_graph *g, struct err *e);
void onnx_graph_close(const struct onnx_library *l, const struct onnx_slots *slots,
                      struct onnx_graph *g); /* safe on a zeroed one */

const char *onnx_element_name(ONNXTensorElementDataType t);
size_t onnx_element_size(ONNXTensorElementDataType t); /* 0: not one that precis feeds or reads */

#endif

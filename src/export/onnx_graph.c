#include "export/onnx_graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "export/protobuf.h"

void onnx_graph_free(struct onnx_graph *g) {
    buf_free(&g->nodes);
    buf_free(&g->constants);
    buf_free(&g->inputs);
    buf_free(&g->outputs);
}

static void put_attribute(struct buf *node, const struct onnx_attribute *a) {
    static const int types[] = {[ONNX_FLOAT] = 1, [ONNX_INT] = 2, [ONNX_INTS] = 7};
    struct buf m = {0};
    protobuf_string(&m, 1, a->name);
    if (a->kind == ONNX_FLOAT)
        protobuf_float(&m, 2, a->f);
    else
        protobuf_int(&m, a->kind == ONNX_INTS ? 8 : 3, a->i);
    protobuf_int(&m, 20, types[a->kind]); /* AttributeProto.AttributeType */
    protobuf_message(node, 5, &m);
}

void onnx_graph_node(struct onnx_graph *g, const struct onnx_node *node) {
    struct buf m = {0};
    for (const char *const *s = node->in; *s; s++)
        protobuf_string(&m, 1, *s);
    for (const char *const *s = node->out; *s; s++)
        protobuf_string(&m, 2, *s);
    protobuf_string(&m, 3, node->out[0]);
    protobuf_string(&m, 4, node->op);
    for (const struct onnx_attribute *a = node->attributes; a->name; a++)
        put_attribute(&m, a);
    if (node->domain)
        protobuf_string(&m, 7, node->domain);
    protobuf_message(&g->nodes, 1, &m);
}

/* ValueInfoProto { name, TypeProto { Tensor { elem_type, TensorShapeProto { dim... } } } } */
static void put_value(struct buf *out, unsigned field, const char *name, enum onnx_type type,
                      const struct onnx_dim *dims, size_t n_dims) {
    struct buf value = {0}, any = {0}, tensor = {0}, shape = {0};
    for (size_t i = 0; i < n_dims; i++) {
        struct buf dim = {0};
        if (dims[i].symbol)
            protobuf_string(&dim, 2, dims[i].symbol);
        else
            protobuf_int(&dim, 1, dims[i].size);
        protobuf_message(&shape, 1, &dim);
    }
    protobuf_int(&tensor, 1, type);
    protobuf_message(&tensor, 2, &shape);
    protobuf_message(&any, 1, &tensor);
    protobuf_string(&value, 1, name);
    protobuf_message(&value, 2, &any);
    protobuf_message(out, field, &value);
}

void onnx_graph_input(struct onnx_graph *g, const char *name, enum onnx_type type,
                      const struct onnx_dim *dims, size_t n_dims) {
    put_value(&g->inputs, 11, name, type, dims, n_dims);
}

void onnx_graph_output(struct onnx_graph *g, const char *name, enum onnx_type type,
                       const struct onnx_dim *dims, size_t n_dims) {
    put_value(&g->outputs, 12, name, type, dims, n_dims);
}

static void begin_tensor(struct buf *m, const char *name, enum onnx_type type, const uint64_t *dims,
                         size_t n_dims) {
    for (size_t i = 0; i < n_dims; i++)
        protobuf_int(m, 1, (int64_t)dims[i]);
    protobuf_int(m, 2, type);
    protobuf_string(m, 8, name);
}

void onnx_graph_constant(struct onnx_graph *g, const char *name, enum onnx_type type,
                         const uint64_t *dims, size_t n_dims, const void *data, size_t size) {
    struct buf m = {0};
    begin_tensor(&m, name, type, dims, n_dims);
    protobuf_bytes(&m, 9, data, size);
    protobuf_message(&g->constants, 5, &m);
}

static void put_entry(struct buf *tensor, const char *key, const char *value) {
    struct buf m = {0};
    protobuf_string(&m, 1, key);
    protobuf_string(&m, 2, value);
    protobuf_message(tensor, 13, &m);
}

void onnx_graph_external(struct onnx_graph *g, const char *name, enum onnx_type type,
                         const uint64_t *dims, size_t n_dims, const char *file, uint64_t offset,
                         uint64_t size) {
    struct buf m = {0};
    char number[32];
    begin_tensor(&m, name, type, dims, n_dims);
    put_entry(&m, "location", file);
    snprintf(number, sizeof number, "%" PRIu64, offset);
    put_entry(&m, "offset", number);
    snprintf(number, sizeof number, "%" PRIu64, size);
    put_entry(&m, "length", number);
    protobuf_int(&m, 14, 1); /* DataLocation.EXTERNAL */
    protobuf_message(&g->constants, 5, &m);
}

static void put_opset(struct buf *model, const char *domain, int version) {
    struct buf m = {0};
    protobuf_string(&m, 1, domain);
    protobuf_int(&m, 2, version);
    protobuf_message(model, 8, &m);
}

/* What is already tagged goes over as it is. */
static void move(struct buf *graph, struct buf *part) {
    buf_append(graph, part->data ? part->data : "", part->len);
    graph->failed |= part->failed;
    buf_free(part);
}

int onnx_graph_finish(struct onnx_graph *g, const char *name, struct buf *out, struct err *e) {
    struct buf graph = {0};
    move(&graph, &g->nodes);
    protobuf_string(&graph, 2, name);
    move(&graph, &g->constants);
    move(&graph, &g->inputs);
    move(&graph, &g->outputs);
    protobuf_int(out, 1, ONNX_IR_VERSION);
    protobuf_string(out, 2, EXPORT_PRODUCER);
    protobuf_string(out, 3, PRECIS_VERSION);
    protobuf_message(out, 7, &graph);
    put_opset(out, "", ONNX_OPSET);
    put_opset(out, ONNX_CONTRIB, ONNX_CONTRIB_OPSET);
    return buf_failed(out) ? err_nomem(e, "the ONNX graph") : 0;
}

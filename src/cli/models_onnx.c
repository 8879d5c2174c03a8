/* The card of ONNX graphs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/models_card.h"
#include "cli/transfer.h"
#include "model/graph.h"
#include "model/hub_cache.h"
#include "model/onnx_read.h"
#include "model/revision.h"

static void put_shape(struct buf *b, const struct onnx_value *v, bool json) {
    for (int i = 0; i < v->rank; i++) {
        const struct onnx_dim *d = &v->dims[i];
        buf_str(b, i ? ", " : "[");
        if (d->value >= 0)
            buf_printf(b, "%lld", (long long)d->value);
        else if (json && d->name.len)
            json_put_string(b, d->name.s, d->name.len);
        else if (d->name.len)
            buf_append(b, d->name.s, d->name.len);
        else
            buf_str(b, json ? "null" : "?");
    }
    buf_str(b, v->rank > 0 ? "]" : v->rank == 0 ? "[]" : json ? "null" : "of any shape");
}

static void put_values(struct card *c, const char *label, const char *key,
                       const struct onnx_value *v, size_t n) {
    struct buf *b = card_member(c, key), row = {0};
    buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        buf_str(b, i ? ", {\"name\": " : "{\"name\": ");
        json_put_string(b, v[i].name.s, v[i].name.len);
        buf_printf(b, ", \"type\": \"%s\", \"shape\": ", onnx_type_name(v[i].type));
        put_shape(b, &v[i], true);
        buf_char(b, '}');
        buf_clear(&row);
        buf_append(&row, v[i].name.s, v[i].name.len);
        buf_printf(&row, "  %s ", onnx_type_name(v[i].type));
        put_shape(&row, &v[i], false);
        card_text(c, i ? "" : label, NULL, row.data ? row.data : "", row.len);
    }
    buf_char(b, ']');
    buf_free(&row);
}

static void put_types(struct card *c, const struct onnx_info *m) {
    struct buf *b = card_member(c, "tensors");
    const char *label = "tensors", *between = "";
    char bytes[32];
    buf_char(b, '[');
    for (int i = 0; i < ONNX_READ_TYPES; i++) {
        const struct onnx_count *t = &m->types[i];
        if (!t->tensors)
            continue;
        buf_printf(b,
                   "%s{\"type\": \"%s\", \"tensors\": %llu, \"elements\": %llu, \"bytes\": %llu}",
                   between, onnx_type_name(i), (unsigned long long)t->tensors,
                   (unsigned long long)t->elements, (unsigned long long)t->bytes);
        transfer_bytes(bytes, sizeof bytes, (double)t->bytes);
        card_line(c, label, "%llu %s, %s", (unsigned long long)t->tensors, onnx_type_name(i),
                  bytes);
        label = "", between = ", ";
    }
    buf_char(b, ']');
}

static void put_opsets(struct card *c, const struct onnx_info *m) {
    struct buf *b = card_member(c, "opsets"), row = {0};
    for (size_t i = 0; i < m->n_opsets; i++) {
        const struct onnx_opset *o = &m->opsets[i];
        bool main = o->domain.len == 0;
        const char *domain = main ? "ai.onnx" : o->domain.s;
        size_t len = main ? strlen(domain) : o->domain.len;
        buf_str(b, i ? ", " : "{");
        json_put_string(b, domain, len);
        buf_printf(b, ": %lld", (long long)o->version);
        buf_str(&row, i ? ", " : "");
        buf_append(&row, domain, len);
        buf_printf(&row, " %lld", (long long)o->version);
    }
    buf_char(b, '}');
    card_text(c, "opset", NULL, row.data ? row.data : "", row.len);
    buf_free(&row);
}

/* Files beside the graph that its weights are in, and what is wrong with them. */
static void put_externals(struct card *c, const struct onnx_info *m, const char *folder,
                          uint64_t *total) {
    struct buf *b = card_member(c, "external_data"), row = {0};
    char path[HUB_CACHE_SIZE], name[HUB_PATH_SIZE], bytes[32];
    buf_char(b, '[');
    for (size_t i = 0; i < m->n_externals; i++) {
        const struct onnx_external *x = &m->externals[i];
        struct stat st = {0};
        snprintf(name, sizeof name, "%.*s", (int)x->location.len, x->location.s);
        bool here = hub_cache_join(path, folder, name, NULL) == 0 && stat(path, &st) == 0 &&
                    S_ISREG(st.st_mode);
        bool whole = here && (uint64_t)st.st_size >= x->bytes;
        *total += here ? (uint64_t)st.st_size : 0;
        buf_str(b, i ? ", {\"path\": " : "{\"path\": ");
        json_put_string(b, name, strlen(name));
        buf_printf(b, ", \"here\": %s, \"whole\": %s, \"bytes\": %llu, \"needs\": %llu}",
                   here ? "true" : "false", whole ? "true" : "false",
                   (unsigned long long)(here ? st.st_size : 0), (unsigned long long)x->bytes);
        transfer_bytes(bytes, sizeof bytes, (double)(here ? (uint64_t)st.st_size : x->bytes));
        buf_clear(&row);
        buf_printf(&row, "%s, %s, %s", name, bytes,
                   !here    ? "is missing"
                   : !whole ? "is shorter than the graph needs"
                            : "here");
        card_text(c, i ? "" : "external data", NULL, row.data ? row.data : "", row.len);
    }
    buf_char(b, ']');
    buf_free(&row);
}

static int put_graph(struct card *c, const char *path, struct err *e) {
    struct onnx_info m;
    char folder[HUB_CACHE_SIZE], weights[24], sha256[HASH_HEX_SIZE], size[32];
    int rc = onnx_read_open(path, &m, e);
    if (rc)
        return rc;
    uint64_t bytes = m.map.size;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    rc = revision_of(path, m.map.data, m.map.size, sha256, e);
    if (rc == 0) {
        onnx_read_weights(&m, weights, sizeof weights);
        card_string(c, "graph", "path", path);
        card_string(c, "weights", "file_type", weights);
        card_number(c, "parameters", "parameters", m.parameters, "");
        put_types(c, &m);
        put_values(c, "inputs", "inputs", m.inputs, m.n_inputs);
        put_values(c, "outputs", "outputs", m.outputs, m.n_outputs);
        card_number(c, "nodes", "nodes", m.nodes, "");
        put_opsets(c, &m);
        card_number(c, NULL, "ir_version", (uint64_t)m.ir_version, "");
        card_text(c, NULL, "producer", m.producer.s, m.producer.len);
        card_line(c, "made by", "%.*s %.*s, IR version %lld",
                  (int)(m.producer.len < 60 ? m.producer.len : 60), m.producer.s,
                  (int)(m.producer_version.len < 60 ? m.producer_version.len : 60),
                  m.producer_version.s, (long long)m.ir_version);
        put_externals(c, &m, folder, &bytes);
        transfer_bytes(size, sizeof size, (double)bytes);
        card_number(c, NULL, "bytes", bytes, "");
        card_line(c, "bytes", "%llu (%s) with external data", (unsigned long long)bytes, size);
        card_string(c, "sha256", "sha256", sha256);
    }
    onnx_read_close(&m);
    return rc;
}

static void put_found(struct card *c, const struct graph_model *m) {
    card_string(c, "name", "name", m->name);
    card_string(c, "architecture", "architecture", m->architecture[0] ? m->architecture : "?");
    if (m->layers)
        card_number(c, "layers", "layers", m->layers, "");
    if (m->hidden)
        card_number(c, "hidden", "hidden", m->hidden, "");
    if (m->vocab)
        card_number(c, "vocabulary", "vocabulary", m->vocab, "");
    if (m->context)
        card_number(c, "context", "context", m->context, " tokens");
    if (m->layers && m->heads && m->head_dim) {
        unsigned long long row = 2ull * m->layers * m->heads * m->head_dim;
        card_line(c, "sequence", "%llu numbers a token in keys and values", row);
        card_number(c, NULL, "kv_numbers", row, "");
    }
    card_tokenizer_of_folder(c, m->folder);
    card_licence_of_folder(c, m->folder);
}

/* Graphs by their paths, each a member of the array "graphs". */
static int put_graphs(struct card *c, char *const *paths, size_t n, struct err *e) {
    struct buf *b = card_member(c, "graphs");
    int rc = 0;
    buf_char(b, '[');
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct card one = {0};
        rc = put_graph(&one, paths[i], e);
        if (rc == 0) {
            buf_str(b, i ? ", " : "");
            buf_append(b, one.json.data, one.json.len);
            buf_char(b, '}');
            buf_append(&c->text, one.text.data, one.text.len);
        }
        b->failed |= one.json.failed || one.text.failed;
        card_free(&one);
    }
    buf_char(b, ']');
    return rc;
}

/* All .onnx files of a folder that cannot be run as it is. */
static int put_all(struct card *c, const char *folder, struct err *e) {
    struct hub_list list;
    char *paths[64];
    size_t n = 0;
    int rc = hub_cache_list(folder, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n && n < 64; i++) {
        size_t len = strlen(list.v[i].path);
        char path[HUB_CACHE_SIZE];
        if (len < 5 || strcmp(list.v[i].path + len - 5, ".onnx") != 0)
            continue;
        rc = hub_cache_join(path, folder, list.v[i].path, e);
        char *copy = rc == 0 ? strdup(path) : NULL;
        if (copy)
            paths[n++] = copy;
        else if (rc == 0)
            rc = err_nomem(e, path);
    }
    if (rc == 0)
        rc = put_graphs(c, paths, n, e);
    while (n)
        free(paths[--n]);
    hub_list_free(&list);
    return rc;
}

int card_onnx(struct card *c, const char *path, struct err *e) {
    struct graph_model m;
    struct err why = {0};
    size_t len = strlen(path), n = 0;
    bool file = len > 5 && strcmp(path + len - 5, ".onnx") == 0;
    int rc = graph_model_find(path, &m, &why);
    if (rc == PRECIS_ENOMEM)
        return err_set(e, rc, "%s", why.text);
    if (rc) { /* graphs are described also when nothing can run them */
        card_string(c, "not run", "unsupported", why.text);
        return file ? put_graphs(c, &(char *){(char *)(uintptr_t)path}, 1, e) : put_all(c, path, e);
    }
    char *paths[GRAPH_ROLES];
    for (int i = 0; i < GRAPH_ROLES; i++)
        if (m.files[i])
            paths[n++] = m.files[i];
    put_found(c, &m);
    rc = put_graphs(c, paths, n, e);
    graph_model_free(&m);
    return rc;
}

#include "engine/onnx_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { MOST_TENSORS = 1 << 14 };

static const struct {
    ONNXTensorElementDataType type;
    const char *name;
    size_t size;
} types[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "float32", 4},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, "float16", 2},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, "bfloat16", 2},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, "float64", 8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, "int64", 8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "int32", 4},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, "bool", 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "uint8", 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, "int8", 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, "string", 0},
};

const char *onnx_element_name(ONNXTensorElementDataType t) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == t)
            return types[i].name;
    return "another type";
}

size_t onnx_element_size(ONNXTensorElementDataType t) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == t)
            return types[i].size;
    return 0;
}

static int copy_name(const struct onnx_library *l, char *theirs, char **out, struct err *e) {
    *out = strdup(theirs);
    OrtStatus *status = l->api->AllocatorFree(l->names, theirs);
    if (status)
        l->api->ReleaseStatus(status);
    return *out ? 0 : err_nomem(e, "graph");
}

static int read_shape(const struct onnx_library *l, const OrtTypeInfo *info, struct onnx_tensor *t,
                      const char *path, struct err *e) {
    const OrtTensorTypeAndShapeInfo *shape = NULL;
    int rc = onnx_check(l, l->api->CastTypeInfoToTensorInfo(info, &shape), path, e);
    if (rc == 0 && !shape)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: '%s' is no tensor", path, t->name);
    if (rc == 0)
        rc = onnx_check(l, l->api->GetTensorElementType(shape, &t->type), path, e);
    if (rc == 0)
        rc = onnx_check(l, l->api->GetDimensionsCount(shape, &t->rank), path, e);
    if (rc == 0 && t->rank > ONNX_MOST_RANK)
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: '%s' has %zu dimensions", path, t->name, t->rank);
    if (rc == 0)
        rc = onnx_check(l, l->api->GetDimensions(shape, t->dims, t->rank), path, e);
    return rc;
}

static int read_tensor(const struct onnx_library *l, const struct onnx_graph *g, bool input,
                       size_t i, struct onnx_tensor *t, struct err *e) {
    const OrtApi *a = l->api;
    char *name = NULL;
    OrtTypeInfo *info = NULL;
    int rc = onnx_check(l,
                        input ? a->SessionGetInputName(g->session, i, l->names, &name)
                              : a->SessionGetOutputName(g->session, i, l->names, &name),
                        g->path, e);
    if (rc == 0)
        rc = copy_name(l, name, &t->name, e);
    if (rc == 0)
        rc = onnx_check(l,
                        input ? a->SessionGetInputTypeInfo(g->session, i, &info)
                              : a->SessionGetOutputTypeInfo(g->session, i, &info),
                        g->path, e);
    if (rc == 0)
        rc = read_shape(l, info, t, g->path, e);
    a->ReleaseTypeInfo(info);
    return rc;
}

/* Is name the pattern with a number for its %d? */
static bool matches(const char *pattern, const char *name, int *layer) {
    const char *at = strstr(pattern, "%d");
    size_t before = at ? (size_t)(at - pattern) : 0;
    if (!at || strncmp(pattern, name, before) != 0)
        return false;
    size_t digits = strspn(name + before, "0123456789");
    if (digits == 0 || digits > 6 || strcmp(name + before + digits, at + 2) != 0)
        return false;
    *layer = (int)strtol(name + before, NULL, 10);
    return true;
}

/* Sizes that the graph leaves open come from the configuration. */
static int shape_slot(const struct graph_model *m, const struct onnx_tensor *t, const char *path,
                      struct onnx_slot *s, struct err *e) {
    bool real = t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ||
                t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ||
                t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
    const char *pattern = m->pairs[s->pair].past, *end = strrchr(pattern, '.');
    bool fused = end && strcmp(end, ".key_value") == 0; /* keys and values beside one another */
    if (!real)
        return err_set(
            e, PRECIS_EUNSUPPORTED,
            "%s: input '%s' has the type %s: float32, float16 and bfloat16 are supported", path,
            t->name, onnx_element_name(t->type));
    if (t->rank != 4 && !(fused && t->rank == 3))
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' has %zu dimensions: 4 are expected",
                       path, t->name, t->rank);
    s->type = t->type;
    s->rank = t->rank;
    s->axis = t->rank - 2;
    memcpy(s->dims, t->dims, sizeof s->dims);
    s->dims[0] = 1;
    s->dims[s->axis] = 0;
    if (s->rank == 4 && s->dims[1] < 1)
        s->dims[1] = m->heads;
    if (s->dims[s->rank - 1] < 1)
        s->dims[s->rank - 1] = m->head_dim * (fused ? 2 : 1);
    for (size_t i = 0; i < s->rank; i++)
        if (i != s->axis && (s->dims[i] < 1 || s->dims[i] > 1 << 20))
            return err_set(e, PRECIS_EUNSUPPORTED,
                           "%s: input '%s': neither the graph nor a config.json says its size in "
                           "dimension %zu",
                           path, t->name, i);
    return 0;
}

static int add_slot(const struct graph_model *m, const struct onnx_tensor *t, const char *path,
                    int pair, int layer, struct onnx_slots *slots, struct err *e) {
    void *grown = realloc(slots->v, (size_t)(slots->n + 1) * sizeof *slots->v);
    if (!grown)
        return err_nomem(e, "graph");
    slots->v = grown;
    struct onnx_slot *s = &slots->v[slots->n];
    *s = (struct onnx_slot){.pair = pair, .layer = layer, .cross = m->pairs[pair].cross};
    int rc = shape_slot(m, t, path, s, e);
    if (rc == 0)
        slots->n++;
    return rc;
}

static bool is_any(const char *name, const char *const names[]) {
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What an input is for, by its name. */
static int find_use(const struct graph_model *m, enum graph_role role, struct onnx_graph *g,
                    struct onnx_input *in, struct onnx_slots *slots, struct err *e) {
    static const char *const rows[] = {"num_logits_to_keep", "logits_to_keep", NULL};
    const char *name = in->tensor.name;
    bool ids = strcmp(name, m->input_ids) == 0 || strcmp(name, "decoder_input_ids") == 0;
    bool decodes = m->files[GRAPH_ENCODER] && role != GRAPH_ENCODER;
    int layer;
    if (ids)
        in->use = ONNX_IDS;
    else if (strcmp(name, m->attention_mask) == 0 || strcmp(name, "decoder_attention_mask") == 0)
        in->use = ONNX_MASK;
    else if (strcmp(name, m->position_ids) == 0)
        in->use = ONNX_POSITIONS;
    else if (strcmp(name, "token_type_ids") == 0)
        in->use = ONNX_TYPES;
    else if (strcmp(name, "use_cache_branch") == 0)
        in->use = ONNX_CACHED;
    else if (is_any(name, rows))
        in->use = ONNX_ROWS;
    else if (decodes && strcmp(name, "encoder_hidden_states") == 0)
        in->use = ONNX_STATES;
    else if (decodes && strcmp(name, "encoder_attention_mask") == 0)
        in->use = ONNX_SOURCE_MASK;
    else {
        for (int p = 0; p < m->n_pairs; p++)
            if (matches(m->pairs[p].past, name, &layer)) {
                in->use = ONNX_PAST;
                in->slot = slots->n;
                g->takes_past = true;
                return add_slot(m, &in->tensor, g->path, p, layer, slots, e);
            }
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' is not one that precis knows",
                       g->path, name);
    }
    return 0;
}

static int check_input(const struct onnx_graph *g, const struct onnx_input *in, struct err *e) {
    const struct onnx_tensor *t = &in->tensor;
    bool whole = t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 ||
                 t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    bool real = t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ||
                t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    const char *wanted = NULL;
    if (in->use == ONNX_CACHED)
        wanted = t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL ? NULL : "bool is";
    else if (in->use == ONNX_STATES)
        wanted = real ? NULL : "float32 and float16 are";
    else if (in->use == ONNX_MASK || in->use == ONNX_SOURCE_MASK)
        wanted = whole || real ? NULL : "int64, int32, float32 and float16 are";
    else if (in->use != ONNX_PAST)
        wanted = whole ? NULL : "int64 and int32 are";
    if (wanted)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' has the type %s: %s supported",
                       g->path, t->name, onnx_element_name(t->type), wanted);
    size_t rank = in->use == ONNX_STATES ? 3 : in->use == ONNX_CACHED ? 1 : 2;
    if (in->use != ONNX_PAST && in->use != ONNX_ROWS && t->rank != rank)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' has %zu dimensions: %zu %s expected",
                       g->path, t->name, t->rank, rank, rank == 1 ? "is" : "are");
    if (in->use == ONNX_ROWS && t->rank > 1)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' has %zu dimensions", g->path,
                       t->name, t->rank);
    if (t->rank > 0 && t->dims[0] > 1)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: input '%s' wants %lld sequences at once: precis feeds one", g->path,
                       t->name, (long long)t->dims[0]);
    if (t->rank == 2 && t->dims[1] > 0 && !(in->use == ONNX_IDS && t->dims[1] == 1) &&
        !(in->use == ONNX_POSITIONS && t->dims[1] == 1))
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: input '%s' has a fixed length of %lld: precis needs any", g->path,
                       t->name, (long long)t->dims[1]);
    return 0;
}

static int read_inputs(const struct onnx_library *l, const struct graph_model *m,
                       enum graph_role role, struct onnx_slots *slots, struct onnx_graph *g,
                       struct err *e) {
    size_t n;
    bool ids = false;
    int rc = onnx_check(l, l->api->SessionGetInputCount(g->session, &n), g->path, e);
    if (rc == 0 && n > MOST_TENSORS)
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: has %zu inputs", g->path, n);
    if (rc)
        return rc;
    g->inputs = calloc(n + 1, sizeof *g->inputs);
    if (!g->inputs)
        return err_nomem(e, "graph");
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct onnx_input *in = &g->inputs[g->n_inputs++];
        rc = read_tensor(l, g, true, i, &in->tensor, e);
        if (rc == 0)
            rc = find_use(m, role, g, in, slots, e);
        if (rc == 0)
            rc = check_input(g, in, e);
        ids |= in->use == ONNX_IDS;
        g->one_token |= rc == 0 && in->use == ONNX_IDS && in->tensor.dims[1] == 1;
    }
    if (rc == 0 && !ids)
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: has no input '%s'", g->path, m->input_ids);
    return rc;
}

static int read_output(const struct onnx_library *l, const struct graph_model *m,
                       enum graph_role role, size_t n, struct onnx_graph *g, struct buf *names,
                       struct err *e) {
    static const char *const states[] = {"last_hidden_state", "token_embeddings",
                                         "encoder_hidden_states", "hidden_states", NULL};
    for (size_t i = 0; i < n; i++) {
        struct onnx_tensor t = {0};
        int rc = read_tensor(l, g, false, i, &t, e);
        bool logits = rc == 0 && role != GRAPH_ENCODER && strcmp(t.name, m->logits) == 0;
        bool hidden = rc == 0 && is_any(t.name, states);
        if (rc == 0 && names->len < 256)
            buf_printf(names, "%s'%s'", i ? ", " : "", t.name);
        if (rc == 0 && (logits || (hidden && !g->result.name))) {
            free(g->result.name);
            g->result = t;
            g->is_logits = logits;
            if (logits)
                return 0;
            continue;
        }
        free(t.name);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_outputs(const struct onnx_library *l, const struct graph_model *m,
                        enum graph_role role, struct onnx_graph *g, struct err *e) {
    size_t n;
    struct buf names = {0};
    int rc = onnx_check(l, l->api->SessionGetOutputCount(g->session, &n), g->path, e);
    if (rc == 0 && n > MOST_TENSORS)
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: has %zu outputs", g->path, n);
    if (rc == 0)
        rc = read_output(l, m, role, n, g, &names, e);
    const struct onnx_tensor *t = &g->result;
    bool real = t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ||
                t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ||
                t->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
    if (rc == 0 && !t->name)
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "%s: none of its outputs is '%s' or 'last_hidden_state': %s", g->path,
                     m->logits, names.data ? names.data : "it has none");
    else if (rc == 0 && !real)
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "%s: output '%s' has the type %s: float32, float16 and bfloat16 are supported",
                     g->path, t->name, onnx_element_name(t->type));
    else if (rc == 0 && t->rank != 3)
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "%s: output '%s' has %zu dimensions: 3 are expected (one row for each token)",
                     g->path, t->name, t->rank);
    buf_free(&names);
    return rc;
}

int onnx_graph_open(const struct onnx_library *l, const OrtSessionOptions *o,
                    const struct graph_model *m, enum graph_role role, struct onnx_slots *slots,
                    struct onnx_graph *g, struct err *e) {
    *g = (struct onnx_graph){.path = m->files[role]};
    int rc = onnx_check(l, l->api->CreateSession(l->env, g->path, o, &g->session), g->path, e);
    if (rc == 0)
        rc = read_inputs(l, m, role, slots, g, e);
    if (rc == 0)
        rc = read_outputs(l, m, role, g, e);
    return rc;
}

int onnx_graph_bind(const struct onnx_library *l, const struct graph_model *m,
                    const struct onnx_slots *slots, struct onnx_graph *g, struct err *e) {
    size_t n = 0;
    g->present = calloc((size_t)slots->n + 1, sizeof *g->present);
    if (!g->present)
        return err_nomem(e, "graph");
    int rc = onnx_check(l, l->api->SessionGetOutputCount(g->session, &n), g->path, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct onnx_tensor t = {0};
        int layer;
        rc = read_tensor(l, g, false, i, &t, e);
        for (int s = 0; s < slots->n && rc == 0 && t.name; s++) {
            const struct onnx_slot *slot = &slots->v[s];
            if (!matches(m->pairs[slot->pair].present, t.name, &layer) || layer != slot->layer)
                continue;
            if (t.type != slot->type)
                rc = err_set(e, PRECIS_EUNSUPPORTED,
                             "%s: output '%s' has the type %s, the input that it continues %s",
                             g->path, t.name, onnx_element_name(t.type),
                             onnx_element_name(slot->type));
            else if (!g->present[s]) {
                g->present[s] = t.name;
                t.name = NULL;
            }
        }
        free(t.name);
    }
    for (int s = 0; s < slots->n && rc == 0; s++) {
        const struct onnx_slot *slot = &slots->v[s];
        char name[GRAPH_NAME_SIZE + 16];
        if (g->present[s] || (slot->cross && g->takes_past))
            continue;
        const char *pattern = m->pairs[slot->pair].present, *at = strstr(pattern, "%d");
        snprintf(name, sizeof name, "%.*s%d%s", (int)(at - pattern), pattern, slot->layer, at + 2);
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: has no output '%s'", g->path, name);
    }
    return rc;
}

void onnx_graph_close(const struct onnx_library *l, const struct onnx_slots *slots,
                      struct onnx_graph *g) {
    if (g->session)
        l->api->ReleaseSession(g->session);
    for (int i = 0; i < g->n_inputs; i++)
        free(g->inputs[i].tensor.name);
    free(g->inputs);
    free(g->result.name);
    for (int i = 0; g->present && i < slots->n; i++)
        free(g->present[i]);
    free(g->present);
    *g = (struct onnx_graph){0};
}

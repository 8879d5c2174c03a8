#include "engine/onnx_step.h"

#include <stdlib.h>
#include <string.h>

#include "model/quant.h"

/* Memory of an input, and the tensor over it. */
struct fed {
    void *data;
    size_t cap;
    OrtValue *value;
};

struct onnx_lane {
    const struct onnx_model *model;
    OrtIoBinding *bindings[GRAPH_ROLES];
    struct fed *fed[GRAPH_ROLES]; /* [inputs] */
    OrtValue *result;             /* of the last step */
    float *floats;                /* the result, where the graph's is of 16 bits */
    size_t cap_floats;
};

int onnx_lane_new(const struct onnx_model *m, struct onnx_lane **out, struct err *e) {
    struct onnx_lane *lane = calloc(1, sizeof *lane);
    *out = lane;
    if (!lane)
        return err_nomem(e, "lane");
    lane->model = m;
    int rc = 0;
    for (int i = 0; i < GRAPH_ROLES && rc == 0; i++) {
        const struct onnx_graph *g = &m->graphs[i];
        if (!g->session)
            continue;
        lane->fed[i] = calloc((size_t)g->n_inputs, sizeof **lane->fed);
        if (!lane->fed[i])
            rc = err_nomem(e, "lane");
        else
            rc = onnx_check(m->library,
                            m->library->api->CreateIoBinding(g->session, &lane->bindings[i]),
                            g->path, e);
    }
    if (rc) {
        onnx_lane_free(lane);
        *out = NULL;
    }
    return rc;
}

void onnx_lane_free(struct onnx_lane *lane) {
    if (!lane)
        return;
    const OrtApi *api = lane->model->library->api;
    for (int i = 0; i < GRAPH_ROLES; i++) {
        if (lane->bindings[i])
            api->ReleaseIoBinding(lane->bindings[i]);
        for (int k = 0; lane->fed[i] && k < lane->model->graphs[i].n_inputs; k++) {
            if (lane->fed[i][k].value)
                api->ReleaseValue(lane->fed[i][k].value);
            free(lane->fed[i][k].data);
        }
        free(lane->fed[i]);
    }
    if (lane->result)
        api->ReleaseValue(lane->result);
    free(lane->floats);
    free(lane);
}

/* What goes into a step. */
struct feed {
    enum graph_role role;
    struct onnx_source *source;
    const struct onnx_state *in;
    const uint32_t *ids;
    size_t n, past; /* past: tokens that the graph has in `in` */
    bool all;
};

static void fill(void *data, ONNXTensorElementDataType type, size_t n, int64_t start, int64_t step,
                 const uint32_t *ids) {
    for (size_t i = 0; i < n; i++) {
        int64_t v = ids ? (int64_t)ids[i] : start + step * (int64_t)i;
        switch (type) {
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
            ((int64_t *)data)[i] = v;
            break;
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
            ((int32_t *)data)[i] = (int32_t)v;
            break;
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
            ((float *)data)[i] = (float)v;
            break;
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: /* a mask: 0 or 1 */
            ((uint16_t *)data)[i] = v ? 0x3c00 : 0;
            break;
        default:
            ((uint8_t *)data)[i] = v != 0;
        }
    }
}

/* Makes fed->value a tensor of the shape over fed->data, which has room for it. */
static int make_tensor(const struct onnx_model *m, const struct onnx_graph *g, struct fed *fed,
                       ONNXTensorElementDataType type, const int64_t *dims, size_t rank,
                       size_t *count, struct err *e) {
    const OrtApi *api = m->library->api;
    size_t n = 1;
    for (size_t i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    *count = n;
    size_t bytes = n * onnx_element_size(type);
    if (fed->value)
        api->ReleaseValue(fed->value);
    fed->value = NULL;
    if (bytes > fed->cap || !fed->data) {
        free(fed->data);
        fed->cap = 2 * bytes + 64;
        fed->data = malloc(fed->cap);
        if (!fed->data) {
            fed->cap = 0;
            return err_nomem(e, "input of a graph");
        }
    }
    return onnx_check(m->library,
                      api->CreateTensorWithDataAsOrtValue(m->library->cpu, fed->data, bytes, dims,
                                                          rank, type, &fed->value),
                      g->path, e);
}

/* Makes the tensor of an input that is neither past nor of the encoder. */
static int feed_plain(struct onnx_lane *lane, const struct feed *f, int i, struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    const struct onnx_input *in = &g->inputs[i];
    struct fed *fed = &lane->fed[f->role][i];
    int64_t dims[2] = {1, (int64_t)f->n}, start = 1, step = 0;
    size_t count;
    if (in->tensor.rank > 2)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: '%s' has %zu dimensions", g->path,
                       in->tensor.name, in->tensor.rank);
    switch (in->use) {
    case ONNX_MASK:
        dims[1] += (int64_t)f->past;
        break;
    case ONNX_SOURCE_MASK:
        dims[1] = (int64_t)f->source->n;
        break;
    case ONNX_POSITIONS:
        start = (int64_t)f->past;
        step = 1;
        break;
    case ONNX_TYPES:
        start = 0;
        break;
    case ONNX_CACHED:
        start = f->in != NULL;
        break;
    case ONNX_ROWS:
        start = f->all ? (int64_t)f->n : 1;
        break;
    default:
        break;
    }
    int rc = make_tensor(m, g, fed, in->tensor.type, dims, in->tensor.rank, &count, e);
    if (rc == 0)
        fill(fed->data, in->tensor.type, count, start, step, in->use == ONNX_IDS ? f->ids : NULL);
    return rc;
}

/* The past of a slot; without any, a tensor of no positions. */
static int feed_past(struct onnx_lane *lane, const struct feed *f, int i, const OrtValue **out,
                     struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    int at = g->inputs[i].slot;
    const struct onnx_slot *s = &m->slots.v[at];
    struct fed *fed = &lane->fed[f->role][i];
    size_t count;
    if (f->in && s->cross && f->source && f->source->cross && f->source->cross[at])
        *out = f->source->cross[at];
    else if (f->in && f->in->values[at])
        *out = f->in->values[at];
    else if (fed->value)
        *out = fed->value;
    else {
        int rc = make_tensor(m, g, fed, s->type, s->dims, s->rank, &count, e);
        *out = fed->value;
        return rc;
    }
    return 0;
}

static int bind_inputs(struct onnx_lane *lane, const struct feed *f, struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    int rc = 0;
    for (int i = 0; i < g->n_inputs && rc == 0; i++) {
        const OrtValue *v = NULL;
        enum onnx_use use = g->inputs[i].use;
        if ((use == ONNX_STATES || use == ONNX_SOURCE_MASK) && !f->source)
            return err_set(e, PRECIS_EUNSUPPORTED, "%s: input '%s' needs an encoder", g->path,
                           g->inputs[i].tensor.name);
        if (use == ONNX_PAST)
            rc = feed_past(lane, f, i, &v, e);
        else if (use == ONNX_STATES)
            v = f->source->states;
        else {
            rc = feed_plain(lane, f, i, e);
            v = lane->fed[f->role][i].value;
        }
        if (rc == 0)
            rc = onnx_check(
                m->library,
                m->library->api->BindInput(lane->bindings[f->role], g->inputs[i].tensor.name, v),
                g->path, e);
    }
    return rc;
}

/* The result first, then the slots that this step fills, in their order. */
static int bind_outputs(struct onnx_lane *lane, const struct feed *f, struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    const OrtApi *api = m->library->api;
    OrtIoBinding *binding = lane->bindings[f->role];
    /* The encoder's states go into the decoder. */
    const OrtMemoryInfo *place = f->role == GRAPH_ENCODER ? m->place : m->library->cpu;
    int rc =
        onnx_check(m->library, api->BindOutputToDevice(binding, g->result.name, place), g->path, e);
    for (int i = 0; g->present && i < m->slots.n && rc == 0; i++)
        if (g->present[i] && !(m->slots.v[i].cross && f->in))
            rc = onnx_check(m->library, api->BindOutputToDevice(binding, g->present[i], m->place),
                            g->path, e);
    return rc;
}

static int shape_of(const struct onnx_model *m, const struct onnx_graph *g, const OrtValue *v,
                    const char *name, size_t rank, int64_t dims[ONNX_MOST_RANK], struct err *e) {
    const OrtApi *api = m->library->api;
    OrtTensorTypeAndShapeInfo *info = NULL;
    size_t n = 0;
    int rc = onnx_check(m->library, api->GetTensorTypeAndShape(v, &info), g->path, e);
    if (rc == 0)
        rc = onnx_check(m->library, api->GetDimensionsCount(info, &n), g->path, e);
    if (rc == 0 && n != rank)
        rc = err_set(e, PRECIS_EINPUT, "%s: output '%s' came with %zu dimensions instead of %zu",
                     g->path, name, n, rank);
    if (rc == 0)
        rc = onnx_check(m->library, api->GetDimensions(info, dims, rank), g->path, e);
    if (info)
        api->ReleaseTensorTypeAndShapeInfo(info);
    return rc;
}

static int check_present(const struct onnx_model *m, const struct feed *f, int slot,
                         const OrtValue *v, struct err *e) {
    const struct onnx_graph *g = &m->graphs[f->role];
    const struct onnx_slot *s = &m->slots.v[slot];
    int64_t dims[ONNX_MOST_RANK], length = (int64_t)(f->past + f->n);
    int rc = shape_of(m, g, v, g->present[slot], s->rank, dims, e);
    if (s->cross)
        length = (int64_t)f->source->n;
    if (rc == 0 && dims[s->axis] != length)
        rc = err_set(e, PRECIS_EINPUT, "%s: output '%s' came with %lld positions instead of %lld",
                     g->path, g->present[slot], (long long)dims[s->axis], (long long)length);
    for (size_t i = 0; i < s->rank && rc == 0; i++)
        if (i != s->axis && dims[i] != s->dims[i])
            rc = err_set(e, PRECIS_EINPUT,
                         "%s: output '%s' came with %lld in dimension %zu instead of %lld", g->path,
                         g->present[slot], (long long)dims[i], i, (long long)s->dims[i]);
    return rc;
}

/* Takes the values of a step over: the result to the lane, the others to *out and the source. What
 * is not taken is NULL afterwards or left for the caller to release. */
static int take_values(struct onnx_lane *lane, const struct feed *f, OrtValue **values, size_t n,
                       struct onnx_state *out, struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    size_t at = 0;
    int rc = 0;
    if (n == 0)
        return err_set(e, PRECIS_EINPUT, "%s: gave no output", g->path);
    lane->result = values[at];
    values[at++] = NULL;
    for (int i = 0; g->present && i < m->slots.n && rc == 0; i++) {
        bool cross = m->slots.v[i].cross;
        if (!g->present[i] || (cross && f->in))
            continue;
        if (at >= n)
            return err_set(e, PRECIS_EINPUT, "%s: gave %zu outputs", g->path, n);
        OrtValue **to = out ? out->values : NULL;
        if (cross)
            to = f->source ? f->source->cross : NULL;
        if (!to)
            return err_set(e, PRECIS_EUNSUPPORTED, "%s: output '%s' has no place to go to", g->path,
                           g->present[i]);
        rc = check_present(m, f, i, values[at], e);
        if (rc)
            break;
        to[i] = values[at];
        values[at++] = NULL;
    }
    return rc;
}

static int run(struct onnx_lane *lane, const struct feed *f, struct onnx_state *out,
               struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    const OrtApi *api = m->library->api;
    OrtIoBinding *binding = lane->bindings[f->role];
    OrtValue **values = NULL;
    size_t n = 0;
    if (lane->result)
        api->ReleaseValue(lane->result);
    lane->result = NULL;
    api->ClearBoundInputs(binding);
    api->ClearBoundOutputs(binding);
    int rc = bind_inputs(lane, f, e);
    if (rc == 0)
        rc = bind_outputs(lane, f, e);
    if (rc == 0)
        rc = onnx_check(m->library, api->RunWithBinding(g->session, NULL, binding), g->path, e);
    if (rc == 0)
        rc = onnx_check(m->library,
                        api->GetBoundOutputValues(binding, m->library->names, &values, &n), g->path,
                        e);
    if (rc == 0)
        rc = take_values(lane, f, values, n, out, e);
    for (size_t i = 0; i < n; i++)
        if (values[i])
            api->ReleaseValue(values[i]);
    if (values) {
        OrtStatus *status = api->AllocatorFree(m->library->names, values);
        if (status)
            api->ReleaseStatus(status);
    }
    api->ClearBoundInputs(binding); /* they must not outlive what they point to */
    api->ClearBoundOutputs(binding);
    return rc;
}

/* The lane's result as rows of floats. */
static int read_rows(struct onnx_lane *lane, const struct feed *f, size_t width,
                     struct onnx_rows *rows, struct err *e) {
    const struct onnx_model *m = lane->model;
    const struct onnx_graph *g = &m->graphs[f->role];
    int64_t dims[ONNX_MOST_RANK];
    void *data = NULL;
    int rc = shape_of(m, g, lane->result, g->result.name, 3, dims, e);
    if (rc)
        return rc;
    if (dims[0] != 1 || (dims[1] != (int64_t)f->n && dims[1] != 1) || dims[2] != (int64_t)width)
        return err_set(e, PRECIS_EINPUT,
                       "%s: output '%s' came as [%lld, %lld, %lld] instead of [1, %zu, %zu]",
                       g->path, g->result.name, (long long)dims[0], (long long)dims[1],
                       (long long)dims[2], f->n, width);
    size_t n = (size_t)dims[1];
    *rows = (struct onnx_rows){.first = f->n - n, .n = n, .width = width};
    rc = onnx_check(m->library, m->library->api->GetTensorMutableData(lane->result, &data), g->path,
                    e);
    if (rc)
        return rc;
    if (g->result.type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
        rows->v = data;
        return 0;
    }
    size_t count = n * width;
    if (count > lane->cap_floats) {
        free(lane->floats);
        lane->floats = malloc(count * sizeof *lane->floats);
        lane->cap_floats = lane->floats ? count : 0;
        if (!lane->floats)
            return err_nomem(e, "logits");
    }
    const uint16_t *h = data;
    bool half = g->result.type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    for (size_t i = 0; i < count; i++)
        lane->floats[i] = half ? quant_f16_to_f32(h[i]) : quant_bf16_to_f32(h[i]);
    rows->v = lane->floats;
    return 0;
}

int onnx_step(struct onnx_lane *lane, struct onnx_source *source, const struct onnx_state *in,
              const uint32_t *ids, size_t n, bool all, struct onnx_state **out,
              struct onnx_rows *rows, struct err *e) {
    const struct onnx_model *m = lane->model;
    bool with_past = in && m->graphs[GRAPH_PAST].session;
    struct feed f = {.role = with_past ? GRAPH_PAST : GRAPH_MAIN,
                     .source = source,
                     .in = in,
                     .ids = ids,
                     .n = n,
                     .past = in ? in->length : 0,
                     .all = all};
    struct onnx_state *state = NULL;
    *out = NULL;
    if (m->slots.n) {
        state = calloc(1, sizeof *state + (size_t)m->slots.n * sizeof *state->values);
        if (!state)
            return err_nomem(e, "keys and values");
        state->references = 1;
        state->length = f.past + n;
    }
    if (source && !source->cross)
        source->cross = calloc((size_t)m->slots.n + 1, sizeof(OrtValue *));
    int rc = source && !source->cross ? err_nomem(e, "keys and values") : run(lane, &f, state, e);
    if (rc == 0)
        rc = read_rows(lane, &f, m->vocab ? m->vocab : m->width, rows, e);
    if (rc)
        onnx_state_drop(m, state);
    else
        *out = state;
    return rc;
}

int onnx_encode(struct onnx_lane *lane, const uint32_t *ids, size_t n, struct onnx_source *source,
                struct err *e) {
    const struct onnx_model *m = lane->model;
    struct feed f = {.role = GRAPH_ENCODER, .ids = ids, .n = n, .all = true};
    int64_t dims[ONNX_MOST_RANK];
    const struct onnx_graph *g = &m->graphs[GRAPH_ENCODER];
    int rc = run(lane, &f, NULL, e);
    if (rc == 0)
        rc = shape_of(m, g, lane->result, g->result.name, 3, dims, e);
    if (rc == 0 && (dims[0] != 1 || dims[1] != (int64_t)n || dims[2] != (int64_t)m->width))
        rc = err_set(e, PRECIS_EINPUT,
                     "%s: output '%s' came as [%lld, %lld, %lld] instead of [1, %zu, %zu]", g->path,
                     g->result.name, (long long)dims[0], (long long)dims[1], (long long)dims[2], n,
                     m->width);
    if (rc)
        return rc;
    source->n = n;
    source->states = lane->result;
    lane->result = NULL;
    return 0;
}

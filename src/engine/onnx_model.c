#include <stdlib.h>
#include <string.h>

#include "engine/onnx_step.h"

/* Logits of a step take at most so much: exports compute those of every token. */
enum { LOGIT_BYTES = 64 << 20, LEAST_ROWS = 32, MOST_ROWS = 512 };

static bool takes(const struct onnx_graph *g, enum onnx_use use) {
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i].use == use)
            return true;
    return false;
}

static int check_roles(const struct onnx_model *m, struct err *e) {
    const struct onnx_graph *main = &m->graphs[GRAPH_MAIN], *past = &m->graphs[GRAPH_PAST],
                            *encoder = &m->graphs[GRAPH_ENCODER];
    if (past->session && !past->takes_past)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: takes no past keys and values", past->path);
    if (past->session && main->takes_past)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s and %s: both take past keys and values",
                       main->path, past->path);
    if ((past->session && !past->is_logits) || (encoder->session && !main->is_logits))
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: has no output '%s'",
                       past->session && !past->is_logits ? past->path : main->path,
                       m->files.logits);
    if (main->is_logits && !encoder->session && takes(main, ONNX_TYPES))
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: the logits of an encoder (it takes token types): models that fill in "
                       "masks are not supported",
                       main->path);
    if (encoder->session && !takes(main, ONNX_STATES) && !takes(main, ONNX_PAST))
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: has no input 'encoder_hidden_states'",
                       main->path);
    if (!main->is_logits && main->takes_past)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: has no output '%s'", main->path,
                       m->files.logits);
    return 0;
}

/* Sizes that the graphs leave open come from the configuration. */
static int set_sizes(struct onnx_model *m, struct err *e) {
    const struct onnx_graph *g = &m->graphs[GRAPH_MAIN];
    int64_t last = g->result.dims[2];
    size_t size = last > 0 ? (size_t)last : g->is_logits ? m->files.vocab : m->files.hidden;
    if (size < 1 || size > 1 << 24)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: neither the graph nor a config.json says how wide '%s' is", g->path,
                       g->result.name);
    if (g->is_logits)
        m->vocab = size;
    else
        m->width = size;
    for (int i = 0; i < m->slots.n; i++) {
        const struct onnx_slot *s = &m->slots.v[i];
        size_t bytes = onnx_element_size(s->type);
        for (size_t d = 0; d < s->rank; d++)
            if (d != s->axis)
                bytes *= (size_t)s->dims[d];
        *(s->cross ? &m->cross_bytes : &m->slot_bytes) += bytes;
    }
    const struct onnx_tensor *states = &m->graphs[GRAPH_ENCODER].result;
    if (m->graphs[GRAPH_ENCODER].session) {
        m->width = states->dims[2] > 0 ? (size_t)states->dims[2] : m->files.hidden;
        m->cross_bytes += m->width * sizeof(float);
    }
    if (m->slots.n) {
        m->rows = LOGIT_BYTES / (m->vocab * sizeof(float));
        if (takes(g, ONNX_ROWS) || m->rows > MOST_ROWS)
            m->rows = MOST_ROWS;
        if (m->rows < LEAST_ROWS)
            m->rows = LEAST_ROWS;
    }
    return 0;
}

static int open_graphs(struct onnx_model *m, const OrtSessionOptions *o, struct err *e) {
    int rc = 0;
    for (int i = 0; i < GRAPH_ROLES && rc == 0; i++)
        if (m->files.files[i])
            rc = onnx_graph_open(m->library, o, &m->files, (enum graph_role)i, &m->slots,
                                 &m->graphs[i], e);
    if (rc == 0)
        rc = check_roles(m, e);
    for (int i = 0; i < GRAPH_ENCODER && rc == 0 && m->slots.n; i++)
        if (m->graphs[i].session)
            rc = onnx_graph_bind(m->library, &m->files, &m->slots, &m->graphs[i], e);
    return rc ? rc : set_sizes(m, e);
}

static int make_place(struct onnx_model *m, struct err *e) {
    const OrtApi *api = m->library->api;
    if (m->device == DEVICE_CUDA)
        return onnx_check(
            m->library,
            api->CreateMemoryInfo("Cuda", OrtDeviceAllocator, 0, OrtMemTypeDefault, &m->place),
            "CUDA", e);
    return onnx_check(m->library,
                      api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &m->place),
                      "CPU", e);
}

int onnx_model_open(const char *path, enum device device, struct onnx_model *m, struct err *e) {
    OrtSessionOptions *o = NULL;
    *m = (struct onnx_model){.device = device};
    int rc = graph_model_find(path, &m->files, e);
    if (rc == 0)
        rc = onnx_library_get(&m->library, e);
    if (rc == 0)
        rc = onnx_session_options(m->library, &m->device, &o, e);
    if (rc == 0)
        rc = make_place(m, e);
    if (rc == 0)
        rc = open_graphs(m, o, e);
    if (o)
        m->library->api->ReleaseSessionOptions(o);
    if (rc)
        onnx_model_close(m);
    return rc;
}

void onnx_model_close(struct onnx_model *m) {
    for (int i = 0; i < GRAPH_ROLES; i++)
        onnx_graph_close(m->library, &m->slots, &m->graphs[i]);
    if (m->place)
        m->library->api->ReleaseMemoryInfo(m->place);
    free(m->slots.v);
    graph_model_free(&m->files);
    *m = (struct onnx_model){0};
}

struct onnx_state *onnx_state_share(struct onnx_state *s) {
    if (s)
        s->references++;
    return s;
}

void onnx_state_drop(const struct onnx_model *m, struct onnx_state *s) {
    if (!s || --s->references > 0)
        return;
    for (int i = 0; i < m->slots.n; i++)
        if (s->values[i])
            m->library->api->ReleaseValue(s->values[i]);
    free(s);
}

void onnx_source_free(const struct onnx_model *m, struct onnx_source *s) {
    for (int i = 0; s->cross && i < m->slots.n; i++)
        if (s->cross[i])
            m->library->api->ReleaseValue(s->cross[i]);
    free(s->cross);
    if (s->states)
        m->library->api->ReleaseValue(s->states);
    *s = (struct onnx_source){0};
}

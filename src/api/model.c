#include "api/model.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "model/catalogue.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "model/graph.h"
#include "model/kind.h"
#include "text/tok_open.h"

void model_provenance(const struct model *m, const struct sampling *s, struct provenance *p) {
    const struct engine_info *info = engine_info(m->engine);
    p->model = m->name;
    p->model_revision = m->revision;
    p->precision = info->arithmetic;
    p->file_type = info->file_type;
    p->sampling = sampling_name(s->strategy);
    p->isa = info->isa;
    p->seed = s->seed;
}

static void cut_slashes(char *path) {
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
}

static void set_name(struct model *m, const char *asked) {
    if (catalogue_find(asked) || hub_is_name(asked))
        snprintf(m->name, sizeof m->name, "%.*s", (int)sizeof m->name - 1, asked);
    else
        config_name_from_path(m->name, sizeof m->name, m->path);
}

static int open_text(struct model *m, const struct model_options *o, unsigned parts,
                     const struct checkpoint *c, bool seq2seq, struct err *e) {
    int rc = tok_open(m->path, c, parts & MODEL_TOKENIZER_IF_ANY, &m->tok, e);
    if (rc)
        return rc;
    if (!(parts & MODEL_CHAT) || seq2seq)
        return 0;
    rc = chat_open(m->tok, o->chat_template, &m->chat, e);
    if (rc)
        err_prefix(e, m->path);
    return rc;
}

/* What is read of a model besides its text: a checkpoint, or the graphs of an ONNX model. */
static int open_weights(const struct model *m, struct checkpoint **c, struct graph_model *g,
                        struct err *e) {
    enum model_kind kind;
    int rc = model_kind_of(m->path, &kind, e);
    if (rc)
        return rc;
    return kind == MODEL_ONNX ? graph_model_find(m->path, g, e) : checkpoint_open(m->path, c, e);
}

int model_open(struct model *m, const struct model_options *o, unsigned parts, struct err *e) {
    *m = (struct model){0};
    struct checkpoint *c = NULL;
    struct graph_model graphs = {0};
    double started = clock_seconds();
    int rc = catalogue_resolve(o->name, m->path, sizeof m->path, e);
    if (rc == 0)
        cut_slashes(m->path);
    /* a tokenizer alone may be of a model that no engine runs */
    if (rc == 0 && parts & (MODEL_ENGINE | MODEL_REVISION))
        rc = open_weights(m, &c, &graphs, e);
    if (rc)
        goto done;
    set_name(m, o->name);
    if (parts & (MODEL_TOKENIZER | MODEL_TOKENIZER_IF_ANY | MODEL_CHAT))
        rc = open_text(m, o, parts, c, graphs.files[GRAPH_ENCODER] != NULL, e);
    if (rc == 0 && parts & MODEL_REVISION)
        rc = c ? checkpoint_revision(c, m->revision, e)
               : graph_model_revision(&graphs, m->revision, e);
    checkpoint_close(c);
    c = NULL;
    if (rc == 0 && parts & MODEL_ENGINE)
        rc = engine_open(m->path, &o->engine, &m->engine, e);
    if (rc == 0 && m->engine) {
        const struct engine_info *info = engine_info(m->engine);
        log_say(LOG_INFO, "%s: %s, weights %s, computing in %s on %d lanes (%s), ready in %.2f s",
                m->name, info->architecture, info->file_type, info->arithmetic, info->lanes,
                info->isa, clock_seconds() - started);
    }
done:
    checkpoint_close(c);
    graph_model_free(&graphs);
    if (rc)
        model_close(m);
    return rc;
}

void model_close(struct model *m) {
    engine_close(m->engine);
    chat_free(m->chat);
    tok_free(m->tok);
    *m = (struct model){0};
}

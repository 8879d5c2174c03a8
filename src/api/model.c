#include "api/model.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "model/catalogue.h"
#include "model/checkpoint.h"

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

static void set_name(struct model *m, const char *asked) {
    const char *base = strrchr(m->path, '/');
    const char *name = base ? base + 1 : m->path;
    if (catalogue_find(asked) || hub_is_name(asked))
        name = asked;
    snprintf(m->name, sizeof m->name, "%.*s", (int)sizeof m->name - 1, name);
}

static int open_text(struct model *m, const struct model_options *o, unsigned parts,
                     const struct checkpoint *c, struct err *e) {
    struct gguf *g = NULL;
    int rc = c ? 0 : gguf_open(m->path, &g, e);
    if (rc)
        return rc;
    rc = tok_from_gguf(c ? checkpoint_gguf(c) : g, &m->tok, e);
    gguf_close(g);
    if (rc)
        return rc == PRECIS_ENOMEM ? rc : (err_prefix(e, m->path), rc);
    if (!(parts & MODEL_CHAT))
        return 0;
    rc = chat_open(m->tok, o->chat_template, &m->chat, e);
    if (rc)
        err_prefix(e, m->path);
    return rc;
}

int model_open(struct model *m, const struct model_options *o, unsigned parts, struct err *e) {
    *m = (struct model){0};
    struct checkpoint *c = NULL;
    double started = clock_seconds();
    int rc = catalogue_resolve(o->name, m->path, sizeof m->path, e);
    /* a tokenizer alone may be of a model that no engine runs */
    if (rc == 0 && parts & (MODEL_ENGINE | MODEL_REVISION))
        rc = checkpoint_open(m->path, &c, e);
    if (rc)
        goto done;
    set_name(m, o->name);
    if (parts & (MODEL_TOKENIZER | MODEL_CHAT))
        rc = open_text(m, o, parts, c, e);
    if (rc == 0 && parts & MODEL_REVISION)
        rc = checkpoint_revision(c, m->revision, e);
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

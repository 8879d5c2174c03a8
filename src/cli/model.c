#include "cli/model.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "model/catalogue.h"
#include "model/config.h"
#include "model/gguf.h"

struct engine_options model_engine_options(const struct args *a, int max_sequences) {
    return (struct engine_options){.precision = (enum precision)a->precision,
                                   .lanes = (int)a->lanes,
                                   .max_sequences = max_sequences,
                                   .memory_limit = (size_t)a->memory_limit};
}

void model_sampling(const struct args *a, struct sampling *s) {
    *s = (struct sampling){.strategy = (enum sampling_strategy)a->strategy,
                           .temperature = (float)a->temperature,
                           .top_p = (float)a->top_p,
                           .top_k = (int)a->top_k,
                           .beams = (int)a->beams,
                           .length_penalty = (float)a->length_penalty,
                           .repetition_penalty = (float)a->repetition_penalty,
                           .no_repeat_ngram = (int)a->no_repeat_ngram,
                           .seed = a->seed};
}

void model_provenance(const struct model *m, const struct args *a, struct provenance *p) {
    const struct engine_info *info = engine_info(m->engine);
    p->model = m->name;
    p->model_revision = m->revision;
    p->precision = precision_name(info->precision);
    p->file_type = info->file_type;
    p->sampling = sampling_name((enum sampling_strategy)a->strategy);
    p->isa = info->isa;
    p->seed = a->seed;
}

static void set_name(struct model *m, const char *asked) {
    const char *base = strrchr(m->path, '/');
    const char *name = base ? base + 1 : m->path;
    for (const struct catalogue_entry *c = catalogue; c->name; c++)
        if (strcmp(c->name, asked) == 0)
            name = asked;
    snprintf(m->name, sizeof m->name, "%.*s", (int)sizeof m->name - 1, name);
}

static int open_text(struct model *m, const struct args *a, unsigned parts, const struct gguf *g,
                     struct err *e) {
    int rc = tok_from_gguf(g, &m->tok, e);
    if (rc)
        return rc == PRECIS_ENOMEM ? rc : (err_prefix(e, m->path), rc);
    if (!(parts & MODEL_CHAT))
        return 0;
    const char *name = a->chat_template ? choices_template[a->chat_template] : NULL;
    rc = chat_open(m->tok, name, &m->chat, e);
    if (rc)
        err_prefix(e, m->path);
    return rc;
}

int model_open(struct model *m, const struct args *a, unsigned parts, int max_sequences,
               struct err *e) {
    *m = (struct model){0};
    struct gguf *g = NULL;
    double started = clock_seconds();
    int rc = catalogue_resolve(a->model, m->path, sizeof m->path, e);
    if (rc == 0)
        rc = gguf_open(m->path, &g, e);
    if (rc)
        goto done;
    set_name(m, a->model);
    /* before the tokenizer: of what is wrong, the architecture is the thing to name */
    struct decoder_config config;
    if (parts & MODEL_ENGINE)
        rc = decoder_config_read(g, &config, e);
    if (rc == 0 && parts & (MODEL_TOKENIZER | MODEL_CHAT))
        rc = open_text(m, a, parts, g, e);
    if (rc == 0 && parts & MODEL_REVISION)
        rc = revision_of(m->path, gguf_bytes(g), gguf_size(g), m->revision, e);
    gguf_close(g);
    g = NULL;
    if (rc == 0 && parts & MODEL_ENGINE) {
        struct engine_options o = model_engine_options(a, max_sequences);
        rc = engine_open(m->path, &o, &m->engine, e);
    }
    if (rc == 0 && m->engine) {
        const struct engine_info *info = engine_info(m->engine);
        log_say(LOG_INFO, "%s: %s, weights %s, computing in %s on %d lanes (%s), ready in %.2f s",
                m->name, info->architecture, info->file_type, precision_name(info->precision),
                info->lanes, info->isa, clock_seconds() - started);
    }
done:
    gguf_close(g);
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

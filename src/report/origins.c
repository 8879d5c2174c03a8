#include "report/origins.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

enum { TEXTS = 8 };

struct origin {
    struct provenance p; /* of the strings below */
    char *texts[TEXTS];  /* as in the store, parameters last; owned */
    json_t *parameters;  /* owned; NULL: no JSON object */
    size_t lines;
};

static void origin_free(struct origin *o) {
    for (size_t i = 0; o && i < TEXTS; i++)
        free(o->texts[i]);
    if (o)
        json_decref(o->parameters);
    free(o);
}

void origins_free(struct origins *o) {
    for (size_t i = 0; i < o->n; i++)
        origin_free(o->v[i]);
    free(o->v);
    *o = (struct origins){0};
}

static void texts_of(const struct store_origin *made, const char *out[TEXTS]) {
    const char *const texts[TEXTS] = {
        made->model, made->model_revision, made->precision,       made->file_type,
        made->isa,   made->prompt_version, made->decoder_version, made->parameters};
    memcpy(out, texts, sizeof texts);
}

/* JSON has escapes, so what the store checked of its text does not hold of its values. */
static const char *parameter(const struct origin *o, const char *name) {
    const char *value = json_string_value(json_object_get(o->parameters, name));
    return value && !utf8_has_controls(value, strlen(value)) ? value : "not known";
}

/* Parameters that are no JSON are those of a store that precis did not write: they say nothing. */
static struct origin *origin_new(const struct store_origin *made) {
    const char *texts[TEXTS];
    struct origin *o = calloc(1, sizeof *o);
    bool ok = o != NULL;
    texts_of(made, texts);
    for (size_t i = 0; ok && i < TEXTS; i++)
        ok = (o->texts[i] = strdup(texts[i])) != NULL;
    if (!ok) {
        origin_free(o);
        return NULL;
    }
    json_error_t why;
    o->parameters = json_read(o->texts[TEXTS - 1], strlen(o->texts[TEXTS - 1]), 0, &why);
    if (json_lacked_memory(o->parameters, &why)) {
        origin_free(o);
        return NULL;
    }
    o->p = (struct provenance){.model = o->texts[0],
                               .model_revision = o->texts[1],
                               .precision = o->texts[2],
                               .file_type = o->texts[3],
                               .isa = o->texts[4],
                               .prompt_version = o->texts[5],
                               .sampling = parameter(o, "strategy"),
                               .judged_by = parameter(o, "judged_by"),
                               .seed = made->seed};
    return o;
}

static bool same(const struct origin *o, const struct store_origin *made) {
    const char *texts[TEXTS];
    texts_of(made, texts);
    bool equal = o->p.seed == made->seed;
    for (size_t i = 0; equal && i < TEXTS; i++)
        equal = strcmp(o->texts[i], texts[i]) == 0;
    return equal;
}

static struct origin *find(struct origins *o, const struct store_origin *made, struct err *e) {
    for (size_t i = 0; i < o->n; i++)
        if (same(o->v[i], made))
            return o->v[i];
    void *grown = o->v;
    bool room = array_grow(&grown, o->n, &o->cap, sizeof(struct origin *));
    o->v = grown;
    struct origin *made_new = room ? origin_new(made) : NULL;
    if (!made_new) {
        err_nomem(e, "report");
        return NULL;
    }
    return o->v[o->n++] = made_new;
}

int origins_find(struct origins *o, const struct store_origin *made, const struct provenance **out,
                 struct err *e) {
    const struct origin *found = find(o, made, e);
    *out = found ? &found->p : NULL;
    return found ? 0 : PRECIS_ENOMEM;
}

int origins_count(struct origins *o, const struct store_origin *made, struct err *e) {
    struct origin *found = find(o, made, e);
    if (found)
        found->lines++;
    return found ? 0 : PRECIS_ENOMEM;
}

const struct provenance *origins_most(const struct origins *o) {
    const struct origin *most = o->n ? o->v[0] : NULL;
    for (size_t i = 1; i < o->n; i++)
        if (o->v[i]->lines > most->lines)
            most = o->v[i];
    return most ? &most->p : NULL;
}

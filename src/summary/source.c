#include "summary/source.h"

int source_parse(struct source_file *s, const struct lang *lang, struct err *why) {
    int rc = tree_parse(lang, (const char *)s->m.data, s->m.size, &s->tree, why);
    if (rc == 0)
        rc = symbols_find(&s->tree, &s->symbols, why);
    s->parsed = rc == 0;
    if (rc)
        tree_free(&s->tree);
    return rc == PRECIS_ENOMEM ? rc : 0;
}

int source_open(const struct plan *p, const struct plan_file *f, struct source_file *s,
                struct err *e) {
    struct err why;
    *s = (struct source_file){0};
    int rc = plan_open(p, f, &s->m, &s->chunks, e);
    if (rc || s->m.size == 0 || source_parse(s, f->file->lang, &why) == 0)
        return rc;
    source_close(s);
    return err_nomem(e, f->file->path);
}

void source_close(struct source_file *s) {
    symbols_free(&s->symbols);
    tree_free(&s->tree);
    chunks_free(&s->chunks);
    file_unmap(&s->m);
    *s = (struct source_file){0};
}

#include "summary/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/utf8.h"

static uint64_t lines_in(const struct mapping *m) {
    return chunk_count_newlines(m->data, m->size) + (m->size && m->data[m->size - 1] != '\n');
}

static int set_name(struct plan_file *f, struct err *e) {
    const char *name = f->file->name;
    f->name = name;
    if (utf8_valid(name, strlen(name)))
        return 0;
    struct buf b = {0};
    utf8_append_valid(&b, name, strlen(name));
    if (buf_failed(&b))
        return err_nomem(e, name);
    f->name = f->valid_name = b.data;
    return 0;
}

static int add_file(struct plan *p, const struct walk_file *wf, struct err *e) {
    struct plan_file *f = &p->files[p->n++];
    *f = (struct plan_file){.file = wf, .first_chunk = p->n_chunks};
    int rc = set_name(f, e);
    if (rc)
        return rc;
    struct mapping m;
    struct err why;
    rc = file_map(wf->path, &m, &why);
    if (rc == PRECIS_ENOMEM)
        return err_nomem(e, wf->path);
    if (rc) {
        f->error = strdup(why.text);
        if (!f->error)
            return err_nomem(e, wf->path);
        f->n_chunks = 1;
    } else {
        f->lines = lines_in(&m);
        f->n_chunks = (size_t)(f->lines / p->loc + (f->lines % p->loc != 0));
        f->hash = hash_bytes(m.data, m.size, 0);
        p->bytes += m.size;
        p->lines += f->lines;
        file_unmap(&m);
    }
    p->n_chunks += f->n_chunks;
    return 0;
}

int plan_make(const struct walk *w, uint64_t loc, struct plan *p, struct err *e) {
    *p = (struct plan){.loc = loc};
    p->files = calloc(w->n ? w->n : 1, sizeof *p->files);
    if (!p->files)
        return err_nomem(e, "list of files");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->n; i++)
        rc = add_file(p, &w->files[i], e);
    if (rc)
        plan_free(p);
    return rc;
}

void plan_free(struct plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->files[i].valid_name);
        free(p->files[i].error);
    }
    free(p->files);
    *p = (struct plan){0};
}

int plan_open(const struct plan *p, const struct plan_file *f, struct mapping *m,
              struct chunks *chunks, struct err *e) {
    *m = (struct mapping){0};
    *chunks = (struct chunks){0};
    if (f->error)
        return err_set(e, PRECIS_EIO, "%s", f->error);
    int rc = file_map(f->file->path, m, e);
    if (rc)
        return rc;
    if (hash_bytes(m->data, m->size, 0) != f->hash || lines_in(m) != f->lines)
        rc = err_set(e, PRECIS_EINPUT, "%s: the file changed after its lines were counted",
                     f->file->path);
    else
        rc = chunk_lines(m->data, m->size, p->loc, chunks, e);
    if (rc == 0 && chunks->n != f->n_chunks)
        rc = err_set(e, PRECIS_EINPUT, "%s: the file changed after its lines were counted",
                     f->file->path);
    if (rc) {
        chunks_free(chunks);
        *chunks = (struct chunks){0};
        file_unmap(m);
    }
    return rc;
}

void plan_lines(const struct plan *p, const struct plan_file *f, size_t k, uint64_t *first,
                uint64_t *last) {
    *first = f->lines ? k * p->loc + 1 : 0;
    *last = f->lines - *first < p->loc ? f->lines : *first + p->loc - 1;
}

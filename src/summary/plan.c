#include "summary/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"
#include "code/changes.h"
#include "code/chunk_tree.h"
#include "summary/source.h"

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

/* Where the chunks of a file end that is cut by its structure. */
static int keep_ends(struct plan_file *f, const struct chunks *cut, struct err *e) {
    f->n_chunks = cut->n;
    f->last_lines = malloc(cut->n * sizeof *f->last_lines);
    if (!f->last_lines)
        return err_nomem(e, f->name);
    for (size_t k = 0; k < cut->n; k++)
        f->last_lines[k] = (uint32_t)cut->v[k].end_line; /* no line is empty: below 2^32 */
    return 0;
}

/* Cuts s, of which m is filled in. */
static int cut_by_structure(struct plan *p, struct plan_file *f, struct source_file *s,
                            struct err *e) {
    struct err why = {0};
    int rc = source_parse(s, f->file->lang, &why);
    if (rc)
        return err_nomem(e, f->name);
    if (!s->parsed) {
        p->by_lines++;
        log_say(LOG_INFO, "%s: cut by lines: %s", f->name, why.text);
        return 0;
    }
    rc = chunk_tree(&s->tree, &s->symbols, p->loc, &s->chunks, e);
    return rc ? rc : keep_ends(f, &s->chunks, e);
}

static int add_file(struct plan *p, const struct plan_options *o, const struct walk_file *wf,
                    struct err *e) {
    struct plan_file *f = &p->files[p->n++];
    *f = (struct plan_file){.file = wf, .first_chunk = p->n_chunks};
    int rc = set_name(f, e);
    if (rc)
        return rc;
    struct source_file s = {0};
    struct err why;
    rc = file_read(wf->path, &s.m, &why);
    if (rc == PRECIS_ENOMEM)
        return err_nomem(e, wf->path);
    if (rc) {
        f->error = strdup(why.text);
        if (!f->error)
            return err_nomem(e, wf->path);
        f->n_chunks = 1;
        rc = 0;
    } else {
        f->lines = lines_in(&s.m);
        f->n_chunks = (size_t)(f->lines / p->loc + (f->lines % p->loc != 0));
        f->hash = hash_bytes(s.m.data, s.m.size, 0);
        p->bytes += s.m.size;
        p->lines += f->lines;
        if (o->hashes)
            rc = hash_sha256(s.m.data, s.m.size, f->sha256, e);
        if (rc == 0 && o->mode == CHUNK_STRUCTURE && f->lines)
            rc = cut_by_structure(p, f, &s, e);
        source_close(&s);
    }
    p->n_chunks += f->n_chunks;
    for (size_t k = 0; rc == 0 && k < f->n_chunks; k++)
        p->n_asked += plan_asks(p, f, k);
    return rc;
}

int plan_make(const struct walk *w, const struct plan_options *options, struct plan *p,
              struct err *e) {
    *p = (struct plan){.loc = options->loc};
    p->files = calloc(w->n ? w->n : 1, sizeof *p->files);
    if (!p->files)
        return err_nomem(e, "list of files");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        rc = add_file(p, options, &w->files[i], e);
        if (rc == 0 && options->stop && atomic_load(options->stop))
            rc = err_set(e, PRECIS_ECANCELLED, "cancelled");
    }
    if (rc)
        plan_free(p);
    return rc;
}

void plan_free(struct plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->files[i].valid_name);
        free(p->files[i].error);
        free(p->files[i].last_lines);
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
    int rc = file_read(f->file->path, m, e);
    if (rc)
        return rc;
    if (hash_bytes(m->data, m->size, 0) != f->hash || lines_in(m) != f->lines)
        rc = err_set(e, PRECIS_EINPUT, "%s: the file changed after its lines were counted",
                     f->file->path);
    else if (f->last_lines)
        rc = chunk_at(m->data, m->size, f->last_lines, f->n_chunks, chunks, e);
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

bool plan_asks(const struct plan *p, const struct plan_file *f, size_t k) {
    uint64_t first, last;
    if (!f->file->changed || f->error)
        return true;
    plan_lines(p, f, k, &first, &last);
    return changes_touch(f->file->changed, first, last);
}

void plan_lines(const struct plan *p, const struct plan_file *f, size_t k, uint64_t *first,
                uint64_t *last) {
    if (f->last_lines) {
        *first = k ? (uint64_t)f->last_lines[k - 1] + 1 : 1;
        *last = f->last_lines[k];
        return;
    }
    *first = f->lines ? k * p->loc + 1 : 0;
    *last = f->lines - *first < p->loc ? f->lines : *first + p->loc - 1;
}

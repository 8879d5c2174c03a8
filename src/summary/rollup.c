#include "summary/rollup.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/pool.h"
#include "summary/rollup_impl.h"

int rollup_new(struct rollup **out, struct err *e) {
    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_nomem(e, "roll-up");
    (*out)->file = ROLLUP_NONE;
    return 0;
}

void rollup_free(struct rollup *r) {
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++) {
        free(r->nodes[i].symbol);
        free(r->nodes[i].line);
    }
    free(r->nodes);
    folders_free(&r->folders);
    free(r);
}

static int add_node(struct rollup *r, enum summary_level level, const char *path, struct err *e) {
    void *grown = r->nodes;
    bool room = array_grow(&grown, r->n, &r->cap, sizeof *r->nodes);
    r->nodes = grown;
    if (!room)
        return err_nomem(e, "roll-up");
    r->nodes[r->n++] = (struct rollup_node){.level = level,
                                            .path = path,
                                            .first = ROLLUP_NONE,
                                            .last = ROLLUP_NONE,
                                            .next = ROLLUP_NONE};
    return 0;
}

static void link_child(struct rollup *r, size_t parent, size_t child) {
    struct rollup_node *p = &r->nodes[parent];
    if (p->first == ROLLUP_NONE)
        p->first = child;
    else
        r->nodes[p->last].next = child;
    p->last = child;
}

/* Two files may be shown by the same name: then the lines begin anew. */
static bool begins_file(const struct rollup *r, const struct summary *chunk) {
    if (r->file == ROLLUP_NONE)
        return true;
    const struct rollup_node *f = &r->nodes[r->file];
    return strcmp(f->path, chunk->file_path) != 0 || chunk->start_line <= f->end_line;
}

int rollup_add(struct rollup *r, const struct summary *chunk, struct err *e) {
    int rc = 0;
    if (begins_file(r, chunk)) {
        rc = add_node(r, SUMMARY_FILE, chunk->file_path, e);
        if (rc)
            return rc;
        r->file = r->n - 1;
        r->n_files++;
        r->nodes[r->file].start_line = chunk->start_line ? 1 : 0;
        r->nodes[r->file].lang = chunk->lang;
    }
    r->nodes[r->file].end_line = chunk->end_line;
    if (chunk->aside && chunk->error && !chunk->known && !r->nodes[r->file].partial) {
        r->nodes[r->file].partial = true;
        r->n_files--;
    }
    if (chunk->error)
        return 0;
    rc = add_node(r, SUMMARY_CHUNK, chunk->file_path, e);
    if (rc)
        return rc;
    struct rollup_node *c = &r->nodes[r->n - 1];
    c->start_line = chunk->start_line;
    c->end_line = chunk->end_line;
    c->confidence = chunk->confidence;
    strncpy(c->source, chunk->source, sizeof c->source - 1);
    c->line = strdup(chunk->summary);
    c->symbol = chunk->symbol ? strdup(chunk->symbol) : NULL;
    if (!c->line || (chunk->symbol && !c->symbol))
        return err_nomem(e, "roll-up");
    link_child(r, r->file, r->n - 1);
    return 0;
}

struct path {
    const char *path;
    size_t node;
};

static int by_path(const void *a, const void *b) {
    const struct path *x = a, *y = b;
    int c = strcmp(x->path, y->path);
    return c ? c : (x->node > y->node) - (x->node < y->node);
}

/* files: [n_files] nodes, in the order of their paths. */
static int list_files(const struct rollup *r, size_t *files, const char **names, struct err *e) {
    struct path *paths = calloc(r->n_files, sizeof *paths);
    if (!paths)
        return err_nomem(e, "roll-up");
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->nodes[i].level == SUMMARY_FILE && !r->nodes[i].partial)
            paths[n++] = (struct path){r->nodes[i].path, i};
    qsort(paths, n, sizeof *paths, by_path);
    for (size_t i = 0; i < n; i++) {
        files[i] = paths[i].node;
        names[i] = paths[i].path;
    }
    free(paths);
    return 0;
}

/* Nodes for folders, in the order of r->folders; *top is the first. A folder's files go before the
 * folders in it. */
static int add_folders(struct rollup *r, const size_t *files, size_t *top, struct err *e) {
    const struct folders *f = &r->folders;
    *top = r->n;
    for (size_t i = 0; i < f->n; i++) {
        int rc = add_node(r, i ? SUMMARY_DIRECTORY : SUMMARY_REPOSITORY, f->v[i].path, e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < r->n_files; i++)
        link_child(r, *top + f->of[i], files[i]);
    for (size_t i = 1; i < f->n; i++)
        link_child(r, *top + f->v[i].parent, *top + i);
    return 0;
}

struct place {
    size_t depth, node;
};

static int deepest_first(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? 1 : -1;
    return (x->node > y->node) - (x->node < y->node);
}

static int make_folders(struct rollup *r, const struct rollup_work *w, size_t top, struct err *e) {
    size_t n = r->folders.n;
    struct place *places = calloc(n, sizeof *places);
    size_t *level = calloc(n, sizeof *level);
    bool over = false;
    int rc = places && level ? 0 : err_nomem(e, "roll-up");
    for (size_t i = 0; rc == 0 && i < n; i++)
        places[i] = (struct place){r->folders.v[i].depth, top + i};
    if (rc == 0)
        qsort(places, n, sizeof *places, deepest_first);
    for (size_t first = 0, end; rc == 0 && !over && first < n; first = end) {
        for (end = first; end < n && places[end].depth == places[first].depth; end++)
            level[end - first] = places[end].node;
        rc = rollup_level(r, w, level, end - first, r->n_files + first, &over, e);
    }
    free(places);
    free(level);
    return rc;
}

int rollup_execute(struct rollup *r, const struct rollup_work *w, struct err *e) {
    if (!r->n_files)
        return 0;
    double began = clock_seconds();
    size_t *files = calloc(r->n_files, sizeof *files), top = 0;
    const char **names = calloc(r->n_files, sizeof *names);
    bool over = false;
    int rc = files && names ? list_files(r, files, names, e) : err_nomem(e, "roll-up");
    if (rc == 0)
        rc = folders_make(names, r->n_files, &r->folders, e);
    bool only_files = w->options->rollup_files;
    if (rc == 0)
        rc = add_folders(r, files, &top, e);
    if (rc == 0) {
        w->stats->rollups_total = r->n_files + (only_files ? 0 : r->folders.n);
        rc = rollup_level(r, w, files, r->n_files, 0, &over, e);
    }
    if (rc == 0 && !over && !only_files)
        rc = make_folders(r, w, top, e);
    w->stats->rollup_seconds = clock_seconds() - began;
    free(files);
    free(names);
    return rc;
}

#include "summary/folders.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static int add(struct folders *f, const char *path, size_t len, size_t parent, struct err *e) {
    void *grown = f->v;
    bool room = array_grow(&grown, f->n, &f->cap, sizeof *f->v);
    f->v = grown;
    char *copy = room ? strndup(path, len) : NULL;
    if (!copy)
        return err_nomem(e, "list of folders");
    f->v[f->n] = (struct folder){copy, parent, f->n ? f->v[parent].depth + 1 : 0};
    f->n++;
    return 0;
}

static bool lies_in(const char *path, const struct folder *folder) {
    size_t n = strlen(folder->path);
    return n == 0 || (strncmp(path, folder->path, n) == 0 && path[n] == '/');
}

/* From the folder of the path before: up to what they share, then down. */
static int place(struct folders *f, const char *path, size_t *at, struct err *e) {
    while (!lies_in(path, &f->v[*at]))
        *at = f->v[*at].parent;
    size_t from = strlen(f->v[*at].path);
    for (size_t i = from + 1; path[from] && path[i]; i++) {
        if (path[i] != '/' || path[i - 1] == '/')
            continue;
        int rc = add(f, path, i, *at, e);
        if (rc)
            return rc;
        *at = f->n - 1;
    }
    return 0;
}

int folders_make(const char *const *paths, size_t n, struct folders *out, struct err *e) {
    *out = (struct folders){0};
    size_t at = 0;
    out->of = calloc(n ? n : 1, sizeof *out->of);
    int rc = out->of ? add(out, "", 0, 0, e) : err_nomem(e, "list of folders");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = place(out, paths[i], &at, e);
        out->of[i] = at;
    }
    if (rc)
        folders_free(out);
    return rc;
}

void folders_free(struct folders *f) {
    for (size_t i = 0; i < f->n; i++)
        free((char *)(uintptr_t)f->v[i].path);
    free(f->v);
    free(f->of);
    *f = (struct folders){0};
}

const char *folders_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

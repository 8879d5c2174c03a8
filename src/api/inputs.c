#include "api/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

static int none_found(const char *path, const struct walk_stats *s, struct err *e) {
    size_t skipped = s->ignored + s->not_code + s->binary + s->generated + s->too_large +
                     s->unreadable + s->links_out + s->special;
    if (skipped == 0)
        return err_set(e, PRECIS_EINPUT, "%s: no source files: the folder has no files", path);
    return err_set(e, PRECIS_EINPUT,
                   "%s: no source files (skipped: %zu ignored, %zu not code, %zu binary, %zu "
                   "generated, %zu too large, %zu unreadable, %zu other)%s",
                   path, s->ignored, s->not_code, s->binary, s->generated, s->too_large,
                   s->unreadable, s->links_out + s->special,
                   s->not_code ? "; --all-text takes every text file" : "");
}

static int walk_one(const char *path, const struct walk_options *o, struct walk *w, struct err *e) {
    if (!*path)
        return err_set(e, PRECIS_EUSAGE, "\"\": is not a path");
    int rc = walk_tree(path, o, w, e);
    if (rc)
        return rc;
    if (w->n == 0)
        return none_found(path, &w->stats, e);
    size_t bytes = 0;
    for (size_t i = 0; i < w->n; i++)
        bytes += w->files[i].size;
    if (bytes == 0)
        return err_set(e, PRECIS_EINPUT, "%s: %s", path,
                       w->n == 1 ? "is empty" : "every file in it is empty");
    return 0;
}

/* The path as a prefix of names: without "./" before and '/' after; "" for "." itself. */
static int prefix_names(const char *path, struct walk *w, struct err *e) {
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        /* a file: its name is the path as it was given */
        for (size_t i = 0; i < w->n; i++) {
            char *name = strdup(path);
            if (!name)
                return err_nomem(e, path);
            free(w->files[i].name);
            w->files[i].name = name;
        }
        return 0;
    }
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0 || (len == 1 && path[0] == '.'))
        return 0;
    for (size_t i = 0; i < w->n; i++) {
        char *old = w->files[i].name, *name;
        if (asprintf(&name, "%.*s/%s", (int)len, path, old) < 0)
            return err_nomem(e, path);
        w->files[i].name = name;
        free(old);
    }
    return 0;
}

static void add_stats(struct walk_stats *to, const struct walk_stats *s) {
    to->folders += s->folders;
    to->ignored += s->ignored;
    to->not_code += s->not_code;
    to->binary += s->binary;
    to->generated += s->generated;
    to->too_large += s->too_large;
    to->unreadable += s->unreadable;
    to->links_out += s->links_out;
    to->special += s->special;
}

/* Moves the files of `from` behind those of `w`. */
static int append(struct walk *w, struct walk *from, struct err *e) {
    if (!from->files)
        return 0;
    struct walk_file *files = realloc(w->files, (w->n + from->n) * sizeof *files);
    if (!files)
        return err_nomem(e, "list of files");
    memcpy(files + w->n, from->files, from->n * sizeof *files);
    w->files = files;
    w->n += from->n;
    add_stats(&w->stats, &from->stats);
    free(from->files);
    *from = (struct walk){0};
    return 0;
}

struct seen {
    dev_t device;
    ino_t inode;
    size_t index;
};

static int by_identity(const void *a, const void *b) {
    const struct seen *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Keeps the first of files that are the same file. */
static int drop_twins(struct walk *w, struct err *e) {
    struct seen *seen = calloc(w->n, sizeof *seen);
    bool *twin = calloc(w->n, sizeof *twin);
    if (!seen || !twin) {
        free(seen);
        free(twin);
        return err_nomem(e, "list of files");
    }
    for (size_t i = 0; i < w->n; i++) {
        struct stat st;
        seen[i].index = i;
        if (stat(w->files[i].path, &st) == 0)
            seen[i].device = st.st_dev, seen[i].inode = st.st_ino;
    }
    qsort(seen, w->n, sizeof *seen, by_identity);
    for (size_t i = 1; i < w->n; i++)
        if (seen[i].inode && seen[i].inode == seen[i - 1].inode &&
            seen[i].device == seen[i - 1].device)
            twin[seen[i].index] = true;
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (twin[i]) {
            free(w->files[i].path);
            free(w->files[i].name);
        } else {
            w->files[kept++] = w->files[i];
        }
    }
    w->n = kept;
    free(seen);
    free(twin);
    return 0;
}

int inputs_find(const char *const *paths, size_t n, const struct walk_options *o, struct walk *w,
                struct err *e) {
    *w = (struct walk){0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct walk one = {0};
        rc = walk_one(paths[i], o, &one, e);
        if (rc == 0 && n > 1)
            rc = prefix_names(paths[i], &one, e);
        if (rc == 0)
            rc = append(w, &one, e);
        walk_free(&one);
    }
    if (rc == 0 && n > 1)
        rc = drop_twins(w, e);
    if (rc) {
        walk_free(w);
        *w = (struct walk){0};
        return rc;
    }
    const struct walk_stats *s = &w->stats;
    log_say(LOG_INFO,
            "%zu files; skipped: %zu ignored, %zu not code, %zu binary, %zu generated, %zu too "
            "large, %zu unreadable, %zu other",
            w->n, s->ignored, s->not_code, s->binary, s->generated, s->too_large, s->unreadable,
            s->links_out + s->special);
    return 0;
}

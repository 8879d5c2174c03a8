#include "report/derive.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "report/origins.h"
#include "store/cache.h"
#include "summary/folders.h"

/* A line about a folder or the whole, kept because folders come last and from the deepest up. */
struct folder_line {
    char *path; /* in the report; owned, like the other texts */
    char *text, *source;
    size_t depth;
    struct summary s;
};

struct derivation {
    struct store *store;
    const char *path;
    size_t prefix;     /* bytes of a path in the store that are not shown */
    atomic_bool *stop; /* NULL: nothing stops it */
    char **files;      /* that are on the disk, in byte order; owned */
    size_t n_files, cap_files;
    struct origins origins;
    struct folder_line *folders; /* owned */
    size_t n_folders, cap_folders;
    struct report *report;
    struct derived *out;

    /* of the file at hand */
    const struct store_file *file;
    uint64_t next; /* the first line that no chunk had yet; 0: there was no chunk */
};

static void derivation_free(struct derivation *d) {
    for (size_t i = 0; i < d->n_folders; i++) {
        free(d->folders[i].path);
        free(d->folders[i].text);
        free(d->folders[i].source);
    }
    free(d->folders);
    for (size_t i = 0; i < d->n_files; i++)
        free(d->files[i]);
    free(d->files);
    report_free(d->report);
    origins_free(&d->origins);
}

/* What a path in the store is called in the report. The path asked for is the whole, or a file. */
static const char *shown(const struct derivation *d, const char *path, bool is_folder) {
    if (strlen(path) < d->prefix)
        return is_folder ? "" : folders_base(path);
    return path + d->prefix;
}

/* The same of a path that may be in another folder. */
static const char *shown_before(const struct derivation *d, const char *path) {
    size_t n = strlen(d->path);
    bool below = n && strncmp(path, d->path, n) == 0 && path[n] == '/';
    return below ? path + d->prefix : path;
}

static int check_stop(const struct derivation *d, struct err *e) {
    return d->stop && atomic_load(d->stop) ? err_set(e, PRECIS_ECANCELLED, "cancelled") : 0;
}

/* Borrows from l. */
static int summary_of(struct derivation *d, const struct store_line *l, struct summary *s,
                      struct err *e) {
    *s =
        (struct summary){.level = (enum summary_level)l->level,
                         .file_path = shown(d, l->path, l->level >= STORE_DIRECTORY),
                         .start_line = l->start_line,
                         .end_line = l->end_line,
                         .lang = l->language ? lang_by_name(l->language) : NULL,
                         .symbol = l->symbol,
                         .summary = l->line,
                         .confidence = l->confidence,
                         .source = l->source,
                         .tokens_in = (size_t)l->tokens_in,
                         .tokens_out = (size_t)l->tokens_out,
                         .elapsed_ms = l->elapsed_ms,
                         .cut = l->cut,
                         .renamed_from = l->renamed_from ? shown_before(d, l->renamed_from) : NULL};
    if (l->level >= STORE_DIRECTORY)
        s->level = *s->file_path ? SUMMARY_DIRECTORY : SUMMARY_REPOSITORY;
    hash_hex(l->text, sizeof l->text, s->sha256);
    int rc = check_stop(d, e);
    return rc ? rc : origins_find(&d->origins, l->made, &s->made, e);
}

/* ---- What is still on the disk ---- */

static int note_file(void *user, const struct store_file *f, struct err *e) {
    struct derivation *d = user;
    bool gone;
    int rc = check_stop(d, e);
    if (rc == 0)
        rc = store_gone(d->store, f->path, &gone, e);
    if (rc)
        return rc;
    d->out->gone += gone;
    if (gone)
        return 0;
    void *grown = d->files;
    bool room = array_grow(&grown, d->n_files, &d->cap_files, sizeof *d->files);
    d->files = grown;
    char *path = room ? strdup(f->path) : NULL;
    if (!path)
        return err_nomem(e, "report");
    d->files[d->n_files++] = path;
    return 0;
}

static int compare_file(const void *path, const void *file) {
    return strcmp(path, *(char *const *)file);
}

/* Equal where the file lies below the folder. */
static int compare_folder(const void *folder, const void *file) {
    const char *path = *(char *const *)file;
    size_t n = strlen(folder);
    int c = strncmp(folder, path, n);
    return c ? c : '/' - (unsigned char)path[n];
}

static bool is_there(const struct derivation *d, const char *file) {
    return d->n_files && bsearch(file, d->files, d->n_files, sizeof *d->files, compare_file);
}

static bool has_files(const struct derivation *d, const char *folder) {
    return d->n_files &&
           (!*folder || bsearch(folder, d->files, d->n_files, sizeof *d->files, compare_folder));
}

/* ---- First pass: how the lines were made, and those about folders ---- */

static int keep_folder(struct derivation *d, const struct store_line *l, struct err *e) {
    struct folder_line line = {.depth = 0};
    int rc = summary_of(d, l, &line.s, e);
    if (rc)
        return rc;
    void *grown = d->folders;
    bool ok = array_grow(&grown, d->n_folders, &d->cap_folders, sizeof *d->folders);
    d->folders = grown;
    if (!ok)
        return err_nomem(e, "report");
    line.s.symbol = line.s.renamed_from = NULL; /* folders have neither */
    line.s.file_path = line.path = strdup(line.s.file_path);
    line.s.summary = line.text = strdup(l->line);
    line.s.source = line.source = strdup(l->source);
    for (const char *p = line.path ? line.path : ""; *p; p++)
        line.depth += *p == '/';
    line.depth += line.path && *line.path;
    ok = line.path && line.text && line.source;
    d->folders[d->n_folders++] = line;
    return ok ? 0 : err_nomem(e, "report");
}

static int look(void *user, const struct store_line *l, struct err *e) {
    struct derivation *d = user;
    int rc = check_stop(d, e);
    if (rc)
        return rc;
    bool folder = l->level >= STORE_DIRECTORY;
    if (folder ? !has_files(d, l->path) : !is_there(d, l->path))
        return 0;
    d->out->lines++;
    return folder ? keep_folder(d, l, e) : origins_count(&d->origins, l->made, e);
}

/* The deepest first, then as a walk comes by them: what lies in a folder after the folder, and
 * before what its name is only the beginning of. */
static int by_depth(const void *a, const void *b) {
    const struct folder_line *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? 1 : -1;
    const char *p = x->path, *q = y->path;
    while (*p && *p == *q)
        p++, q++;
    unsigned char c = (unsigned char)(*p ? *p : '/'), d = (unsigned char)(*q ? *q : '/');
    return (c > d) - (c < d);
}

/* ---- Second pass: files and their chunks ---- */

static int add_missing(struct derivation *d, uint64_t first, uint64_t last, const char *why,
                       struct err *e) {
    const struct summary s = {.file_path = shown(d, d->file->path, false),
                              .start_line = first,
                              .end_line = last,
                              .lang = d->file->language ? lang_by_name(d->file->language) : NULL,
                              .summary = "",
                              .source = "",
                              .error = why};
    d->out->missing++;
    return report_add(d->report, &s, e);
}

static int fill_gap(struct derivation *d, uint64_t before, struct err *e) {
    uint64_t first = d->next ? d->next : 1;
    return before > first ? add_missing(d, first, before - 1, "the store has no line for it", e)
                          : 0;
}

static int add_chunk(void *user, const struct store_line *l, struct err *e) {
    struct derivation *d = user;
    struct summary s;
    int rc = fill_gap(d, l->start_line, e);
    if (rc == 0)
        rc = summary_of(d, l, &s, e);
    d->next = l->end_line < UINT64_MAX ? l->end_line + 1 : UINT64_MAX;
    return rc ? rc : report_add(d->report, &s, e);
}

static int note_end(void *user, const struct store_line *l, struct err *e) {
    return fill_gap(user, l->end_line + 1, e);
}

static int add_chunks(void *user, const struct store_file *f, struct err *e) {
    struct derivation *d = user;
    if (!is_there(d, f->path))
        return 0;
    d->file = f;
    d->next = 0;
    int rc = store_lines(d->store, f->path, STORE_CHUNK, 0, UINT64_MAX, add_chunk, d, e);
    if (rc == 0 && d->next)
        rc = store_lines(d->store, f->path, STORE_WHOLE_FILE, 0, UINT64_MAX, note_end, d, e);
    else if (rc == 0)
        rc = add_missing(d, 0, 0, "the store has no line for its present text", e);
    return rc;
}

/* ---- Third pass: the lines of files ---- */

static int add_line(void *user, const struct store_line *l, struct err *e) {
    struct derivation *d = user;
    struct summary s;
    int rc = summary_of(d, l, &s, e);
    return rc ? rc : report_add(d->report, &s, e);
}

static int add_file_line(void *user, const struct store_file *f, struct err *e) {
    struct derivation *d = user;
    return is_there(d, f->path)
               ? store_lines(d->store, f->path, STORE_WHOLE_FILE, 0, UINT64_MAX, add_line, d, e)
               : 0;
}

static int add_all(struct derivation *d, struct err *e) {
    int rc = store_files(d->store, d->path, add_chunks, d, e);
    if (rc == 0)
        rc = store_files(d->store, d->path, add_file_line, d, e);
    if (d->n_folders)
        qsort(d->folders, d->n_folders, sizeof *d->folders, by_depth);
    for (size_t i = 0; rc == 0 && i < d->n_folders; i++)
        rc = report_add(d->report, &d->folders[i].s, e);
    return rc ? rc : report_finish(d->report, NULL, NULL, e);
}

int report_derive(struct store *s, const char *path, const char *title, enum report_format format,
                  FILE *f, atomic_bool *stop, struct derived *out, struct err *e) {
    struct derivation d = {
        .store = s, .path = path, .prefix = *path ? strlen(path) + 1 : 0, .stop = stop, .out = out};
    *out = (struct derived){0};
    int rc = store_read_begin(s, e);
    if (rc)
        return rc;
    rc = store_files(s, path, note_file, &d, e);
    if (rc == 0)
        rc = store_list(s, path, look, &d, e);
    if (rc == 0 && out->lines)
        rc = report_open(f, format, title, origins_most(&d.origins), &d.report, e);
    if (rc == 0 && out->lines)
        rc = add_all(&d, e);
    derivation_free(&d);
    store_read_end(s);
    return rc;
}

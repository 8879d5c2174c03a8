/* The order of a report that is a tree (Markdown, HTML): folder by folder, each with its line, its
 * files and their chunks, then the folders in it. */
#include "report/format.h"

#include <stdlib.h>
#include <string.h>

#include "summary/folders.h"

static const size_t NONE = SIZE_MAX;

static char *copy(const char *s, bool *ok) {
    char *c = s ? strdup(s) : NULL;
    *ok = *ok && (c || !s);
    return c;
}

/* Rows of a path that follow each other share it. */
static char *path_of_row(const struct report *r, const char *path, bool *ok) {
    if (r->n_rows && strcmp(r->rows[r->n_rows - 1].path, path) == 0)
        return r->rows[r->n_rows - 1].path;
    return copy(path, ok);
}

/* Of what there is in a line's source there are three kinds; a strange one is the model's. */
static enum row_source source_of(const struct summary *s) {
    return strcmp(s->source, "doc") == 0    ? ROW_DOC
           : strcmp(s->source, "rule") == 0 ? ROW_RULE
                                            : ROW_MODEL;
}

int report_tree_add(struct report *r, const struct summary *s, struct err *e) {
    void *grown = r->rows;
    bool ok = array_grow(&grown, r->n_rows, &r->cap_rows, sizeof *r->rows);
    r->rows = grown;
    if (!ok)
        return err_nomem(e, "report");
    char *path = path_of_row(r, s->file_path, &ok);
    r->rows[r->n_rows++] = (struct report_row){.level = s->level,
                                               .path = path,
                                               .symbol = copy(s->symbol, &ok),
                                               .renamed_from = copy(s->renamed_from, &ok),
                                               .text = copy(s->error ? s->error : s->summary, &ok),
                                               .lang = s->lang,
                                               .start_line = s->start_line,
                                               .end_line = s->end_line,
                                               .confidence = s->confidence,
                                               .failed = s->error != NULL,
                                               .cut = s->cut,
                                               .source = source_of(s),
                                               .tokens_in = s->tokens_in,
                                               .tokens_out = s->tokens_out,
                                               .elapsed_ms = s->elapsed_ms,
                                               .made = s->made ? s->made : &r->p};
    return ok ? 0 : err_nomem(e, "report");
}

void report_tree_free(struct report *r) {
    for (size_t i = r->n_rows; i-- > 0;) {
        if (i == 0 || r->rows[i].path != r->rows[i - 1].path)
            free(r->rows[i].path);
        free(r->rows[i].symbol);
        free(r->rows[i].renamed_from);
        free(r->rows[i].text);
    }
    free(r->rows);
}

/* A file or folder, by the row that says its path. */
struct entry {
    const char *path;
    size_t row, n; /* of a file: its first chunk, and how many */
    size_t line;   /* the row with its line; NONE: there is none */
    size_t next;   /* file in the same folder; NONE: it is the last */
};

static int by_path(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int c = strcmp(x->path, y->path);
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

struct contents {
    struct report *r;
    struct entry *files, *file_lines, *folder_lines; /* sorted; owned */
    size_t n_files, n_file_lines, n_folder_lines;
    size_t whole;                /* the row with the line of the whole, or NONE */
    struct tree_origin *origins; /* owned */
    size_t n_origins, cap_origins;
    struct folders folders;
    size_t *first; /* [folders] file in it, or NONE; owned */
    size_t *inner; /* [folders] how many folders are right in it; owned */
    size_t *depth; /* [folders] headings above it; owned */
    size_t *shown; /* [folders] it, or the folder above with a heading of its own; owned */
};

static void contents_free(struct contents *t) {
    free(t->files);
    free(t->file_lines);
    free(t->folder_lines);
    free(t->origins);
    free(t->first);
    free(t->inner);
    free(t->depth);
    free(t->shown);
    folders_free(&t->folders);
}

static void add_entry(struct entry *list, size_t *n, const char *path, size_t row) {
    list[(*n)++] = (struct entry){.path = path, .row = row, .n = 1, .line = NONE, .next = NONE};
}

/* Chunks of a file come one after another; lines that begin anew are another file's of that name.
 */
static bool goes_on(const struct contents *t, const struct report_row *row) {
    if (!t->n_files)
        return false;
    const struct entry *f = &t->files[t->n_files - 1];
    const struct report_row *last = &t->r->rows[f->row + f->n - 1];
    return row == last + 1 && strcmp(row->path, f->path) == 0 && row->start_line > last->end_line;
}

static int sort_rows(struct contents *t, struct err *e) {
    const struct report *r = t->r;
    size_t most = r->n_rows ? r->n_rows : 1;
    t->files = calloc(most, sizeof *t->files);
    t->file_lines = calloc(most, sizeof *t->file_lines);
    t->folder_lines = calloc(most, sizeof *t->folder_lines);
    if (!t->files || !t->file_lines || !t->folder_lines)
        return err_nomem(e, "report");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct report_row *row = &r->rows[i];
        if (row->level == SUMMARY_REPOSITORY)
            t->whole = i;
        else if (row->level == SUMMARY_DIRECTORY)
            add_entry(t->folder_lines, &t->n_folder_lines, row->path, i);
        else if (row->level == SUMMARY_FILE)
            add_entry(t->file_lines, &t->n_file_lines, row->path, i);
        else if (goes_on(t, row))
            t->files[t->n_files - 1].n++;
        else
            add_entry(t->files, &t->n_files, row->path, i);
    }
    qsort(t->files, t->n_files, sizeof *t->files, by_path);
    qsort(t->file_lines, t->n_file_lines, sizeof *t->file_lines, by_path);
    qsort(t->folder_lines, t->n_folder_lines, sizeof *t->folder_lines, by_path);
    return 0;
}

static void find_file_lines(struct contents *t) {
    const struct report_row *rows = t->r->rows;
    for (size_t i = 0, k = 0; i < t->n_files && k < t->n_file_lines; i++) {
        struct entry *f = &t->files[i];
        while (k < t->n_file_lines && strcmp(t->file_lines[k].path, f->path) < 0)
            k++;
        if (k < t->n_file_lines && strcmp(t->file_lines[k].path, f->path) == 0 &&
            rows[t->file_lines[k].row].end_line >= rows[f->row + f->n - 1].end_line)
            f->line = t->file_lines[k++].row;
    }
}

static int find_folders(struct contents *t, struct err *e) {
    const char **paths = calloc(t->n_files ? t->n_files : 1, sizeof *paths);
    for (size_t i = 0; paths && i < t->n_files; i++)
        paths[i] = t->files[i].path;
    int rc = paths ? folders_make(paths, t->n_files, &t->folders, e) : err_nomem(e, "report");
    free(paths);
    if (rc)
        return rc;
    t->first = calloc(t->folders.n, sizeof *t->first);
    t->inner = calloc(t->folders.n, sizeof *t->inner);
    t->depth = calloc(t->folders.n, sizeof *t->depth);
    t->shown = calloc(t->folders.n, sizeof *t->shown);
    if (!t->first || !t->inner || !t->depth || !t->shown)
        return err_nomem(e, "report");
    for (size_t i = 0; i < t->folders.n; i++)
        t->first[i] = NONE;
    for (size_t i = t->n_files; i-- > 0;) {
        size_t folder = t->folders.of[i];
        t->files[i].next = t->first[folder];
        t->first[folder] = i;
    }
    for (size_t i = 1; i < t->folders.n; i++)
        t->inner[t->folders.v[i].parent]++;
    return 0;
}

static bool reads_the_same(const struct provenance *a, const struct provenance *b) {
    return a == b || (a->seed == b->seed && strcmp(a->model_revision, b->model_revision) == 0 &&
                      strcmp(a->model, b->model) == 0 && strcmp(a->precision, b->precision) == 0 &&
                      strcmp(a->isa, b->isa) == 0 && strcmp(a->file_type, b->file_type) == 0 &&
                      strcmp(a->prompt_version, b->prompt_version) == 0 &&
                      strcmp(a->sampling, b->sampling) == 0);
}

static int count_origin(struct contents *t, const struct provenance *made, size_t lines,
                        struct err *e) {
    for (size_t i = 0; i < t->n_origins; i++)
        if (reads_the_same(t->origins[i].made, made)) {
            t->origins[i].lines += lines;
            return 0;
        }
    void *grown = t->origins;
    bool room = array_grow(&grown, t->n_origins, &t->cap_origins, sizeof *t->origins);
    t->origins = grown;
    if (!room)
        return err_nomem(e, "report");
    t->origins[t->n_origins++] = (struct tree_origin){made, lines};
    return 0;
}

static int find_origins(struct contents *t, struct err *e) {
    const struct report *r = t->r;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_rows; i++)
        if (!r->rows[i].failed)
            rc = count_origin(t, r->rows[i].made, 1, e);
    return rc || t->n_origins ? rc : count_origin(t, &r->p, 0, e);
}

static const struct report_row *row_at(const struct contents *t, size_t i) {
    return i == NONE ? NULL : &t->r->rows[i];
}

static const struct report_row *line_of_folder(const struct contents *t, const char *path) {
    for (size_t low = 0, high = t->n_folder_lines; low < high;) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(path, t->folder_lines[middle].path);
        if (c == 0)
            return row_at(t, t->folder_lines[middle].row);
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* A folder with nothing but one folder in it has that one's line, and is left to its heading,
 * unless there is a reason to give why it has none. */
static void write_folder(struct contents *t, const struct tree_writer *w, size_t i) {
    const struct folder *folder = &t->folders.v[i];
    const struct report_row *row = i ? line_of_folder(t, folder->path) : NULL;
    bool shown = i > 0 && (t->first[i] != NONE || t->inner[i] > 1 || (row && row->failed));
    size_t above = i ? t->shown[folder->parent] : 0;
    t->depth[i] = (i ? t->depth[folder->parent] : 0) + shown;
    t->shown[i] = shown ? i : above;
    if (shown) {
        size_t skip = strlen(t->folders.v[above].path);
        w->folder(t->r, &(struct tree_folder){.path = folder->path,
                                              .name = folder->path + skip + (skip > 0),
                                              .depth = t->depth[i],
                                              .row = row});
    }
    if (w->files && t->first[i] != NONE)
        w->files(t->r);
    for (size_t k = t->first[i]; k != NONE; k = t->files[k].next) {
        const struct entry *file = &t->files[k];
        w->file(t->r, row_at(t, file->line), row_at(t, file->row), file->n);
    }
}

bool report_is_part(const struct report_row *file, const struct report_row *chunks, size_t n) {
    return n == 1 && file &&
           (chunks->start_line > file->start_line || chunks->end_line < file->end_line);
}

int report_tree_write(struct report *r, const struct tree_writer *w, struct err *e) {
    struct contents t = {.r = r, .whole = NONE};
    int rc = sort_rows(&t, e);
    if (rc == 0)
        find_file_lines(&t);
    if (rc == 0)
        rc = find_folders(&t, e);
    if (rc == 0)
        rc = find_origins(&t, e);
    if (rc == 0) {
        const struct tree_top top = {.whole = row_at(&t, t.whole),
                                     .files = t.n_files,
                                     .empty = r->n_rows == 0,
                                     .rolled_up = t.n_file_lines > 0,
                                     .origins = t.origins,
                                     .n_origins = t.n_origins};
        w->head(r, &top);
        for (size_t i = 0; i < t.folders.n; i++)
            write_folder(&t, w, i);
        w->end(r, &top);
    }
    contents_free(&t);
    return rc;
}

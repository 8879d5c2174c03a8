#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/keep_impl.h"

int keep_by_shown(const void *a, const void *b) {
    return strcmp(((const struct kept_file *)a)->shown, ((const struct kept_file *)b)->shown);
}

/* What of the prompt is neither the chunk's text nor told by the origin, as one digest. */
static int context_of(const struct summary *s, uint8_t out[HASH_SHA256_SIZE], struct err *e) {
    struct buf b = {0};
    buf_append(&b, s->file_path, strlen(s->file_path) + 1);
    buf_printf(&b, "%" PRIu64 "-%" PRIu64, s->start_line, s->end_line);
    buf_char(&b, 0);
    buf_str(&b, s->lang ? s->lang->name : "");
    buf_char(&b, 0);
    buf_str(&b, s->context_sha256);
    int rc =
        buf_failed(&b) ? err_nomem(e, "context of a line") : hash_sha256(b.data, b.len, out, e);
    buf_free(&b);
    return rc;
}

struct kept_file *keep_find_file(const struct keep *k, const char *shown) {
    const struct kept_file asked = {.shown = (char *)(uintptr_t)shown};
    return bsearch(&asked, k->files, k->n, sizeof *k->files, keep_by_shown);
}

/* Any file below a folder, by its name in reports. */
static const struct kept_file *file_below(const struct keep *k, const char *folder) {
    size_t n = strlen(folder);
    for (size_t i = 0; i < k->n; i++)
        if (strncmp(k->files[i].shown, folder, n) == 0 && k->files[i].shown[n] == '/')
            return &k->files[i];
    return NULL;
}

/* The path of a folder of the run, to open it; the caller's. A file's path ends as its name does,
 * so it is cut where the name would be. */
static int folder_path(const struct keep *k, const char *folder, char **path, struct err *e) {
    const struct kept_file *f = file_below(k, folder);
    *path = f ? strdup(f->file->path) : NULL;
    if (!*path)
        return f ? err_nomem(e, folder)
                 : err_set(e, PRECIS_EUSAGE, "%s: no file of the run is in it", folder);
    size_t end = strlen(*path);
    for (const char *c = f->shown + strlen(folder); *c; c++)
        if (*c == '/')
            while (end && (*path)[--end] != '/') {
            }
    (*path)[end] = 0;
    return 0;
}

int keep_folder_name(const struct keep *k, const struct summary *s, char **name, struct err *e) {
    char *path = NULL;
    int rc = 0;
    *name = NULL;
    if (s->level == SUMMARY_DIRECTORY)
        rc = folder_path(k, s->file_path, &path, e);
    else if (k->whole && !(path = strdup(k->whole)))
        rc = err_nomem(e, "store");
    if (rc == 0 && path)
        rc = store_name(store_root(k->store), path, name, e);
    free(path);
    return rc;
}

bool keep_prefix(const char *name, const char *shown, size_t *n) {
    size_t all = strlen(name), end = strlen(shown);
    *n = all >= end ? all - end : 0;
    return all >= end && strcmp(name + *n, shown) == 0 && (*n == 0 || name[*n - 1] == '/');
}

int keep_stored(const char *name, const char *shown, const char *other, struct buf *out,
                struct err *e) {
    size_t n;
    if (keep_prefix(name, shown, &n))
        buf_append(out, name, n);
    buf_str(out, other);
    return buf_failed(out) ? err_nomem(e, name) : 0;
}

const char *keep_shown(const char *name, const char *shown, const char *other) {
    size_t n;
    return keep_prefix(name, shown, &n) && strncmp(name, other, n) == 0 ? other + n : other;
}

enum store_level keep_level(const char *path, const struct summary *s) {
    if (s->level < SUMMARY_DIRECTORY)
        return (enum store_level)s->level;
    return *path ? STORE_DIRECTORY : STORE_REPOSITORY;
}

int keep_key(const struct keep *k, const char *path, const struct summary *s, const char *source,
             struct line_key *out, struct err *e) {
    if (!hash_unhex(s->sha256, out->text))
        return err_set(e, PRECIS_EUSAGE, "%s: a line without a hash", s->file_path);
    out->has_context = !s->known_key;
    if (s->known_key) {
        memcpy(out->key, s->known_key, sizeof out->key);
        return 0;
    }
    struct store_subject subject = {.level = keep_level(path, s),
                                    .path = path,
                                    .context = out->context,
                                    .made = &k->made,
                                    .source = source};
    memcpy(subject.text, out->text, sizeof subject.text);
    int rc = context_of(s, out->context, e);
    return rc ? rc : store_key(&subject, out->key, e);
}

int keep_how(const struct keep *k, const struct kept_file *f, uint8_t how[HASH_SHA256_SIZE],
             struct err *e) {
    struct buf b = {0};
    buf_append(&b, k->asked->how, sizeof k->asked->how);
    buf_append(&b, f->shown, strlen(f->shown) + 1);
    buf_str(&b, f->file->lang ? f->file->lang->name : "");
    int rc = buf_failed(&b) ? err_nomem(e, f->shown) : hash_sha256(b.data, b.len, how, e);
    buf_free(&b);
    return rc;
}

#include "model/hub_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { MOST_FILES = 100000 };
static const json_int_t MOST_BYTES = (json_int_t)1 << 50;

void hub_list_free(struct hub_list *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].path);
    free(l->v);
    *l = (struct hub_list){0};
}

int hub_list_add(struct hub_list *l, const char *path, struct err *e) {
    char *copy = strdup(path);
    if (!copy || !array_grow((void **)&l->v, l->n, &l->cap, sizeof *l->v)) {
        free(copy);
        return err_nomem(e, path);
    }
    l->v[l->n++] = (struct hub_file){.path = copy};
    return 0;
}

/* A string member that must be hexadecimal of a length, when it is there. */
static int read_hex(const json_t *object, const char *key, char *out, size_t digits,
                    const char *what, struct err *e) {
    const json_t *v = json_object_get(object, key);
    if (!v || json_is_null(v))
        return 0;
    const char *s = json_string_value(v);
    if (!s || strspn(s, "0123456789abcdef") != digits || s[digits])
        return err_set(e, PRECIS_EINPUT, "%s: the hub says '%s' for a file's %s", what,
                       s ? s : "no text", key);
    memcpy(out, s, digits + 1);
    return 0;
}

static int read_file(struct hub_list *l, const json_t *item, const char *what, struct err *e) {
    const char *path = json_string_value(json_object_get(item, "rfilename"));
    if (!path || !hub_path_ok(path))
        return err_set(e, PRECIS_EINPUT, "%s: the hub names a file '%s'", what, path ? path : "");
    int rc = hub_list_add(l, path, e);
    if (rc)
        return rc;
    struct hub_file *f = &l->v[l->n - 1];
    const json_t *size = json_object_get(item, "size"), *lfs = json_object_get(item, "lfs");
    if (size && !json_is_null(size)) {
        json_int_t bytes = json_is_integer(size) ? json_integer_value(size) : -1;
        if (bytes < 0 || bytes > MOST_BYTES)
            return err_set(e, PRECIS_EINPUT, "%s: the hub gives no size for %s that can be", what,
                           path);
        f->size = (uint64_t)bytes;
        f->sized = true;
    }
    rc = read_hex(item, "blobId", f->git, 40, what, e);
    if (rc == 0 && json_is_object(lfs))
        rc = read_hex(lfs, "sha256", f->sha256, 64, what, e);
    return rc;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct hub_file *)a)->path, ((const struct hub_file *)b)->path);
}

static int read_list(struct hub_list *l, const json_t *root, const char *what, struct err *e) {
    const char *commit = json_string_value(json_object_get(root, "sha"));
    const json_t *files = json_object_get(root, "siblings");
    if (!commit || !hub_is_commit(commit) || !json_is_array(files))
        return err_set(e, PRECIS_EINPUT, "%s: the hub's answer is no list of a revision's files",
                       what);
    memcpy(l->commit, commit, strlen(commit) + 1);
    if (json_array_size(files) > MOST_FILES)
        return err_set(e, PRECIS_EINPUT, "%s: has %zu files", what, json_array_size(files));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(files); i++)
        rc = read_file(l, json_array_get(files, i), what, e);
    if (rc == 0 && l->n)
        qsort(l->v, l->n, sizeof *l->v, by_path);
    for (size_t i = 1; rc == 0 && i < l->n; i++)
        if (strcmp(l->v[i].path, l->v[i - 1].path) == 0)
            rc = err_set(e, PRECIS_EINPUT, "%s: the hub lists %s twice", what, l->v[i].path);
    return rc;
}

int hub_list_parse(struct hub_list *l, const char *what, const char *json, size_t len,
                   struct err *e) {
    *l = (struct hub_list){0};
    json_error_t why;
    json_t *root = json_read(json, len, JSON_REJECT_DUPLICATES, &why);
    int rc;
    if (root)
        rc = read_list(l, root, what, e);
    else if (json_lacked_memory(root, &why))
        rc = err_nomem(e, what);
    else
        rc = err_set(e, PRECIS_EINPUT, "%s: the hub's answer is no JSON: %s", what, why.text);
    json_decref(root);
    if (rc)
        hub_list_free(l);
    return rc;
}

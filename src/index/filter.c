#include "index/filter.h"

#include <stdlib.h>
#include <string.h>

#include "code/ignore.h"

struct filter {
    const char *language, *below;
    struct ignore *path; /* NULL: any */
    struct buf name;     /* of what is looked at */
};

static bool matches(struct filter *f, const char *path) {
    buf_clear(&f->name);
    buf_str(&f->name, path);
    if (buf_failed(&f->name))
        return false;
    enum ignore_verdict verdict = ignore_match(f->path, f->name.data, false);
    for (char *slash; verdict == IGNORE_NONE && (slash = strrchr(f->name.data, '/'));) {
        *slash = 0;
        if (slash > f->name.data)
            verdict = ignore_match(f->path, f->name.data, true);
    }
    return verdict == IGNORE_YES;
}

static bool is_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (n == 0 || !path[n] || path[n] == '/');
}

static bool is_wanted(void *user, const char *path, const char *language) {
    struct filter *f = user;
    if (f->language && (!language || strcmp(language, f->language) != 0))
        return false;
    if (f->below && !is_below(path, f->below))
        return false;
    return !f->path || matches(f, path);
}

int filter_entries(struct store *s, const char *language, const char *below, const char *pattern,
                   int64_t **ids, size_t *n, struct err *e) {
    struct filter f = {.language = language, .below = below};
    const char *const patterns[] = {pattern, NULL};
    *ids = NULL;
    *n = 0;
    int rc = pattern ? ignore_from_list(patterns, &f.path, e) : 0;
    if (rc == 0)
        rc = store_entries_where(s, is_wanted, &f, ids, n, e);
    if (rc == 0 && (buf_failed(&f.name) || (!*ids && !(*ids = malloc(sizeof **ids)))))
        rc = err_nomem(e, "list of entries");
    if (rc) {
        free(*ids);
        *ids = NULL;
    }
    ignore_free(f.path);
    buf_free(&f.name);
    return rc;
}

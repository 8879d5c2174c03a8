/* What the cache holds, and its removal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/hub_cache.h"

enum { MOST_DEPTH = 12 };

void hub_cache_scan_free(struct hub_pulled_list *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].repo);
    free(l->v);
    *l = (struct hub_pulled_list){0};
}

static void measure(const char *folder, struct hub_pulled *p) {
    char path[HUB_CACHE_SIZE];
    DIR *d = hub_cache_join(path, folder, "blobs", NULL) == 0 ? opendir(path) : NULL;
    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
        struct stat st;
        if (fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        p->bytes += (uint64_t)st.st_size;
        p->unfinished += file_ends(f->d_name, ".incomplete");
    }
    if (d)
        closedir(d);
    d = hub_cache_join(path, folder, "snapshots", NULL) == 0 ? opendir(path) : NULL;
    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d))
        p->revisions += !file_is_dots(f->d_name);
    if (d)
        closedir(d);
}

static int by_repo(const void *a, const void *b) {
    return strcmp(((const struct hub_pulled *)a)->repo, ((const struct hub_pulled *)b)->repo);
}

int hub_cache_scan(struct hub_pulled_list *out, struct err *e) {
    char cache[HUB_CACHE_SIZE], folder[HUB_CACHE_SIZE];
    *out = (struct hub_pulled_list){0};
    int rc = hub_cache_folder(cache, e);
    if (rc)
        return rc;
    DIR *d = opendir(cache);
    if (!d)
        return errno == ENOENT ? 0 : err_errno(e, cache, "read folder");
    for (const struct dirent *f = readdir(d); rc == 0 && f; f = readdir(d)) {
        char name[256], *sep;
        struct hub_name check;
        if (strncmp(f->d_name, "models--", 8) != 0)
            continue;
        snprintf(name, sizeof name, "%s", f->d_name + 8);
        if ((sep = strstr(name, "--")) != NULL) {
            *sep = '/';
            memmove(sep + 1, sep + 2, strlen(sep + 2) + 1);
        }
        if (hub_name_parse(name, &check, NULL) != 0 ||
            hub_cache_join(folder, cache, f->d_name, NULL))
            continue;
        char *repo = strdup(name);
        if (!repo || !array_grow((void **)&out->v, out->n, &out->cap, sizeof *out->v)) {
            free(repo);
            rc = err_nomem(e, cache);
            break;
        }
        out->v[out->n] = (struct hub_pulled){.repo = repo};
        measure(folder, &out->v[out->n++]);
    }
    closedir(d);
    if (rc)
        hub_cache_scan_free(out);
    else if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_repo);
    return rc;
}

static int remove_at(int parent, const char *name, const char *path, int depth,
                     struct hub_removed *out, struct err *e);

static int remove_entries(int fd, const char *path, int depth, struct hub_removed *out,
                          struct err *e) {
    int rc = 0;
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return err_errno(e, path, "read folder");
    }
    for (const struct dirent *f = readdir(d); rc == 0 && f; f = readdir(d))
        if (!file_is_dots(f->d_name))
            rc = remove_at(dirfd(d), f->d_name, path, depth + 1, out, e);
    closedir(d);
    return rc;
}

/* A file, a link (not what it leads to), or a folder with all that is in it. `path` is for
 * messages. */
static int remove_at(int parent, const char *name, const char *path, int depth,
                     struct hub_removed *out, struct err *e) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : err_errno(e, path, "stat");
    if (S_ISDIR(st.st_mode)) {
        if (depth > MOST_DEPTH)
            return err_set(e, PRECIS_EINPUT, "%s: folders lie too deep", path);
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return err_errno(e, path, "open");
        int rc = remove_entries(fd, path, depth, out, e);
        if (rc == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0)
            rc = err_errno(e, path, "remove");
        return rc;
    }
    if (unlinkat(parent, name, 0) != 0)
        return err_errno(e, path, "remove");
    if (S_ISREG(st.st_mode)) {
        out->files++;
        out->bytes += (uint64_t)st.st_size;
    }
    return 0;
}

int hub_remove_path(const char *path, struct hub_removed *out, struct err *e) {
    return remove_at(AT_FDCWD, path, path, 0, out, e);
}

/* The base names of all links below a folder of snapshots. */
static int links(const char *folder, int depth, struct hub_list *out, struct err *e) {
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? 0 : err_errno(e, folder, "read folder");
    int rc = 0;
    for (const struct dirent *f = readdir(d); rc == 0 && f; f = readdir(d)) {
        char path[HUB_CACHE_SIZE], target[HUB_CACHE_SIZE];
        struct stat st;
        if (file_is_dots(f->d_name) || hub_cache_join(path, folder, f->d_name, NULL) != 0 ||
            lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            rc = depth > MOST_DEPTH ? err_set(e, PRECIS_EINPUT, "%s: folders lie too deep", path)
                                    : links(path, depth + 1, out, e);
            continue;
        }
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = 0;
        const char *slash = strrchr(target, '/');
        rc = hub_list_add(out, slash ? slash + 1 : target, e);
    }
    closedir(d);
    return rc;
}

/* Blobs that no snapshot refers to; begun ones stay (they are resumed). */
static int remove_orphans(const char *folder, struct hub_removed *out, struct err *e) {
    char path[HUB_CACHE_SIZE];
    struct hub_list used = {0};
    int rc = hub_cache_join(path, folder, "snapshots", e);
    if (rc == 0)
        rc = links(path, 0, &used, e);
    if (rc == 0)
        rc = hub_cache_join(path, folder, "blobs", e);
    DIR *d = rc == 0 ? opendir(path) : NULL;
    for (const struct dirent *f = d ? readdir(d) : NULL; rc == 0 && f; f = readdir(d)) {
        bool keep = file_is_dots(f->d_name) || file_ends(f->d_name, ".incomplete");
        for (size_t i = 0; !keep && i < used.n; i++)
            keep = strcmp(used.v[i].path, f->d_name) == 0;
        if (!keep)
            rc = remove_at(dirfd(d), f->d_name, path, 0, out, e);
    }
    if (d)
        closedir(d);
    hub_list_free(&used);
    return rc;
}

static bool is_weights(const char *path) {
    return strstr(path, ".gguf") || strstr(path, ".onnx") || strstr(path, ".safetensors");
}

/* *left: weights of the snapshot that stay. Small files stay too: others of it may need them. */
static int remove_matching(const struct hub_name *name, const char *snapshot, size_t *left,
                           struct hub_removed *out, struct err *e) {
    char path[HUB_CACHE_SIZE], what[128];
    struct hub_list list;
    struct hub_choice choice;
    int rc = hub_cache_list(snapshot, &list, e);
    if (rc)
        return rc;
    snprintf(what, sizeof what, "hf:%s", name->repo);
    rc = hub_choose(&list, what, name->pattern, &choice, e);
    *left = 0;
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        const char *p = list.v[i].path;
        if (!is_weights(p))
            continue;
        *left += !list.v[i].chosen;
        if (list.v[i].chosen && (rc = hub_cache_join(path, snapshot, p, e)) == 0)
            rc = hub_remove_path(path, out, e);
    }
    hub_list_free(&list);
    return rc;
}

static int remove_all(const char *folder, struct hub_removed *out, struct err *e) {
    char locks[HUB_CACHE_SIZE];
    const char *last = strrchr(folder, '/');
    struct hub_removed ignored = {0};
    int n = snprintf(locks, sizeof locks, "%.*s/.locks%s", (int)(last - folder), folder, last);
    int rc = hub_remove_path(folder, out, e);
    if (rc == 0 && n > 0 && (size_t)n < sizeof locks)
        rc = hub_remove_path(locks, &ignored, e);
    return rc;
}

static bool is_empty(const char *folder) {
    DIR *d = opendir(folder);
    bool empty = true;
    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d))
        empty &= file_is_dots(f->d_name);
    if (d)
        closedir(d);
    return empty;
}

/* The snapshot at `path`, or what of it matches; then what nothing refers to any more. */
static int remove_part(const struct hub_name *name, const char *folder, const char *path,
                       struct hub_removed *out, struct err *e) {
    char other[HUB_CACHE_SIZE], ref[300];
    size_t left = 0;
    int rc = name->pattern[0] ? remove_matching(name, path, &left, out, e) : 0;
    if (rc == 0 && left == 0) {
        snprintf(ref, sizeof ref, "refs/%s", name->revision);
        rc = hub_remove_path(path, out, e);
        if (rc == 0)
            rc = hub_cache_join(other, folder, ref, e);
        if (rc == 0)
            rc = hub_remove_path(other, &(struct hub_removed){0}, e);
    }
    if (rc == 0)
        rc = hub_cache_join(other, folder, "snapshots", e);
    if (rc == 0)
        rc = is_empty(other) ? remove_all(folder, out, e) : remove_orphans(folder, out, e);
    return rc;
}

int hub_cache_remove(const struct hub_name *name, struct hub_removed *out, struct err *e) {
    char folder[HUB_CACHE_SIZE], path[HUB_CACHE_SIZE], below[80] = "snapshots/";
    struct stat st;
    *out = (struct hub_removed){0};
    int rc = hub_cache_repo(name->repo, folder, e);
    if (rc)
        return rc;
    if (lstat(folder, &st) != 0)
        return err_set(e, PRECIS_ENOTFOUND, "hf:%s is not on this machine (no %s)", name->repo,
                       folder);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is not a folder", folder);
    if (!name->has_revision && !name->pattern[0])
        return remove_all(folder, out, e);
    rc = hub_cache_commit(folder, name->revision, below + strlen(below), e);
    if (rc == 0)
        rc = hub_cache_join(path, folder, below, e);
    return rc ? rc : remove_part(name, folder, path, out, e);
}

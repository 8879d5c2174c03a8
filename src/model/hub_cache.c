#include "model/hub_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { MOST_DEPTH = 8, MOST_ENTRIES = 100000 };

int hub_cache_join(char out[HUB_CACHE_SIZE], const char *folder, const char *below, struct err *e) {
    int n = snprintf(out, HUB_CACHE_SIZE, "%s/%s", folder, below);
    return n > 0 && n < HUB_CACHE_SIZE ? 0 : err_set(e, PRECIS_EINPUT, "%s: path too long", folder);
}

static int expand(char out[HUB_CACHE_SIZE], const char *value, const char *below, struct err *e) {
    const char *home = "";
    if (value[0] == '~' && (value[1] == '/' || !value[1])) {
        home = getenv("HOME");
        if (!home)
            return err_set(e, PRECIS_EINPUT, "%s: HOME is not set", value);
        value++;
    }
    int n = snprintf(out, HUB_CACHE_SIZE, "%s%s%s", home, value, below);
    return n > 0 && n < HUB_CACHE_SIZE ? 0 : err_set(e, PRECIS_EINPUT, "%s: path too long", value);
}

int hub_cache_folder(char out[HUB_CACHE_SIZE], struct err *e) {
    static const char *const tries[][2] = {{"HF_HUB_CACHE", ""},
                                           {"HUGGINGFACE_HUB_CACHE", ""},
                                           {"HF_HOME", "/hub"},
                                           {"XDG_CACHE_HOME", "/huggingface/hub"},
                                           {"HOME", "/.cache/huggingface/hub"}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        const char *value = getenv(tries[i][0]);
        if (value && *value)
            return expand(out, value, tries[i][1], e);
    }
    return err_set(e, PRECIS_EINPUT, "neither HF_HUB_CACHE, HF_HOME nor HOME is set");
}

int hub_cache_repo(const char *repo, char out[HUB_CACHE_SIZE], struct err *e) {
    char folder[HUB_CACHE_SIZE], name[256];
    const char *slash = strchr(repo, '/');
    if (slash)
        snprintf(name, sizeof name, "models--%.*s--%s", (int)(slash - repo), repo, slash + 1);
    else
        snprintf(name, sizeof name, "models--%s", repo);
    int rc = hub_cache_folder(folder, e);
    return rc ? rc : hub_cache_join(out, folder, name, e);
}

static int not_pulled(const char *repo_folder, const char *revision, struct err *e) {
    return err_set(e, PRECIS_ENOTFOUND, "%s: has no revision %s", repo_folder, revision);
}

int hub_cache_commit(const char *repo_folder, const char *revision, char out[65], struct err *e) {
    char path[HUB_CACHE_SIZE], below[300];
    struct stat st;
    snprintf(below, sizeof below, "snapshots/%s", revision);
    int rc = hub_cache_join(path, repo_folder, below, e);
    if (rc)
        return rc;
    if (hub_is_commit(revision) && stat(path, &st) == 0) {
        memcpy(out, revision, strlen(revision) + 1);
        return 0;
    }
    snprintf(below, sizeof below, "refs/%s", revision);
    rc = hub_cache_join(path, repo_folder, below, e);
    struct mapping m = {0};
    if (rc == 0)
        rc = stat(path, &st) != 0 ? not_pulled(repo_folder, revision, e) : file_map(path, &m, e);
    if (rc)
        return rc;
    size_t n = m.size;
    while (n && strchr("\r\n ", m.data[n - 1]))
        n--;
    bool fits = n > 0 && n < 65;
    if (fits) {
        memcpy(out, m.data, n);
        out[n] = 0;
    }
    file_unmap(&m);
    if (!fits || !hub_is_commit(out))
        return err_set(e, PRECIS_EINPUT, "%s: names no commit", path);
    return 0;
}

/* Adds what lies below SNAPSHOT/below ("" or "onnx/"). */
static int walk(const char *snapshot, const char *below, int depth, struct hub_list *out,
                struct err *e) {
    char folder[HUB_CACHE_SIZE], path[HUB_CACHE_SIZE], name[HUB_PATH_SIZE];
    int rc = hub_cache_join(folder, snapshot, below, e);
    if (rc)
        return rc;
    DIR *d = opendir(folder);
    if (!d)
        return err_errno(e, folder, "read folder");
    for (const struct dirent *f = readdir(d); rc == 0 && f; f = readdir(d)) {
        struct stat st;
        int n = snprintf(name, sizeof name, "%s%s", below, f->d_name);
        if (n < 0 || (size_t)n >= sizeof name - 1 || !hub_path_ok(name) ||
            hub_cache_join(path, snapshot, name, NULL) != 0 || stat(path, &st) != 0)
            continue; /* "." and ".."; names that no repository has; dangling links */
        if (S_ISDIR(st.st_mode) && depth < MOST_DEPTH) {
            memcpy(name + n, "/", 2);
            rc = walk(snapshot, name, depth + 1, out, e);
        } else if (S_ISREG(st.st_mode) && out->n < MOST_ENTRIES) {
            rc = hub_list_add(out, name, e);
            if (rc == 0) {
                out->v[out->n - 1].size = (uint64_t)st.st_size;
                out->v[out->n - 1].sized = true;
            }
        }
    }
    closedir(d);
    return rc;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct hub_file *)a)->path, ((const struct hub_file *)b)->path);
}

int hub_cache_list(const char *snapshot, struct hub_list *out, struct err *e) {
    *out = (struct hub_list){0};
    int rc = walk(snapshot, "", 0, out, e);
    if (rc)
        hub_list_free(out);
    else if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_path);
    return rc;
}

static int pull_it(const struct hub_name *n, const char *why, struct err *e) {
    bool main = strcmp(n->revision, "main") == 0;
    return err_set(e, PRECIS_ENOTFOUND, "%s%s: get it with 'precis models pull hf:%s%s%s%s%s'",
                   n->repo, why, n->repo, n->pattern[0] ? ":" : "", n->pattern, main ? "" : "@",
                   main ? "" : n->revision);
}

int hub_cache_find(const struct hub_name *name, char *out, size_t size, struct err *e) {
    char folder[HUB_CACHE_SIZE], snapshot[HUB_CACHE_SIZE], path[HUB_CACHE_SIZE], what[128];
    char below[80] = "snapshots/";
    struct hub_list list = {0};
    struct hub_choice choice;
    int rc = hub_cache_repo(name->repo, folder, e);
    if (rc)
        return rc;
    rc = hub_cache_commit(folder, name->revision, below + strlen(below), e);
    if (rc == PRECIS_ENOTFOUND)
        return pull_it(name, " is not on this machine", e);
    if (rc == 0)
        rc = hub_cache_join(snapshot, folder, below, e);
    if (rc == 0)
        rc = hub_cache_list(snapshot, &list, e);
    if (rc == 0) {
        snprintf(what, sizeof what, "hf:%s", name->repo);
        rc = hub_choose(&list, what, name->pattern, &choice, e);
        if (rc == PRECIS_ENOTFOUND)
            rc = pull_it(name, ": no such file of it is on this machine", e);
    }
    if (rc == 0 && choice.path[0])
        rc = hub_cache_join(path, snapshot, choice.path, e);
    else if (rc == 0)
        memcpy(path, snapshot, sizeof path);
    if (rc == 0 && strlen(path) >= size)
        rc = err_set(e, PRECIS_EINPUT, "%s: path too long", path);
    if (rc == 0)
        memcpy(out, path, strlen(path) + 1);
    hub_list_free(&list);
    return rc;
}

/* Creates the folder that a path lies in. */
static int make_parent(const char *path, struct err *e) {
    char folder[HUB_CACHE_SIZE];
    size_t n = (size_t)(strrchr(path, '/') - path);
    memcpy(folder, path, n);
    folder[n] = 0;
    return file_make_dirs(folder, e);
}

int hub_cache_link(const char *repo_folder, const char *commit, const char *path, const char *blob,
                   struct err *e) {
    char at[HUB_CACHE_SIZE], temp[HUB_CACHE_SIZE], target[HUB_CACHE_SIZE],
        below[HUB_PATH_SIZE + 80];
    struct buf up = {0};
    snprintf(below, sizeof below, "snapshots/%s/%s", commit, path);
    int rc = hub_cache_join(at, repo_folder, below, e);
    if (rc == 0)
        rc = make_parent(at, e);
    if (rc)
        return rc;
    buf_str(&up, "../..");
    for (const char *p = path; *p; p++)
        if (*p == '/')
            buf_str(&up, "/..");
    buf_printf(&up, "/blobs/%s", blob);
    snprintf(target, sizeof target, "%s", up.data ? up.data : "");
    rc = buf_failed(&up) ? err_nomem(e, path) : 0;
    buf_free(&up);
    int n = snprintf(temp, sizeof temp, "%s.%ld.link", at, (long)getpid());
    if (rc == 0 && (n < 0 || (size_t)n >= sizeof temp))
        rc = err_set(e, PRECIS_EINPUT, "%s: path too long", at);
    if (rc)
        return rc;
    unlink(temp);
    if (symlink(target, temp) != 0)
        return err_errno(e, at, "make a symbolic link");
    if (rename(temp, at) != 0) {
        rc = err_errno(e, at, "make a symbolic link");
        unlink(temp);
    }
    return rc;
}

int hub_cache_write_ref(const char *repo_folder, const char *revision, const char *commit,
                        struct err *e) {
    char path[HUB_CACHE_SIZE], below[300];
    struct outfile o;
    snprintf(below, sizeof below, "refs/%s", revision);
    int rc = hub_cache_join(path, repo_folder, below, e);
    if (rc == 0)
        rc = make_parent(path, e);
    if (rc == 0)
        rc = outfile_open(&o, path, e);
    if (rc)
        return rc;
    fputs(commit, o.f);
    return outfile_commit(&o, e);
}

static int open_lock(const char *path, struct err *e) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        err_errno(e, path, "open");
    return fd;
}

/* Whoever held it may have removed the file meanwhile; a lock on what has no name protects nothing.
 */
static bool still_named(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

int hub_cache_lock(const char *repo, const char *blob, bool (*stop)(void *user), void *user,
                   struct hub_lock *out, struct err *e) {
    char path[HUB_CACHE_SIZE], folder[HUB_CACHE_SIZE];
    out->fd = -1;
    int rc = hub_cache_repo(repo, folder, e);
    if (rc)
        return rc;
    char *name = strrchr(folder, '/');
    int n = snprintf(path, sizeof path, "%.*s/.locks%s/%s.lock", (int)(name - folder), folder, name,
                     blob);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, PRECIS_EINPUT, "%s: path too long", folder);
    rc = make_parent(path, e);
    while (rc == 0) {
        int fd = open_lock(path, e);
        if (fd < 0)
            return PRECIS_EIO;
        while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            bool wait = errno == EWOULDBLOCK || errno == EINTR;
            if (wait && stop && stop(user))
                rc = err_set(e, PRECIS_ECANCELLED, "%s: cancelled", path);
            else if (!wait)
                rc = err_errno(e, path, "lock");
            if (rc) {
                close(fd);
                return rc;
            }
            nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        }
        if (still_named(fd, path)) {
            out->fd = fd;
            return 0;
        }
        close(fd);
    }
    return rc;
}

void hub_cache_unlock(struct hub_lock *l) {
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

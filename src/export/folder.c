#include "export/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(const char *a, const char *b, const char *c) {
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *s = malloc(size);
    if (s)
        snprintf(s, size, "%s%s%s", a, b, c);
    return s;
}

char *folder_file(const struct folder *f, const char *name) {
    return join(f->temp, "/", name);
}

/* Files of a folder: how many, whether `mark` is one, whether there is anything else than files. */
struct content {
    size_t n;
    bool marked, others;
};

static int look(const char *path, const char *mark, struct content *found, struct err *e) {
    DIR *d = opendir(path);
    if (!d)
        return err_errno(e, path, "write");
    for (const struct dirent *x; (x = readdir(d));) {
        struct stat st;
        if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
            continue;
        found->n++;
        found->marked |= strcmp(x->d_name, mark) == 0;
        found->others |=
            fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode);
    }
    closedir(d);
    return 0;
}

static int check_target(struct folder *f, bool force, const char *mark, struct err *e) {
    struct stat st;
    struct content found = {0};
    const char *slash = strrchr(f->path, '/'), *last = slash ? slash + 1 : f->path;
    if (strcmp(last, "") == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return err_set(e, PRECIS_EUSAGE, "%s: an export needs a folder of its own", f->path);
    if (lstat(f->path, &st) != 0)
        return errno == ENOENT ? 0 : err_errno(e, f->path, "write");
    if (!S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EUSAGE, "%s: cannot write: exists and is no folder", f->path);
    int rc = look(f->path, mark, &found, e);
    if (rc || found.n == 0)
        return rc;
    if (!force)
        return err_set(e, PRECIS_EUSAGE, "%s: the folder is not empty (--force replaces an export)",
                       f->path);
    if (!found.marked || found.others)
        return err_set(e, PRECIS_EUSAGE, "%s: not replaced: %s", f->path,
                       found.others ? "it holds more than files"
                                    : "it is no export, for it has no model.onnx");
    f->replaces = true;
    return 0;
}

int folder_begin(struct folder *f, const char *path, bool force, const char *mark, struct err *e) {
    *f = (struct folder){.path = strdup(path)};
    if (!f->path)
        return err_nomem(e, path);
    for (size_t n = strlen(f->path); n > 1 && f->path[n - 1] == '/'; n--)
        f->path[n - 1] = 0;
    int rc = check_target(f, force, mark, e);
    if (rc == 0 && !(f->temp = join(f->path, ".", "XXXXXX")))
        rc = err_nomem(e, path);
    if (rc == 0 && !mkdtemp(f->temp)) {
        rc = err_errno(e, path, "write");
        free(f->temp);
        f->temp = NULL;
    }
    if (rc == 0) {
        mode_t mask = umask(0);
        umask(mask);
        if (chmod(f->temp, 0777 & ~mask) != 0)
            rc = err_errno(e, path, "write");
    }
    if (rc)
        folder_abort(f);
    return rc;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return fsync(fd);
}

int folder_put(const struct folder *f, const char *name, const void *data, size_t size,
               struct err *e) {
    char *path = folder_file(f, name);
    if (!path)
        return err_nomem(e, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), rc = 0;
    if (fd < 0 || write_all(fd, data, size) != 0)
        rc = err_errno(e, path, "write");
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

static int sync_folder(const char *path, struct err *e) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? err_errno(e, path, "write") : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* A folder that has only files in it. */
static void drop(const char *path) {
    DIR *d = opendir(path);
    if (!d)
        return;
    for (const struct dirent *x; (x = readdir(d));)
        unlinkat(dirfd(d), x->d_name, 0);
    closedir(d);
    rmdir(path);
}

/* The new folder takes the old one's place; what the temporary name then stands for can go. */
static int exchange(struct folder *f, struct err *e) {
    if (renameat2(AT_FDCWD, f->temp, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return err_errno(e, f->path, "write");
    char *aside = join(f->temp, ".", "old"); /* a file system that cannot exchange */
    if (!aside)
        return err_nomem(e, f->path);
    int rc = rename(f->path, aside) != 0 ? err_errno(e, f->path, "write") : 0;
    if (rc == 0 && rename(f->temp, f->path) != 0) {
        rc = err_errno(e, f->path, "write");
        (void)!rename(aside, f->path);
    } else if (rc == 0) {
        drop(aside);
    }
    free(aside);
    return rc;
}

int folder_commit(struct folder *f, struct err *e) {
    int rc = sync_folder(f->temp, e);
    if (rc == 0 && f->replaces) {
        rc = exchange(f, e);
    } else if (rc == 0) {
        rc = rename(f->temp, f->path) != 0 ? err_errno(e, f->path, "write") : 0;
        if (rc == 0) {
            free(f->temp);
            f->temp = NULL;
        }
    }
    folder_abort(f);
    return rc;
}

void folder_abort(struct folder *f) {
    if (f->temp)
        drop(f->temp);
    free(f->temp);
    free(f->path);
    *f = (struct folder){0};
}

#include "export/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/config.h"

char *out_folder_file(const struct out_folder *f, const char *name) {
    return file_join(f->temp, name);
}

/* The caller's; NULL: out of memory. */
static char *with_end(const char *path, const char *end) {
    size_t size = strlen(path) + strlen(end) + 1;
    char *s = malloc(size);
    if (s)
        snprintf(s, size, "%s%s", path, end);
    return s;
}

struct content {
    size_t n;
    char foreign[256]; /* something that is no file of an export; "": there is nothing */
};

static bool is_file(int folder, const char *name) {
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int look(const char *path, const struct out_folder_kind *kind, struct content *found,
                struct err *e) {
    DIR *d = opendir(path);
    if (!d)
        return err_errno(e, path, "write");
    for (const struct dirent *x; (x = readdir(d));) {
        if (file_is_dots(x->d_name))
            continue;
        found->n++;
        if (!found->foreign[0] && !(kind->has(x->d_name) && is_file(dirfd(d), x->d_name)))
            config_copy_text(found->foreign, sizeof found->foreign, x->d_name, strlen(x->d_name));
    }
    closedir(d);
    return 0;
}

static int check_target(struct out_folder *f, bool force, const struct out_folder_kind *kind,
                        struct err *e) {
    struct stat st;
    struct content found = {0};
    const char *slash = strrchr(f->path, '/'), *last = slash ? slash + 1 : f->path;
    if (!*last || file_is_dots(last))
        return err_set(e, PRECIS_EUSAGE, "%s: an export needs a folder of its own", f->path);
    if (lstat(f->path, &st) != 0)
        return errno == ENOENT ? 0 : err_errno(e, f->path, "write");
    if (!S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EUSAGE, "%s: cannot write: exists and is no folder", f->path);
    int rc = look(f->path, kind, &found, e);
    if (rc || found.n == 0)
        return rc;
    if (!force)
        return err_set(e, PRECIS_EUSAGE, "%s: the folder is not empty (--force replaces an export)",
                       f->path);
    if (found.foreign[0])
        return err_set(e, PRECIS_EUSAGE, "%s: not replaced: an export has no %s", f->path,
                       found.foreign);
    bool ours = false;
    rc = kind->is_one(f->path, &ours, e);
    if (rc)
        return rc;
    if (!ours)
        return err_set(e, PRECIS_EUSAGE, "%s: not replaced: it is no export of precis", f->path);
    f->replaces = true;
    return 0;
}

int out_folder_begin(struct out_folder *f, const char *path, bool force,
                     const struct out_folder_kind *kind, struct err *e) {
    *f = (struct out_folder){.path = strdup(path)};
    if (!f->path)
        return err_nomem(e, path);
    for (size_t n = strlen(f->path); n > 1 && f->path[n - 1] == '/'; n--)
        f->path[n - 1] = 0;
    int rc = check_target(f, force, kind, e);
    if (rc == 0 && !(f->temp = with_end(f->path, ".XXXXXX")))
        rc = err_nomem(e, path);
    if (rc == 0 && file_create_temp(f->temp, S_IFDIR | 0777) != 0) {
        rc = err_errno(e, path, "write");
        free(f->temp);
        f->temp = NULL;
    }
    if (rc)
        out_folder_abort(f);
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

int out_folder_put(const struct out_folder *f, const char *name, const void *data, size_t size,
                   struct err *e) {
    char *path = out_folder_file(f, name);
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
static int exchange(struct out_folder *f, struct err *e) {
    if (renameat2(AT_FDCWD, f->temp, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return err_errno(e, f->path, "write");
    char *aside = with_end(f->temp, ".old"); /* a file system that cannot exchange */
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

int out_folder_commit(struct out_folder *f, struct err *e) {
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
    out_folder_abort(f);
    return rc;
}

void out_folder_abort(struct out_folder *f) {
    if (f->temp)
        drop(f->temp);
    free(f->temp);
    free(f->path);
    *f = (struct out_folder){0};
}

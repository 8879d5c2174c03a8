#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/args.h"
#include "store/store.h"

/* All of an open file, which is closed. */
static int read_file(int fd, const char *path, struct config_file *out, struct err *e) {
    struct buf text = {0};
    FILE *f = fdopen(fd, "r");
    if (!f) {
        int rc = err_errno(e, path, "open");
        close(fd);
        return rc;
    }
    int rc = file_read_stream(f, path, CONFIG_BYTES, &text, e);
    fclose(f);
    if (rc == 0)
        rc = config_parse(path, text.data ? text.data : "", text.len, out, e);
    buf_free(&text);
    return rc;
}

static int add_file(int fd, const char *path, bool project, const struct command *const *all,
                    struct config *out, struct err *e) {
    struct config_file *f = &out->v[out->n++];
    f->project = project;
    int rc = read_file(fd, path, f, e);
    return rc ? rc : config_check(f, all, e);
}

/* Whether nothing has that name, or it lies where this user may not look. */
static bool is_absent(const char *path) {
    struct stat st;
    return lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
}

/* A file that may not be there. Whatever is no regular file is an error, not waited for. */
static int open_regular(int folder, const char *name, const char *path, int flags, int *fd,
                        struct err *e) {
    struct stat st;
    *fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (*fd < 0 && errno == ELOOP && flags)
        return err_set(e, PRECIS_EINPUT, "%s: is a link; a project's file must not be one", path);
    if (*fd < 0) {
        int failed = errno;
        if (is_absent(path))
            return 0;
        errno = failed;
        return err_errno(e, path, "open");
    }
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
        return 0;
    close(*fd);
    *fd = -1;
    return err_set(e, PRECIS_EINPUT, "%s: is no regular file", path);
}

int config_user_path(char *out, size_t size, struct err *e) {
    char folder[PATH_MAX];
    int rc = file_xdg_dir("XDG_CONFIG_HOME", ".config", folder, sizeof folder, e);
    if (rc)
        return rc;
    int n = snprintf(out, size, "%s/config", folder);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, PRECIS_EINPUT, "XDG_CONFIG_HOME: path too long");
    return 0;
}

static int find_user(const struct command *const *all, struct config *out, struct err *e) {
    char path[PATH_MAX];
    int fd;
    if (config_user_path(path, sizeof path, NULL) != 0)
        return 0; /* no home, no file */
    int rc = open_regular(AT_FDCWD, path, path, 0, &fd, e);
    if (rc == 0 && fd >= 0)
        rc = add_file(fd, path, false, all, out, e);
    return rc;
}

static int find_project(const char *place, const struct command *const *all, struct config *out,
                        struct err *e) {
    char *root = NULL;
    int fd = -1, rc = store_find_root(place, &root, e);
    if (rc)
        return rc == PRECIS_ENOMEM ? rc : 0;
    char *folder = file_join(root, STORE_FOLDER),
         *path = folder ? file_join(folder, "config") : NULL;
    if (!path)
        rc = err_nomem(e, place);
    int at = rc ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* a link is no folder, and what this user may not look into is as if it were not there */
    if (rc == 0 && at < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP &&
        errno != EACCES)
        rc = err_errno(e, folder, "open");
    if (rc == 0 && at >= 0)
        rc = open_regular(at, "config", path, O_NOFOLLOW, &fd, e);
    if (rc == 0 && fd >= 0)
        rc = add_file(fd, path, true, all, out, e);
    if (at >= 0)
        close(at);
    free(path);
    free(folder);
    free(root);
    return rc;
}

int config_find(const struct args *a, const char *place, const struct command *const *all,
                struct config *out, struct err *e) {
    if (a->no_config && a->config)
        return err_set(e, PRECIS_EUSAGE, "--config and --no-config: one of them is enough");
    if (a->no_config)
        return 0;
    if (a->config) {
        int fd = open(a->config, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? err_errno(e, a->config, "open")
                      : add_file(fd, a->config, false, all, out, e);
    }
    int rc = find_user(all, out, e);
    return rc || !place ? rc : find_project(place, all, out, e);
}

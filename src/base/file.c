#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum {
    MAP_FROM = 1 << 20, /* below this a read costs less than the page faults of a mapping */
    READ_MOST = 16 << 20
};

static int read_all(int fd, uint8_t *data, size_t size, size_t *got) {
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, data + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

/* Mapped when it has map_from bytes. */
static int view_fd(int fd, const char *path, size_t map_from, struct mapping *m, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(e, path, "stat");
    if (S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EIO, "%s: is a folder, not a file", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EIO, "%s: is not a regular file", path);
    size_t size = (size_t)st.st_size;
    m->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (size >= map_from) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return err_errno(e, path, "map");
        *m = (struct mapping){.data = data, .size = size, .mtime_ns = m->mtime_ns, .mapped = true};
        return 0;
    }
    uint8_t *data = malloc(size + 1);
    if (!data)
        return err_nomem(e, path);
    if (read_all(fd, data, size, &m->size) != 0) {
        free(data);
        return err_errno(e, path, "read");
    }
    m->data = data;
    return 0;
}

bool file_is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool file_ends(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

char *file_join(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder, file_ends(folder, "/") ? "" : "/", name);
    return path;
}

/* After a failure that says that nothing is there. */
static bool is_broken_link(const char *path) {
    struct stat st;
    const int before = errno;
    bool broken = before == ENOENT && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    errno = before;
    return broken;
}

static int broken_link(const char *path, int code, struct err *e) {
    return err_set(e, code, "%s: is a link to a file that is not there", path);
}

int file_exists(const char *path, bool *there, struct err *e) {
    struct stat st;
    *there = stat(path, &st) == 0;
    if (*there)
        return 0;
    if (is_broken_link(path))
        return broken_link(path, PRECIS_ENOTFOUND, e);
    return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(e, path, "stat");
}

bool file_is_same(const char *a, const char *b) {
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
}

static int view(const char *path, size_t map_from, struct mapping *m, struct err *e) {
    *m = (struct mapping){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && is_broken_link(path))
        return broken_link(path, PRECIS_EIO, e);
    if (fd < 0)
        return err_errno(e, path, "open");
    int rc = view_fd(fd, path, map_from, m, e);
    close(fd);
    if (rc)
        *m = (struct mapping){0};
    return rc;
}

int file_map(const char *path, struct mapping *m, struct err *e) {
    return view(path, MAP_FROM, m, e);
}

int file_read(const char *path, struct mapping *m, struct err *e) {
    return view(path, READ_MOST + 1, m, e);
}

void file_unmap(struct mapping *m) {
    if (m->mapped)
        munmap((void *)(uintptr_t)m->data, m->size);
    else
        free((void *)(uintptr_t)m->data);
    *m = (struct mapping){0};
}

void file_release(const struct mapping *m) {
    if (m->mapped)
        madvise((void *)(uintptr_t)m->data, m->size, MADV_DONTNEED);
}

int file_create_temp(char *path, mode_t mode) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    enum { MOST_TRIES = 100 };
    char *end = path + strlen(path);
    int made = -1;
    for (int i = 0; i < MOST_TRIES; i++) {
        uint8_t random[6];
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return -1;
        for (size_t j = 0; j < sizeof random; j++)
            end[(ptrdiff_t)j - (ptrdiff_t)sizeof random] = digits[random[j] % 32];
        made = S_ISDIR(mode) ? mkdir(path, mode & 0777)
                             : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
        if (made >= 0 || errno != EEXIST)
            break;
    }
    return made;
}

int outfile_open(struct outfile *o, const char *path, struct err *e) {
    *o = (struct outfile){0};
    if (strcmp(path, "-") == 0) {
        o->f = stdout;
        o->is_stdout = true;
        return 0;
    }
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EIO, "%s: cannot write: is a folder", path);
    bool direct = there && !S_ISREG(st.st_mode);
    if (there && access(path, W_OK) != 0)
        return err_errno(e, path, "write");
    o->path = strdup(path);
    size_t size = strlen(path) + sizeof ".XXXXXX";
    if (o->path && !direct && (o->temp = malloc(size)) != NULL)
        snprintf(o->temp, size, "%s.XXXXXX", path);
    if (!o->path || (!direct && !o->temp)) {
        outfile_abort(o);
        return err_nomem(e, path);
    }
    int fd =
        direct ? open(path, O_WRONLY | O_CLOEXEC) : file_create_temp(o->temp, there ? 0600 : 0666);
    if (fd >= 0 && !direct && there)
        fchmod(fd, st.st_mode & 0777);
    if (fd < 0 || !(o->f = fdopen(fd, "w"))) {
        int rc = err_errno(e, path, "write");
        if (fd >= 0)
            close(fd);
        else
            free(o->temp), o->temp = NULL;
        outfile_abort(o);
        return rc;
    }
    return 0;
}

int outfile_commit(struct outfile *o, struct err *e) {
    int rc = 0;
    const char *name = o->is_stdout ? "standard output" : o->path;
    if (fflush(o->f) != 0 || ferror(o->f))
        rc = err_errno(e, name, "write");
    if (!o->is_stdout) {
        if (rc == 0 && o->temp && fsync(fileno(o->f)) != 0)
            rc = err_errno(e, name, "write");
        if (fclose(o->f) != 0 && rc == 0)
            rc = err_errno(e, name, "write");
        o->f = NULL;
        if (rc == 0 && o->temp && rename(o->temp, o->path) != 0)
            rc = err_errno(e, name, "write");
        if (rc == 0)
            free(o->temp), o->temp = NULL;
    }
    outfile_abort(o);
    return rc;
}

void outfile_abort(struct outfile *o) {
    if (o->f && !o->is_stdout)
        fclose(o->f);
    if (o->temp)
        unlink(o->temp);
    free(o->temp);
    free(o->path);
    *o = (struct outfile){0};
}

int file_read_stream(FILE *f, const char *name, size_t limit, struct buf *out, struct err *e) {
    for (;;) {
        if (!buf_reserve(out, 1 << 16))
            return err_nomem(e, name);
        size_t n = fread(out->data + out->len, 1, 1 << 16, f);
        out->len += n;
        out->data[out->len] = 0;
        if (out->len > limit)
            return err_set(e, PRECIS_ELIMIT, "%s: more than %zu bytes", name, limit);
        if (n == 0)
            return ferror(f) ? err_errno(e, name, "read") : 0;
    }
}

int file_make_dirs(const char *path, struct err *e) {
    if (!*path)
        return err_set(e, PRECIS_EIO, "cannot create a folder without a name");
    char *copy = strdup(path);
    if (!copy)
        return err_nomem(e, path);
    int rc = 0;
    for (char *p = copy + 1; rc == 0; p++) {
        if (*p != '/' && *p != 0)
            continue;
        char end = *p;
        *p = 0;
        struct stat st;
        if ((mkdir(copy, 0777) != 0 && errno != EEXIST) || stat(copy, &st) != 0)
            rc = err_errno(e, copy, "create folder");
        else if (!S_ISDIR(st.st_mode))
            rc = err_set(e, PRECIS_EIO, "%s: cannot create folder: a file has that name", copy);
        *p = end;
        if (end == 0)
            break;
    }
    free(copy);
    return rc;
}

int file_xdg_dir(const char *variable, const char *fallback, char *out, size_t size,
                 struct err *e) {
    const char *base = getenv(variable);
    int n;
    if (base && base[0] == '/') {
        n = snprintf(out, size, "%s/precis", base);
    } else {
        const char *home = getenv("HOME");
        if (!home || home[0] != '/')
            return err_set(e, PRECIS_EINPUT, "neither %s nor HOME is set to an absolute path",
                           variable);
        n = snprintf(out, size, "%s/%s/precis", home, fallback);
    }
    if (n < 0 || (size_t)n >= size)
        return err_set(e, PRECIS_EINPUT, "%s: path too long", variable);
    return 0;
}

/* The file is filled through a shared mapping. Its blocks are taken before that, because a write
 * to a mapping for which the disk has no room ends in SIGBUS. It has no name until the commit where
 * the file system allows that (O_TMPFILE), so that a killed process leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "model/packed_format.h"

struct packed_writer {
    struct packed *made; /* owned, mapped; becomes the reader */
    uint8_t *bytes;      /* of `made`, writable */
    char *path;          /* owned; NULL: in memory only */
    char *temp;          /* owned, room for a temporary name */
    size_t temp_size;
    bool named; /* a file of that temporary name exists and is ours */
    int fd;     /* -1: none */
};

static int compare(const void *a, const void *b) {
    const struct packed_section *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The sections in ascending order of their names. */
static int sort_sections(const struct packed_section *sections, size_t n,
                         struct packed_section *sorted, struct err *e) {
    for (size_t i = 0; i < n; i++) {
        sorted[i] = sections[i];
        size_t length = strlen(sections[i].name);
        if (length == 0 || length >= PACKED_NAME_SIZE)
            return err_set(e, PRECIS_EUSAGE, "%s: not a name for a packed section",
                           sections[i].name);
    }
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
            return err_set(e, PRECIS_EUSAGE, "%s: two packed sections of that name",
                           sorted[i].name);
    return 0;
}

/* False when the sizes add up to more than a file can have. */
static bool plan(struct packed_header *h, const char *key, const struct packed_section *sorted,
                 size_t n) {
    const size_t most = (size_t)1 << 48;
    size_t data = 0;
    for (size_t i = 0; i < n; i++) {
        if (sorted[i].size > most || data > most)
            return false;
        data += packed_round(sorted[i].size, PACKED_ALIGN);
    }
    *h = (struct packed_header){.order = PACKED_ORDER,
                                .version = PACKED_VERSION,
                                .key_size = strlen(key) + 1,
                                .sections = n,
                                .pieces = packed_round(data, PACKED_PIECE) / PACKED_PIECE};
    memcpy(h->magic, PACKED_MAGIC, sizeof h->magic);
    h->data = packed_lay_out(h->key_size, n, h->pieces).data;
    h->file_size = h->data + data;
    return true;
}

static void write_head(uint8_t *bytes, const struct packed_header *h, const char *key,
                       const struct packed_section *sorted) {
    struct packed_entry *entries =
        (void *)(bytes + packed_lay_out(h->key_size, h->sections, h->pieces).entries);
    size_t at = h->data;
    memcpy(bytes, h, sizeof *h);
    memcpy(bytes + sizeof *h, key, h->key_size);
    for (size_t i = 0; i < h->sections; i++) {
        memcpy(entries[i].name, sorted[i].name, strlen(sorted[i].name));
        entries[i].offset = at;
        entries[i].size = sorted[i].size;
        at += packed_round(sorted[i].size, PACKED_ALIGN);
    }
}

/* Gives the file a temporary name, or makes it under one, that no other writer has. */
static int name_temporary(struct packed_writer *w) {
    char self[32];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(w->temp, w->temp_size, "%s.%ld-%u", w->path, (long)getpid(), i);
        int rc;
        if (w->fd >= 0) {
            snprintf(self, sizeof self, "/proc/self/fd/%d", w->fd);
            rc = linkat(AT_FDCWD, self, AT_FDCWD, w->temp, AT_SYMLINK_FOLLOW);
        } else {
            rc = w->fd = open(w->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        }
        w->named = rc >= 0;
        if (w->named || errno != EEXIST)
            return w->named ? 0 : -1;
    }
    return -1;
}

/* Takes the blocks of the file on the disk. */
static int take_space(struct packed_writer *w, size_t size, struct err *e) {
    struct rlimit limit;
    /* Growing a file beyond this limit raises SIGXFSZ. */
    int failed = getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur ? EFBIG : 0;
    while (!failed && (failed = posix_fallocate(w->fd, 0, (off_t)size)) == EINTR)
        failed = 0;
    if (!failed)
        return 0;
    errno = failed;
    return err_errno(e, w->path, "write");
}

static int make_file(struct packed_writer *w, const char *path, size_t size, struct err *e) {
    w->path = strdup(path);
    w->temp_size = strlen(path) + 64;
    w->temp = malloc(w->temp_size);
    if (!w->path || !w->temp)
        return err_nomem(e, path);
    char *folder = w->temp;
    const char *slash = strrchr(path, '/');
    snprintf(folder, w->temp_size, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int rc = file_make_dirs(folder, e);
    if (rc)
        return rc;
    if (access("/proc/self/fd", X_OK) == 0) /* naming it later goes through there */
        w->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (w->fd < 0 && name_temporary(w) != 0)
        return err_errno(e, path, "write");
    return take_space(w, size, e);
}

/* Maps the file and writes everything before the data, but for the checksums. */
static int begin(struct packed_writer *w, const struct packed_header *h, const char *key,
                 const struct packed_section *sorted, struct err *e) {
    const char *what = w->path ? w->path : "packed weights";
    int flags = w->path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void *bytes = mmap(NULL, h->file_size, PROT_READ | PROT_WRITE, flags, w->fd, 0);
    if (bytes == MAP_FAILED && !w->path)
        return err_nomem(e, what);
    if (bytes == MAP_FAILED)
        return err_errno(e, what, "map");
    w->bytes = bytes;
    *w->made = (struct packed){.bytes = bytes, .size = h->file_size, .mapped = true};
    write_head(bytes, h, key, sorted);
    return 0;
}

int packed_writer_open(const char *path, const char *key, const struct packed_section *sections,
                       size_t n, struct packed_writer **out, struct err *e) {
    struct packed_header h;
    *out = NULL;
    if (strlen(key) >= PACKED_MOST_KEY || n > PACKED_MOST_SECTIONS)
        return err_set(e, PRECIS_EUSAGE, "packed weights: a key of %zu bytes, %zu sections",
                       strlen(key), n);
    int rc = 0;
    struct packed_writer *w = calloc(1, sizeof *w);
    if (w)
        w->fd = -1;
    struct packed_section *sorted = calloc(n + 1, sizeof *sorted);
    if (!w || !sorted || !(w->made = calloc(1, sizeof *w->made))) {
        rc = err_nomem(e, "packed weights");
        goto done;
    }
    rc = sort_sections(sections, n, sorted, e);
    if (rc)
        goto done;
    if (!plan(&h, key, sorted, n)) {
        rc = err_set(e, PRECIS_EUSAGE, "packed weights of more than 2^48 bytes");
        goto done;
    }
    if (path)
        rc = make_file(w, path, h.file_size, e);
    if (rc == 0)
        rc = begin(w, &h, key, sorted, e);
    if (rc == 0) {
        *out = w;
        w = NULL;
    }
done:
    free(sorted);
    packed_writer_abort(w);
    return rc;
}

void *packed_writer_section(struct packed_writer *w, const char *name) {
    const struct packed_entry *s = packed_entry_of(w->bytes, name);
    return s ? w->bytes + s->offset : NULL;
}

static int store(struct packed_writer *w, struct err *e) {
    if (fsync(w->fd) != 0 || (!w->named && name_temporary(w) != 0) || rename(w->temp, w->path) != 0)
        return err_errno(e, w->path, "write");
    w->named = false;
    return 0;
}

int packed_writer_commit(struct packed_writer *w, int threads, struct packed **out, struct err *e) {
    struct packed_header *h = (void *)w->bytes;
    struct packed_layout l = packed_lay_out(h->key_size, h->sections, h->pieces);
    *out = NULL;
    packed_sum_data(w->bytes, h, threads, (void *)(w->bytes + l.sums));
    h->sum = packed_sum_head(w->bytes, h);
    /* Fails for want of memory of the kernel's at most, and then costs only the protection. */
    (void)mprotect(w->bytes, w->made->size, PROT_READ);
    int rc = w->path ? store(w, e) : 0;
    if (rc == 0) {
        *out = w->made;
        w->made = NULL;
    }
    packed_writer_abort(w);
    return rc;
}

void packed_writer_abort(struct packed_writer *w) {
    if (!w)
        return;
    packed_close(w->made);
    if (w->fd >= 0)
        close(w->fd);
    if (w->named)
        unlink(w->temp);
    free(w->path);
    free(w->temp);
    free(w);
}

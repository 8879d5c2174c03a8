#include "code/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* Ignore files are written by people; a larger one is something else. */
enum { IGNORE_FILE_MAX = 16 << 20 };

static int read_fd(int fd, struct buf *text) {
    char block[4096];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        if (text->len + (size_t)n > IGNORE_FILE_MAX) {
            errno = EFBIG;
            return -1;
        }
        buf_append(text, block, (size_t)n);
    }
}

/* A small regular file's text. A file that is not there or cannot be read leaves *text empty: a
 * walk does not fail for it. 0, or PRECIS_ENOMEM. */
static int read_file(int at, const char *name, int flags, struct buf *text, struct err *e) {
    struct stat st;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            log_say(LOG_WARN, "%s: not read: %s", name, strerror(errno));
        return 0;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        log_say(LOG_WARN, "%s: not read: is not a regular file", name);
    } else if (read_fd(fd, text) != 0) {
        log_say(LOG_WARN, "%s: not read: %s", name, strerror(errno));
        buf_clear(text);
    }
    close(fd);
    return buf_failed(text) ? err_nomem(e, name) : 0;
}

static int load(int at, const char *name, int flags, struct ignore **out, struct err *e) {
    struct buf text = {0};
    *out = NULL;
    int rc = read_file(at, name, flags, &text, e);
    if (rc == 0 && text.len)
        rc = ignore_parse(text.data, text.len, out, e);
    buf_free(&text);
    return rc;
}

static int add_node(struct rules *r, const struct rules_node *parent, int fd, size_t offset,
                    const struct rules_node **node, struct err *e) {
    struct ignore *git = NULL;
    struct ignore *precis = NULL;
    *node = parent;
    int rc = load(fd, ".gitignore", O_NOFOLLOW, &git, e);
    if (rc == 0)
        rc = load(fd, ".precisignore", O_NOFOLLOW, &precis, e);
    struct rules_node *made = NULL;
    if (rc == 0 && (git || precis)) {
        made = malloc(sizeof *made);
        if (!made)
            rc = err_nomem(e, "ignore rules");
    }
    if (!made) {
        ignore_free(git);
        ignore_free(precis);
        return rc;
    }
    *made = (struct rules_node){
        .parent = parent, .next_owned = r->owned, .offset = offset, .git = git, .precis = precis};
    r->owned = made;
    *node = made;
    return 0;
}

static bool exists(const char *folder, const char *name) {
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && lstat(path, &st) == 0 &&
           (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

/* Length of the start of real_root that is the work tree's folder ("" is "/"); -1: none. */
static ptrdiff_t find_top(const char *real_root) {
    char folder[PATH_MAX];
    size_t len = strlen(real_root);
    if (len >= sizeof folder)
        return -1;
    memcpy(folder, real_root, len + 1);
    if (len == 1)
        folder[len = 0] = 0;
    for (;;) {
        if (exists(folder, ".git"))
            return (ptrdiff_t)len;
        char *slash = strrchr(folder, '/');
        if (!slash)
            return -1;
        *slash = 0;
        len = (size_t)(slash - folder);
    }
}

/* The first line of a one-line file, after `prefix`, joined to `folder` unless it is absolute. */
static int read_pointer(const char *folder, const char *name, const char *prefix, struct buf *out,
                        struct err *e) {
    struct buf path = {0};
    struct buf text = {0};
    buf_printf(&path, "%s/%s", folder, name);
    int rc = buf_failed(&path) ? err_nomem(e, name) : read_file(AT_FDCWD, path.data, 0, &text, e);
    size_t skip = strlen(prefix);
    if (rc == 0 && text.len > skip && memcmp(text.data, prefix, skip) == 0) {
        char *value = text.data + skip;
        value[strcspn(value, "\r\n")] = 0;
        if (value[0] == '/')
            buf_str(out, value);
        else
            buf_printf(out, "%s/%s", folder, value);
        rc = buf_failed(out) ? err_nomem(e, name) : 0;
    }
    buf_free(&text);
    buf_free(&path);
    return rc;
}

/* info/exclude lies in the repository; in a linked work tree .git is a file that says where. */
static int load_info(struct rules *r, const char *top, struct err *e) {
    struct buf git = {0};
    struct buf common = {0};
    struct stat st;
    buf_printf(&git, "%s/.git", top);
    int rc = buf_failed(&git) ? err_nomem(e, ".git") : 0;
    if (rc == 0 && lstat(git.data, &st) == 0 && S_ISREG(st.st_mode)) {
        buf_clear(&git);
        rc = read_pointer(top, ".git", "gitdir: ", &git, e);
        if (rc == 0 && git.len)
            rc = read_pointer(git.data, "commondir", "", &common, e);
    }
    struct buf *where = common.len ? &common : &git;
    if (rc == 0 && where->len) {
        buf_str(where, "/info/exclude");
        rc = buf_failed(where) ? err_nomem(e, ".git") : load(AT_FDCWD, where->data, 0, &r->info, e);
    }
    buf_free(&git);
    buf_free(&common);
    return rc;
}

/* The folders from the top of the work tree down to the one above the walk's root. */
static int load_above(struct rules *r, const char *real_root, size_t top, struct err *e) {
    char folder[PATH_MAX];
    int rc = 0;
    for (size_t end = top; rc == 0 && real_root[end] == '/' && real_root[end + 1]; end++) {
        memcpy(folder, real_root, end);
        memcpy(folder + end, "/", 2);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            rc = add_node(r, r->base, fd, end > top ? end - top : 0, &r->base, e);
            close(fd);
        }
        end += strcspn(real_root + end + 1, "/");
    }
    return rc;
}

int rules_open(struct rules *r, const char *real_root, struct err *e) {
    *r = (struct rules){0};
    ptrdiff_t found = find_top(real_root);
    if (found < 0)
        return 0;
    size_t top = (size_t)found;
    char folder[PATH_MAX];
    memcpy(folder, real_root, top);
    folder[top] = 0;
    if (real_root[top] == '/' && real_root[top + 1]) {
        buf_str(&r->full, real_root + top + 1);
        buf_char(&r->full, '/');
        r->up = r->full.len;
    }
    int rc = buf_failed(&r->full) ? err_nomem(e, "ignore rules") : load_info(r, folder, e);
    if (rc == 0)
        rc = load_above(r, real_root, top, e);
    if (rc)
        rules_free(r);
    return rc;
}

void rules_free(struct rules *r) {
    while (r->owned) {
        struct rules_node *next = r->owned->next_owned;
        ignore_free(r->owned->git);
        ignore_free(r->owned->precis);
        free(r->owned);
        r->owned = next;
    }
    ignore_free(r->info);
    buf_free(&r->full);
    *r = (struct rules){0};
}

int rules_enter(struct rules *r, const struct rules_node *parent, int fd, const char *name,
                const struct rules_node **node, struct err *e) {
    size_t offset = r->up + strlen(name) + (name[0] != 0);
    return add_node(r, parent, fd, offset, node, e);
}

int rules_match(struct rules *r, const struct rules_node *node, const char *name, bool is_dir,
                enum ignore_verdict *verdict, struct err *e) {
    *verdict = IGNORE_NONE;
    if (!node && !r->info)
        return 0;
    r->full.len = r->up;
    buf_str(&r->full, name);
    if (buf_failed(&r->full))
        return err_nomem(e, "ignore rules");
    const char *path = r->full.data;
    for (const struct rules_node *n = node; n && *verdict == IGNORE_NONE; n = n->parent)
        if (n->precis)
            *verdict = ignore_match(n->precis, path + n->offset, is_dir);
    for (const struct rules_node *n = node; n && *verdict == IGNORE_NONE; n = n->parent)
        if (n->git)
            *verdict = ignore_match(n->git, path + n->offset, is_dir);
    if (r->info && *verdict == IGNORE_NONE)
        *verdict = ignore_match(r->info, path, is_dir);
    return 0;
}

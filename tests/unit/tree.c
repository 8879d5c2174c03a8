#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *tree_new(void) {
    /* Thousands of small files: in memory where that is to be had. */
    const char *base = getenv("TMPDIR");
    if (!base)
        base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/precis-test-XXXXXX", base);
    if (!mkdtemp(path))
        fail_msg("%s: %s", path, strerror(errno));
    return strdup(path);
}

/* Moves every folder found up to the top before it is emptied: depth does not matter then. */
static void empty(int top, int fd) {
    static unsigned moved;
    DIR *dir = fdopendir(fd);
    if (!dir)
        return;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        char name[64];
        snprintf(name, sizeof name, "precis-test-old-%u", moved++);
        fchmodat(dirfd(dir), entry->d_name, 0700, 0);
        renameat(dirfd(dir), entry->d_name, top, name);
    }
    closedir(dir);
}

void tree_remove(char *root) {
    int top = open(root, O_RDONLY | O_DIRECTORY);
    assert_true(top >= 0);
    for (bool again = true; again;) {
        again = false;
        DIR *dir = opendir(root);
        assert_non_null(dir);
        const struct dirent *entry;
        while ((entry = readdir(dir)) != NULL) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            if (unlinkat(top, entry->d_name, 0) == 0)
                continue;
            fchmodat(top, entry->d_name, 0700, 0);
            int fd = openat(top, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (fd < 0)
                continue;
            empty(top, fd);
            if (unlinkat(top, entry->d_name, AT_REMOVEDIR) == 0)
                again = true;
        }
        closedir(dir);
    }
    close(top);
    rmdir(root);
    free(root);
}

static void make_parents(char *path, size_t from) {
    for (char *s = path + from + 1; *s; s++)
        if (*s == '/') {
            *s = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST)
                fail_msg("%s: %s", path, strerror(errno));
            *s = '/';
        }
}

static void full_path(char path[PATH_MAX], const char *root, const char *name) {
    int n = snprintf(path, PATH_MAX, "%s/%s", root, name);
    assert_in_range(n, 1, PATH_MAX - 1);
    make_parents(path, strlen(root));
}

void tree_write_bytes(const char *root, const char *name, const void *data, size_t size) {
    char path[PATH_MAX];
    full_path(path, root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const char *)data + at, size - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    close(fd);
}

void tree_write(const char *root, const char *name, const char *text) {
    tree_write_bytes(root, name, text, strlen(text));
}

void tree_link(const char *root, const char *name, const char *target) {
    char path[PATH_MAX];
    full_path(path, root, name);
    assert_int_equal(symlink(target, path), 0);
}

void tree_mkdir(const char *root, const char *name) {
    char path[PATH_MAX];
    full_path(path, root, name);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail_msg("%s: %s", path, strerror(errno));
}

int tree_count(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return -1;
    int n = -2; /* "." and ".." */
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

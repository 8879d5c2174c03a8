/* The cache is a text file of lines "HEX SIZE MTIME_NS INODE PATH". It is only a shortcut: a line
 * that is not exactly of that form is dropped, and a cache that cannot be read or written is no
 * error. */
#include "model/revision.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"

enum { MOST_CACHE_BYTES = 1 << 20, MOST_LINES = 256 };

struct identity {
    char *path;   /* owned, absolute */
    char key[96]; /* "SIZE MTIME_NS INODE" */
};

static bool identify(const char *path, struct identity *id) {
    struct stat st;
    id->path = realpath(path, NULL);
    if (!id->path || strchr(id->path, '\n') || stat(id->path, &st) != 0)
        return false;
    snprintf(id->key, sizeof id->key, "%lld %lld.%09ld %llu", (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long long)st.st_ino);
    return true;
}

/* One line without its '\n'. Returns its path, or NULL when the line is malformed. */
static const char *line_path(const char *line) {
    if (strspn(line, "0123456789abcdef") != HASH_HEX_SIZE - 1 || line[HASH_HEX_SIZE - 1] != ' ')
        return NULL;
    const char *p = line + HASH_HEX_SIZE;
    for (int field = 0; field < 3; field++) {
        size_t n = strspn(p, "0123456789.");
        if (n == 0 || p[n] != ' ')
            return NULL;
        p += n + 1;
    }
    return *p == '/' ? p : NULL;
}

/* Copies the well-formed lines about other files to `rest`; true when the line about this one is
 * there and still holds. */
static bool look_up(char *text, const struct identity *id, struct buf *rest,
                    char out[HASH_HEX_SIZE]) {
    bool found = false;
    int lines = 0;
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *path = line_path(line);
        if (!path || ++lines > MOST_LINES)
            continue;
        size_t n = strlen(id->key);
        const char *key = line + HASH_HEX_SIZE;
        if (strcmp(path, id->path) != 0) {
            buf_printf(rest, "%s\n", line);
        } else if (strncmp(key, id->key, n) == 0 && key + n + 1 == path) {
            memcpy(out, line, HASH_HEX_SIZE - 1);
            out[HASH_HEX_SIZE - 1] = 0;
            found = true;
        }
    }
    return found;
}

static int save(const char *folder, const char *file, const struct buf *rest,
                const struct identity *id, const char *hex, struct err *e) {
    struct outfile o;
    int rc = file_make_dirs(folder, e);
    if (rc == 0)
        rc = outfile_open(&o, file, e);
    if (rc)
        return rc;
    fprintf(o.f, "%s %s %s\n%s", hex, id->key, id->path, rest->data ? rest->data : "");
    return outfile_commit(&o, e);
}

int revision_of(const char *path, const void *data, size_t size, char out[HASH_HEX_SIZE],
                struct err *e) {
    struct identity id = {0};
    struct buf rest = {0}, text = {0};
    struct mapping m = {0};
    struct err ignored = {0};
    char folder[4000], file[4096];
    bool usable = identify(path, &id) &&
                  file_xdg_dir("XDG_CACHE_HOME", ".cache", folder, sizeof folder, &ignored) == 0;
    int rc = 0;
    if (usable) {
        snprintf(file, sizeof file, "%s/hashes", folder);
        if (file_map(file, &m, NULL) == 0 && m.size <= MOST_CACHE_BYTES)
            buf_append(&text, m.data, m.size);
        file_unmap(&m);
        if (text.data && !text.failed && look_up(text.data, &id, &rest, out))
            goto done;
    }
    rc = hash_sha256_hex(data, size, out, e);
    if (rc == 0 && usable && !buf_failed(&rest) && save(folder, file, &rest, &id, out, &ignored))
        log_say(LOG_INFO, "hash of the model is not remembered: %s", ignored.text);
done:
    buf_free(&rest);
    buf_free(&text);
    free(id.path);
    return rc;
}

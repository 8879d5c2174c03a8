#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/utf8.h"
#include "store/store_impl.h"

enum {
    BUSY_MS = 10000,
    MOST_BYTES = 64 << 20 /* in a value or a row: no line is longer, whatever a file claims */
};

int store_fail(const struct store *s, int sqlite, const char *action, struct err *e) {
    int primary = sqlite & 0xff;
    const char *why = sqlite3_errstr(sqlite);
    int code = PRECIS_EIO;
    if (primary == SQLITE_NOMEM || sqlite == SQLITE_IOERR_NOMEM)
        return err_nomem(e, s->path);
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        code = PRECIS_EINPUT;
        why = primary == SQLITE_NOTADB ? "it is not a SQLite database" : "it is damaged";
    } else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        why = "another process keeps it locked";
    } else if (primary == SQLITE_FULL) {
        why = "no space left on device";
    } else if (primary == SQLITE_ERROR && s->db) {
        why = sqlite3_errmsg(s->db);
    } else if (primary == SQLITE_TOOBIG) {
        code = PRECIS_ELIMIT;
    }
    return err_set(e, code, "%s: cannot %s: %s", s->path, action, why);
}

int store_damaged(const struct store *s, const char *what, struct err *e) {
    return err_set(e, PRECIS_EINPUT, "%s: is damaged: %s", s->path, what);
}

const char *store_root(const struct store *s) {
    return s->root;
}

const char *store_path(const struct store *s) {
    return s->path;
}

const char *store_level_name(enum store_level level) {
    static const char *const names[] = {"chunk", "file", "directory", "repository"};
    return names[level];
}

static int refuse_link(const char *path, struct err *e) {
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return err_set(e, PRECIS_EIO, "%s: is a symbolic link, which a store must not be", path);
    return 0;
}

static int set_paths(struct store *s, const char *root, struct err *e) {
    s->root = realpath(root, NULL);
    if (!s->root)
        return errno == ENOMEM ? err_nomem(e, root) : err_errno(e, root, "open");
    s->folder = file_join(s->root, STORE_FOLDER);
    s->path = s->folder ? file_join(s->folder, STORE_FILE) : NULL;
    if (!s->path)
        return err_nomem(e, root);
    int rc = refuse_link(s->folder, e);
    return rc ? rc : refuse_link(s->path, e);
}

/* What lies beside a store may be shared with others (a configuration); the store itself not. A
 * store that is there is left as it is: somebody may share it. */
static int make_folder(const struct store *s, struct err *e) {
    static const char ignore[] = "/" STORE_FILE "*\n";
    if (mkdir(s->folder, 0777) != 0 && errno != EEXIST)
        return err_errno(e, s->folder, "create folder");
    if (access(s->path, F_OK) == 0)
        return 0;
    char *path = file_join(s->folder, ".gitignore");
    if (!path)
        return err_nomem(e, s->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) { /* without it the store works as well */
        ssize_t n = write(fd, ignore, sizeof ignore - 1);
        (void)n;
        close(fd);
    }
    free(path);
    return 0;
}

static int check_there(const struct store *s, struct err *e) {
    bool there;
    int rc = file_exists(s->path, &there, e);
    if (rc == 0 && !there)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: there is no store here", s->root);
    return rc;
}

/* Before anything is read. */
static void configure(sqlite3 *db) {
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MOST_BYTES);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
}

static int connect(struct store *s, const char *name, int flags, struct err *e) {
    sqlite3_close(s->db);
    s->db = NULL;
    int rc =
        sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc) {
        int sys = s->db ? sqlite3_system_errno(s->db) : 0;
        errno = sys;
        return sys && rc != SQLITE_NOMEM ? err_errno(e, s->path, "open")
                                         : store_fail(s, rc, "open the store", e);
    }
    configure(s->db);
    rc = sqlite3_exec(s->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = fts_register(s->db);
    return rc ? store_fail(s, rc, "open the store", e) : 0;
}

/* Readers of a log keep an index beside it. Where we may not make one, and there is no log, nobody
 * writes to the file: it is as if it stood on a read-only disk. */
static bool is_frozen(const struct store *s) {
    char log[PATH_MAX + 8];
    int n = snprintf(log, sizeof log, "%s-wal", s->path);
    return n > 0 && (size_t)n < sizeof log && access(s->folder, W_OK) != 0 &&
           access(log, F_OK) != 0;
}

static int connect_frozen(struct store *s, struct err *e) {
    struct buf uri = {0};
    buf_str(&uri, "file:");
    for (const char *p = s->path; *p; p++)
        if (strchr("%?#", *p))
            buf_printf(&uri, "%%%02x", (unsigned)(unsigned char)*p);
        else
            buf_char(&uri, *p);
    buf_str(&uri, "?immutable=1");
    int rc = buf_failed(&uri) ? err_nomem(e, s->path)
                              : connect(s, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
    buf_free(&uri);
    return rc;
}

static int open_to_read(struct store *s, struct err *e) {
    int version;
    bool is_new;
    int rc = access(s->path, W_OK) == 0 && access(s->folder, W_OK) == 0
                 ? connect(s, s->path, SQLITE_OPEN_READWRITE, e) /* so that no log is left behind */
             : is_frozen(s) ? connect_frozen(s, e)
                            : connect(s, s->path, SQLITE_OPEN_READONLY, e);
    if (rc == 0 && sqlite3_exec(s->db, "PRAGMA query_only = ON", NULL, NULL, NULL) != SQLITE_OK)
        rc = err_nomem(e, s->path); /* nothing is read yet */
    if (rc == 0)
        rc = schema_look(s, &version, &is_new, e);
    if (rc == 0 && is_new)
        return err_set(e, PRECIS_ENOTFOUND, "%s: is empty", s->path);
    if (rc == 0 && version < STORE_VERSION)
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "%s: is of version %d: precis writes to it once before it reads it", s->path,
                     version);
    return rc;
}

/* In the words of the system; SQLite has its own, later. */
static int check_writable(const struct store *s, struct err *e) {
    const char *what = access(s->folder, W_OK) != 0                               ? s->folder
                       : access(s->path, F_OK) == 0 && access(s->path, W_OK) != 0 ? s->path
                                                                                  : NULL;
    return what ? err_errno(e, what, "write") : 0;
}

/* Makes the file one with a write-ahead log, which it then stays. SQLite does not wait for others
 * here. Where a log cannot be had (a network's disk), or others never pause, the store works
 * without. */
static int start_log(struct store *s, struct err *e) {
    enum { PAUSE_MS = 5 };
    int rc = SQLITE_BUSY;
    for (int ms = 0; rc == SQLITE_BUSY && ms < BUSY_MS; ms += PAUSE_MS) {
        rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
        if (rc == SQLITE_BUSY)
            sqlite3_sleep(PAUSE_MS);
    }
    return rc && rc != SQLITE_BUSY ? store_fail(s, rc, "open the store", e) : 0;
}

static int open_to_write(struct store *s, bool create, struct err *e) {
    int version;
    bool is_new;
    int rc = check_writable(s, e);
    if (rc == 0)
        rc = connect(s, s->path, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), e);
    /* before the first write: it may be somebody else's */
    if (rc == 0)
        rc = schema_look(s, &version, &is_new, e);
    if (rc == 0 && is_new && !create)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: is empty", s->path);
    if (rc)
        return rc;
    int sqlite = sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (sqlite)
        return store_fail(s, sqlite, "open the store", e);
    if (is_new || version < STORE_VERSION)
        rc = schema_upgrade(s, e);
    return rc ? rc : start_log(s, e);
}

int store_open(const char *root, enum store_mode mode, struct store **out, struct err *e) {
    *out = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e, root);
    int rc = set_paths(s, root, e);
    if (rc == 0)
        rc = mode == STORE_CREATE ? make_folder(s, e) : check_there(s, e);
    if (rc == 0)
        rc = mode == STORE_READ ? open_to_read(s, e) : open_to_write(s, mode == STORE_CREATE, e);
    if (rc == 0)
        rc = schema_check(s, e);
    if (rc)
        store_close(s);
    else
        *out = s;
    return rc;
}

void store_close(struct store *s) {
    if (!s)
        return;
    for (int i = 0; i < QUERIES; i++)
        sqlite3_finalize(s->prepared[i]);
    sqlite3_close(s->db);
    free(s->root);
    free(s->folder);
    free(s->path);
    free(s->pinned_revision);
    free(s->pinned_prompt);
    free(s->language);
    free(s->embedder_revision);
    free(s->embedder_name);
    free(s);
}

static bool has_entry(const char *folder, const char *name) {
    char path[PATH_MAX + 16];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static bool is_top(const char *folder) {
    char path[PATH_MAX + 16];
    int n = snprintf(path, sizeof path, "%s/.git", folder);
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

static void go_up(char *folder) {
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = 0;
}

int store_find_root(const char *path, char **root, struct err *e) {
    struct stat st;
    *root = NULL;
    char *at = realpath(path, NULL), *start = NULL, *found = NULL;
    if (!at)
        return errno == ENOMEM ? err_nomem(e, path) : err_errno(e, path, "open");
    if (stat(at, &st) == 0 && !S_ISDIR(st.st_mode))
        go_up(at);
    int rc = 0;
    if (!(start = strdup(at))) {
        free(at);
        return err_nomem(e, path);
    }
    bool top = false;
    while (rc == 0 && !top) {
        if (!found && has_entry(at, STORE_FOLDER) && !(found = strdup(at)))
            rc = err_nomem(e, path);
        top = is_top(at);
        if (strcmp(at, "/") == 0)
            break;
        go_up(at);
    }
    /* outside of a work tree only the folder itself counts */
    if (rc == 0 && (!found || (!top && strcmp(found, start) != 0)))
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: there is no store here", path);
    if (rc == 0) {
        *root = found;
        found = NULL;
    }
    free(found);
    free(start);
    free(at);
    return rc;
}

int store_name(const char *root, const char *path, char **name, struct err *e) {
    struct buf valid = {0};
    *name = NULL;
    char *real = realpath(path, NULL);
    if (!real)
        return errno == ENOMEM ? err_nomem(e, path) : err_errno(e, path, "open");
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *from = real;
    if (strncmp(real, root, n) == 0 && (real[n] == '/' || !real[n]))
        from += n + (real[n] == '/');
    utf8_append_valid(&valid, from, strlen(from));
    buf_str(&valid, "");
    free(real);
    if (buf_failed(&valid)) {
        buf_free(&valid);
        return err_nomem(e, path);
    }
    *name = valid.data;
    return 0;
}

#include "store/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/store_impl.h"

enum { MOST_RUN_SECONDS = 86400 /* what has not ended for that long was killed */ };

static int file_bytes(struct store *s, uint64_t *out, struct err *e) {
    int64_t n = 0;
    struct statement t = statement_start(s, QUERY_PAGES, "measure the store");
    int rc = only_number(&t, &n, e);
    *out = (uint64_t)n;
    return rc;
}

int store_stats(struct store *s, struct store_stats *out, struct err *e) {
    *out = (struct store_stats){0};
    struct statement t = statement_start(s, QUERY_STATS, "count lines");
    int rc = statement_row(&t, e);
    if (rc <= 0)
        return rc ? rc : store_damaged(s, "it cannot be counted", e);
    struct columns c = {.t = &t};
    out->lines = column_count(&c);
    out->places = column_count(&c);
    out->files = column_count(&c);
    out->unanswered = column_count(&c);
    out->runs = column_count(&c);
    out->first_at = column_int(&c);
    out->last_at = column_int(&c);
    rc = columns_end(&c, e);
    statement_end(&t);
    return rc ? rc : file_bytes(s, &out->bytes, e);
}

int store_sources(struct store *s,
                  int (*each)(void *user, const char *source, uint64_t lines, struct err *e),
                  void *user, struct err *e) {
    struct statement t = statement_start(s, QUERY_SOURCES, "count lines");
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        const char *source = column_text(&c, TEXT_LINE);
        uint64_t lines = column_count(&c);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, source, lines, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

/* Ids of files and folders that are not on the disk. */
struct gone {
    int64_t *v; /* owned */
    size_t n, cap;
};

int store_gone(const struct store *s, const char *path, bool *gone, struct err *e) {
    static const char replaced[] = "\xef\xbf\xbd"; /* U+FFFD, for bytes that are no UTF-8 */
    struct stat st;
    *gone = false;
    if (strstr(path, replaced))
        return 0;
    char *full = *path == '/' ? strdup(path) : file_join(s->root, path);
    if (!full)
        return err_nomem(e, s->path);
    *gone = lstat(full, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
    free(full);
    return 0;
}

static int note_gone(const struct store *s, int64_t id, const char *path, struct gone *g,
                     struct err *e) {
    bool gone;
    int rc = store_gone(s, path, &gone, e);
    if (rc || !gone)
        return rc;
    void *grown = g->v;
    bool room = array_grow(&grown, g->n, &g->cap, sizeof *g->v);
    g->v = grown;
    if (!room)
        return err_nomem(e, s->path);
    g->v[g->n++] = id;
    return 0;
}

static int find_gone(struct store *s, struct gone *g, struct err *e) {
    struct statement t = statement_start(s, QUERY_CHUNK_PATHS, "list files");
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        int64_t id = column_int(&c);
        const char *path = column_text(&c, TEXT_ANY);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = note_gone(s, id, path, g, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

/* *removed (may be NULL) grows by the rows that go. values: [n] of the query's parameters. */
static int drop(struct store *s, enum query q, const int64_t *values, size_t n, uint64_t *removed,
                struct err *e) {
    int changed = 0;
    struct statement t = statement_start(s, q, "remove lines");
    for (size_t i = 0; i < n; i++)
        statement_int(&t, values[i]);
    int rc = statement_run(&t, &changed, e);
    if (removed)
        *removed += (uint64_t)changed;
    return rc;
}

static int remove_places(struct store *s, const int64_t before[2], const struct gone *g,
                         uint64_t *places, struct err *e) {
    int rc = drop(s, QUERY_GC_OLD, before, 2, places, e);
    for (size_t i = 0; rc == 0 && i < g->n; i++) {
        rc = drop(s, QUERY_GC_GONE, &g->v[i], 1, places, e);
        if (rc == 0)
            rc = drop(s, QUERY_GC_GONE_SETTLED, &g->v[i], 1, NULL, e);
    }
    if (rc || *places == 0)
        return rc;
    /* the index has copies of the lines (store_match_summaries) */
    struct statement t = statement_start(s, QUERY_SET_MATCHED, "remove lines");
    statement_text(&t, "");
    return statement_run(&t, NULL, e);
}

static int remove_all(struct store *s, const struct store_gc *o, const struct gone *g,
                      struct store_freed *out, struct err *e) {
    const int64_t before[2] = {o->before, store_now() - MOST_RUN_SECONDS};
    int rc = remove_places(s, before, g, &out->places, e);
    if (rc == 0)
        rc = drop(s, QUERY_GC_LINES, NULL, 0, &out->lines, e);
    if (rc == 0)
        rc = drop(s, QUERY_GC_UNANSWERED, before, 1, &out->unanswered, e);
    if (rc == 0)
        rc = drop(s, QUERY_GC_SETTLED, before, 1, NULL, e);
    static const enum query rest[] = {QUERY_GC_ASKED, QUERY_GC_ORIGINS, QUERY_GC_FILES};
    for (size_t i = 0; rc == 0 && i < sizeof rest / sizeof *rest; i++)
        rc = drop(s, rest[i], NULL, 0, NULL, e);
    return rc ? rc : drop(s, QUERY_GC_RUNS, before, 2, NULL, e);
}

int store_gc(struct store *s, const struct store_gc *o, struct store_freed *out, struct err *e) {
    struct gone g = {0};
    *out = (struct store_freed){0};
    int rc = file_bytes(s, &out->bytes_before, e);
    out->bytes_after = out->bytes_before;
    if (rc == 0)
        rc = store_begin(s, e);
    if (rc)
        return rc;
    rc = o->gone ? find_gone(s, &g, e) : 0;
    if (rc == 0)
        rc = remove_all(s, o, &g, out, e);
    free(g.v);
    if (rc || o->dry_run) {
        store_abandon(s);
        return rc;
    }
    rc = store_commit(s, e);
    if (rc)
        return rc;
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED,
                  1); /* VACUUM writes into one, no statement of ours */
    int sqlite = sqlite3_exec(s->db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    rc = sqlite ? store_fail(s, sqlite, "give room back", e) : 0;
    return rc ? rc : file_bytes(s, &out->bytes_after, e);
}

int store_each_place(struct store *s, store_each *each, void *user, struct err *e) {
    size_t n;
    struct statement t = statement_start(s, QUERY_EACH_PLACE, "list lines");
    return each_line(&t, each, user, &n, e);
}

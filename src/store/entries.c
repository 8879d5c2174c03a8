#include "store/entries.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "store/store_impl.h"

static int run_with_text(struct store *s, enum query q, const char *action, const char *text,
                         struct err *e) {
    struct statement t = statement_start(s, q, action);
    statement_text(&t, text);
    return statement_run(&t, NULL, e);
}

static int run_with_int(struct store *s, enum query q, const char *action, int64_t v,
                        struct err *e) {
    struct statement t = statement_start(s, q, action);
    statement_int(&t, v);
    return statement_run(&t, NULL, e);
}

static int run_plain(struct store *s, enum query q, const char *action, struct err *e) {
    struct statement t = statement_start(s, q, action);
    return statement_run(&t, NULL, e);
}

/* Something in the index is another than before. */
static int changed(struct store *s, struct err *e) {
    int rc = run_plain(s, QUERY_INDEX_BEGIN, "begin an index", e);
    return rc ? rc : run_plain(s, QUERY_INDEX_CHANGED, "change the index", e);
}

int store_embedder(struct store *s, const char *revision, const char *name, uint64_t width,
                   int64_t *id, struct err *e) {
    static const char action[] = "put an encoder";
    if (!text_is(revision, strlen(revision), TEXT_LINE) ||
        !text_is(name, strlen(name), TEXT_LINE) || width < 1 || width > STORE_VECTOR_MOST)
        return err_set(e, PRECIS_EUSAGE, "%s: vectors of %llu numbers: is no encoder", name,
                       (unsigned long long)width);
    struct statement t = statement_start(s, QUERY_PUT_EMBEDDER, action);
    statement_text(&t, revision);
    statement_text(&t, name);
    statement_int(&t, (int64_t)width);
    int rc = statement_run(&t, NULL, e);
    if (rc)
        return rc;
    t = statement_start(s, QUERY_FIND_EMBEDDER, action);
    statement_text(&t, revision);
    statement_int(&t, (int64_t)width);
    rc = only_number(&t, id, e);
    if (rc == PRECIS_ENOTFOUND)
        rc = store_damaged(s, "an encoder has two widths", e);
    if (rc == 0)
        rc = run_plain(s, QUERY_INDEX_BEGIN, "begin an index", e);
    return rc ? rc : run_with_int(s, QUERY_SEARCH_EMBEDDER, action, *id, e);
}

static int check_entry(const char *path, const struct store_entry *n, struct err *e) {
    if (!text_is(n->kind, strlen(n->kind), TEXT_LINE) ||
        (n->symbol && !text_is(n->symbol, strlen(n->symbol), TEXT_LINE)) ||
        !text_is(n->body, n->body_len, TEXT_ANY))
        return err_set(e, PRECIS_EUSAGE, "%s: an entry is not UTF-8", path);
    if (n->end_line < n->start_line || n->end_line > INT64_MAX)
        return err_set(e, PRECIS_EUSAGE, "%s: lines %llu to %llu: no such place", path,
                       (unsigned long long)n->start_line, (unsigned long long)n->end_line);
    return 0;
}

static int put_entry(struct store *s, int64_t file, const char *path, const struct store_entry *n,
                     int64_t *id, struct err *e) {
    static const char action[] = "put an entry";
    int rc = check_entry(path, n, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_PUT_ENTRY, action);
    statement_int(&t, file);
    statement_text(&t, n->kind);
    statement_text(&t, n->symbol);
    statement_int(&t, (int64_t)n->start_line);
    statement_int(&t, (int64_t)n->end_line);
    statement_hash(&t, n->text);
    rc = statement_run(&t, NULL, e);
    if (rc)
        return rc;
    *id = sqlite3_last_insert_rowid(s->db);
    t = statement_start(s, QUERY_PUT_WORDS, action);
    statement_int(&t, *id);
    statement_text(&t, n->symbol ? n->symbol : "");
    statement_text(&t, path);
    statement_text_of(&t, n->body, n->body_len);
    return statement_run(&t, NULL, e);
}

/* Its entries are others than when the side file was made. */
static int note_file(struct store *s, int64_t file, struct err *e) {
    return run_with_int(s, QUERY_STALE_FILE, "note what changed", file, e);
}

static int drop_entries(struct store *s, int64_t file, struct err *e) {
    static const char action[] = "drop entries";
    int rc = note_file(s, file, e);
    if (rc == 0)
        rc = run_with_int(s, QUERY_DROP_WORDS, action, file, e);
    return rc ? rc : run_with_int(s, QUERY_DROP_ENTRIES, action, file, e);
}

int store_put_entries(struct store *s, const struct store_indexed *f,
                      const struct store_entry *entries, size_t n, int64_t *ids, struct err *e) {
    int64_t file = 0, id;
    size_t matched = 0;
    bool own;
    int rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    rc = store_put_file(s, &f->file, e);
    if (rc == 0) {
        struct statement t = statement_start(s, QUERY_PUT_INDEXED, "put a file");
        statement_hash(&t, f->entered);
        statement_int(&t, f->cut);
        statement_text(&t, f->file.path);
        rc = only_number(&t, &file, e);
        if (rc == PRECIS_ENOTFOUND)
            rc = store_damaged(s, "a file is gone within a transaction", e);
    }
    if (rc == 0)
        rc = drop_entries(s, file, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = put_entry(s, file, f->file.path, &entries[i], &id, e);
        if (rc == 0 && ids)
            ids[i] = id;
    }
    if (rc == 0)
        rc = note_file(s, file, e);
    if (rc == 0)
        rc = match_file(s, f->file.path, &matched, e);
    if (rc == 0)
        rc = changed(s, e);
    return end_own(s, own, rc, e);
}

int store_remove_indexed(struct store *s, const char *path, struct err *e) {
    static const char action[] = "remove a file";
    int64_t file;
    bool own;
    int rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_FIND_PATH, action);
    statement_text(&t, path);
    rc = only_number(&t, &file, e);
    if (rc == PRECIS_ENOTFOUND)
        return end_own(s, own, 0, e);
    if (rc == 0)
        rc = drop_entries(s, file, e);
    if (rc == 0)
        rc = run_with_int(s, QUERY_DROP_INDEXED, action, file, e);
    if (rc == 0)
        rc = run_with_int(s, QUERY_DROP_FILE, action, file, e);
    if (rc == 0)
        rc = changed(s, e);
    return end_own(s, own, rc, e);
}

int store_put_vector(struct store *s, int64_t embedder, const struct store_vector *v,
                     struct err *e) {
    if (v->width < 1 || v->width > STORE_VECTOR_MOST || !isfinite(v->scale))
        return err_set(e, PRECIS_EUSAGE, "%zu numbers of scale %g: is no vector", v->width,
                       v->scale);
    int added = 0;
    bool own;
    int rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_PUT_VECTOR, "put a vector");
    statement_hash(&t, v->text);
    statement_int(&t, embedder);
    statement_real(&t, v->scale);
    statement_blob(&t, v->v, v->width);
    rc = statement_run(&t, &added, e);
    if (rc == 0 && added) { /* entries that are there already may have waited for it */
        t = statement_start(s, QUERY_STALE_TEXT, "note what changed");
        statement_hash(&t, v->text);
        statement_int(&t, embedder);
        rc = statement_run(&t, NULL, e);
    }
    return end_own(s, own, rc, e);
}

int store_new_side_file(struct store *s, int64_t embedder, uint8_t generation[HASH_SHA256_SIZE],
                        struct err *e) {
    static const char action[] = "begin a side file";
    size_t stale;
    int rc = run_plain(s, QUERY_NEW_SIDE_FILE, action, e);
    if (rc == 0)
        rc = run_plain(s, QUERY_DROP_STALE, action, e);
    return rc ? rc : store_side_file(s, embedder, generation, &stale, e);
}

int store_drop_vectors(struct store *s, int64_t *dropped, struct err *e) {
    static const char action[] = "drop vectors";
    int64_t many = 0;
    int gone = 0;
    *dropped = 0;
    struct statement t = statement_start(s, QUERY_MANY_ORPHANS, action);
    int rc = only_number(&t, &many, e);
    if (rc || !many)
        return rc;
    t = statement_start(s, QUERY_DROP_ORPHANS, action);
    rc = statement_run(&t, &gone, e);
    *dropped = gone;
    return rc;
}

/* Whether something came that the lines of summaries were not taken from yet; *now says what is
 * there, until the next call with t. */
static int look_at_runs(struct store *s, bool *same, struct buf *now, struct err *e) {
    struct statement t = statement_start(s, QUERY_INDEX_MATCHED, "read the index");
    *same = true; /* where nothing is indexed there is nothing to do */
    int rc = statement_row(&t, e);
    if (rc <= 0)
        return rc;
    struct columns c = {.t = &t};
    const char *then = column_text(&c, TEXT_LINE);
    const char *here = column_text(&c, TEXT_LINE);
    rc = columns_end(&c, e);
    *same = strcmp(then, here) == 0;
    buf_str(now, here);
    if (rc == 0 && buf_failed(now))
        rc = err_nomem(e, s->path);
    statement_end(&t);
    return rc;
}

static int match_all(struct store *s, size_t *matched, struct err *e) {
    int rc;
    struct statement t = statement_start(s, QUERY_ENTRY_FILES, "read the index");
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        const char *path = column_text(&c, TEXT_ANY);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = match_file(s, path, matched, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

int store_match_summaries(struct store *s, size_t *matched, struct err *e) {
    struct buf now = {0};
    bool own, same = true;
    *matched = 0;
    int rc = look_at_runs(s, &same, &now, e);
    if (rc == 0 && !same) {
        rc = begin_own(s, &own, e);
        if (rc == 0) {
            rc = match_all(s, matched, e);
            if (rc == 0)
                rc = run_with_text(s, QUERY_SET_MATCHED, "match summaries", now.data, e);
            rc = end_own(s, own, rc, e);
        }
    }
    buf_free(&now);
    return rc;
}

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/store_impl.h"

static bool keep(char **to, const char *text) {
    free(*to);
    *to = strdup(text);
    return *to;
}

int store_index(struct store *s, struct store_index *out, struct err *e) {
    *out = (struct store_index){0};
    struct statement t = statement_start(s, QUERY_INDEX, "read the index");
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: nothing is indexed", s->path);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    out->files = column_int(&c);
    out->entries = column_int(&c);
    out->embedder = column_int(&c);
    const char *revision = column_text(&c, TEXT_LINE);
    const char *name = column_text(&c, TEXT_LINE);
    out->width = column_count(&c);
    c.damaged |= out->width > STORE_VECTOR_MOST;
    rc = columns_end(&c, e);
    if (rc == 0 && (!keep(&s->embedder_revision, revision) || !keep(&s->embedder_name, name)))
        rc = err_nomem(e, s->path);
    out->revision = s->embedder_revision;
    out->name = s->embedder_name;
    statement_end(&t);
    return rc;
}

int store_each_indexed(struct store *s, const char *path, int64_t embedder,
                       int (*each)(void *user, const struct store_indexed *f, struct err *e),
                       void *user, struct err *e) {
    int rc;
    struct statement t = statement_start(s, QUERY_EACH_INDEXED, "list indexed files");
    statement_text(&t, path);
    statement_int(&t, embedder);
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        struct store_indexed f;
        row_file(&c, &f.file);
        column_hash(&c, f.entered);
        f.cut = column_int(&c);
        f.complete = column_count(&c) != 0;
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, &f, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

/* The next two columns as a vector. */
static int read_vector(struct store *s, struct columns *c, float *out, size_t width,
                       struct err *e) {
    size_t n;
    double scale = column_real(c);
    const int8_t *v = column_blob(c, &n);
    c->damaged |= !isfinite(scale);
    int rc = columns_end(c, e);
    if (rc == 0 && n != width)
        rc = store_damaged(s, "a vector has another width than its encoder", e);
    for (size_t i = 0; rc == 0 && i < width; i++)
        out[i] = (float)v[i] * (float)scale;
    return rc;
}

int store_find_vector(struct store *s, int64_t embedder, const uint8_t text[HASH_SHA256_SIZE],
                      float *out, size_t width, struct err *e) {
    struct statement t = statement_start(s, QUERY_FIND_VECTOR, "find a vector");
    statement_hash(&t, text);
    statement_int(&t, embedder);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: has no vector of that text", s->path);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    rc = read_vector(s, &c, out, width, e);
    statement_end(&t);
    return rc;
}

/* The entries of a query of an encoder, with their vectors; NULL: a stale one has none. */
static int each_vector(struct store *s, enum query q, int64_t embedder, size_t width,
                       int (*each)(void *user, int64_t entry, const float *v, struct err *e),
                       void *user, struct err *e) {
    float *v = malloc((width ? width : 1) * sizeof *v);
    int rc;
    if (!v)
        return err_nomem(e, "vector");
    struct statement t = statement_start(s, q, "read vectors");
    statement_int(&t, embedder);
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        int64_t entry = column_int(&c);
        bool has = q != QUERY_EACH_STALE || sqlite3_column_type(t.st, c.next) != SQLITE_NULL;
        rc = has ? read_vector(s, &c, v, width, e) : columns_end(&c, e);
        if (rc == 0)
            rc = each(user, entry, has ? v : NULL, e);
        if (rc)
            break;
    }
    statement_end(&t);
    free(v);
    return rc;
}

int store_each_vector(struct store *s, int64_t embedder, size_t width,
                      int (*each)(void *user, int64_t entry, const float *v, struct err *e),
                      void *user, struct err *e) {
    return each_vector(s, QUERY_EACH_VECTOR, embedder, width, each, user, e);
}

int store_side_file(struct store *s, int64_t embedder, uint8_t generation[HASH_SHA256_SIZE],
                    size_t *stale, struct err *e) {
    struct statement t = statement_start(s, QUERY_SIDE_FILE, "read the index");
    statement_int(&t, embedder);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: has no side file of vectors", s->path);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    column_hash(&c, generation);
    *stale = column_count(&c);
    rc = columns_end(&c, e);
    statement_end(&t);
    return rc;
}

int store_each_stale(struct store *s, int64_t embedder, size_t width,
                     int (*each)(void *user, int64_t entry, const float *v, struct err *e),
                     void *user, struct err *e) {
    return each_vector(s, QUERY_EACH_STALE, embedder, width, each, user, e);
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int store_match(struct store *s, const char *expression, const struct store_weights *w,
                const int64_t *allowed, size_t n_allowed, struct store_hit *hits, size_t most,
                size_t *n, struct err *e) {
    int rc = 0;
    *n = 0;
    struct statement t = statement_start(s, QUERY_MATCH, "search");
    statement_text(&t, expression);
    statement_real(&t, w->symbol);
    statement_real(&t, w->path);
    statement_real(&t, w->summary);
    statement_real(&t, w->body);
    while (*n < most && (rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        struct store_hit hit = {.entry = column_int(&c)};
        hit.score = column_real(&c);
        rc = columns_end(&c, e);
        if (rc)
            break;
        if (!allowed || bsearch(&hit.entry, allowed, n_allowed, sizeof *allowed, by_number))
            hits[(*n)++] = hit;
    }
    statement_end(&t);
    return rc < 0 ? rc : 0;
}

int store_entry(struct store *s, int64_t entry,
                int (*each)(void *user, const struct store_found *f, struct err *e), void *user,
                struct err *e) {
    struct statement t = statement_start(s, QUERY_ENTRY, "read an entry");
    statement_int(&t, entry);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: has no entry %lld", s->path, (long long)entry);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    struct store_found f = {.entry = column_int(&c)};
    f.path = column_text(&c, TEXT_ANY);
    f.language = column_text_or_null(&c, TEXT_LINE);
    f.e.kind = column_text(&c, TEXT_LINE);
    f.e.symbol = column_text_or_null(&c, TEXT_LINE);
    f.e.start_line = column_count(&c);
    f.e.end_line = column_count(&c);
    c.damaged |= f.e.end_line < f.e.start_line;
    column_hash(&c, f.e.text);
    const char *summary = column_text(&c, TEXT_ANY);
    f.summary = *summary ? summary : NULL;
    f.e.body = column_text(&c, TEXT_ANY);
    f.e.body_len = strlen(f.e.body);
    rc = columns_end(&c, e);
    if (rc == 0)
        rc = each(user, &f, e);
    statement_end(&t);
    return rc;
}

int store_marked(struct store *s, int64_t entry, const char *expression, struct buf *out,
                 struct err *e) {
    struct statement t = statement_start(s, QUERY_MARKED, "mark words");
    statement_text(&t, expression);
    statement_int(&t, entry);
    int rc = statement_row(&t, e);
    if (rc <= 0)
        return rc;
    struct columns c = {.t = &t};
    buf_str(out, column_text(&c, TEXT_ANY));
    rc = columns_end(&c, e);
    if (rc == 0 && buf_failed(out))
        rc = err_nomem(e, "text of an entry");
    statement_end(&t);
    return rc;
}

int store_entries_where(struct store *s,
                        bool (*wanted)(void *user, const char *path, const char *language),
                        void *user, int64_t **ids, size_t *n, struct err *e) {
    size_t cap = 0;
    int rc;
    *ids = NULL;
    *n = 0;
    struct statement t = statement_start(s, QUERY_ENTRIES, "list entries");
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        int64_t id = column_int(&c);
        const char *path = column_text(&c, TEXT_ANY);
        const char *language = column_text_or_null(&c, TEXT_LINE);
        rc = columns_end(&c, e);
        if (rc == 0 && wanted(user, path, language)) {
            if (array_grow((void **)ids, *n, &cap, sizeof **ids))
                (*ids)[(*n)++] = id;
            else
                rc = err_nomem(e, "list of entries");
        }
        if (rc)
            break;
    }
    statement_end(&t);
    if (rc) {
        free(*ids);
        *ids = NULL;
        *n = 0;
    }
    return rc;
}

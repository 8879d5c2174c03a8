#include <stdlib.h>
#include <string.h>

#include "store/cache.h"
#include "store/store_impl.h"

/* A copy in *to of a text that may be NULL. false: out of memory. */
static bool keep(char **to, const char *text) {
    free(*to);
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

int pin_load(struct store *s, struct err *e) {
    keep(&s->pinned_revision, NULL);
    keep(&s->pinned_prompt, NULL);
    struct statement t = statement_start(s, QUERY_PINNED, "read the pin");
    int rc = statement_row(&t, e);
    if (rc <= 0)
        return rc;
    struct columns c = {.t = &t};
    const char *revision = column_text(&c, TEXT_LINE);
    const char *prompt = column_text_or_null(&c, TEXT_LINE);
    rc = columns_end(&c, e);
    if (rc == 0 && (!keep(&s->pinned_revision, revision) || !keep(&s->pinned_prompt, prompt)))
        rc = err_nomem(e, s->path);
    statement_end(&t);
    return rc;
}

int store_active(struct store *s, struct store_revision *r, struct err *e) {
    *r = (struct store_revision){0};
    int rc = pin_load(s, e);
    if (rc == 0 && !s->pinned_revision)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: no revision is pinned", s->path);
    r->model_revision = s->pinned_revision;
    r->prompt_version = s->pinned_prompt;
    return rc;
}

int each_line(struct statement *t, store_each *each, void *user, size_t *n, struct err *e) {
    int rc;
    *n = 0;
    while ((rc = statement_row(t, e)) > 0) {
        struct columns c = {.t = t};
        struct row r;
        row_line(&c, &r);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, &r.line, e);
        if (rc)
            break;
        ++*n;
    }
    statement_end(t);
    return rc;
}

int store_find(struct store *s, const uint8_t key[HASH_SHA256_SIZE], store_each *each, void *user,
               struct err *e) {
    size_t n;
    struct statement t = statement_start(s, QUERY_FIND_KEY, "find a line");
    statement_hash(&t, key);
    int rc = each_line(&t, each, user, &n, e);
    return rc == 0 && n == 0 ? err_set(e, PRECIS_ENOTFOUND, "%s: has no line of that key", s->path)
                             : rc;
}

int store_lines(struct store *s, const char *path, enum store_level level, uint64_t first,
                uint64_t last, store_each *each, void *user, struct err *e) {
    size_t n;
    int rc = pin_load(s, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_LINES, "read lines");
    statement_text(&t, s->pinned_revision);
    statement_text(&t, s->pinned_prompt);
    statement_text(&t, path);
    statement_int(&t, level);
    statement_int(&t, first < INT64_MAX ? (int64_t)first : INT64_MAX);
    statement_int(&t, last < INT64_MAX ? (int64_t)last : INT64_MAX);
    return each_line(&t, each, user, &n, e);
}

int store_list(struct store *s, const char *path, store_each *each, void *user, struct err *e) {
    size_t n;
    int rc = pin_load(s, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_LIST, "list lines");
    statement_text(&t, s->pinned_revision);
    statement_text(&t, s->pinned_prompt);
    statement_text(&t, path);
    return each_line(&t, each, user, &n, e);
}

int store_file(struct store *s, const char *path, struct store_file *f, struct err *e) {
    *f = (struct store_file){.path = path};
    keep(&s->language, NULL);
    struct statement t = statement_start(s, QUERY_FILE, "find a file");
    statement_text(&t, path);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: knows no file %s", s->path, path);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    row_file(&c, f);
    f->path = path;
    rc = columns_end(&c, e);
    if (rc == 0 && !keep(&s->language, f->language))
        rc = err_nomem(e, s->path);
    f->language = s->language;
    statement_end(&t);
    return rc;
}

int store_read_begin(struct store *s, struct err *e) {
    struct statement t = statement_start(s, QUERY_READ_BEGIN, "begin to read");
    return statement_run(&t, NULL, e);
}

void store_read_end(struct store *s) {
    store_abandon(s);
}

int store_files(struct store *s, const char *path,
                int (*each)(void *user, const struct store_file *f, struct err *e), void *user,
                struct err *e) {
    struct statement t = statement_start(s, QUERY_FILES, "list files");
    statement_text(&t, path);
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        struct store_file f;
        row_file(&c, &f);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, &f, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

int store_renamed(struct store *s, const char *path, const uint8_t hash[HASH_SHA256_SIZE],
                  int (*each)(void *user, const char *before, struct err *e), void *user,
                  struct err *e) {
    struct statement t = statement_start(s, QUERY_RENAMED, "find what a file was called");
    statement_text(&t, path);
    statement_hash(&t, hash);
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        const char *before = column_text(&c, TEXT_ANY);
        const char *at = column_text_or_null(&c, TEXT_ANY);
        bool gone = !at;
        rc = columns_end(&c, e);
        if (rc == 0 && at)
            rc = store_gone(s, at, &gone, e);
        if (rc == 0 && gone)
            rc = each(user, before, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

int store_revisions(struct store *s,
                    int (*each)(void *user, const struct store_revision *r, struct err *e),
                    void *user, struct err *e) {
    struct statement t = statement_start(s, QUERY_REVISIONS, "list revisions");
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        struct store_revision r = {.model = column_text(&c, TEXT_LINE)};
        r.model_revision = column_text(&c, TEXT_LINE);
        r.prompt_version = column_text(&c, TEXT_LINE);
        r.lines = column_count(&c);
        r.first_at = column_int(&c);
        r.last_at = column_int(&c);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, &r, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

int store_ratings(struct store *s,
                  int (*each)(void *user, const struct store_line *line,
                              const struct store_rating *r, struct err *e),
                  void *user, struct err *e) {
    struct statement t = statement_start(s, QUERY_RATINGS, "list ratings");
    int rc;
    while ((rc = statement_row(&t, e)) > 0) {
        struct columns c = {.t = &t};
        struct row row;
        row_line(&c, &row);
        struct store_rating r = {.verdict = column_text(&c, TEXT_LINE)};
        r.note = column_text_or_null(&c, TEXT_ANY);
        r.corrected = column_text_or_null(&c, TEXT_LINE);
        r.who = column_text(&c, TEXT_LINE);
        r.rated_at = column_int(&c);
        rc = columns_end(&c, e);
        if (rc == 0)
            rc = each(user, &row.line, &r, e);
        if (rc)
            break;
    }
    statement_end(&t);
    return rc;
}

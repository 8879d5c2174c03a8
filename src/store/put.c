#include <math.h>
#include <string.h>
#include <time.h>

#include "store/cache.h"
#include "store/store_impl.h"

int store_begin(struct store *s, struct err *e) {
    struct statement t = statement_start(s, QUERY_BEGIN, "begin to write");
    return statement_run(&t, NULL, e);
}

void store_abandon(struct store *s) {
    /* a failure on the disk may have ended it already */
    if (sqlite3_get_autocommit(s->db))
        return;
    struct statement t = statement_start(s, QUERY_ROLLBACK, "take back");
    statement_run(&t, NULL, NULL);
}

int store_commit(struct store *s, struct err *e) {
    struct statement t = statement_start(s, QUERY_COMMIT, "commit");
    int rc = statement_run(&t, NULL, e);
    if (rc)
        store_abandon(s);
    return rc;
}

int begin_own(struct store *s, bool *own, struct err *e) {
    *own = sqlite3_get_autocommit(s->db) != 0;
    return *own ? store_begin(s, e) : 0;
}

int end_own(struct store *s, bool own, int rc, struct err *e) {
    if (!own)
        return rc;
    if (rc == 0)
        return store_commit(s, e);
    store_abandon(s);
    return rc;
}

int64_t store_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

int only_number(struct statement *t, int64_t *out, struct err *e) {
    int rc = statement_row(t, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return PRECIS_ENOTFOUND;
    struct columns c = {.t = t};
    *out = column_int(&c);
    rc = columns_end(&c, e);
    while (rc == 0 && (rc = statement_row(t, e)) > 0) /* it is done when it says so */
        rc = 0;
    statement_end(t);
    return rc;
}

int store_run_begin(struct store *s, int64_t *run, struct err *e) {
    struct statement t = statement_start(s, QUERY_RUN_BEGIN, "begin a run");
    statement_int(&t, store_now());
    int rc = only_number(&t, run, e);
    return rc == PRECIS_ENOTFOUND ? store_damaged(s, "a run has no number", e) : rc;
}

int store_run_end(struct store *s, int64_t run, struct err *e) {
    struct statement t = statement_start(s, QUERY_RUN_END, "end a run");
    statement_int(&t, store_now());
    statement_int(&t, run);
    return statement_run(&t, NULL, e);
}

int check_path(const char *path, struct err *e) {
    if (!text_is(path, strlen(path), TEXT_ANY))
        return err_set(e, PRECIS_EUSAGE, "%s: is not valid UTF-8", path);
    return 0;
}

int store_put_file(struct store *s, const struct store_file *f, struct err *e) {
    if (!*f->path || f->size > INT64_MAX)
        return err_set(e, PRECIS_EUSAGE, "%s: %llu bytes: is no file", f->path,
                       (unsigned long long)f->size);
    int rc = check_path(f->path, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_PUT_FILE, "put a file");
    statement_text(&t, f->path);
    statement_text(&t, f->language);
    statement_int(&t, (int64_t)f->size);
    statement_int(&t, f->mtime_ns);
    statement_int(&t, (int64_t)f->inode);
    statement_hash(&t, f->hash);
    return statement_run(&t, NULL, e);
}

int store_check_line(const struct store_line *l, struct err *e) {
    const struct store_origin *m = l->made;
    const char *const texts[] = {
        l->line,      l->source, m->model,          m->model_revision,  m->file_type,
        m->precision, m->isa,    m->prompt_version, m->decoder_version, l->symbol ? l->symbol : ""};
    int rc = check_path(l->path, e);
    if (rc == 0 && l->renamed_from)
        rc = check_path(l->renamed_from, e);
    for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof *texts; i++)
        if (!text_is(texts[i], strlen(texts[i]), TEXT_LINE))
            rc = err_set(e, PRECIS_EUSAGE, "%s: not one line of UTF-8: %s", l->path, texts[i]);
    if (rc == 0 && !text_is(m->parameters, strlen(m->parameters), TEXT_ANY))
        rc = err_set(e, PRECIS_EUSAGE, "parameters are not valid UTF-8");
    if (rc)
        return rc;
    if (!*l->line)
        return err_set(e, PRECIS_EUSAGE, "%s: there is no line to keep", l->path);
    if (l->level > STORE_REPOSITORY || l->end_line < l->start_line || l->end_line > INT64_MAX)
        return err_set(e, PRECIS_EUSAGE, "%s: level %d, lines %llu to %llu: no such place", l->path,
                       (int)l->level, (unsigned long long)l->start_line,
                       (unsigned long long)l->end_line);
    if (!(l->confidence >= 0 && l->confidence <= 1) || !isfinite(l->elapsed_ms) ||
        l->tokens_in > INT64_MAX || l->tokens_out > INT64_MAX)
        return err_set(e, PRECIS_EUSAGE, "%s: confidence %g, %g ms, %llu and %llu tokens", l->path,
                       l->confidence, l->elapsed_ms, (unsigned long long)l->tokens_in,
                       (unsigned long long)l->tokens_out);
    return 0;
}

static void bind_origin(struct statement *t, const struct store_origin *m) {
    statement_text(t, m->model);
    statement_text(t, m->model_revision);
    statement_text(t, m->file_type);
    statement_text(t, m->precision);
    statement_text(t, m->isa);
    statement_text(t, m->prompt_version);
    statement_text(t, m->decoder_version);
    statement_text(t, m->parameters);
    statement_int(t, (int64_t)m->seed);
}

int origin_number(struct store *s, const struct store_origin *m, int64_t *out, struct err *e) {
    static const char action[] = "put how a line was made";
    struct statement t = statement_start(s, QUERY_FIND_ORIGIN, action);
    bind_origin(&t, m);
    int rc = only_number(&t, out, e);
    if (rc != PRECIS_ENOTFOUND)
        return rc;
    t = statement_start(s, QUERY_PUT_ORIGIN, action);
    bind_origin(&t, m);
    rc = statement_run(&t, NULL, e);
    *out = sqlite3_last_insert_rowid(s->db);
    return rc;
}

/* The number of a path. put_it: it is put when it is not there. */
static int path_number(struct store *s, const struct store_line *l, bool put_it, int64_t *out,
                       struct err *e) {
    int rc = 0;
    if (put_it) {
        struct statement put = statement_start(s, QUERY_PUT_FOLDER, "put a path");
        statement_text(&put, l->path);
        rc = statement_run(&put, NULL, e);
    }
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_FIND_PATH, "find a file");
    statement_text(&t, l->path);
    rc = only_number(&t, out, e);
    return rc == PRECIS_ENOTFOUND
               ? err_set(e, PRECIS_EUSAGE, "%s: its file was not put before its line", l->path)
               : rc;
}

static int run_with_hash(struct store *s, enum query q, const uint8_t hash[HASH_SHA256_SIZE],
                         struct err *e) {
    struct statement t = statement_start(s, q, "put a line");
    statement_hash(&t, hash);
    return statement_run(&t, NULL, e);
}

/* Gives a rated line a key of its own. *aside: whether there was one. */
static int set_aside(struct store *s, const uint8_t key[HASH_SHA256_SIZE], const char *line,
                     uint8_t other[HASH_SHA256_SIZE], bool *aside, struct err *e) {
    struct statement t = statement_start(s, QUERY_SET_ASIDE, "keep a rated line");
    statement_hash(&t, key);
    statement_text(&t, line);
    int rc = statement_row(&t, e);
    *aside = rc > 0;
    if (rc <= 0)
        return rc;
    struct columns c = {.t = &t};
    column_hash(&c, other);
    rc = columns_end(&c, e);
    while (rc == 0 && (rc = statement_row(&t, e)) > 0) /* it is done when it says so */
        rc = 0;
    statement_end(&t);
    return rc;
}

int make_room(struct store *s, const uint8_t key[HASH_SHA256_SIZE], const char *line,
              struct err *e) {
    uint8_t other[HASH_SHA256_SIZE];
    bool aside;
    int rc = set_aside(s, key, line, other, &aside, e);
    if (rc == 0 && aside) {
        struct statement t = statement_start(s, QUERY_MOVE_RATED, "keep a rated line");
        statement_hash(&t, other);
        statement_hash(&t, key);
        rc = statement_run(&t, NULL, e);
    }
    if (rc == 0 && !line)
        rc = run_with_hash(s, QUERY_DROP_PLACES, key, e);
    if (rc == 0 && !line)
        rc = run_with_hash(s, QUERY_DROP_LINE, key, e);
    return rc;
}

/* Lines of older stores have no context. */
static int fill_context(struct store *s, const struct store_line *l, struct err *e) {
    if (!l->context)
        return 0;
    struct statement t = statement_start(s, QUERY_FILL_CONTEXT, "put a line");
    statement_hash(&t, l->context);
    statement_hash(&t, l->key);
    return statement_run(&t, NULL, e);
}

static int put_summary(struct store *s, const struct store_line *l, int64_t origin, int64_t made_at,
                       bool *added, struct err *e) {
    int changed = 0, rc = l->replace ? make_room(s, l->key, l->line, e) : 0;
    if (rc)
        return rc;
    struct statement t =
        statement_start(s, l->replace ? QUERY_REPLACE_SUMMARY : QUERY_PUT_SUMMARY, "put a line");
    statement_hash(&t, l->key);
    statement_int(&t, origin);
    statement_text(&t, l->line);
    statement_real(&t, l->confidence);
    statement_text(&t, l->source);
    statement_int(&t, (int64_t)l->tokens_in);
    statement_int(&t, (int64_t)l->tokens_out);
    statement_real(&t, l->elapsed_ms);
    statement_int(&t, l->cut);
    statement_int(&t, made_at);
    statement_hash(&t, l->context);
    rc = statement_run(&t, &changed, e);
    *added = changed > 0;
    if (rc)
        return rc;
    return *added ? run_with_hash(s, QUERY_DROP_NOTHING, l->key, e) : fill_context(s, l, e);
}

/* By QUERY_PUT_CHUNK, or QUERY_IMPORT_CHUNK: no run has seen it there. */
static int put_place(struct store *s, enum query q, const struct store_line *l, int64_t file,
                     int64_t run, struct err *e) {
    int changed = 0;
    struct statement t = statement_start(s, q, "put the place of a line");
    statement_int(&t, l->level);
    statement_int(&t, (int64_t)l->start_line);
    statement_int(&t, (int64_t)l->end_line);
    statement_text(&t, l->symbol);
    statement_hash(&t, l->text);
    statement_hash(&t, l->key);
    statement_int(&t, run);
    statement_int(&t, file);
    statement_text(&t, l->renamed_from);
    int rc = statement_run(&t, &changed, e);
    if (rc == 0 && !changed && q == QUERY_PUT_CHUNK)
        rc = store_damaged(s, "a file is gone within a transaction", e);
    return rc;
}

static int put_line(struct store *s, enum query place, int64_t run, const struct store_line *l,
                    bool *added, struct err *e) {
    const bool import = place == QUERY_IMPORT_CHUNK;
    int64_t origin = 0, file = 0;
    bool own, is_new = false;
    int rc = store_check_line(l, e);
    if (rc == 0)
        rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    rc = path_number(s, l, import || l->level >= STORE_DIRECTORY, &file, e);
    if (rc == 0)
        rc = origin_number(s, l->made, &origin, e);
    if (rc == 0)
        rc = put_summary(s, l, origin, import ? l->made_at : store_now(), &is_new, e);
    if (rc == 0)
        rc = put_place(s, place, l, file, run, e);
    rc = end_own(s, own, rc, e);
    if (added)
        *added = rc == 0 && is_new;
    return rc;
}

int store_put(struct store *s, int64_t run, const struct store_line *l, bool *added,
              struct err *e) {
    return put_line(s, QUERY_PUT_CHUNK, run, l, added, e);
}

int store_import(struct store *s, int64_t run, const struct store_line *l, bool *added,
                 struct err *e) {
    return put_line(s, QUERY_IMPORT_CHUNK, run, l, added, e);
}

int store_check_rating(const struct store_rating *r, struct err *e) {
    static const char *const verdicts[] = {"good", "bad", "1", "2", "3", "4", "5"};
    const char *const texts[] = {r->note, r->corrected, r->who};
    bool known = false;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        known |= strcmp(r->verdict, verdicts[i]) == 0;
    if (!known)
        return err_set(e, PRECIS_EUSAGE, "%s: is no verdict (good, bad or 1 to 5)", r->verdict);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && !text_is(texts[i], strlen(texts[i]), i == 0 ? TEXT_ANY : TEXT_LINE))
            return err_set(e, PRECIS_EUSAGE, "not %s of UTF-8: %s", i ? "one line" : "text",
                           texts[i]);
    return 0;
}

int store_rate(struct store *s, int64_t place, const struct store_rating *r, struct err *e) {
    int changed = 0;
    int rc = store_check_rating(r, e);
    if (rc)
        return rc;
    struct statement t = statement_start(s, QUERY_RATE, "put a rating");
    statement_text(&t, r->verdict);
    statement_text(&t, r->note);
    statement_text(&t, r->corrected);
    statement_text(&t, r->who);
    statement_int(&t, store_now());
    statement_int(&t, place);
    rc = statement_run(&t, &changed, e);
    if (rc == 0 && !changed)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: has no place %lld", s->path, (long long)place);
    return rc;
}

int store_pin(struct store *s, const struct store_revision *r, struct err *e) {
    int changed = 0;
    struct statement t = statement_start(s, QUERY_PIN, "pin a revision");
    statement_text(&t, r->model_revision);
    statement_text(&t, r->prompt_version);
    statement_int(&t, store_now());
    int rc = statement_run(&t, &changed, e);
    if (rc == 0 && !changed)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: has no lines of revision %s%s%s", s->path,
                     r->model_revision, r->prompt_version ? ", prompt " : "",
                     r->prompt_version ? r->prompt_version : "");
    return rc;
}

int store_unpin(struct store *s, struct err *e) {
    int changed = 0;
    struct statement t = statement_start(s, QUERY_UNPIN, "take a pin back");
    int rc = statement_run(&t, &changed, e);
    if (rc == 0 && !changed)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: no revision is pinned", s->path);
    return rc;
}

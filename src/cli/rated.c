#include "cli/rated.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "cli/cli.h"

/* ---- Lists ---- */

struct listing {
    enum rated_format format;
    size_t n;
};

static void json_rating(const struct store_line *l, const struct store_rating *r, struct buf *b) {
    char when[40], hex[HASH_HEX_SIZE];
    time_text(r->rated_at, "", when, sizeof when);
    hash_hex(l->text, sizeof l->text, hex);
    buf_char(b, '{');
    json_put_member(b, "file_path", l->path);
    buf_printf(b, ", \"start_line\": %" PRIu64 ", \"end_line\": %" PRIu64 ", ", l->start_line,
               l->end_line);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"level", store_level_name(l->level)},
        {"language", l->language},
        {"symbol_name", l->symbol},
        {"summary", l->line},
        {"source", l->source},
        {"model", l->made->model},
        {"model_revision", l->made->model_revision},
        {"precision", l->made->precision},
        {"prompt_version", l->made->prompt_version},
        {"sha256", hex},
        {"verdict", r->verdict},
        {"note", r->note},
        {"corrected", r->corrected},
        {"who", r->who},
        {"rated_at", when},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_put_member(b, texts[i].name, texts[i].value);
        buf_str(b, ", ");
    }
    buf_str(b, "\"confidence\": ");
    json_put_number(b, l->confidence, 6);
    buf_char(b, '}');
}

static void text_rating(const struct store_line *l, const struct store_rating *r, struct buf *b) {
    char when[40];
    time_text(r->rated_at, "", when, sizeof when);
    buf_printf(b, "%s  %s  %s:%" PRIu64 "-%" PRIu64 "  %s  (%s)\n", when, r->verdict,
               *l->path ? l->path : ".", l->start_line, l->end_line, l->line, r->who);
    if (r->corrected)
        buf_printf(b, "  better: %s\n", r->corrected);
    if (r->note)
        buf_printf(b, "  note: %s\n", r->note);
}

/* Names and notes are anybody's bytes; a newline ends a line of the list, and no other control
 * character reaches the terminal. */
static void print_safely(struct buf *b) {
    for (char *at = b->data, *end; *at; at = end) {
        end = at + strcspn(at, "\n");
        char newline = *end;
        *end = 0;
        utf8_blank_controls(at);
        fputs(at, stdout);
        if (newline) {
            putchar('\n');
            end++;
        }
    }
}

static int list_one(void *user, const struct store_line *l, const struct store_rating *r,
                    struct err *e) {
    struct listing *list = user;
    struct buf b = {0};
    if (list->format == RATED_TEXT)
        text_rating(l, r, &b);
    else
        json_rating(l, r, &b);
    if (buf_failed(&b)) {
        buf_free(&b);
        return err_nomem(e, "rating");
    }
    if (list->format == RATED_JSON)
        fputs(list->n ? ",\n " : "", stdout);
    if (list->format == RATED_TEXT)
        print_safely(&b);
    else
        fputs(b.data, stdout);
    if (list->format == RATED_JSONL)
        putchar('\n');
    list->n++;
    buf_free(&b);
    return 0;
}

int rated_list(struct store *s, enum rated_format format, size_t *n, struct err *e) {
    struct listing list = {.format = format};
    if (format == RATED_JSON)
        putchar('[');
    int rc = store_ratings(s, list_one, &list, e);
    if (rc == 0 && format == RATED_JSON)
        puts("]");
    *n = list.n;
    return rc;
}

/* ---- Export ---- */

struct item {
    char id[HASH_HEX_SIZE]; /* of the place and its text */
    char *json;             /* owned; NULL: the code is not what it was */
    char *place;            /* owned; for people */
};

struct export {
    struct store *store;
    const char *repo;
    struct item *v;
    size_t n, cap;
};

/* Lines first .. last (from 1) of a text; false: it has fewer. */
static bool cut_lines(const char *text, size_t size, uint64_t first, uint64_t last,
                      const char **out, size_t *len) {
    const char *end = text + size, *at = text;
    uint64_t line = 1;
    for (; line < first && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    *out = at;
    for (; line <= last && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    *len = (size_t)(at - *out);
    return line == last + 1 && *len > 0;
}

/* The code that was judged, when the file still has it; text NULL: it does not. */
static int read_code(struct export *x, const struct store_line *l, struct mapping *m,
                     const char **text, size_t *len, struct err *e) {
    uint8_t hash[HASH_SHA256_SIZE], want[HASH_SHA256_SIZE];
    struct store_file f;
    *text = NULL;
    memcpy(want, l->text, sizeof want);
    char *path = *l->path == '/' ? strdup(l->path) : file_join(store_root(x->store), l->path);
    if (!path)
        return err_nomem(e, l->path);
    int rc = file_read(path, m, NULL);
    free(path);
    if (rc)
        return rc == PRECIS_ENOMEM ? err_nomem(e, l->path) : 0;
    if (l->level == STORE_WHOLE_FILE) { /* its line was made from others: the whole file counts */
        rc = store_file(x->store, l->path, &f, e);
        if (rc)
            return rc == PRECIS_ENOTFOUND ? 0 : rc;
        memcpy(want, f.hash, sizeof want);
        *text = (const char *)m->data;
        *len = m->size;
    } else if (!cut_lines((const char *)m->data, m->size, l->start_line, l->end_line, text, len)) {
        *text = NULL;
        return 0;
    }
    rc = hash_sha256(*text, *len, hash, e);
    if (rc || memcmp(hash, want, sizeof hash) != 0)
        *text = NULL;
    return rc;
}

static void put_item(const struct export *x, const struct store_line *l,
                     const struct store_rating *r, const char *id, const struct buf *code,
                     struct buf *b) {
    buf_char(b, '{');
    const struct {
        const char *name, *value;
    } texts[] = {
        {"id", id},
        {"repo", x->repo},
        {"path", l->path},
        {"language", l->language ? l->language : ""},
        {"kind", l->level == STORE_WHOLE_FILE ? "file"
                 : l->symbol                  ? "function"
                                              : "chunk"},
        {"symbol", l->symbol},
        {"reference", r->corrected},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_put_member(b, texts[i].name, texts[i].value);
        buf_str(b, ", ");
    }
    buf_printf(b,
               "\"start_line\": %" PRIu64 ", \"end_line\": %" PRIu64 ", \"code\": ", l->start_line,
               l->end_line);
    json_put_string(b, code->data, code->len);
    buf_char(b, '}');
}

static int make_item(struct export *x, const struct store_line *l, const struct store_rating *r,
                     struct item *item, struct err *e) {
    struct mapping m = {0};
    const char *text;
    size_t len = 0;
    struct buf code = {0}, json = {0}, place = {0};
    uint8_t hash[HASH_SHA256_SIZE];
    char hex[HASH_HEX_SIZE];
    *item = (struct item){0};
    hash_hex(l->text, sizeof l->text, hex);
    buf_printf(&place, "%s:%" PRIu64 "-%" PRIu64 " %s", l->path, l->start_line, l->end_line, hex);
    int rc =
        buf_failed(&place) ? err_nomem(e, "item") : hash_sha256(place.data, place.len, hash, e);
    if (rc == 0)
        rc = read_code(x, l, &m, &text, &len, e);
    if (rc)
        goto done;
    snprintf(item->id, sizeof item->id, "rated-");
    hash_hex(hash, 8, item->id + strlen(item->id));
    place.data[place.len - strlen(hex) - 1] = 0;
    if (text && !memchr(text, 0, len)) {
        utf8_append_valid(&code, text, len);
        put_item(x, l, r, item->id, &code, &json);
    }
    if (buf_failed(&code) || buf_failed(&json)) {
        rc = err_nomem(e, "item");
        goto done;
    }
    item->place = place.data;
    item->json = json.data;
    place.data = json.data = NULL;
done:
    buf_free(&place);
    buf_free(&json);
    buf_free(&code);
    file_unmap(&m);
    return rc;
}

static int export_one(void *user, const struct store_line *l, const struct store_rating *r,
                      struct err *e) {
    struct export *x = user;
    struct item item;
    if (!r->corrected || l->level >= STORE_DIRECTORY)
        return 0;
    int rc = make_item(x, l, r, &item, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->v[i].id, item.id) == 0) { /* the last word counts */
            free(x->v[i].json);
            free(x->v[i].place);
            x->v[i] = item;
            return 0;
        }
    void *v = x->v;
    bool room = array_grow(&v, x->n, &x->cap, sizeof *x->v);
    x->v = v;
    if (!room) {
        free(item.json);
        free(item.place);
        return err_nomem(e, "items");
    }
    x->v[x->n++] = item;
    return 0;
}

int rated_export(struct store *s, size_t *n, struct err *e) {
    const char *slash = strrchr(store_root(s), '/');
    struct buf repo = {0};
    const char *base = slash && slash[1] ? slash + 1 : store_root(s);
    utf8_append_valid(&repo, base, strlen(base));
    struct export x = {.store = s, .repo = repo.data};
    int rc = buf_failed(&repo) ? err_nomem(e, "items") : store_ratings(s, export_one, &x, e);
    *n = 0;
    for (size_t i = 0; rc == 0 && i < x.n; i++) {
        if (x.v[i].json) {
            puts(x.v[i].json);
            ++*n;
            continue;
        }
        struct err changed;
        err_set(&changed, PRECIS_EINPUT, "%s: is no longer what was judged: left out",
                x.v[i].place);
        say_note(changed.text);
    }
    for (size_t i = 0; i < x.n; i++) {
        free(x.v[i].json);
        free(x.v[i].place);
    }
    free(x.v);
    buf_free(&repo);
    return rc;
}

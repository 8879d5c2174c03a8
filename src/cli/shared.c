#include "cli/shared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "cli/cli.h"
#include "store/cache.h"

static const char HEAD[] = "{\"precis_lines\": 1}\n";

enum {
    FIELDS = 25,
    MOST_LINE = 1 << 16, /* bytes of a row */
    MOST_SHOWN = 60      /* bytes of a value in a message */
};

/* ---- Writing ---- */

struct writer {
    struct buf *out;
    struct shared_count *count;
};

static void put_hash(struct buf *b, const char *name, const uint8_t hash[HASH_SHA256_SIZE]) {
    char hex[HASH_HEX_SIZE];
    hash_hex(hash, HASH_SHA256_SIZE, hex);
    buf_printf(b, "\"%s\": \"%s\", ", name, hex);
}

static void put_text(struct buf *b, const char *name, const char *s) {
    json_put_member(b, name, s);
    buf_str(b, ", ");
}

static int write_line(void *user, const struct store_line *l, struct err *e) {
    struct writer *w = user;
    struct buf *b = w->out;
    const struct store_origin *m = l->made;
    if (*l->path == '/' || !l->context) {
        w->count->left++;
        return 0;
    }
    buf_char(b, '{');
    put_hash(b, "key", l->key);
    put_text(b, "level", store_level_name(l->level));
    put_text(b, "path", l->path);
    buf_printf(b, "\"start_line\": %" PRIu64 ", \"end_line\": %" PRIu64 ", ", l->start_line,
               l->end_line);
    put_text(b, "symbol", l->symbol);
    put_hash(b, "text", l->text);
    put_hash(b, "context", l->context);
    put_text(b, "summary", l->line);
    buf_printf(b, "\"confidence\": %.17g, ", l->confidence);
    put_text(b, "source", l->source);
    buf_printf(b, "\"tokens_in\": %" PRIu64 ", \"tokens_out\": %" PRIu64 ", ", l->tokens_in,
               l->tokens_out);
    buf_printf(b, "\"elapsed_ms\": %.17g, \"cut\": %s, \"made_at\": %" PRId64 ", ", l->elapsed_ms,
               l->cut ? "true" : "false", l->made_at);
    put_text(b, "model", m->model);
    put_text(b, "model_revision", m->model_revision);
    put_text(b, "file_type", m->file_type);
    put_text(b, "precision", m->precision);
    put_text(b, "isa", m->isa);
    put_text(b, "prompt_version", m->prompt_version);
    put_text(b, "decoder_version", m->decoder_version);
    put_text(b, "parameters", m->parameters);
    buf_printf(b, "\"seed\": \"%" PRIu64 "\"}\n", m->seed); /* not all fit into JSON's numbers */
    w->count->lines++;
    return buf_failed(b) ? err_nomem(e, "lines of the store") : 0;
}

int shared_write(struct store *s, FILE *f, struct shared_count *count, struct err *e) {
    struct buf all = {0};
    char hex[HASH_HEX_SIZE];
    *count = (struct shared_count){0};
    struct writer w = {&all, count};
    buf_str(&all, HEAD);
    int rc = store_each_place(s, write_line, &w, e);
    if (rc == 0)
        rc = buf_failed(&all) ? err_nomem(e, "lines of the store")
                              : hash_sha256_hex(all.data, all.len, hex, e);
    if (rc == 0) {
        fwrite(all.data, 1, all.len, f);
        fprintf(f, "{\"lines\": %zu, \"sha256\": \"%s\"}\n", count->lines, hex);
    }
    buf_free(&all);
    return rc;
}

/* ---- Reading ---- */

/* A row of the file; the first failure sticks. */
struct row {
    json_t *object;
    const char *path;
    size_t number;
    int rc;
    struct err *e;
};

static void refuse(struct row *r, const char *field, const char *why) {
    char shown[MOST_SHOWN + 4] = "missing";
    const json_t *value = json_object_get(r->object, field);
    char *all =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT) : NULL;
    if (all && strlen(all) > MOST_SHOWN)
        memcpy(all + MOST_SHOWN, "", 1);
    if (all)
        snprintf(shown, sizeof shown, "%s", all);
    free(all);
    if (r->rc == 0)
        r->rc = err_set(r->e, PRECIS_EINPUT, "%s:%zu: %s: %s: %s", r->path, r->number, field, shown,
                        why);
}

static const char *text_of(struct row *r, const char *field) {
    const json_t *v = json_object_get(r->object, field);
    const char *s = json_string_value(v);
    if (!s)
        refuse(r, field, "is no text");
    return s ? s : "";
}

static uint64_t count_of(struct row *r, const char *field) {
    const json_t *v = json_object_get(r->object, field);
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0)
        refuse(r, field, "is no count");
    return n < 0 ? 0 : (uint64_t)n;
}

static double real_of(struct row *r, const char *field, double most) {
    const json_t *v = json_object_get(r->object, field);
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= 0 && x <= most))
        refuse(r, field, "is out of range");
    return x;
}

static void hash_field(struct row *r, const char *field, uint8_t out[HASH_SHA256_SIZE]) {
    memset(out, 0, HASH_SHA256_SIZE);
    if (!hash_unhex(text_of(r, field), out))
        refuse(r, field, "is no SHA-256");
}

static enum store_level level_of(struct row *r) {
    const char *name = text_of(r, "level");
    for (int l = STORE_CHUNK; l <= STORE_REPOSITORY; l++)
        if (strcmp(name, store_level_name((enum store_level)l)) == 0)
            return (enum store_level)l;
    refuse(r, "level", "is no level");
    return STORE_CHUNK;
}

/* A path that stays below the root, as store_name makes them. */
static void check_path(struct row *r, const char *path, enum store_level level) {
    bool good = (*path == 0) == (level == STORE_REPOSITORY);
    for (const char *part = path; good && *part;) {
        size_t n = strcspn(part, "/");
        bool dots = (n == 1 && *part == '.') || (n == 2 && strncmp(part, "..", 2) == 0);
        good = n > 0 && !dots && (!part[n] || part[n + 1]);
        part += n + (part[n] == '/');
    }
    if (!good)
        refuse(r, "path", "is no path below a root");
}

static void check_places(struct row *r, const struct store_line *l) {
    bool folder = l->level >= STORE_DIRECTORY;
    if (l->end_line < l->start_line || (folder && l->end_line))
        refuse(r, "end_line", "there are no such lines");
}

static uint64_t seed_of(struct row *r) {
    const char *s = text_of(r, "seed");
    char *end;
    errno = 0;
    uint64_t v = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end || errno)
        refuse(r, "seed", "is no number of 64 bits");
    return v;
}

static void check_source(struct row *r, const char *source) {
    if (strcmp(source, "model") != 0 && strcmp(source, "doc") != 0 && strcmp(source, "rule") != 0)
        refuse(r, "source", "is none of model, doc and rule");
}

static void read_origin(struct row *r, struct store_origin *m) {
    m->model = text_of(r, "model");
    m->model_revision = text_of(r, "model_revision");
    m->file_type = text_of(r, "file_type");
    m->precision = text_of(r, "precision");
    m->isa = text_of(r, "isa");
    m->prompt_version = text_of(r, "prompt_version");
    m->decoder_version = text_of(r, "decoder_version");
    m->parameters = text_of(r, "parameters");
    m->seed = seed_of(r);
}

static void check_key(struct row *r, const struct store_line *l) {
    uint8_t key[HASH_SHA256_SIZE];
    struct store_subject subject = {.level = l->level,
                                    .path = l->path,
                                    .context = l->context,
                                    .made = l->made,
                                    .source = l->source};
    memcpy(subject.text, l->text, sizeof subject.text);
    if (r->rc)
        return;
    r->rc = store_key(&subject, key, r->e);
    if (r->rc == 0 && memcmp(key, l->key, sizeof key) != 0)
        refuse(r, "key", "is not the key of this line");
}

/* Texts are those of r->object; context: [32], which *l borrows. */
static void read_line(struct row *r, struct store_line *l, struct store_origin *made,
                      uint8_t *context) {
    *l = (struct store_line){.made = made, .context = context};
    if (json_object_size(r->object) != FIELDS && r->rc == 0)
        r->rc = err_set(r->e, PRECIS_EINPUT, "%s:%zu: has %zu fields, not %d", r->path, r->number,
                        json_object_size(r->object), (int)FIELDS);
    hash_field(r, "key", l->key);
    hash_field(r, "text", l->text);
    hash_field(r, "context", context);
    l->level = level_of(r);
    l->path = text_of(r, "path");
    check_path(r, l->path, l->level);
    l->start_line = count_of(r, "start_line");
    l->end_line = count_of(r, "end_line");
    check_places(r, l);
    if (!json_is_null(json_object_get(r->object, "symbol")))
        l->symbol = text_of(r, "symbol");
    l->line = text_of(r, "summary");
    l->confidence = real_of(r, "confidence", 1);
    l->source = text_of(r, "source");
    check_source(r, l->source);
    l->tokens_in = count_of(r, "tokens_in");
    l->tokens_out = count_of(r, "tokens_out");
    l->elapsed_ms = real_of(r, "elapsed_ms", 1e15);
    const json_t *cut = json_object_get(r->object, "cut");
    l->cut = json_is_true(cut);
    if (!json_is_boolean(cut))
        refuse(r, "cut", "is neither true nor false");
    l->made_at = (int64_t)count_of(r, "made_at");
    read_origin(r, made);
    check_key(r, l);
}

static int parse(struct row *r, const char *line, size_t n) {
    json_error_t why;
    if (n > MOST_LINE)
        return err_set(r->e, PRECIS_EINPUT, "%s:%zu: %zu bytes: too long for a line", r->path,
                       r->number, n);
    r->object = json_read(line, n, JSON_REJECT_DUPLICATES, &why);
    if (json_lacked_memory(r->object, &why))
        return err_nomem(r->e, r->path);
    if (!json_is_object(r->object))
        return err_set(r->e, PRECIS_EINPUT, "%s:%zu: is no JSON object", r->path, r->number);
    return 0;
}

/* Gives the row texts of its own. */
static int keep_texts(struct shared_row *x, struct err *e) {
    struct store_line *l = &x->line;
    struct store_origin *m = &x->made;
    const char **const texts[] = {&l->path,           &l->symbol,          &l->line,
                                  &l->source,         &m->model,           &m->model_revision,
                                  &m->file_type,      &m->precision,       &m->isa,
                                  &m->prompt_version, &m->decoder_version, &m->parameters};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    char *at = x->texts = malloc(size);
    if (!at)
        return err_nomem(e, "lines of a file");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = *texts[i] ? strlen(*texts[i]) + 1 : 0;
        if (n)
            *texts[i] = memcpy(at, *texts[i], n);
        at += n;
    }
    return 0;
}

static void check_row(struct row *r, const struct store_line *l) {
    struct err why = {0};
    if (r->rc == 0 && store_check_line(l, &why) != 0) /* a text that no line has */
        r->rc = err_set(r->e, PRECIS_EINPUT, "%s:%zu: %s", r->path, r->number, why.text);
}

static int parse_row(struct row *r, const char *line, size_t n, struct shared_lines *out) {
    struct shared_row x = {0};
    r->rc = parse(r, line, n);
    if (r->rc == 0)
        read_line(r, &x.line, &x.made, x.context);
    check_row(r, &x.line);
    if (r->rc == 0) {
        void *grown = out->v;
        bool room = array_grow(&grown, out->n, &out->cap, sizeof *out->v);
        out->v = grown;
        r->rc = room ? keep_texts(&x, r->e) : err_nomem(r->e, r->path);
    }
    if (r->rc == 0)
        out->v[out->n++] = x;
    json_decref(r->object);
    r->object = NULL;
    return r->rc;
}

/* The last line: how many there are, and the digest of what is before it. */
static int check_end(struct row *r, const struct buf *text, size_t end, size_t lines) {
    char hex[HASH_HEX_SIZE];
    r->rc = parse(r, text->data + end, text->len - end - 1);
    if (r->rc == 0 && json_object_size(r->object) == 2 && count_of(r, "lines") != lines)
        refuse(r, "lines", "is not how many there are");
    if (r->rc == 0)
        r->rc = hash_sha256_hex(text->data, end, hex, r->e);
    if (r->rc == 0 && strcmp(text_of(r, "sha256"), hex) != 0)
        refuse(r, "sha256", "is not the digest of the lines above");
    json_decref(r->object);
    r->object = NULL;
    return r->rc;
}

/* Where the last line begins; 0: there is none but the first, or it has no end. */
static size_t last_line(const struct buf *text) {
    if (text->len < 2 || text->data[text->len - 1] != '\n')
        return 0;
    size_t at = text->len - 1;
    while (at && text->data[at - 1] != '\n')
        at--;
    return at;
}

static int parse_all(const char *path, const struct buf *text, struct shared_lines *out,
                     struct err *e) {
    const size_t head = sizeof HEAD - 1, end = last_line(text);
    struct row r = {.path = path, .number = 1, .e = e};
    if (text->len < head || memcmp(text->data, HEAD, head) != 0)
        return err_set(e, PRECIS_EINPUT, "%s:1: does not begin with %.*s", path, (int)head - 1,
                       HEAD);
    if (end < head)
        return err_set(e, PRECIS_EINPUT, "%s: has no last line with a digest", path);
    int rc = 0;
    for (size_t at = head; rc == 0 && at < end;) {
        const char *line = text->data + at;
        size_t n = (size_t)((const char *)memchr(line, '\n', end - at) - line);
        r.number++;
        rc = parse_row(&r, line, n, out);
        at += n + 1;
    }
    r.number++;
    return rc ? rc : check_end(&r, text, end, out->n);
}

int shared_parse(const char *path, const struct buf *text, struct shared_lines *out,
                 struct err *e) {
    *out = (struct shared_lines){0};
    int rc = parse_all(path, text, out, e);
    if (rc)
        shared_lines_free(out);
    return rc;
}

void shared_lines_free(struct shared_lines *lines) {
    for (size_t i = 0; i < lines->n; i++)
        free(lines->v[i].texts);
    free(lines->v);
    *lines = (struct shared_lines){0};
}

static int put_rows(struct store *s, int64_t run, const struct shared_lines *lines,
                    struct shared_count *count, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < lines->n; i++) {
        const struct shared_row *x = &lines->v[i];
        struct store_line l = x->line;
        bool added = false;
        l.made = &x->made;
        l.context = x->context;
        rc = store_import(s, run, &l, &added, e);
        count->lines++;
        count->added += added;
    }
    return rc;
}

int shared_put(struct store *s, const struct shared_lines *lines, struct shared_count *count,
               struct err *e) {
    int64_t run = 0;
    *count = (struct shared_count){0};
    int rc = store_begin(s, e);
    if (rc)
        return rc;
    rc = store_run_begin(s, &run, e);
    if (rc == 0)
        rc = put_rows(s, run, lines, count, e);
    if (rc == 0)
        rc = store_run_end(s, run, e);
    if (rc == 0)
        return store_commit(s, e);
    store_abandon(s);
    return rc;
}

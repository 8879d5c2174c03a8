#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "summary/examples.h"

enum { MOST_LINE = 4 << 20, MOST_NAME = 4096 };

struct place {
    const char *path;
    size_t line;
};

static int bad(const struct place *p, const char *what, const char *name, struct err *e) {
    return err_set(e, PRECIS_EINPUT, "%s:%zu: %s%s", p->path, p->line, name, what);
}

/* One line of a report or a prompt: nothing that could move a terminal or end a line. */
static bool is_line(const char *s) {
    for (; *s; s++)
        if ((uint8_t)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* A string field; *out is "" where it is missing or null and `needed` is not set. */
static int take(const struct place *p, const json_t *o, const char *name, bool needed, bool line,
                const char **out, struct err *e) {
    const json_t *v = json_object_get(o, name);
    *out = "";
    if (!v || json_is_null(v))
        return needed ? bad(p, " is missing", name, e) : 0;
    if (!json_is_string(v))
        return bad(p, " must be a string", name, e);
    *out = json_string_value(v);
    if (needed && !**out)
        return bad(p, " is empty", name, e);
    if (line && strlen(*out) > MOST_NAME)
        return bad(p, " is too long", name, e);
    if (line && !is_line(*out))
        return bad(p, " has control characters", name, e);
    return 0;
}

static int take_object(struct examples *x, const struct place *p, const json_t *o, struct err *e) {
    struct example one;
    const char *sentence = json_object_get(o, "sentence") ? "sentence" : "reference";
    int rc = take(p, o, "repo", false, true, &one.repo, e);
    if (rc == 0)
        rc = take(p, o, "path", true, true, &one.path, e);
    if (rc == 0)
        rc = take(p, o, "language", false, true, &one.language, e);
    if (rc == 0)
        rc = take(p, o, "symbol", false, true, &one.symbol, e);
    if (rc == 0)
        rc = take(p, o, "code", true, false, &one.code, e);
    if (rc == 0)
        rc = take(p, o, sentence, true, true, &one.sentence, e);
    return rc ? rc : examples_add(x, &one, e);
}

static int take_line(struct examples *x, const struct place *p, const char *s, size_t n,
                     struct err *e) {
    json_error_t why;
    if (n > MOST_LINE)
        return bad(p, "the line is longer than 4 MB", "", e);
    json_t *o = json_read(s, n, JSON_REJECT_DUPLICATES, &why);
    if (json_lacked_memory(o, &why))
        return err_nomem(e, p->path);
    int rc = 0;
    if (!o)
        rc = err_set(e, PRECIS_EINPUT, "%s:%zu: not valid JSON: %s", p->path, p->line, why.text);
    else if (!json_is_object(o))
        rc = bad(p, "is not a JSON object", "", e);
    else
        rc = take_object(x, p, o, e);
    json_decref(o);
    return rc;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
            return false;
    return true;
}

int examples_parse(struct examples *x, const char *path, const char *text, size_t size,
                   struct err *e) {
    struct place p = {.path = path};
    for (size_t at = 0, end; at < size; at = end + 1) {
        const char *newline = memchr(text + at, '\n', size - at);
        end = newline ? (size_t)(newline - text) : size;
        p.line++;
        if (is_blank(text + at, end - at))
            continue;
        int rc = take_line(x, &p, text + at, end - at, e);
        if (rc)
            return rc;
    }
    return 0;
}

int examples_read(struct examples *x, const char *path, struct err *e) {
    struct mapping m;
    int rc = file_map(path, &m, e);
    if (rc == 0)
        rc = examples_parse(x, path, (const char *)m.data, m.size, e);
    file_unmap(&m);
    return rc;
}

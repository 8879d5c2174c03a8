#include "cli/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/args.h"

/* ---- Text ---- */

struct at {
    const struct config_file *file;
    unsigned line;
};

static int wrong(const struct at *at, struct err *e, const char *what, const char *why) {
    return err_set(e, PRECIS_EINPUT, "%s:%u: %.80s%s%s", at->file->path, at->line, what,
                   *what ? ": " : "", why);
}

static char *skip(char *s) {
    return s + strspn(s, " \t");
}

static bool ends(const char *s) {
    return *s == 0 || *s == '#';
}

static void trim(char *s) {
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = 0;
}

/* "..." with its escapes, in place; *end is behind it. NULL: it has no end, or another escape. */
static char *unquote(char *s, char **end) {
    char *to = s, *from = s + 1;
    for (; *from && *from != '"'; from++) {
        char c = *from;
        if (c == '\\') {
            static const char names[] = "\"\\nt", meant[] = "\"\\\n\t";
            const char *which = from[1] ? strchr(names, from[1]) : NULL;
            if (!which)
                return NULL;
            c = meant[which - names];
            from++;
        }
        *to++ = c;
    }
    if (!*from)
        return NULL;
    *to = 0;
    *end = from + 1;
    return s;
}

/* The value that begins at s. */
static int parse_value(const struct at *at, char *s, const char **value, struct err *e) {
    char *end = s;
    *value = s;
    if (*s == '"') {
        *value = unquote(s, &end);
        if (!*value)
            return wrong(at, e, "",
                         "\"...\" has no end, or a \\ that is not \\\", \\\\, \\n or \\t");
    } else if (*s == '\'') {
        *value = s + 1;
        end = strchr(s + 1, '\'');
        if (!end)
            return wrong(at, e, "", "'...' has no end");
        *end++ = 0;
    } else if (*s == '[' || *s == '{') {
        return wrong(at, e, s, "write a line for each value, and quotes around one that begins so");
    } else {
        while (*end && !(*end == '#' && (end == s || end[-1] == ' ' || end[-1] == '\t')))
            end++;
        *end = 0;
        trim(s);
        return *s ? 0 : wrong(at, e, "", "there is no value (write \"\" for an empty one)");
    }
    end = skip(end);
    return ends(end) ? 0 : wrong(at, e, end, "what comes after a value must be a comment");
}

static int parse_section(const struct at *at, char *s, const char **section, struct err *e) {
    char *close = strchr(s, ']');
    if (!close)
        return wrong(at, e, s, "a section is [COMMAND]");
    *close = 0;
    if (!ends(skip(close + 1)))
        return wrong(at, e, close + 1, "what comes after a section must be a comment");
    *section = skip(s + 1);
    trim(skip(s + 1));
    return **section ? 0 : wrong(at, e, "[]", "a section is [COMMAND]");
}

static int add_entry(const struct at *at, struct config_file *f, const struct config_entry *new,
                     struct err *e) {
    if (f->n == CONFIG_ENTRIES)
        return err_set(e, PRECIS_EINPUT, "%s:%u: more than %d options", f->path, at->line,
                       CONFIG_ENTRIES);
    if (!array_grow((void **)&f->v, f->n, &f->cap, sizeof *f->v))
        return err_nomem(e, f->path);
    f->v[f->n++] = *new;
    return 0;
}

static int parse_line(const struct at *at, struct config_file *f, char *s, const char **section,
                      struct err *e) {
    s = skip(s);
    if (ends(s))
        return 0;
    if (*s == '[')
        return parse_section(at, s, section, e);
    char *equals = strchr(s, '=');
    if (!equals)
        return wrong(at, e, s, "must be NAME = VALUE, [COMMAND] or # comment");
    *equals = 0;
    trim(s);
    if (!*s || *s == '-' || s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return wrong(at, e, s, "must be an option's name, without dashes before it");
    struct config_entry new = {.section = *section, .key = s, .line = at->line};
    int rc = parse_value(at, skip(equals + 1), &new.value, e);
    return rc ? rc : add_entry(at, f, &new, e);
}

/* Text must be text before any of it is repeated in a message. */
static int check_line(const struct at *at, const char *s, size_t len, struct err *e) {
    if (!utf8_valid(s, len))
        return wrong(at, e, "", "is not UTF-8");
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
            return wrong(at, e, "", "has a control character");
    return 0;
}

int config_parse(const char *path, const void *text, size_t len, struct config_file *out,
                 struct err *e) {
    out->path = strdup(path);
    buf_append(&out->text, text, len);
    buf_char(&out->text, '\n');
    if (!out->path || buf_failed(&out->text))
        return err_nomem(e, path);
    utf8_blank_controls(out->path);
    if (len > CONFIG_BYTES)
        return err_set(e, PRECIS_ELIMIT, "%s: has more than %d bytes", path, CONFIG_BYTES);
    struct at at = {.file = out};
    const char *section = "";
    char *s = out->text.data, *end = s + out->text.len;
    int rc = 0;
    while (rc == 0 && s < end) {
        char *newline = memchr(s, '\n', (size_t)(end - s));
        at.line++;
        *newline = 0;
        size_t n = (size_t)(newline - s);
        if (n > 0 && s[n - 1] == '\r')
            s[--n] = 0;
        rc = check_line(&at, s, n, e);
        if (rc == 0)
            rc = parse_line(&at, out, s, &section, e);
        s = newline + 1;
    }
    return rc;
}

void config_file_free(struct config_file *f) {
    free(f->path);
    free(f->v);
    buf_free(&f->text);
    *f = (struct config_file){0};
}

void config_free(struct config *c) {
    for (size_t i = 0; i < c->n; i++)
        config_file_free(&c->v[i]);
    c->n = 0;
}

/* ---- Meaning ---- */

static int refuse(const struct config_file *f, const struct config_entry *x, struct err *e,
                  const char *why) {
    return err_set(e, PRECIS_EUSAGE, "%s:%u: %s = %.80s: %s", f->path, x->line, x->key, x->value,
                   why);
}

static int unknown_section(const struct config_file *f, const struct config_entry *x,
                           const struct command *const *all, struct err *e) {
    const char *near = command_nearest(all, x->section);
    return err_set(e, PRECIS_EUSAGE, "%s:%u: [%.80s]: there is no such command%s%s%s", f->path,
                   x->line, x->section, near ? " (did you mean " : "", near ? near : "",
                   near ? "?)" : "");
}

static int unknown_key(const struct config_file *f, const struct config_entry *x,
                       const struct command *const *all, struct err *e) {
    const char *best = NULL;
    for (size_t i = 0; all[i]; i++) {
        if (*x->section && strcmp(all[i]->name, x->section) != 0)
            continue;
        const char *names[2] = {best, option_nearest(all[i], x->key)};
        if (names[1])
            best = best ? options_nearest(x->key, names, 2) : names[1];
    }
    return err_set(e, PRECIS_EUSAGE, "%s:%u: %.80s: %s%s%s has no such option%s%s%s", f->path,
                   x->line, x->key, *x->section ? "[" : "", *x->section ? x->section : "precis",
                   *x->section ? "]" : "", best ? " (did you mean " : "", best ? best : "",
                   best ? "?)" : "");
}

/* What one command makes of an entry that is about it. */
static int check_row(const struct config_file *f, const struct config_entry *x,
                     const struct option *o, struct err *e) {
    if (o->typed || o->outside)
        return refuse(f, x, e, "is of the command line alone");
    if (f->project && !o->harmless)
        return refuse(f, x, e,
                      "not in a project's file, which comes with the code: say it on the command "
                      "line or in the user's file (--no-config reads neither)");
    if (!*x->section)
        return 0;
    char where[600];
    struct args scratch = {0};
    snprintf(where, sizeof where, "%s:%u: %s = ", f->path, x->line, x->key);
    int rc = option_store(o, where, x->value, &scratch, e);
    args_free(&scratch);
    return rc;
}

static int check_entry(const struct config_file *f, const struct config_entry *x,
                       const struct command *const *all, struct err *e) {
    bool section = !*x->section, key = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && all[i]; i++) {
        if (*x->section && strcmp(all[i]->name, x->section) != 0)
            continue;
        section = true;
        const struct option *o = option_find(all[i], x->key, strlen(x->key));
        key |= o != NULL;
        if (o)
            rc = check_row(f, x, o, e);
    }
    if (rc == 0 && !section)
        rc = unknown_section(f, x, all, e);
    else if (rc == 0 && !key)
        rc = unknown_key(f, x, all, e);
    return rc;
}

/* A second value for what has one is a mistake; only lists have several. */
static int check_twice(const struct config_file *f, size_t i, const struct command *const *all,
                       struct err *e) {
    const struct config_entry *x = &f->v[i];
    for (size_t j = 0; all[j]; j++) {
        const struct option *o = option_find(all[j], x->key, strlen(x->key));
        if (o && o->type == OPTION_LIST)
            return 0;
    }
    for (size_t j = 0; j < i; j++)
        if (strcmp(f->v[j].key, x->key) == 0 && strcmp(f->v[j].section, x->section) == 0)
            return err_set(e, PRECIS_EUSAGE, "%s:%u: %s: line %u has it already", f->path, x->line,
                           x->key, f->v[j].line);
    return 0;
}

int config_check(const struct config_file *f, const struct command *const *all, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        rc = check_entry(f, &f->v[i], all, e);
        if (rc == 0)
            rc = check_twice(f, i, all, e);
    }
    return rc;
}

#include "cli/part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/piped.h"

bool part_is_of_changes(const struct args *a) {
    return a->since || a->staged;
}

bool part_is_asked(const struct args *a) {
    return a->listed || part_is_of_changes(a);
}

static int check(const struct args *a, const char *const *paths, size_t n_paths, struct err *e) {
    const bool piped = piped_is_asked(paths, n_paths);
    if (a->since && a->staged)
        return err_set(e, PRECIS_EUSAGE, "--since and --staged: one of them is enough");
    if (piped && part_is_of_changes(a))
        return err_set(e, PRECIS_EUSAGE, "%s: standard input has no history",
                       a->staged ? "--staged" : "--since");
    if (a->listed && (piped || (a->prompt_file && strcmp(a->prompt_file, "-") == 0)))
        return err_set(e, PRECIS_EUSAGE, "--stdin: standard input is the list of files, not %s -",
                       piped ? "PATH" : "--prompt-file");
    return 0;
}

/* Room for as many files as were found, which leaves none when there is no memory. */
static int part_of(struct walk *part, const struct walk *found, struct err *e) {
    part->stats = found->stats;
    part->files = calloc(found->n ? found->n : 1, sizeof *part->files);
    return part->files ? 0 : err_nomem(e, "list of files");
}

/* *real: without symbolic links, the caller's; NULL: the path leads nowhere by now. */
static int find_real(const char *path, char **real, struct err *e) {
    *real = realpath(path, NULL);
    if (*real || errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ||
        errno == ENAMETOOLONG)
        return 0;
    return err_errno(e, path, "resolve");
}

/* ---- A list on standard input ---- */

struct names {
    struct listed {
        char *real; /* without symbolic links; owned */
        const char *said;
        bool found;
    } * v; /* by real, each once */
    size_t n, cap;
    size_t missing; /* that lead nowhere */
    const char *first_missing;
};

static int by_real(const void *a, const void *b) {
    return strcmp(((const struct listed *)a)->real, ((const struct listed *)b)->real);
}

static int add_name(struct names *l, const char *said, struct err *e) {
    void *grown = l->v;
    char *real;
    int rc = find_real(said, &real, e);
    if (rc || !real) {
        if (l->missing++ == 0)
            l->first_missing = said;
        return rc;
    }
    bool room = array_grow(&grown, l->n, &l->cap, sizeof *l->v);
    l->v = grown;
    if (!room) {
        free(real);
        return err_nomem(e, "list of files");
    }
    l->v[l->n++] = (struct listed){.real = real, .said = said};
    return 0;
}

/* Each name ends with a newline or, where there is one at all, with NUL. */
static int read_names(struct names *l, struct buf *text, struct err *e) {
    int rc = input_read("-", text, e);
    const bool nul = rc == 0 && text->len && memchr(text->data, 0, text->len);
    if (rc == 0 && !nul && text->len && text->data[text->len - 1] != '\n')
        buf_char(text, '\n');
    buf_char(text, 0);
    if (rc == 0 && buf_failed(text))
        rc = err_nomem(e, "list of files");
    char *end = NULL;
    for (char *p = text->data; rc == 0 && p < text->data + text->len - 1; p = end + 1) {
        end = strchr(p, nul ? 0 : '\n');
        if (!nul && end > p && end[-1] == '\r')
            end[-1] = 0;
        *end = 0;
        if (*p)
            rc = add_name(l, p, e);
    }
    return rc;
}

static void sort_names(struct names *l) {
    size_t n = 0;
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_real);
    for (size_t i = 0; i < l->n; i++) {
        if (n && by_real(&l->v[n - 1], &l->v[i]) == 0)
            free(l->v[i].real);
        else
            l->v[n++] = l->v[i];
    }
    l->n = n;
}

static void warn_of_names(const struct names *l) {
    const char *first = NULL;
    size_t other = 0;
    for (size_t i = 0; i < l->n; i++)
        if (!l->v[i].found && other++ == 0)
            first = l->v[i].said;
    if (l->missing)
        log_say(LOG_WARN, "--stdin: %zu of the names lead to no file (%s)", l->missing,
                l->first_missing);
    if (other)
        log_say(LOG_WARN,
                "--stdin: %zu of the names are not among the files below PATH that are "
                "summarised (%s)",
                other, first);
}

static int find_listed(const struct walk *found, struct walk *out, struct err *e) {
    struct names l = {0};
    struct buf text = {0};
    int rc = read_names(&l, &text, e);
    if (rc == 0)
        rc = part_of(out, found, e);
    sort_names(&l);
    for (size_t i = 0; rc == 0 && l.n && i < found->n; i++) {
        struct listed *at = NULL, key;
        rc = find_real(found->files[i].path, &key.real, e);
        if (key.real)
            at = bsearch(&key, l.v, l.n, sizeof *l.v, by_real);
        free(key.real);
        if (at) {
            at->found = true;
            out->files[out->n++] = found->files[i];
        }
    }
    if (rc == 0)
        warn_of_names(&l);
    for (size_t i = 0; i < l.n; i++)
        free(l.v[i].real);
    free(l.v);
    buf_free(&text);
    return rc;
}

/* ---- What changed ---- */

/* Where git has it: without symbolic links. One that is gone by now has not changed. */
static int take_changed(struct part *p, const struct walk_file *f, struct err *e) {
    char *real;
    int rc = find_real(f->path, &real, e);
    const struct changed_file *changed = real ? changes_of(&p->changes, real) : NULL;
    free(real);
    if (!changed || (!changed->whole && !changed->n))
        return rc;
    p->changed.files[p->changed.n] = *f;
    p->changed.files[p->changed.n++].changed = changed;
    return 0;
}

static int find_changed(const struct args *a, const char *const *paths, size_t n_paths,
                        const struct walk *found, struct part *out, struct err *e) {
    const struct changes_options o = {.since = a->since, .stop = interrupt_flag()};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_paths; i++)
        rc = changes_add(&out->changes, paths[i], &o, e);
    if (rc == 0)
        rc = part_of(&out->changed, found, e);
    if (rc)
        return rc;
    changes_sort(&out->changes);
    for (size_t i = 0; rc == 0 && out->changes.n && i < found->n; i++)
        rc = take_changed(out, &found->files[i], e);
    log_say(LOG_INFO, "%zu of %zu files have changed", out->changed.n, found->n);
    return rc;
}

/* ---- */

int part_find(const struct args *a, const char *const *paths, size_t n_paths,
              const struct walk *found, struct part *out, struct err *e) {
    int rc = check(a, paths, n_paths, e);
    out->files = found;
    if (rc == 0 && a->listed) {
        rc = find_listed(found, &out->listed, e);
        out->files = &out->listed;
    }
    if (rc == 0 && part_is_of_changes(a)) {
        rc = find_changed(a, paths, n_paths, out->files, out, e);
        out->files = &out->changed;
    }
    return rc;
}

void part_free(struct part *p) {
    free(p->listed.files); /* what they hold is another walk's */
    free(p->changed.files);
    changes_free(&p->changes);
    *p = (struct part){0};
}

void part_say_nothing(const struct args *a) {
    char line[320];
    if (a->staged)
        snprintf(line, sizeof line, "nothing is staged that is to be summarised");
    else if (a->since)
        snprintf(line, sizeof line, "nothing that is to be summarised differs from %.200s",
                 a->since);
    else
        snprintf(line, sizeof line, "standard input names nothing that is to be summarised");
    say_note(line);
}

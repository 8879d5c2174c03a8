#include "code/changes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/program.h"

/* The arguments and settings that hold for every call. */
static const char *const always[] = {"git",
                                     "--no-pager",
                                     "--literal-pathspecs",
                                     "-c",
                                     "core.fsmonitor=false",
                                     "-c",
                                     "core.quotePath=true",
                                     "-c",
                                     "safe.bareRepository=explicit",
                                     "-C"};
static const char *const settings[] = {"GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1",
                                       "GIT_ALLOW_PROTOCOL=",  "GIT_TERMINAL_PROMPT=0",
                                       "GIT_DIFF_OPTS=",       "LC_ALL=C",
                                       "PRECIS_EMPTY=",        NULL};
/* A patch without what a configuration could add to it. */
static const char *const as_patch[] = {"-p",
                                       "-U0",
                                       "--inter-hunk-context=0",
                                       "--text",
                                       "--no-ext-diff",
                                       "--no-textconv",
                                       "--no-renames",
                                       "--no-relative",
                                       "--no-color",
                                       "--ignore-submodules=all",
                                       "--src-prefix=a/",
                                       "--dst-prefix=b/"};

struct arguments {
    const char **v; /* owned; NULL-ended */
    size_t n, cap;
    bool failed;
};

struct git {
    struct changes *c;
    const struct changes_options *o;
    char *real, *folder; /* of what is asked about, and where git is run; owned */
    const char *below;   /* what is asked about, from there */
    struct buf top;      /* of the work tree */
    struct buf names;    /* filters, as "--config-env=NAME=VARIABLE", each with a NUL after it */
    struct buf commit, piece;
    struct changes *into; /* of the patch at hand */
};

static void add(struct arguments *a, const char *argument) {
    void *grown = a->v;
    if (!array_grow(&grown, a->n, &a->cap, sizeof *a->v)) {
        a->failed = true;
        return;
    }
    a->v = grown;
    a->v[a->n++] = argument;
}

static void add_all(struct arguments *a, const char *const *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        add(a, v[i]);
}

static void add_filters(struct arguments *a, const struct buf *names) {
    for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1)
        add(a, names->data + at);
}

typedef int taker(void *user, const char *data, size_t size, struct err *e);

/* Runs git with all that always holds and n more arguments. */
static int run(struct git *g, const char *const *more, size_t n, taker *take, void *user,
               struct program_end *end, struct err *e) {
    struct arguments a = {0};
    add_all(&a, always, sizeof always / sizeof *always);
    add(&a, g->folder);
    add_filters(&a, &g->names);
    add_all(&a, more, n);
    add(&a, NULL);
    const struct program p = {
        .arguments = a.v, .settings = settings, .stop = g->o->stop, .take = take, .user = user};
    int rc = a.failed ? err_nomem(e, "git") : program_run(&p, end, e);
    free(a.v);
    return rc;
}

static int failed(const struct git *g, const struct program_end *end, struct err *e) {
    return *end->said
               ? err_set(e, PRECIS_EINPUT, "%s: git: %s", g->real, end->said)
               : err_set(e, PRECIS_EINPUT, "%s: git fails (exit code %d)", g->real, end->status);
}

static int take_text(void *user, const char *data, size_t size, struct err *e) {
    struct buf *b = user;
    buf_append(b, data, size);
    return buf_failed(b) ? err_nomem(e, "git") : 0;
}

/* Without the newline after it. */
static void one_line(struct buf *b) {
    if (b->len && b->data[b->len - 1] == '\n')
        b->data[--b->len] = 0;
}

static int find_top(struct git *g, struct err *e) {
    static const char *const ask[] = {"rev-parse", "--show-toplevel"};
    struct program_end end;
    int rc = run(g, ask, 2, take_text, &g->top, &end, e);
    if (rc == 0 && (end.status || !g->top.len))
        rc = failed(g, &end, e);
    if (rc == 0)
        one_line(&g->top);
    return rc;
}

static bool ends(const char *s, size_t n, const char *end) {
    size_t m = strlen(end);
    return n >= m && memcmp(s + n - m, end, m) == 0;
}

/* Each name that is whole by now: it ends with NUL, and git wrote it in pieces of any size. */
static int take_names(struct git *g, const char *data, size_t size, taker *each, struct err *e) {
    int rc = 0;
    size_t at = 0;
    buf_append(&g->piece, data, size);
    if (buf_failed(&g->piece))
        return err_nomem(e, "git");
    for (const char *nul;
         rc == 0 && (nul = memchr(g->piece.data + at, 0, g->piece.len - at)) != NULL;) {
        const char *name = g->piece.data + at;
        rc = each(g, name, (size_t)(nul - name), e);
        at += (size_t)(nul - name) + 1;
    }
    memmove(g->piece.data, g->piece.data + at, g->piece.len - at);
    g->piece.len -= at;
    return rc;
}

static int add_filter(void *user, const char *name, size_t n, struct err *e) {
    struct git *g = user;
    if (!ends(name, n, ".clean") && !ends(name, n, ".process") && !ends(name, n, ".required"))
        return 0;
    buf_printf(&g->names, "--config-env=%s=PRECIS_EMPTY", name);
    buf_char(&g->names, 0);
    return buf_failed(&g->names) ? err_nomem(e, "git") : 0;
}

static int take_filters(void *user, const char *data, size_t size, struct err *e) {
    return take_names(user, data, size, add_filter, e);
}

/* Filters would be run on files of the work tree to compare them. */
static int find_filters(struct git *g, struct err *e) {
    static const char *const ask[] = {"config", "--null", "--name-only", "--get-regexp",
                                      "^filter\\."};
    struct program_end end;
    int rc = run(g, ask, 5, take_filters, g, &end, e);
    return rc == 0 && end.status > 1 ? failed(g, &end, e) : rc; /* 1: there are none */
}

/* A tree without files, for a HEAD that has no commit yet. */
static int empty_tree(struct git *g, struct err *e) {
    static const char *const ask[] = {"hash-object", "-t", "tree", "--stdin"};
    struct program_end end;
    int rc = run(g, ask, 4, take_text, &g->commit, &end, e);
    return rc == 0 && (end.status || !g->commit.len) ? failed(g, &end, e) : rc;
}

static int find_commit(struct git *g, struct err *e) {
    const char *since = g->o->since ? g->o->since : "HEAD";
    struct buf name = {0};
    struct program_end end = {0};
    if (!*since || *since == '-')
        return err_set(e, PRECIS_EUSAGE, "--since %s: is no revision", since);
    buf_printf(&name, "%s^{commit}", since);
    const char *const ask[] = {"rev-parse", "--verify", "--quiet", name.data};
    int rc =
        buf_failed(&name) ? err_nomem(e, "git") : run(g, ask, 4, take_text, &g->commit, &end, e);
    buf_free(&name);
    bool found = rc == 0 && end.status == 0 && g->commit.len;
    if (rc == 0 && !found && g->o->since)
        rc = err_set(e, PRECIS_EUSAGE, "--since %s: is no commit of %s", since, g->top.data);
    else if (rc == 0 && !found) {
        buf_clear(&g->commit);
        rc = empty_tree(g, e);
    }
    if (rc == 0)
        one_line(&g->commit);
    return rc;
}

static int add_file(struct git *g, struct changes *c, const char *path, bool whole, struct err *e) {
    struct buf b = {0};
    void *grown = c->files;
    bool room = array_grow(&grown, c->n, &c->cap, sizeof *c->files);
    c->files = grown;
    buf_printf(&b, "%s%s%s", g->top.data, ends(g->top.data, g->top.len, "/") ? "" : "/", path);
    if (!room || buf_failed(&b)) {
        buf_free(&b);
        return err_nomem(e, "list of changes");
    }
    c->files[c->n++] = (struct changed_file){.path = b.data, .whole = whole};
    return 0;
}

static int on_file(void *user, const char *path, struct err *e) {
    struct git *g = user;
    return add_file(g, g->into, path, false, e);
}

static int on_hunk(void *user, const struct hunk *h, struct err *e) {
    const struct git *g = user;
    struct changed_file *f = &g->into->files[g->into->n - 1];
    void *grown = f->hunks;
    bool room = array_grow(&grown, f->n, &f->cap, sizeof *f->hunks);
    f->hunks = grown;
    if (!room)
        return err_nomem(e, "list of changes");
    f->hunks[f->n++] = *h;
    return 0;
}

static int take_patch(void *user, const char *data, size_t size, struct err *e) {
    return patch_read(user, data, size, e);
}

/* The patch that a command prints, into a list. */
static int read_patch(struct git *g, const char *const *command, size_t n, struct changes *into,
                      struct err *e) {
    struct arguments a = {0};
    struct patch p = {.on_file = on_file, .on_hunk = on_hunk, .user = g};
    struct program_end end;
    g->into = into;
    add_all(&a, command, 1);
    add_all(&a, as_patch, sizeof as_patch / sizeof *as_patch);
    add_all(&a, command + 1, n - 1);
    add(&a, "--");
    add(&a, g->below);
    int rc = a.failed ? err_nomem(e, "git") : run(g, a.v, a.n, take_patch, &p, &end, e);
    if (rc == 0)
        rc = end.status ? failed(g, &end, e) : patch_end(&p, e);
    patch_free(&p);
    free(a.v);
    return rc;
}

static int add_unknown_file(void *user, const char *path, size_t n, struct err *e) {
    struct git *g = user;
    bool is_file = n && !ends(path, n, "/"); /* else it is another repository */
    return is_file ? add_file(g, g->c, path, true, e) : 0;
}

static int take_unknown(void *user, const char *data, size_t size, struct err *e) {
    return take_names(user, data, size, add_unknown_file, e);
}

static int add_unknown(struct git *g, struct err *e) {
    const char *const ask[] = {"ls-files", "--others", "--exclude-standard", "--full-name", "-z",
                               "--",       g->below};
    struct program_end end;
    buf_clear(&g->piece);
    int rc = run(g, ask, 7, take_unknown, g, &end, e);
    return rc == 0 && end.status ? failed(g, &end, e) : rc;
}

/* ---- Lines of the index, where they are in the work tree ---- */

static struct hunk lines_of(const struct hunk *h) {
    struct hunk r = *h;
    r.new_lines = h->new_lines ? h->new_lines : 2; /* where lines went: before and after */
    return r;
}

/* Where a line came to lie; of one that was replaced the first or the last line instead of it. */
static uint64_t moved(const struct changed_file *by, uint64_t line, bool last) {
    uint64_t more = 0, less = 0;
    for (size_t i = 0; i < by->n; i++) {
        const struct hunk *h = &by->hunks[i];
        uint64_t begin = h->old_lines ? h->old_first : h->old_first + 1;
        if (line < begin)
            break;
        if (line < begin + h->old_lines) {
            struct hunk r = lines_of(h);
            return last ? r.new_first + r.new_lines - 1 : r.new_first;
        }
        more += h->new_lines;
        less += h->old_lines;
    }
    return line + more - less;
}

static void move(struct changed_file *f, const struct changed_file *by) {
    for (size_t i = 0; i < f->n; i++) {
        struct hunk r = lines_of(&f->hunks[i]);
        uint64_t first = moved(by, r.new_first, false);
        uint64_t last = moved(by, r.new_first + r.new_lines - 1, true);
        f->hunks[i].new_first = first;
        f->hunks[i].new_lines = last - first + 1;
    }
}

static int add_staged(struct git *g, struct err *e) {
    const char *const staged[] = {"diff-index", "--cached", g->commit.data};
    const char *const unstaged[] = {"diff-files", "-0"};
    struct changes later = {0};
    size_t i = g->c->n;
    int rc = read_patch(g, staged, 3, g->c, e);
    if (rc == 0)
        rc = read_patch(g, unstaged, 2, &later, e);
    changes_sort(&later);
    for (; rc == 0 && i < g->c->n; i++) {
        const struct changed_file *by = changes_of(&later, g->c->files[i].path);
        if (by)
            move(&g->c->files[i], by);
    }
    changes_free(&later);
    return rc;
}

static int add_since(struct git *g, struct err *e) {
    const char *const differing[] = {"diff-index", g->commit.data};
    int rc = read_patch(g, differing, 2, g->c, e);
    return rc ? rc : add_unknown(g, e);
}

/* The folder that a path is, or is in, and what is asked about there. With GIT_DIR, as in a hook,
 * git takes the folder that it is run in for the top of the work tree: that is the one we are in.
 */
static int find_place(struct git *g, const char *path, struct err *e) {
    struct stat st;
    g->real = realpath(path, NULL);
    if (!g->real || stat(g->real, &st) != 0)
        return err_errno(e, path, "resolve");
    const char *slash = strrchr(g->real, '/');
    bool is_folder = S_ISDIR(st.st_mode), here = getenv("GIT_DIR") != NULL;
    size_t n = is_folder ? strlen(g->real) : slash == g->real ? 1 : (size_t)(slash - g->real);
    g->below = here ? g->real : is_folder ? "." : slash + 1;
    g->folder = here ? strdup(".") : strndup(g->real, n);
    return g->folder ? 0 : err_nomem(e, path);
}

int changes_add(struct changes *c, const char *path, const struct changes_options *o,
                struct err *e) {
    struct git g = {.c = c, .o = o};
    int rc = find_place(&g, path, e);
    if (rc == 0)
        rc = find_top(&g, e);
    if (rc == 0)
        rc = find_filters(&g, e);
    if (rc == 0)
        rc = find_commit(&g, e);
    if (rc == 0)
        rc = o->since ? add_since(&g, e) : add_staged(&g, e);
    buf_free(&g.top);
    buf_free(&g.names);
    buf_free(&g.commit);
    buf_free(&g.piece);
    free(g.folder);
    free(g.real);
    return rc;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct changed_file *)a)->path, ((const struct changed_file *)b)->path);
}

void changes_sort(struct changes *c) {
    if (c->n)
        qsort(c->files, c->n, sizeof *c->files, by_path);
}

const struct changed_file *changes_of(const struct changes *c, const char *path) {
    const struct changed_file asked = {.path = (char *)(uintptr_t)path};
    return c->n ? bsearch(&asked, c->files, c->n, sizeof *c->files, by_path) : NULL;
}

bool changes_touch(const struct changed_file *f, uint64_t first, uint64_t last) {
    for (size_t i = 0; i < f->n; i++) {
        struct hunk r = lines_of(&f->hunks[i]);
        if (r.new_first <= last && r.new_first + r.new_lines > first)
            return true;
    }
    return f->whole;
}

void changes_free(struct changes *c) {
    for (size_t i = 0; i < c->n; i++) {
        free(c->files[i].path);
        free(c->files[i].hunks);
    }
    free(c->files);
    *c = (struct changes){0};
}

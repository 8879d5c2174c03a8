#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/model.h"
#include "code/watch.h"
#include "index/build.h"

#define AT(member) offsetof(struct args, member)

static const double PROGRESS_EVERY = 0.1; /* seconds */

struct progress_line {
    double shown;
};

static void show(void *user, const struct index_stats *s, size_t done, size_t n) {
    struct progress_line *p = user;
    double now = clock_seconds();
    char line[160];
    if (!say_is_live() || say_is_quiet() || now < p->shown + PROGRESS_EVERY)
        return;
    p->shown = now;
    snprintf(line, sizeof line, "%zu of %zu files, %zu chunks embedded", done, n, s->embedded);
    say_live(line);
}

/* The folder whose store gets the index: --store, else the one that belongs to the path, else the
 * path itself (of a file: its folder). The caller's. */
static int find_root(const struct args *a, const char *path, char **root, struct err *e) {
    struct stat st;
    *root = NULL;
    if (!a->store) {
        int rc = store_find_root(path, root, e);
        if (rc != PRECIS_ENOTFOUND)
            return rc;
    }
    *root = strdup(a->store ? a->store : path);
    if (!*root)
        return err_nomem(e, path);
    if (a->store || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    char *slash = strrchr(*root, '/');
    if (slash)
        slash[slash == *root] = 0;
    else
        memcpy(*root, ".", 2); /* it has a name of at least one character */
    return 0;
}

static void say_result(const struct args *a, const struct store *s, const struct index_stats *r) {
    struct buf b = {0};
    if (a->json)
        buf_printf(&b,
                   "{\"files\": %zu, \"unchanged\": %zu, \"removed\": %zu, "
                   "\"lost\": %zu, \"chunks\": %zu, \"embedded\": %zu, \"known\": %zu, "
                   "\"summaries\": %zu, \"seconds\": %.3f}\n",
                   r->files, r->unchanged, r->removed, r->lost, r->entries, r->embedded, r->known,
                   r->summaries, r->seconds);
    else
        buf_printf(&b,
                   "%zu files (%zu unchanged, %zu removed), %zu chunks new: %zu embedded, %zu "
                   "known, in %.1f s: %s\n",
                   r->files, r->unchanged, r->removed, r->entries, r->embedded, r->known,
                   r->seconds, store_path(s));
    if (!buf_failed(&b) && (a->json || !say_is_quiet()))
        fputs(b.data, stdout);
    buf_free(&b);
}

struct indexing {
    const struct args *a;
    const char *path;
    struct store *s;
    struct embedder *em; /* NULL: words alone */
};

static int update(const struct indexing *x, const struct walk *w, struct index_stats *stats,
                  struct err *e) {
    struct progress_line progress = {0};
    const struct index_options o = {.em = x->em,
                                    .stop = interrupt_flag(),
                                    .threads = (int)x->a->lanes,
                                    .on_progress = show,
                                    .user = &progress};
    int rc = index_build(x->s, x->path, w, &o, stats, e);
    say_live(NULL);
    return rc;
}

static int index_once(const struct indexing *x, struct err *e) {
    struct walk w = {0};
    struct index_stats stats;
    const struct walk_options files = args_files(x->a);
    int rc = walk_tree(x->path, &files, &w, e);
    if (rc == 0)
        rc = update(x, &w, &stats, e);
    walk_free(&w);
    if (rc)
        return rc;
    say_result(x->a, x->s, &stats);
    rc = flush_stdout(e);
    return rc ? rc : stats.lost ? EXIT_PARTIAL : EXIT_DONE;
}

static void say_update(const struct args *a, const struct store *s, const struct watch_change *c,
                       const struct index_stats *r) {
    char line[200];
    snprintf(line, sizeof line,
             "files: %zu changed, %zu new, %zu gone; chunks: %zu new, %zu embedded; %.1f s",
             c->changed, c->added, c->removed, r->entries, r->embedded, r->seconds);
    say_note(line);
    if (a->json)
        say_result(a, s, r);
}

/* Until the interruption, which is how it ends: in the middle of an update it is an error. */
static int stay(const struct indexing *x, struct watch *w, struct err *e) {
    struct index_stats stats;
    struct watch_change c;
    int rc = update(x, watch_files(w), &stats, e);
    if (rc)
        return rc;
    say_result(x->a, x->s, &stats);
    rc = flush_stdout(e);
    if (rc == 0)
        say_note("waits for changes: Ctrl-C ends it");
    while (rc == 0) {
        rc = watch_next(w, interrupt_flag(), &c, e);
        if (rc == PRECIS_ECANCELLED)
            return EXIT_DONE;
        if (rc == 0)
            rc = update(x, watch_files(w), &stats, e);
        if (rc == 0) {
            say_update(x->a, x->s, &c, &stats);
            rc = flush_stdout(e);
        }
    }
    return rc;
}

/* Watches before it indexes: what changes meanwhile is the first update. */
static int index_and_stay(const struct indexing *x, struct err *e) {
    struct watch *w = NULL;
    const struct watch_options o = {.files = args_files(x->a)};
    int rc = watch_open(x->path, &o, &w, e);
    if (rc == 0)
        rc = stay(x, w, e);
    watch_close(w);
    return rc;
}

static int run_index(const struct args *a, struct err *e) {
    const char *path = a->operands.v[0];
    struct store *s = NULL;
    const struct engine_options engine = model_engine_options(a, 0);
    struct embedder *em = NULL;
    char *root = NULL;
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "index takes one path, not %zu", a->operands.n);
    int rc = find_root(a, path, &root, e);
    if (rc == 0)
        rc = store_open(root, STORE_CREATE, &s, e);
    if (rc == 0)
        rc = embedder_open_asked(a, "words alone are indexed", &engine, &em, e);
    const struct indexing x = {a, path, s, em};
    if (rc == 0)
        rc = a->watch ? index_and_stay(&x, e) : index_once(&x, e);
    embedder_close(em);
    store_close(s);
    free(root);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option watching[] = {
    {.name = "watch",
     .offset = AT(watch),
     .help = "stay, and index again what changes, until Ctrl-C (exit code 0, or 130 in the middle "
             "of an update); a line on standard error for each update, with --json also a value on "
             "standard output"},
    {0}};
static const struct option_group group_watching = {"Watching", watching};

static const struct option_group *const groups[] = {
    &group_watching, &group_index, &group_files, &group_encoder, &group_json, &group_general, NULL};

const struct command command_index = {
    .name = "index",
    .operands = "PATH",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "makes a tree searchable, or brings its index up to date",
    .details =
        "Cuts the source files at or below PATH into functions, methods, types and the lines\n"
        "between them, and keeps their words and vectors in .precis/precis.db, where summaries "
        "are\n"
        "kept too and are searched with them. Only files that changed are read again, only new\n"
        "text is embedded, and files that are gone leave. It may be interrupted at any time: the\n"
        "next run goes on.",
    .groups = groups,
    .examples = "  precis index .\n"
                "  precis index src/ --store .\n"
                "  precis index . --watch\n",
    .run = run_index,
};

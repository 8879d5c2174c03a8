#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/model.h"
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

static int build(const struct args *a, const char *path, struct store *s, struct embedder *em,
                 struct err *e) {
    struct walk w = {0};
    struct index_stats stats;
    struct progress_line progress = {0};
    const struct walk_options files = args_files(a);
    const struct index_options o = {.em = em,
                                    .stop = interrupt_flag(),
                                    .threads = (int)a->lanes,
                                    .on_progress = show,
                                    .user = &progress};
    int rc = walk_tree(path, &files, &w, e);
    if (rc == 0)
        rc = index_build(s, path, &w, &o, &stats, e);
    say_live(NULL);
    walk_free(&w);
    if (rc)
        return rc;
    say_result(a, s, &stats);
    rc = flush_stdout(e);
    return rc ? rc : stats.lost ? EXIT_PARTIAL : EXIT_DONE;
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
    if (rc == 0)
        rc = build(a, path, s, em, e);
    embedder_close(em);
    store_close(s);
    free(root);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_index, &group_files,   &group_encoder,
                                                    &group_json,  &group_general, NULL};

const struct command command_index = {
    .name = "index",
    .operands = "PATH",
    .needs_operand = true,
    .summary = "makes a tree searchable, or brings its index up to date",
    .details =
        "Cuts the source files at or below PATH into functions, methods, types and the lines "
        "between\n"
        "them, and keeps their words and vectors in .precis/precis.db, where summaries are kept "
        "too\n"
        "and are searched with them. Only files that changed are read again, only new text is\n"
        "embedded, and files that are gone leave. It may be interrupted at any time: the next run "
        "goes on.",
    .groups = groups,
    .examples = "  precis index .\n"
                "  precis index src/ --store .\n",
    .run = run_index,
};

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/job_impl.h"
#include "store/store.h"

/* Without a store every run would ask about everything. */
static int check_store(const struct args *a, const char *path, struct err *e) {
    char *root = NULL;
    if (a->no_store || a->no_cache || a->refresh_examples)
        return err_set(e, PRECIS_EUSAGE,
                       "--watch and --%s: the lines of what did not change come "
                       "from the store",
                       a->no_store   ? "no-store"
                       : a->no_cache ? "no-cache"
                                     : "refresh-examples");
    int rc = a->store ? 0 : store_find_root(path, &root, e);
    free(root);
    if (rc == PRECIS_ENOTFOUND)
        return err_set(e, PRECIS_EUSAGE,
                       "%s: --watch needs a store for the lines of what did not change (--store "
                       "DIR makes one)",
                       path);
    return rc;
}

static int check(const struct job *job, struct err *e) {
    const struct args *a = job->args;
    if (job->n_paths != 1)
        return err_set(e, PRECIS_EUSAGE, "--watch takes one path, not %zu", job->n_paths);
    if (piped_is_asked(job->paths, job->n_paths) || a->listed)
        return err_set(e, PRECIS_EUSAGE, "--watch: standard input cannot be watched");
    if (strcmp(job->output, "-") == 0)
        return err_set(e, PRECIS_EUSAGE,
                       "--watch: each report takes the place of the one before, in a file "
                       "(--output FILE)");
    if (a->staged)
        return err_set(e, PRECIS_EUSAGE, "--watch and --staged: staging changes no file");
    if (strcmp(a->model, "auto") == 0)
        return err_set(e, PRECIS_EUSAGE, "--watch: --model auto has two models; name one");
    return check_store(a, job->paths[0], e);
}

void job_say_round(const struct work *w, const struct run_stats *s) {
    char line[400];
    size_t known = s->chunks_known;
    snprintf(line, sizeof line,
             "files: %zu changed, %zu new, %zu gone; chunks: %zu made, %zu from the store, %zu "
             "failed; %.1f s",
             w->change.changed, w->change.added, w->change.removed, s->chunks_done - known, known,
             s->chunks_failed, s->seconds + s->rollup_seconds);
    say_note(line);
}

/* A run after a change. What it makes of its input is said and waited out: a tree that has no file
 * for a moment gets some. Returns 0, or how all of it ends. */
static int go_again(struct work *w, struct args *args, struct err *e) {
    int rc = job_once(w, args, e);
    job_end(w, rc, e);
    if (rc == PRECIS_EINPUT) {
        log_say(LOG_WARN, "%s; the report stays as it was", e->text);
        *e = (struct err){0};
        return 0;
    }
    return rc == EXIT_PARTIAL ? 0 : rc;
}

static int stay(struct work *w, struct args *args, struct watch *watch, struct err *e) {
    int rc = job_once(w, args, e);
    job_end(w, rc, e);
    if (rc < 0 || rc == EXIT_INTERRUPTED)
        return rc;
    say_note("waits for changes: Ctrl-C ends it");
    for (rc = 0; rc == 0;) {
        rc = watch_next(watch, interrupt_flag(), &w->change, e);
        if (rc == PRECIS_ECANCELLED)
            return EXIT_DONE;
        w->again = true;
        if (rc == 0)
            rc = go_again(w, args, e);
    }
    return rc;
}

/* Watches before it reads: what changes meanwhile is the next change. */
int job_watch(struct work *w, struct args *args, struct err *e) {
    struct watch *watch = NULL;
    const struct watch_options o = {.files = args_files(args)};
    int rc = check(w->job, e);
    if (rc == 0)
        rc = watch_open(w->job->paths[0], &o, &watch, e);
    if (rc == 0)
        rc = stay(w, args, watch, e);
    watch_close(watch);
    return rc;
}

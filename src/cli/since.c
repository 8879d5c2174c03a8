#include "cli/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/piped.h"

bool since_is_asked(const struct args *a) {
    return a->since || a->staged;
}

static const char *option_of(const struct args *a) {
    return a->staged ? "--staged" : "--since";
}

/* Where git has it: without symbolic links. One that is gone by now has not changed. */
static int take_file(struct since *s, const struct walk_file *f, struct err *e) {
    char *real = realpath(f->path, NULL);
    const struct changed_file *changed = real ? changes_of(&s->changes, real) : NULL;
    free(real);
    if (!changed || (!changed->whole && !changed->n))
        return 0;
    if (!s->files.files)
        return err_nomem(e, "list of changes");
    s->files.files[s->files.n] = *f;
    s->files.files[s->files.n++].changed = changed;
    return 0;
}

int since_find(const struct args *a, const char *const *paths, size_t n_paths,
               const struct walk *found, struct since *out, struct err *e) {
    const struct changes_options o = {.since = a->since, .stop = interrupt_flag()};
    int rc = 0;
    if (a->since && a->staged)
        return err_set(e, PRECIS_EUSAGE, "--since and --staged: one of them is enough");
    if (piped_is_asked(paths, n_paths))
        return err_set(e, PRECIS_EUSAGE, "%s: standard input has no history", option_of(a));
    for (size_t i = 0; rc == 0 && i < n_paths; i++)
        rc = changes_add(&out->changes, paths[i], &o, e);
    if (rc)
        return rc;
    changes_sort(&out->changes);
    out->files.stats = found->stats;
    out->files.files = calloc(found->n ? found->n : 1, sizeof *out->files.files);
    for (size_t i = 0; rc == 0 && out->changes.n && i < found->n; i++)
        rc = take_file(out, &found->files[i], e);
    log_say(LOG_INFO, "%zu of %zu files have changed", out->files.n, found->n);
    return rc;
}

void since_free(struct since *s) {
    free(s->files.files); /* what they hold is another walk's */
    changes_free(&s->changes);
    *s = (struct since){0};
}

void since_say_nothing(const struct args *a) {
    char line[320];
    if (a->staged)
        snprintf(line, sizeof line, "nothing is staged that is to be summarised");
    else
        snprintf(line, sizeof line, "nothing that is to be summarised differs from %.200s",
                 a->since);
    say_note(line);
}

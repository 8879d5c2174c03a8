/* --since and --staged: a run over what changed. */
#ifndef PRECIS_CLI_SINCE_H
#define PRECIS_CLI_SINCE_H

#include "base/err.h"
#include "cli/args.h"
#include "code/changes.h"
#include "code/walk.h"

/* Zeroed at birth. */
struct since {
    struct changes changes;
    struct walk files; /* of those found, the ones that changed; borrows their names */
};

bool since_is_asked(const struct args *a);

/* Of the files found below the paths those that changed, with the lines that did. PRECIS_EUSAGE:
 * options that do not go together; else changes_add's. */
int since_find(const struct args *a, const char *const *paths, size_t n_paths,
               const struct walk *found, struct since *out, struct err *e);
void since_free(struct since *s);

/* What a reader is told where nothing changed. */
void since_say_nothing(const struct args *a);

#endif

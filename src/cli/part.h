/* A run over a part of the files: those that standard input names, or that changed. */
#ifndef PRECIS_CLI_PART_H
#define PRECIS_CLI_PART_H

#include "base/err.h"
#include "cli/args.h"
#include "code/changes.h"
#include "code/walk.h"

/* Zeroed at birth. */
struct part {
    struct changes changes;
    struct walk listed, changed; /* of the files found; borrow their names */
    const struct walk *files;    /* the part: the latter, where both are asked for */
};

bool part_is_asked(const struct args *a);
bool part_is_of_changes(const struct args *a); /* so that it speaks for no folder */

/* Of the files found below the paths those that --stdin, --since and --staged leave, with the lines
 * that changed. Names that are no such file are counted in a warning. PRECIS_EUSAGE: options that
 * do not go together; else changes_add's and input_read's. */
int part_find(const struct args *a, const char *const *paths, size_t n_paths,
              const struct walk *found, struct part *out, struct err *e);
void part_free(struct part *p);

/* What a reader is told where there is nothing in it. */
void part_say_nothing(const struct args *a);

#endif

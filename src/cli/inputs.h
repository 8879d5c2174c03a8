/* The files that a command works on, found and checked before anything else happens. */
#ifndef PRECIS_CLI_INPUTS_H
#define PRECIS_CLI_INPUTS_H

#include "base/err.h"
#include "cli/args.h"
#include "code/walk.h"

/* Walks every path. With several paths each file's name begins with the path it was found under,
 * and a file that two of them reach is taken once. Errors: one line naming the path; a folder
 * without source files and an empty file are PRECIS_EINPUT. On failure *w is zeroed. */
int inputs_find(const char *const *paths, size_t n, const struct args *a, struct walk *w,
                struct err *e);

/* What the report is about: the last part of the only path, or "N paths". */
void inputs_title(const char *const *paths, size_t n, char *out, size_t size);

/* PRECIS_EUSAGE when `output` is one of the files (writing it would destroy what is being read). */
int inputs_check_output(const struct walk *w, const char *output, struct err *e);

#endif

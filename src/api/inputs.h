/* The files that a job works on, found and checked before anything else happens. */
#ifndef PRECIS_API_INPUTS_H
#define PRECIS_API_INPUTS_H

#include "base/err.h"
#include "code/walk.h"

/* Walks every path. With several paths each file's name begins with the path it was found under,
 * and a file that two of them reach is taken once. Errors: one line naming the path; a folder
 * without source files and an empty file are PRECIS_EINPUT. On failure *w is zeroed. */
int inputs_find(const char *const *paths, size_t n, const struct walk_options *o, struct walk *w,
                struct err *e);

#endif

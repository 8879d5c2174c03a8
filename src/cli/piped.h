/* Standard input as the one file that a run is over. */
#ifndef PRECIS_CLI_PIPED_H
#define PRECIS_CLI_PIPED_H

#include "base/err.h"
#include "cli/args.h"
#include "code/walk.h"

struct piped {
    int fd; /* of its bytes, in memory; -1: there are none */
};

bool piped_is_asked(const char *const *paths, size_t n); /* "-" is one of the paths */

/* Reads standard input to its end (at most 1 GiB) and lists it as a file called a->name, else
 * "stdin", whose language is told by that name or its first line. Its text must be as that of a
 * file that is named itself. *p holds it and is open until piped_close. PRECIS_EUSAGE: the other
 * options do not go with it. */
int piped_walk(const struct args *a, size_t n_paths, struct piped *p, struct walk *w,
               struct err *e);
void piped_close(struct piped *p);

#endif

/* Runs another program, without a shell, and reads what it prints. The only place that does. */
#ifndef PRECIS_BASE_PROGRAM_H
#define PRECIS_BASE_PROGRAM_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

struct program {
    const char *const *arguments; /* NULL-ended; the first is looked up in PATH */
    /* NULL-ended "NAME=value", in place of what the environment has of these names; NULL: none.
     * All else is inherited. */
    const char *const *settings;
    const atomic_bool *stop; /* set: the program is killed (PRECIS_ECANCELLED); may be NULL */
    /* Its standard output, piece by piece. Not 0: it is killed, and that is what program_run
     * returns. NULL: thrown away. */
    int (*take)(void *user, const char *data, size_t size, struct err *e);
    void *user;
};

struct program_end {
    int status;     /* its exit code; 128 + the number of the signal that ended it */
    char said[320]; /* the first line that it wrote on standard error, cut to fit; "": none */
};

/* Runs it to its end, with nothing on its standard input. Errors: PRECIS_ENOTFOUND (there is no
 * such program), PRECIS_EIO, PRECIS_ENOMEM, PRECIS_ECANCELLED, take's. That it fails is none: *end
 * says so. */
int program_run(const struct program *p, struct program_end *end, struct err *e);

#endif

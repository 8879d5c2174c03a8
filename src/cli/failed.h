/* The chunks of a run that have no line: said at its end, the first of them by name. */
#ifndef PRECIS_CLI_FAILED_H
#define PRECIS_CLI_FAILED_H

#include <stdio.h>

#include "base/buf.h"
#include "summary/summary.h"

/* Zeroed at birth. */
struct failed {
    struct buf text; /* "  path:lines: reason" for each of the first */
    size_t n;
};

void failed_note(struct failed *f, const struct summary *s); /* of any outcome and level */
void failed_write(const struct failed *f, FILE *out);        /* nothing where none failed */
void failed_free(struct failed *f);

#endif

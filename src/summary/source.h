/* A file of a run while its chunks are made: its bytes, where they are cut, and what they define.
 */
#ifndef PRECIS_SUMMARY_SOURCE_H
#define PRECIS_SUMMARY_SOURCE_H

#include <stdbool.h>

#include "base/file.h"
#include "code/chunk.h"
#include "code/symbols.h"
#include "code/tree.h"
#include "summary/plan.h"

struct source_file {
    struct mapping m;
    struct chunks chunks;
    bool parsed;      /* else tree and symbols are zeroed, and the file goes by lines */
    struct tree tree; /* of m */
    struct symbols symbols;
};

/* Opens a file as plan_open does, and parses it where its language has a grammar. Errors: those of
 * plan_open, PRECIS_ENOMEM. On failure *s is zeroed. */
int source_open(const struct plan *p, const struct plan_file *f, struct source_file *s,
                struct err *e);
void source_close(struct source_file *s); /* safe on a zeroed one; leaves it zeroed */

/* Fills in parsed, tree and symbols of what is mapped. 0 whether it parses or not; where not, why
 * says the reason. Errors: PRECIS_ENOMEM. */
int source_parse(struct source_file *s, const struct lang *lang, struct err *why);

#endif

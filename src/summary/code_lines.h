/* How many lines of code there are in ranges of a chunk. */
#ifndef PRECIS_SUMMARY_CODE_LINES_H
#define PRECIS_SUMMARY_CODE_LINES_H

#include <stdint.h>

#include "base/err.h"
#include "code/tree.h"

struct code_lines {
    uint32_t first, last; /* lines of the chunk, 1-based, inclusive; first > last: none */
    uint32_t *before;     /* owned, [last - first + 2]: lines of code before each of them */
};

/* A line of code holds a token that is no comment. Lines beyond the tree's are left out. Errors:
 * PRECIS_ENOMEM; on failure *out is zeroed. */
int code_lines_find(const struct tree *t, uint64_t first, uint64_t last, struct code_lines *out,
                    struct err *e);
void code_lines_free(struct code_lines *c);

/* Those among lines first .. last that the chunk has. */
uint32_t code_lines_count(const struct code_lines *c, uint32_t first, uint32_t last);

#endif

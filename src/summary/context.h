/* What of a chunk's text the model sees: all of it, or its outline (code/outline.h), which is an
 * order of magnitude shorter and suits small models better. */
#ifndef PRECIS_SUMMARY_CONTEXT_H
#define PRECIS_SUMMARY_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/symbols.h"
#include "text/tok.h"

enum context {
    CONTEXT_AUTO,    /* the text where it is short, else the outline */
    CONTEXT_OUTLINE, /* the outline, where the language has trees and the file parses */
    CONTEXT_FULL     /* the text */
};

extern const char *const context_names[]; /* NULL-ended; "auto", "outline", "full" */

enum {
    CONTEXT_SHORT = 2000, /* bytes up to which auto takes the text */
    CONTEXT_TOKENS = 190  /* of an outline at most */
};

struct context_source {
    const struct tree *tree; /* of the whole file; NULL: there is none */
    const struct symbols *symbols;
    uint32_t first_line, last_line; /* 1-based, inclusive */
    const char *text;               /* of those lines */
    size_t len;
};

/* Puts the outline's lines into out (empty before; NUL-terminated), the best ones that fit
 * CONTEXT_TOKENS, in source order, each ended by a newline. Nothing is appended where the text is
 * to be taken. Errors: PRECIS_ENOMEM, tok_encode's. */
int context_make(enum context wanted, const struct tok *tok, const struct context_source *source,
                 struct buf *out, struct err *e);

#endif

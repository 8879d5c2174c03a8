/* An outline of a range of lines: what a reader must know of a chunk, an order of magnitude shorter
 * than its text. Lines come with ranks, so that a caller takes as many as fit its budget, best
 * first, and prints them in source order. */
#ifndef PRECIS_CODE_OUTLINE_H
#define PRECIS_CODE_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "code/symbols.h"

enum outline_kind {
    OUTLINE_SCOPE,    /* "impl Foo": a symbol around the range that begins before it */
    OUTLINE_SYMBOL,   /* a signature on one line */
    OUTLINE_DOC,      /* the first sentence of the doc of the line before it (or of the file) */
    OUTLINE_FIELDS,   /* "fields: a, b, c", "variants: A, B" of the line before it */
    OUTLINE_IMPORTS,  /* "uses: io, fmt" */
    OUTLINE_CALLS,    /* "calls: lock, park_timeout": the most telling first */
    OUTLINE_STRINGS,  /* "strings: ..." */
    OUTLINE_CONSTANTS /* "constants: A, B" */
};

struct outline_line {
    uint32_t rank;   /* 0 is taken first; lines of one rank in source order */
    uint32_t indent; /* levels of nesting */
    enum outline_kind kind;
    uint32_t symbol; /* index in the symbols; SYMBOL_NONE: of the whole range */
    uint32_t text; /* offset in texts: a NUL-terminated line, valid UTF-8, no control characters */
    uint32_t length;
    bool cut_before, cut_after; /* OUTLINE_SYMBOL: it begins before, goes on after the range */
};

struct outline {
    struct outline_line *v; /* owned; in source order */
    size_t n;
    struct buf texts; /* owned */
};

struct outline_options {
    bool no_docs;        /* nothing that authors wrote about the code in prose */
    uint32_t line_bytes; /* most bytes of a line; 0: 120 */
};

/* Outlines lines first_line..last_line (1-based, inclusive). Errors: PRECIS_ENOMEM. On failure *out
 * is zeroed. */
int outline_make(const struct tree *t, const struct symbols *s, uint32_t first_line,
                 uint32_t last_line, const struct outline_options *options, struct outline *out,
                 struct err *e);
void outline_free(struct outline *o);

static inline const char *outline_text(const struct outline *o, size_t line) {
    return o->texts.data + o->v[line].text;
}

#endif

/* What of a file can be found: functions, methods and types as its syntax tree has them, and the
 * lines between them.
 *
 * A symbol is an entry of its own, with its doc, when it is a callable with a body, a type with a
 * body or a macro of several lines. What stands inside a callable belongs to it, but for symbols of
 * 5 lines or more in one of more than 120. Every line belongs to one entry: to the innermost symbol
 * that is one, or to a run of lines outside of all ("lines": imports, constants, statements), 40
 * that are not blank in a run. An entry's range holds those of what is inside it; in its text their
 * lines are empty, so that the n-th line of the text is the n-th of the range. A file that does not
 * parse is runs of lines alone. Lines without a word are in no run.
 *
 * Texts are valid UTF-8 without control characters but tabs and newlines; of one with more than 256
 * KiB the rest is left out. */
#ifndef PRECIS_INDEX_CUT_H
#define PRECIS_INDEX_CUT_H

#include "base/buf.h"
#include "base/err.h"
#include "code/lang.h"

/* Raise it when the same bytes may be cut in another way. */
enum { CUT_VERSION = 1 };

struct cut_piece {
    const char *kind;              /* symbol_kind_name, or "lines"; static */
    uint64_t start_line, end_line; /* 1-based, inclusive */
    size_t symbol, head, body;     /* places in texts, of NUL-terminated strings; symbol: as
                                      reports show it, SIZE_MAX: none; head: how it begins, two lines */
    size_t head_len, body_len;
};

struct cut {
    struct cut_piece
        *v; /* owned; in order of their first lines, what is outside before what is in it */
    size_t n, cap;
    struct buf texts; /* owned */
};

/* text is borrowed for the call. lang NULL: unknown. Errors: PRECIS_ENOMEM; on failure *out is
 * zeroed. */
int cut_file(const char *text, size_t size, const struct lang *lang, struct cut *out,
             struct err *e);
void cut_free(struct cut *c); /* safe on a zeroed one; leaves it zeroed */

static inline const char *cut_text(const struct cut *c, size_t at) {
    return c->texts.data + at;
}

#endif

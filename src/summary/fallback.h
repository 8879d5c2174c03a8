/* Lines that no model made: what the authors say of a chunk ("doc"), or what its symbols are
 * ("rule"). Neither says anything that does not stand in the file. */
#ifndef PRECIS_SUMMARY_FALLBACK_H
#define PRECIS_SUMMARY_FALLBACK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/symbols.h"

enum { FALLBACK_MIN_CHARS = 32 };

/* Lines first_line .. last_line (1-based, inclusive, first_line <= last_line) of a file. */
struct fallback_chunk {
    const char *path; /* as reports show it */
    uint64_t first_line, last_line;
    uint64_t file_lines;           /* of the whole file */
    const struct tree *tree;       /* of the whole file; NULL: it has none */
    const struct symbols *symbols; /* of the tree; NULL: it has none */
};

/* Both append one line of valid UTF-8 without control characters to `out` (empty before), a
 * sentence of at most max_chars code points with its period. Errors: PRECIS_EUSAGE (max_chars <
 * FALLBACK_MIN_CHARS), PRECIS_ENOMEM; on failure out is empty. */

/* The doc sentence of the file, where the chunk begins it; else of a symbol that covers at least
 * 60 % of the chunk's lines of code (neither blank nor comment) - the outermost that begins in the
 * chunk, else the innermost that began before; else of the only documented symbol that begins in
 * it, where that covers a third. Sentences that are no good summaries (doc_is_good) and those that
 * clean_line refuses are passed over. PRECIS_ENOTFOUND: there is none. */
int fallback_doc(const struct fallback_chunk *c, int max_chars, struct buf *out, struct err *e);

/* "Defines the struct Semaphore, its methods acquire, release and 7 more.", "Continues the
 * implementation of Mutex with the methods lock and try_lock.", "Tests the cases a, b and 3 more.",
 * "Imports std::io and fmt.", "Holds lines 301-600 of data.csv.": public and large symbols are
 * named first, types before functions, as many as fit. There always is one. */
int fallback_rule(const struct fallback_chunk *c, int max_chars, struct buf *out, struct err *e);

#endif

/* What someone asks, in the words that are looked for. */
#ifndef PRECIS_INDEX_QUERY_H
#define PRECIS_INDEX_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Whether a word (as search/words.h makes them) is one of those that are in any English sentence
 * and tell nothing: "the", "of", "when". */
bool query_is_common(const char *word, size_t len);

/* The words of a query for FTS5: each once, any of them, without those that are common unless all
 * are, and what the parts of its identifiers spell together. Empty: it has no words. At most 64
 * words. Errors: PRECIS_ENOMEM. */
int query_expression(const char *text, struct buf *out, struct err *e);

#endif

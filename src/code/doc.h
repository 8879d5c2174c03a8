/* Doc comments: their first sentence, and code without them. */
#ifndef PRECIS_CODE_DOC_H
#define PRECIS_CODE_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "code/symbols.h"

/* Appends the first sentence of a raw doc comment (struct symbol's doc) as clean text: one line,
 * without comment marks, Markdown, HTML, XML, Javadoc, JSDoc or Sphinx markup, with a final period.
 * A leading `name` (may be NULL) is cut as Go and C programmers write it: "Foo returns x" becomes
 * "Returns x.". Nothing is appended when there is no prose. Check buf_failed. */
void doc_sentence(const struct lang *lang, const char *raw, size_t size, const char *name,
                  size_t name_size, struct buf *out);

/* Whether a sentence of doc_sentence says what the code does, so that it may stand as a summary or
 * an example: 4 to 25 words; no to-do, deprecation, pointer ("see ..."), question, first or second
 * person, code, or mostly non-ASCII text. */
bool doc_is_good(const char *sentence, size_t size);

/* Appends the text of a range without the docs of symbols in it (their own and nested ones;
 * comments on fields and inside bodies stay), dedented, without trailing blanks on lines. */
void doc_strip(const struct tree *t, const struct symbols *s, struct span range, struct buf *out);

#endif

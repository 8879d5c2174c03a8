/* Between the files of doc.h: a comment's text and its markup. */
#ifndef PRECIS_CODE_DOC_TEXT_H
#define PRECIS_CODE_DOC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends a paragraph of a raw doc, after the first `skip` ones, on one line, without comment
 * marks; the markup in it is left. Paragraphs end at blank lines, tags, lists, headings, code. */
void doc_paragraph(const char *raw, size_t size, int skip, struct buf *out);

/* Appends text without Markdown, HTML, XML, Javadoc, JSDoc and Sphinx markup, blanks joined. */
void doc_plain(const char *text, size_t size, struct buf *out);

#endif

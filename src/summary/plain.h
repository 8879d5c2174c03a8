/* Markdown to plain text on one line. */
#ifndef PRECIS_SUMMARY_PLAIN_H
#define PRECIS_SUMMARY_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Characters that show nothing, or change how others are shown (Unicode: C1, Cf, specials). */
bool plain_is_invisible(uint32_t code_point);

/* Appends [s, s + n) without marks of Markdown (code spans, emphasis, links: their text is kept),
 * with white space folded to single spaces and none at the ends. Control characters, invisible and
 * direction-changing ones, U+FFFD and invalid UTF-8 are left out: the result is valid UTF-8 on one
 * line. Identifiers keep their underscores and asterisks between words stay. */
void plain_append(struct buf *out, const char *s, size_t n);

#endif

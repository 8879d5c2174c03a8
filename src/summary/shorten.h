/* Makes a line fit without saying anything else. */
#ifndef PRECIS_SUMMARY_SHORTEN_H
#define PRECIS_SUMMARY_SHORTEN_H

#include <stdbool.h>

#include "base/buf.h"

/* Cuts a plain line to max_chars characters (code points, >= 8), the final period not yet there but
 * counted: at a clause boundary that leaves a whole sentence, else after a word with "...".
 * unfinished: the line breaks off in the middle and is cut back the same way even when it would
 * fit. */
void shorten(struct buf *line, int max_chars, bool unfinished);

#endif

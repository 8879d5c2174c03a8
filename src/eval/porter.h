/* Stems of English words: Porter's algorithm ("An algorithm for suffix stripping", Program 14.3,
 * 1980) with the changes of nltk.stem.PorterStemmer's default mode, NLTK_EXTENSIONS. */
#ifndef PRECIS_EVAL_PORTER_H
#define PRECIS_EVAL_PORTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the stem of a word in lower case, valid UTF-8. False: out of memory (then out has failed,
 * or what it got is of no use). */
bool porter_stem(const char *word, size_t len, struct buf *out);

#endif

/* Shell patterns with the meaning that git's wildmatch gives them. */
#ifndef PRECIS_CODE_GLOB_H
#define PRECIS_CODE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of text matches all of pattern. `*` and `?` match no '/', nor do brackets; a run of
 * two or more `*` that begins the pattern or follows a '/', and ends it or comes before a '/',
 * matches any number of folders. A malformed pattern (an open bracket, an unknown class, a
 * backslash at the end) matches nothing. Bytes, not characters, as git does. No allocation, no
 * recursion; the time is at most cubic in the lengths, whatever the pattern. */
bool glob_match(const char *pattern, size_t pattern_len, const char *text, size_t text_len);

/* Length of the start of s that holds none of `*?[\`. */
size_t glob_literal_prefix(const char *s, size_t len);

#endif

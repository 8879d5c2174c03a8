/* Between the files of ground.h: the set of words that a source has, and words that need none. */
#ifndef PRECIS_SUMMARY_GROUND_WORDS_H
#define PRECIS_SUMMARY_GROUND_WORDS_H

#include "search/words.h"
#include "summary/ground.h"

enum { GROUND_NAME_MOST = 128, GROUND_NUMBER_MOST = 40 }; /* bytes; more is left out */

/* What a word is looked up as. */
enum ground_kind {
    GROUND_NAME, /* a part of an identifier, or all of it without what is between; its plural */
    GROUND_STEM, /* without its ending; of text, path and symbol alone */
    GROUND_NUMBER
};

/* s: lower case, n <= GROUND_NAME_MOST. */
bool ground_has(const struct ground_words *w, enum ground_kind kind, const char *s, size_t n);
/* Whether the first word stands right before the second on a line. */
bool ground_has_pair(const struct ground_words *w, const char *a, size_t n_a, const char *b,
                     size_t n_b);

/* The number that begins at s[at], a digit, as its value in decimal digits (hexadecimal ones of
 * more than 64 bits as they are). Returns its bytes in the text. prose: commas part thousands, not
 * items. */
size_t ground_number(const char *s, size_t n, size_t at, bool prose, char out[GROUND_NUMBER_MOST],
                     size_t *len);

/* Lower-case words (letters and digits only, "." where it parts them). */
bool ground_is_ordinary(const char *s, size_t n); /* "http", "python": anyone may say them */
bool ground_is_small(const char *s, size_t n);    /* "the", "when": they say nothing alone */

#endif

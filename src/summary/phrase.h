/* Words in English text: what the cleaning of model answers is built on. Bytes from 0x80 up count
 * as letters, so that no character of another script is ever split. */
#ifndef PRECIS_SUMMARY_PHRASE_H
#define PRECIS_SUMMARY_PHRASE_H

#include <stdbool.h>
#include <stddef.h>

/* ASCII only, whatever the locale. */
bool phrase_is_space(char c);
bool phrase_is_lower(char c);
bool phrase_is_upper(char c);
bool phrase_is_digit(char c);
bool phrase_is_letter(char c); /* also every byte from 0x80 up */
char phrase_fold(char c);      /* upper case to lower case */

/* Length of the longest of the NULL-ended phrases that [s, s + n) starts with, whatever its case,
 * where a word ends; 0: none. A space in a phrase matches one space. */
size_t phrase_match(const char *s, size_t n, const char *const *phrases);

/* Whether needle occurs in hay, whatever the case. */
bool phrase_contains(const char *hay, size_t n_hay, const char *needle, size_t n_needle);

/* Words: runs of letters, digits and what joins them (_ - ' : . / inside). */
size_t phrase_count_words(const char *s, size_t n);
size_t phrase_word_length(const char *s, size_t n); /* to the next space or the end */

#endif

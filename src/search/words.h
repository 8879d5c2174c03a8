/* Search words of code and prose: identifiers split into their parts, lower-cased.
 *
 * A word is a run of letters (Unicode's L and M) or a run of digits (N), and identifiers break
 * further where a lower-case letter comes before an upper-case one ("getName"), and before the last
 * of several upper-case letters when a lower-case one follows ("HTTPServer"). All else separates.
 * Han, Hiragana and Katakana have no spaces: each of their letters is a word. */
#ifndef PRECIS_SEARCH_WORDS_H
#define PRECIS_SEARCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { WORD_MOST = 64 }; /* bytes of a word; what is beyond them is dropped */

struct word_walk {
    const uint8_t *s;
    size_t n, at;
    char word[WORD_MOST]; /* the last one, as it is searched: lower case, valid UTF-8 */
    size_t len;
    size_t begin, end; /* the bytes of the text that it stands for */
};

/* s: any bytes, borrowed; those that are no UTF-8 separate. */
void word_walk_start(struct word_walk *w, const void *s, size_t n);
bool word_walk_next(struct word_walk *w); /* false: there are no more */

/* What the parts of an identifier spell together: "httpserver" of "HTTPServer", of "http_server"
 * and of "Http__server". */
struct word_whole {
    char text[WORD_MOST];
    size_t len;
    size_t parts; /* so far */
    bool more;    /* others follow */
    size_t end;   /* of the last one */
};

/* To be called after each word of a walk, with a zeroed one first. true: the word is the last of
 * two parts or more, and x->text is what they spell, of at most WORD_MOST bytes. Letters that are
 * words alone are no parts. */
bool word_whole_next(struct word_whole *x, const struct word_walk *w);

/* Appends the words with single spaces between, at most `most` of them. Check buf_failed. */
void words_append(struct buf *out, const void *s, size_t n, size_t most);

#endif

/* What of an entry the encoder reads, and the one vector that an entry has.
 *
 * Two views, in words (search/words.h): the names, which are the words of the symbol, of the path
 * and of how the entry begins; and the opening, which is symbol and path again and then the text,
 * as far as 500 bytes go. The vector is the mean of the two, of length 1. docs/search.md says what
 * each of these choices is worth. */
#ifndef PRECIS_INDEX_VIEWS_H
#define PRECIS_INDEX_VIEWS_H

#include "base/buf.h"
#include "base/hash.h"
#include "store/entries.h"

enum { VIEWS = 2 };

struct view_subject {
    const char *symbol; /* NULL: none */
    const char *path;
    const char *head, *body;
    size_t head_len, body_len;
};

struct views {
    size_t at[VIEWS], len[VIEWS];   /* in a buf */
    bool same;                      /* the first is the second */
    uint8_t hash[HASH_SHA256_SIZE]; /* of both, and of the version of all this */
};

/* Appends both to texts. Errors: PRECIS_ENOMEM. */
int views_make(const struct view_subject *s, struct buf *texts, struct views *out, struct err *e);

/* The mean of two vectors, of length 1, into out (which may be either): [width] each. Zeros stay
 * zeros. */
void views_mean(const float *a, const float *b, size_t width, float *out);

/* Rounds to steps of the largest number / 127. out: [width]. Returns the scale. */
double views_round(const float *v, size_t width, int8_t *out);

#endif

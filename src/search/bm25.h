/* Lexical ranking of texts held in memory: BM25 over fields (Robertson and Zaragoza 2009, "The
 * Probabilistic Relevance Framework", simple BM25F: a word counts as many times as its field
 * weighs).
 *
 *   tf(d, w) = sum over fields of weight * occurrences;  |d| = sum of all tf of d
 *   idf(w)   = ln(1 + (N - df + 0.5) / (df + 0.5))
 *   score    = sum over the query's words of q * idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |d|
 * / avg)) q        = (k3 + 1) * c / (k3 + c), c: the word's count in the query, weighted likewise
 *
 * with k1 1.2, b 0.75, k3 8. Words are search/words.h's. */
#ifndef PRECIS_SEARCH_BM25_H
#define PRECIS_SEARCH_BM25_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bm25;

struct bm25_field {
    const char *s; /* any bytes; borrowed for the call */
    size_t len;
    float weight; /* > 0 */
};

/* bm25_new -> bm25_add (documents 0, 1, ...) -> bm25_finish -> bm25_score from any thread. */
int bm25_new(struct bm25 **out, struct err *e);
/* Errors: PRECIS_ENOMEM; PRECIS_ELIMIT (beyond 2^32 - 1 documents, words or places). */
int bm25_add(struct bm25 *x, const struct bm25_field *fields, size_t n, struct err *e);
int bm25_finish(struct bm25 *x, struct err *e);
void bm25_free(struct bm25 *x); /* NULL is fine */
size_t bm25_documents(const struct bm25 *x);

/* scores: [documents], written: 0 where no word of the query occurs. The same query and documents
 * give the same bits. */
int bm25_score(const struct bm25 *x, const struct bm25_field *query, size_t n, float *scores,
               struct err *e);

struct bm25_hit {
    uint32_t document;
    float score;
};

/* The k best of scores above 0, best first, ties by document. Returns how many. */
size_t bm25_top(const float *scores, size_t n, struct bm25_hit *hits, size_t k);

#endif

/* How well a search finds the one item that each query is about. */
#ifndef PRECIS_EVAL_RETRIEVAL_H
#define PRECIS_EVAL_RETRIEVAL_H

#include <stddef.h>

enum { RETRIEVAL_DEPTH = 10 };

struct retrieval {
    size_t n, found;   /* queries; of them, with the item among the first RETRIEVAL_DEPTH */
    double reciprocal; /* the sum of 1 / rank of those that were found */
};

/* rank: of the item, from 1; 0: not among the first RETRIEVAL_DEPTH. */
void retrieval_add(struct retrieval *r, size_t rank);
double retrieval_mrr(const struct retrieval *r); /* mean reciprocal rank at 10; 0 without queries */
double retrieval_recall(const struct retrieval *r); /* recall at 10; likewise */

#endif

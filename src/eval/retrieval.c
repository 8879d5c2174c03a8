#include "eval/retrieval.h"

void retrieval_add(struct retrieval *r, size_t rank) {
    r->n++;
    if (rank < 1 || rank > RETRIEVAL_DEPTH)
        return;
    r->found++;
    r->reciprocal += 1 / (double)rank;
}

double retrieval_mrr(const struct retrieval *r) {
    return r->n ? r->reciprocal / (double)r->n : 0;
}

double retrieval_recall(const struct retrieval *r) {
    return r->n ? (double)r->found / (double)r->n : 0;
}

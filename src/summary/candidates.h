/* Several answers to one prompt, and which is best. */
#ifndef PRECIS_SUMMARY_CANDIDATES_H
#define PRECIS_SUMMARY_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

/* How further answers to a prompt are drawn whose first is chosen as `base` says: with its
 * penalties and its seed, of the likeliest tokens, at a temperature of their own. */
#define CANDIDATES_TEMPERATURE 0.7f
enum { CANDIDATES_TOP = 20 };
struct sampling candidates_sampling(const struct sampling *base);

/* Sum of the log-probabilities / n^alpha: alpha 1 is their mean, 0 the sequence's likelihood;
 * between them longer answers are favoured less (cf. Wu et al. 2016, 7). n 0: -INFINITY. */
double candidates_likelihood(const float *logprobs, size_t n, double alpha);

struct candidate {
    const float *logprobs; /* [n], borrowed */
    size_t n;
};

/* The candidate with the greatest candidates_likelihood(alpha) + extra[i] (NULL: nothing;
 * -INFINITY: not this one); equal ones: the first. n where all are -INFINITY. */
size_t candidates_best(const struct candidate *c, size_t n, double alpha, const double *extra);

#endif

/* Several answers to one prompt, and which is best. */
#ifndef PRECIS_SUMMARY_CANDIDATES_H
#define PRECIS_SUMMARY_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

/* How candidate i of a job is drawn: the first as `base` says, further ones at a temperature
 * (base's if it has one, else CANDIDATES_TEMPERATURE) from the nucleus, by seeds of their own, with
 * base's penalties. */
#define CANDIDATES_TEMPERATURE 0.7f
struct sampling candidates_sampling(const struct sampling *base, size_t i);
/* Its engine_job.key, from the job's. */
uint64_t candidates_key(uint64_t key, size_t i);

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

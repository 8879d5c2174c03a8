/* Intervals and tests by resampling items with replacement (Efron 1979; for systems of translation:
 * Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004). The same
 * seed gives the same numbers everywhere. */
#ifndef PRECIS_EVAL_BOOTSTRAP_H
#define PRECIS_EVAL_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { BOOTSTRAP_ROUNDS = 1000, BOOTSTRAP_MOST_ROUNDS = 1000000 };

struct bootstrap {
    size_t rounds; /* 0: BOOTSTRAP_ROUNDS */
    double level;  /* of the interval, in (0, 1); 0: 0.95 */
    uint64_t seed;
};

struct interval {
    double low, high; /* percentiles of the rounds, interpolated; NaN where there are none */
};

/* The value of what is measured over a sample: n indices of items, some of them more than once.
 * NaN: it has no value there (the round is left out). */
typedef double bootstrap_statistic(void *user, const size_t *sample, size_t n);

/* n: items, may be 0. Errors: PRECIS_ENOMEM, PRECIS_EUSAGE (rounds, level). */
int bootstrap_interval(const struct bootstrap *b, size_t n, bootstrap_statistic *statistic,
                       void *user, struct interval *out, struct err *e);

/* Of the mean of v, [n]. */
int bootstrap_mean(const struct bootstrap *b, const double *v, size_t n, struct interval *out,
                   struct err *e);

/* Two systems on the same items. */
struct bootstrap_pair {
    double difference; /* of b less that of a, over all items */
    struct interval interval;
    double p; /* two-sided: how often the sign differs, (rounds + 1)-based; 1 when they are equal */
};

/* Both statistics see the same samples. Errors: as above. */
int bootstrap_compare(const struct bootstrap *b, size_t n, bootstrap_statistic *statistic,
                      void *user_a, void *user_b, struct bootstrap_pair *out, struct err *e);
int bootstrap_compare_means(const struct bootstrap *b, const double *va, const double *vb, size_t n,
                            struct bootstrap_pair *out, struct err *e);

#endif

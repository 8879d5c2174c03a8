/* Two systems on the same items: how far apart they are, and whether that may be chance. The paired
 * bootstrap of bootstrap.h over items, so BLEU is that of each sample's counts. */
#ifndef PRECIS_EVAL_COMPARE_H
#define PRECIS_EVAL_COMPARE_H

#include "eval/score.h"

struct eval_difference {
    bool there; /* both systems were measured */
    struct bootstrap_pair pair;
};

/* Differences are in the metrics' units, b less a. */
struct eval_comparison {
    struct eval_difference metrics[EVAL_METRICS];
    struct bootstrap_pair success_rate;
};

/* Scores of the same items (PRECIS_EUSAGE: of another number of them). Other errors:
 * bootstrap_compare's. */
int eval_compare(const struct eval_scores *a, const struct eval_scores *b,
                 const struct bootstrap *bootstrap, struct eval_comparison *out, struct err *e);

#endif

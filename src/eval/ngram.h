/* How many runs of words two texts have in common. */
#ifndef PRECIS_EVAL_NGRAM_H
#define PRECIS_EVAL_NGRAM_H

#include <stddef.h>

#include "base/err.h"
#include "eval/python_text.h"

enum { NGRAM_MOST = 4 };

/* [k] counts runs of k + 1 words. */
struct ngram_counts {
    size_t matched[NGRAM_MOST]; /* each as often as in the text that has it less often */
    size_t candidate[NGRAM_MOST], reference[NGRAM_MOST];
};

/* For runs of up to `orders` (1..NGRAM_MOST) words. Errors: PRECIS_ENOMEM. */
int ngram_count(const struct words *candidate, const struct words *reference, int orders,
                struct ngram_counts *out, struct err *e);

/* How many words the longest common subsequence has. Time: product of both lengths. Errors:
 * PRECIS_ENOMEM. */
int ngram_common_subsequence(const struct words *a, const struct words *b, size_t *out,
                             struct err *e);

#endif

/* ROUGE (Lin, "ROUGE: a Package for Automatic Evaluation of Summaries", 2004) as Google's
 * rouge-score 0.1.2 computes it: lower case, words of [a-z0-9]. All values are 0..1. */
#ifndef PRECIS_EVAL_ROUGE_H
#define PRECIS_EVAL_ROUGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct rouge {
    double rouge1, rouge2, rougeL; /* F1 */
};

/* stemmer: rouge-score's use_stemmer: words of more than 3 letters become their Porter stems.
 * `precis eval` reports with it. Texts are valid UTF-8. Errors: PRECIS_ENOMEM. */
int rouge_score(const char *candidate, size_t candidate_len, const char *reference,
                size_t reference_len, bool stemmer, struct rouge *out, struct err *e);

#endif

/* How likely the model found a line: one of the features that judge.h makes a confidence of. */
#ifndef PRECIS_SUMMARY_CONFIDENCE_H
#define PRECIS_SUMMARY_CONFIDENCE_H

#include <stddef.h>

/* exp((l_1 + ... + l_n) / n): the geometric mean of the probabilities that the model gave to the n
 * tokens of a line (natural logarithms, before temperature and penalties), which is the inverse of
 * their perplexity. In 0..1; 0 for no tokens, and where a value is not a number. */
double confidence_from_logprobs(const float *logprobs, size_t n);

#endif

#include "summary/confidence.h"

#include <math.h>

double confidence_from_logprobs(const float *logprobs, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += logprobs[i];
    double c = n ? exp(sum / (double)n) : 0;
    return c > 1 ? 1 : c >= 0 ? c : 0;
}

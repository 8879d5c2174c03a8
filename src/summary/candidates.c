#include "summary/candidates.h"

#include <math.h>

struct sampling candidates_sampling(const struct sampling *base) {
    struct sampling s = *base;
    s.strategy = SAMPLE_TEMPERATURE;
    s.temperature = CANDIDATES_TEMPERATURE;
    s.top_k = CANDIDATES_TOP;
    s.top_p = 0;
    return s;
}

double candidates_likelihood(const float *logprobs, size_t n, double alpha) {
    if (n == 0)
        return -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)logprobs[i];
    return sum / pow((double)n, alpha);
}

size_t candidates_best(const struct candidate *c, size_t n, double alpha, const double *extra) {
    size_t best = n;
    double most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double score = candidates_likelihood(c[i].logprobs, c[i].n, alpha);
        score += extra ? extra[i] : 0;
        if (score > most) {
            most = score;
            best = i;
        }
    }
    return best;
}

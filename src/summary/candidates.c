#include "summary/candidates.h"

#include <math.h>

#include "base/hash.h"

struct sampling candidates_sampling(const struct sampling *base, size_t i) {
    struct sampling s = *base;
    if (i == 0)
        return s;
    s.strategy = SAMPLE_NUCLEUS;
    if (s.temperature == 0 || base->strategy == SAMPLE_BEAM)
        s.temperature = CANDIDATES_TEMPERATURE;
    return s;
}

uint64_t candidates_key(uint64_t key, size_t i) {
    return i ? hash_mix(key, (uint64_t)i) : key;
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

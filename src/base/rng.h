/* Random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood 2014). */
#ifndef PRECIS_BASE_RNG_H
#define PRECIS_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *r);
double rng_uniform(struct rng *r); /* in [0, 1), 53 bits */

#endif

/* The frequencies of rotary embeddings, as transformers' modeling_rope_utils.py has them, in f32
 * as there. */
#ifndef PRECIS_MODEL_ROPE_H
#define PRECIS_MODEL_ROPE_H

#include "model/config.h"

/* r->frequencies and scale from r->base and r->dims (even, up to CONFIG_MAX_DIM), without scaling.
 */
void rope_plain(struct rope *r);

/* All frequencies divided by factor (kaiokendev's linear interpolation). */
void rope_linear(struct rope *r, double factor);

/* Llama 3.1: slow frequencies are divided by factor, fast ones stay, those between are blended.
 * low < high are in turns within `original` positions. */
void rope_llama3(struct rope *r, double factor, double low, double high, double original);

/* YaRN (Peng et al. 2023). fast > slow are in turns within `original` positions; truncate rounds
 * the bounds to whole pairs outwards. Cosines and sines are multiplied by `scale`. */
struct rope_yarn {
    double factor, original, fast, slow, scale;
    bool truncate;
};
void rope_yarn(struct rope *r, const struct rope_yarn *y);

/* Row `row` of the frequencies divided by a factor for each pair (LongRoPE, Ding et al. 2024). */
void rope_divide(struct rope *r, int row, const float *factors);

#endif

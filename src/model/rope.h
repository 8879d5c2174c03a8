/* The frequencies of rotary embeddings, as transformers' modeling_rope_utils.py has them. */
#ifndef PRECIS_MODEL_ROPE_H
#define PRECIS_MODEL_ROPE_H

#include "model/config.h"

/* r->frequencies and scale from r->base and r->dims (even, up to CONFIG_MAX_DIM), without scaling.
 */
void rope_plain(struct rope *r);

#endif

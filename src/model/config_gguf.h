/* Decoder configurations from GGUF metadata. */
#ifndef PRECIS_MODEL_CONFIG_GGUF_H
#define PRECIS_MODEL_CONFIG_GGUF_H

#include "model/config.h"
#include "model/gguf.h"

/* Reads and checks: every tensor the architecture needs is there with the shape the metadata says,
 * and sizes are sane (heads divisible by kv_heads, dimensions that fit in 32 bits, rope over the
 * whole head). Errors: PRECIS_EUNSUPPORTED with the architecture's name or the option (rope
 * scaling, experts, sliding window, ...), PRECIS_EINPUT with the key or the tensor and the value.
 */
int decoder_config_read(const struct gguf *g, struct decoder_config *c, struct err *e);

#endif

/* What a decoder model is, read from its GGUF metadata and checked against its tensors. */
#ifndef PRECIS_MODEL_CONFIG_H
#define PRECIS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/gguf.h"

struct decoder_config {
    char architecture[32]; /* "llama", "qwen2" */
    char name[128];        /* general.name, or the file's base name */
    char file_type[32];    /* the weights as they are in the file: "Q4_1", "Q4_K_M", ...; "mixed" */
    unsigned layers, heads, kv_heads, head_dim, hidden, intermediate, vocab, context;
    float norm_eps, rope_base;
    bool qk_interleaved; /* q/k rows are stored for interleaved rotary (trap 3: llama yes, qwen2 no)
                          */
    bool qkv_bias;
    bool tied;           /* no output.weight: the embedding is the output layer */
    uint64_t parameters; /* elements of all tensors */
};

/* Reads and checks: every tensor the architecture needs is there with the shape the metadata says,
 * and sizes are sane (heads divisible by kv_heads, dimensions that fit in 32 bits, rope over the
 * whole head). Errors: PRECIS_EUNSUPPORTED with the architecture's name or the option (rope
 * scaling, experts, sliding window, ...), PRECIS_EINPUT with the key or the tensor and the value.
 */
int decoder_config_read(const struct gguf *g, struct decoder_config *c, struct err *e);

#endif

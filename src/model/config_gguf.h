/* Configurations from GGUF metadata, and the tensors that go with them. */
#ifndef PRECIS_MODEL_CONFIG_GGUF_H
#define PRECIS_MODEL_CONFIG_GGUF_H

#include "model/config.h"
#include "model/tensor_set.h"

/* Reads and checks: every tensor the architecture needs is in the set (made of g) with the shape
 * the metadata says and is bound, none is left over, and sizes are sane. Families: llama, qwen2,
 * qwen3, phi3, gemma3; bert. Errors: PRECIS_EUNSUPPORTED with the architecture's name or the option
 * (rope scaling, experts, a sliding window, ...), PRECIS_EINPUT with the key or the tensor and the
 * value. */
int config_gguf_read(const struct gguf *g, struct tensor_set *set, struct model_config *m,
                     struct err *e);

#endif

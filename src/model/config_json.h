/* Configurations from a Hugging Face folder's config.json, as transformers reads it (the spelling
 * before and since its version 5), and the tensors that go with them. */
#ifndef PRECIS_MODEL_CONFIG_JSON_H
#define PRECIS_MODEL_CONFIG_JSON_H

#include <jansson.h>

#include "model/config.h"
#include "model/tensor_set.h"

/* Reads and checks: every tensor the architecture needs is in the set (made of the folder's weight
 * files) with the shape the configuration says and is bound, and none is left over that the
 * computation would need. `path` is config.json's, for messages; `folder` names the model if it has
 * no other name. Families: llama, mistral, qwen2, qwen3, phi3, gemma3 (also the text part of its
 * multimodal form); bert, roberta, xlm-roberta. Errors: PRECIS_EUNSUPPORTED with the architecture
 * or the option by name, PRECIS_EINPUT with the key or the tensor and the value. */
int config_json_read(const json_t *config, const char *path, const char *folder,
                     struct tensor_set *set, struct model_config *m, struct err *e);

#endif

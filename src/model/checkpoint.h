/* A model's configuration and weights, wherever they come from: a GGUF file, or a Hugging Face
 * folder (config.json; model.safetensors, or the shards that model.safetensors.index.json names).
 * Families: llama, mistral (a GGUF calls it llama), qwen2, qwen3, phi3, gemma3; bert, roberta.
 * Files stay mapped while the struct lives. Everything is checked when it is opened: every tensor
 * the architecture needs is there with its shape and type, and none is left over but what does not
 * count (an encoder's pooler and heads, the copy of a tied output layer, the vision half of a
 * multimodal Gemma). */
#ifndef PRECIS_MODEL_CHECKPOINT_H
#define PRECIS_MODEL_CHECKPOINT_H

#include "base/hash.h"
#include "model/config.h"
#include "model/gguf.h"
#include "model/tensor.h"

struct checkpoint;

/* Errors name the path and the value: PRECIS_EIO, PRECIS_EINPUT, PRECIS_EUNSUPPORTED (the
 * architecture or the option by name), PRECIS_ENOMEM. */
int checkpoint_open(const char *path, struct checkpoint **out, struct err *e);
void checkpoint_close(struct checkpoint *c); /* NULL is fine */

const char *checkpoint_path(const struct checkpoint *c);
/* Exactly one of the two is not NULL. Borrowed until close. */
const struct decoder_config *checkpoint_decoder(const struct checkpoint *c);
const struct encoder_config *checkpoint_encoder(const struct checkpoint *c);

/* A tensor by the name that it has (or would have) in a GGUF: "token_embd.weight", "output.weight",
 * "output_norm.weight", "blk.L." + "attn_norm.weight", "attn_q.weight", "attn_k.weight",
 * "attn_v.weight", "attn_q.bias", ..., "attn_output.weight", "attn_q_norm.weight",
 * "attn_k_norm.weight", "post_attention_norm.weight", "ffn_norm.weight", "ffn_gate.weight",
 * "ffn_up.weight", "ffn_down.weight", "post_ffw_norm.weight"; encoders: "token_embd.weight",
 * "position_embd.weight", "token_types.weight", "token_embd_norm.weight" and ".bias", "blk.L." +
 * "attn_q", "attn_k", "attn_v", "attn_output", "attn_output_norm", "ffn_up", "ffn_down",
 * "layer_output_norm", each ".weight" and ".bias". Parts of a fused tensor (Phi-3's qkv and
 * gate_up) have names of their own like all others. Gains are complete (Gemma's 1 + w is added up).
 * NULL: the model has none. Borrowed until close. */
const struct tensor *checkpoint_tensor(const struct checkpoint *c, const char *name);

/* Lets the system drop the tensor bytes that were read so far; they come back when touched. */
void checkpoint_release(const struct checkpoint *c);
/* The file, for its metadata; NULL for a folder. */
const struct gguf *checkpoint_gguf(const struct checkpoint *c);
/* SHA-256 that says which model it is: of the GGUF's bytes; of a folder, of the list of the digests
 * and names of config.json and the weight files. */
int checkpoint_revision(const struct checkpoint *c, char out[HASH_HEX_SIZE], struct err *e);

#endif

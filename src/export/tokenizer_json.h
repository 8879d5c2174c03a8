/* A GGUF's tokenizer as Hugging Face's tokenizer.json and tokenizer_config.json. */
#ifndef PRECIS_EXPORT_TOKENIZER_JSON_H
#define PRECIS_EXPORT_TOKENIZER_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "model/gguf.h"

/* tokenizer.json: byte-level BPE ("gpt2") with a pre-tokeniser that is known exactly, and
 * SentencePiece's BPE with byte fallback ("llama"), its scores as ranked merges. GGUF does not say
 * whether an added token takes the spaces around it: none does here. Errors: PRECIS_EUNSUPPORTED
 * (tokenizer.ggml.model or .pre by name), PRECIS_EINPUT, PRECIS_ENOMEM. */
int tokenizer_json(const struct gguf *g, struct buf *out, struct err *e);
/* tokenizer_config.json: the special tokens, the chat template, `context` as the longest text. */
int tokenizer_config_json(const struct gguf *g, unsigned context, struct buf *out, struct err *e);

#endif

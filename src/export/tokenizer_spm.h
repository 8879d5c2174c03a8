/* The merges of a GGUF's SentencePiece tokenizer, which has scores instead. */
#ifndef PRECIS_EXPORT_TOKENIZER_SPM_H
#define PRECIS_EXPORT_TOKENIZER_SPM_H

#include "base/buf.h"
#include "base/err.h"
#include "model/gguf.h"

/* Appends the elements of tokenizer.json's "merges", as pairs of pieces. spelling: [n], valid
 * UTF-8. Errors: PRECIS_EINPUT (tokenizer.ggml.scores), PRECIS_ENOMEM. */
int tokenizer_spm_merges(const struct gguf *g, const struct str *spelling, size_t n,
                         struct buf *out, struct err *e);

#endif

/* How near two texts are in meaning, by an encoder of sentences. */
#ifndef PRECIS_EVAL_EMBEDDING_F1_H
#define PRECIS_EVAL_EMBEDDING_F1_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "search/embed.h"

/* For each of n pairs of NUL-terminated texts: cosine[i], the dot product of their normalised
 * vectors, and f1[i], see embedding_f1. Both are 0 where a text is empty. A model whose vectors are
 * not normalised is refused. stop: see struct embed_call; may be NULL. Errors: the embedder's,
 * PRECIS_EUNSUPPORTED, PRECIS_ENOMEM. */
int embedding_scores(struct embedder *em, const atomic_bool *stop, const char *const *candidates,
                     const char *const *references, size_t n, double *cosine, double *f1,
                     struct err *e);

/* BERTScore (Zhang et al., ICLR 2020) without weights of words and without rescaling: each token of
 * one text is matched with the token of the other whose state is nearest by cosine; precision is
 * the mean over the candidate's tokens, recall over the reference's, and this their F1. The states
 * are the last layer's; the first and the last token of each text, the special ones, are left out.
 * a: [a_tokens, width] f32, b: [b_tokens, width], special tokens among them. Errors: PRECIS_ENOMEM.
 */
int embedding_f1(const float *a, size_t a_tokens, const float *b, size_t b_tokens, size_t width,
                 double *out, struct err *e);

#endif

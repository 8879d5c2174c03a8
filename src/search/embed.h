/* Embeddings of texts by an encoder: tokens -> hidden states -> one vector for each text, as
 * sentence-transformers makes them (Reimers and Gurevych 2019).
 *
 *   embedder_open -> embedder_embed or embedder_states (any thread, any number of times) -> _close
 *
 * How states become a vector, and how long a text may be, is what the model's folder says (see
 * search/pooling.h). A text's vector depends on the text alone: not on the other texts of a call,
 * on other calls or on the number of lanes. Texts are not cleaned; special tokens spelled out in
 * them are recognised, as sentence-transformers does. */
#ifndef PRECIS_SEARCH_EMBED_H
#define PRECIS_SEARCH_EMBED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "search/pooling.h"

struct embedder;

struct embedder_options {
    struct engine_options engine; /* max_sequences 0: enough to keep all lanes busy */
    size_t max_tokens;            /* in a text, special tokens included; 0: what the folder says */
};

struct embedder_info {
    const char *path, *name;          /* name: as asked for, or of the folder or file */
    const struct engine_info *engine; /* its width is that of a vector */
    size_t width;
    size_t max_tokens;      /* texts are cut to as many, special tokens included */
    struct pooling pooling; /* also whether the folder said it */
};

/* name: what --model may say (catalogue name, path, hf:org/name); nothing is downloaded. Errors:
 * catalogue_resolve's, tok_open's, engine_open's, pooling_read's; PRECIS_EUNSUPPORTED: it is no
 * encoder; PRECIS_EUSAGE: max_tokens beyond the model's context or fewer than its special tokens
 * and one. */
int embedder_open(const char *name, const struct embedder_options *options, struct embedder **out,
                  struct err *e);
void embedder_close(struct embedder *em); /* no call may be under way; NULL is fine */
const struct embedder_info *embedder_info(const struct embedder *em); /* borrowed, until close */

/* SHA-256 of the weights and of all else that a vector depends on but the text and the instruction
 * set: pooling, length, precision. Two embedders that agree in it make the same vectors. Reads the
 * weights (about 0.1 s for 100 MB). */
int embedder_revision(const struct embedder *em, char out[HASH_HEX_SIZE], struct err *e);

struct embed_text {
    const char *s; /* any bytes; not NUL-terminated */
    size_t len;
};

struct embed_note {
    size_t tokens;  /* that the vector was made from, special tokens included */
    size_t all;     /* that the text has; more than `tokens`: it was cut */
    size_t windows; /* of embedder_embed_windows: that the text was read in */
};

/* How a call runs. Zeroed: to its end, in silence. */
struct embed_call {
    const atomic_bool *stop; /* set by anyone: the call ends with PRECIS_ECANCELLED; may be NULL */
    /* On the caller's thread, at most some times a second: texts done, of how many. May be NULL. */
    void (*on_progress)(void *user, size_t done, size_t n);
    void *user;
};

/* out: [n, width] f32, in the order of the texts; notes: [n], or NULL. Texts are borrowed for the
 * call. Any n; memory beyond out is bounded by the engine's queue and 24 bytes a text. An empty
 * text that has no tokens at all gets zeros. Errors: tok_encode's and the engine's, with the number
 * of the text (the first that failed; 0 is the first of all); PRECIS_ECANCELLED. Out is undefined
 * then. */
int embedder_embed(struct embedder *em, const struct embed_text *texts, size_t n,
                   const struct embed_call *call, float *out, struct embed_note *notes,
                   struct err *e);

/* The same without cutting: a text of more than max_tokens tokens is read in windows of as many,
 * each with the special tokens around it, and gets the mean of their vectors, weighed by their
 * tokens and normalised where the model's vectors are. Other texts get the vectors of
 * embedder_embed. In errors the number is that of the text. Memory beyond that: 4 bytes a token of
 * the texts in flight, and some MB. on_progress is not called. */
int embedder_embed_windows(struct embedder *em, const struct embed_text *texts, size_t n,
                           const struct embed_call *call, float *out, struct embed_note *notes,
                           struct err *e);

/* The tokens of a text and what the encoder makes of each: the last hidden states, neither pooled
 * nor normalised. Special tokens are among them. */
struct embed_states {
    uint32_t *ids; /* [n] owned */
    float *v;      /* [n, width] f32, owned */
    size_t n;
    size_t all; /* tokens of the text; more than n: it was cut */
};

/* out: [n], in the order of the texts; the caller frees each with embed_states_free. On failure all
 * of them are zeroed. Up to max_tokens * width * 4 bytes for each text: call with few at a time. */
int embedder_states(struct embedder *em, const struct embed_text *texts, size_t n,
                    const struct embed_call *call, struct embed_states *out, struct err *e);
void embed_states_free(struct embed_states *s); /* safe on a zeroed one */

/* The dot product of two vectors of n f32, added up in an order that n alone determines: of
 * normalised ones the cosine. */
float embed_dot(const float *a, const float *b, size_t n);

#endif

/* What embed.c and embed_windows.c share. */
#ifndef PRECIS_SEARCH_EMBED_IMPL_H
#define PRECIS_SEARCH_EMBED_IMPL_H

#include "search/embed.h"
#include "text/tok.h"

struct embed_ids {
    const uint32_t *v; /* borrowed for the call */
    size_t n;          /* 1 .. max_tokens */
    size_t text;       /* whose number errors name */
};

/* embedder_embed of tokens, special ones included. */
int embedder_embed_ids(struct embedder *em, const struct embed_ids *ids, size_t n,
                       const struct embed_call *call, float *out, struct err *e);

struct tok *embedder_tok(const struct embedder *em);

#endif

/* What is known of a chunk beside its text when a line about it is judged: its embeddings, the
 * examples that were near to it, and the words that a line may use. Made once for a chunk. */
#ifndef PRECIS_SUMMARY_EVIDENCE_H
#define PRECIS_SUMMARY_EVIDENCE_H

#include "summary/examples.h"
#include "summary/ground.h"

/* The embeddings of a chunk, in this order. */
enum evidence_view {
    EVIDENCE_KEY,  /* examples_key: what it is called and how it begins */
    EVIDENCE_NAME, /* the words of the file's name and of the symbol */
    EVIDENCE_TEXT, /* as much of its text as the encoder takes */
    EVIDENCE_VIEWS
};

struct evidence {
    float *vectors; /* [EVIDENCE_VIEWS, width] f32, owned; NULL: no embedder */
    size_t width;
    struct examples_hit hits[EXAMPLES_MOST_NEAREST]; /* best first */
    size_t n_hits;
    struct ground_words words;
    size_t len;    /* bytes of the text */
    bool outlined; /* the model saw an outline */
};

struct evidence_source {
    const char *repo;   /* of a set of many repositories; NULL: any */
    const char *path;   /* relative to the repository */
    const char *symbol; /* NULL: none */
    const char *text;   /* of the chunk, any bytes */
    size_t len;
    const char *outline; /* what the model sees instead of it; NULL: the text */
    const char *avoid;   /* as in struct examples_query */
};

/* Embeds (em may be NULL), finds the k nearest examples (pool may be NULL) and reads the words.
 * Errors: the embedder's, PRECIS_ENOMEM. On failure *v is zeroed. */
int evidence_make(const struct evidence_source *source, struct embedder *em,
                  const struct examples *pool, size_t k, struct evidence *v, struct err *e);
void evidence_free(struct evidence *v); /* safe on a zeroed one; leaves it zeroed */

#endif

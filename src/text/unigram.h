/* The Unigram model (Kudo 2018, https://aclanthology.org/P18-1007): of all ways to cut a text into
 * pieces the one with the highest sum of scores, found by Viterbi in time linear in the text (times
 * the longest piece), equal to Hugging Face `tokenizers` in arithmetic (double) and in ties. */
#ifndef PRECIS_TEXT_UNIGRAM_H
#define PRECIS_TEXT_UNIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct unigram; /* immutable: any number of threads, each with its own work */

struct unigram_piece {
    const char *s; /* len bytes of valid UTF-8, borrowed during the call */
    uint32_t len;
    double score; /* log-probability */
};

struct unigram_node {
    double score;    /* of the best way from the beginning to here */
    uint32_t length; /* of its last piece, in bytes; 0: not reached */
    uint32_t id;     /* of its last piece */
};

/* Buffers of unigram_word, kept between calls; zeroed at first. */
struct unigram_work {
    struct unigram_node *nodes; /* [cap] */
    size_t cap;
};

void unigram_work_free(struct unigram_work *w);

/* A piece's id is its place in the array; of equal ones the last counts. unk_id -1: none. With
 * byte_fallback a stretch of unknown text becomes its bytes' pieces "<0x00>".."<0xFF>" when the
 * vocabulary has all that it needs. *out is the caller's to free. Errors: PRECIS_EINPUT (unk_id out
 * of range, a score that is no number), PRECIS_ELIMIT (as trie_make), PRECIS_ENOMEM. */
int unigram_new(const struct unigram_piece *pieces, size_t n, int64_t unk_id, bool byte_fallback,
                struct unigram **out, struct err *e);
void unigram_free(struct unigram *u);

/* Appends the ids of n < 2^31 bytes of valid UTF-8, at most one a byte; unknown characters side by
 * side become one unknown piece. Returns 0, PRECIS_ENOMEM, or PRECIS_EINPUT: there is a character
 * that no piece covers, and no unknown piece; out is then as it was. */
int unigram_word(const struct unigram *u, struct unigram_work *w, const uint8_t *s, size_t n,
                 struct ids *out);

#endif

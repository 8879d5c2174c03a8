/* The WordPiece model (Wu et al. 2016, https://arxiv.org/abs/1609.08144): the longest piece that
 * the word begins with, then the longest that continues it, and so on; equal to Hugging Face
 * `tokenizers`. */
#ifndef PRECIS_TEXT_WORDPIECE_H
#define PRECIS_TEXT_WORDPIECE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "text/trie.h"

struct wordpiece; /* immutable: any number of threads */

/* pieces (sorted in place; value is the id): those of them that begin with the prefix, such as
 * "##", continue a word too. A word of more than max_chars characters is unknown. unk_id -1: none.
 * *out is the caller's to free. Errors: PRECIS_ELIMIT (as trie_make), PRECIS_ENOMEM. */
int wordpiece_new(struct trie_key *pieces, size_t n, int64_t unk_id, const char *prefix,
                  size_t prefix_len, size_t max_chars, struct wordpiece **out, struct err *e);
void wordpiece_free(struct wordpiece *w);

/* Appends the ids of one word, n bytes of valid UTF-8; unk_id alone when the pieces do not cover
 * it. Returns 0, PRECIS_ENOMEM, or PRECIS_EINPUT: unknown, and there is no unknown piece; out is
 * then as it was. */
int wordpiece_word(const struct wordpiece *w, const uint8_t *s, size_t n, struct ids *out);

#endif

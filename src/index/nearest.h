/* The entries whose vectors are nearest to one: search/vectors.h over a side file of the store's,
 * which is made from the database and can be made again at any time. Its generation is a digest of
 * the index's nonce, its number of changes and its encoder. */
#ifndef PRECIS_INDEX_NEAREST_H
#define PRECIS_INDEX_NEAREST_H

#include <stdatomic.h>

#include "store/entries.h"

struct nearest;

/* Writes the side file (and the graph, where search/vectors.h wants one) unless it is as the index
 * is. Keeps others from writing to the store meanwhile. stop may be NULL. Errors: those of
 * search/vectors.h and the store; the index is the same either way. */
int nearest_write(struct store *s, const atomic_bool *stop, struct err *e);

/* The vectors of an encoder that the store's entries have: from the side file, or, where that is
 * missing or of another state, from the database, which takes longer. */
int nearest_open(struct store *s, const struct store_index *index, struct nearest **out,
                 struct err *e);
void nearest_close(struct nearest *n); /* NULL is fine */

/* The most entries with the highest cosine to v ([width]), best first, ties by number. allowed:
 * NULL, or the only ones wanted, ascending. hits: [most]; *n: how many there are. */
int nearest_find(const struct nearest *x, const float *v, const int64_t *allowed, size_t n_allowed,
                 struct store_hit *hits, size_t most, size_t *n, struct err *e);

#endif

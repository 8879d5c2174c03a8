/* The entries whose vectors are nearest to one: search/vectors.h over a side file of the store's,
 * which is made from the database and can be made again at any time.
 *
 * The database knows the generation of the file that was made last, a random number, and which
 * entries are stale: their vector came, left or was put since. Their present vectors go into an
 * overlay when the file is opened, so what is found is what a new file would give, and an index
 * that changed costs by what changed. When that is much the file is made anew. */
#ifndef PRECIS_INDEX_NEAREST_H
#define PRECIS_INDEX_NEAREST_H

#include <stdatomic.h>

#include "store/entries.h"

struct nearest;

/* Writes the side file (and the graph, where search/vectors.h wants one) when it is missing or
 * damaged, or when too many entries are stale. Keeps others from writing to the store meanwhile.
 * stop may be NULL. Errors: those of search/vectors.h and the store; what is found is the same
 * either way. */
int nearest_write(struct store *s, const atomic_bool *stop, struct err *e);

/* The vectors of an encoder that the store's entries have: from the side file and what is
 * stale, or, where the file is missing or damaged, from the database, which takes longer. */
int nearest_open(struct store *s, const struct store_index *index, struct nearest **out,
                 struct err *e);
void nearest_close(struct nearest *n); /* NULL is fine */

/* The most entries with the highest cosine to v ([width]), best first, ties by number. allowed:
 * NULL, or the only ones wanted, ascending. hits: [most]; *n: how many there are. */
int nearest_find(const struct nearest *x, const float *v, const int64_t *allowed, size_t n_allowed,
                 struct store_hit *hits, size_t most, size_t *n, struct err *e);

#endif

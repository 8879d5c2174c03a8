/* The entries whose vectors are nearest to one. */
#ifndef PRECIS_INDEX_NEAREST_H
#define PRECIS_INDEX_NEAREST_H

#include "store/entries.h"

struct nearest;

/* The vectors of an encoder that the store's entries have. */
int nearest_open(struct store *s, const struct store_index *index, struct nearest **out,
                 struct err *e);
void nearest_close(struct nearest *n); /* NULL is fine */

/* The most entries with the highest cosine to v ([width], of length 1), best first, ties by number.
 * allowed: NULL, or the only ones wanted, ascending. hits: [most]; *n: how many there are. */
int nearest_find(const struct nearest *x, const float *v, const int64_t *allowed, size_t n_allowed,
                 struct store_hit *hits, size_t most, size_t *n, struct err *e);

#endif

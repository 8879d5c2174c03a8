/* Making an HNSW graph by hnswlib 0.6.2, whose only door this is: no exception passes it, and
 * failures are codes alone. What is made is read out link by link; hnswlib reads and writes no file
 * here.
 *
 *   hnsw_new -> hnsw_add (each node once; any thread) -> hnsw_links (any thread) -> hnsw_free */
#ifndef PRECIS_SEARCH_HNSW_H
#define PRECIS_SEARCH_HNSW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "precis.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hnsw;

/* How far two nodes' data are apart; called from the threads that add. */
typedef float (*hnsw_distance)(const void *user, const void *a, const void *b);

bool hnsw_supported(void);

/* For n nodes 0 .. n - 1 with `size` bytes of data each, linked to `degree` others in every level
 * but the lowest, where it is twice as many; `width` candidates are looked at for them. Takes size
 * + 256 bytes for a node. Errors: PRECIS_ENOMEM, PRECIS_EUNSUPPORTED (built without hnswlib). */
int hnsw_new(size_t n, size_t size, size_t degree, size_t width, hnsw_distance distance,
             const void *user, struct hnsw **out);
/* The node takes part in levels 0 .. level. data: copied, to an address that is a multiple of 64.
 * Errors: PRECIS_ENOMEM. After one the graph is of no use. */
int hnsw_add(struct hnsw *h, uint32_t node, const void *data, int level);
/* A node's links in a level that it takes part in, into links [degree, or twice that]. Returns
 * their number. */
size_t hnsw_links(const struct hnsw *h, uint32_t node, int level, uint32_t *links);
void hnsw_free(struct hnsw *h); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif

/* Strings that live as long as what they belong to: kept side by side in blocks and freed together.
 * Many small allocations that stay, made between others that go, would hold the heap's pages. */
#ifndef PRECIS_BASE_ARENA_H
#define PRECIS_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks; /* owned, the latest first */
    char *at;                   /* where the next string goes, with room for `left` bytes */
    size_t left;
};

/* A copy, which is the arena's; NULL: out of memory. */
char *arena_copy(struct arena *a, const char *s);
void arena_free(struct arena *a); /* leaves it zeroed, as a new one is */

#endif

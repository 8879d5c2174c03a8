/* A set of byte strings with a number for each, in a double array (Aoe 1989; the XOR form of
 * Yata's Darts-clone): one load for each byte looked up. Immutable once made. */
#ifndef PRECIS_TEXT_TRIE_H
#define PRECIS_TEXT_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TRIE_NONE UINT32_MAX

struct trie_key {
    const char *s; /* len bytes, borrowed while the trie is made */
    uint32_t len;
    uint32_t value; /* not TRIE_NONE */
    uint32_t place; /* trie_make's own */
};

struct trie_node {
    uint32_t base;   /* its child for byte c is at base ^ c */
    uint32_t parent; /* TRIE_NONE: free, or the root */
    uint32_t value;  /* TRIE_NONE: no key ends here */
};

struct trie {
    struct trie_node *nodes; /* [n], a multiple of 256; nodes[0] is the root */
    size_t n;
};

/* Sorts keys. Of equal ones the last of the array counts; an empty one is left out. Errors:
 * PRECIS_ENOMEM; PRECIS_ELIMIT (more than 2^27 bytes in all keys). */
int trie_make(struct trie *t, struct trie_key *keys, size_t n, struct err *e);
void trie_free(struct trie *t);

/* The child of node for byte c; TRIE_NONE: none. Begin with node 0. */
static inline uint32_t trie_step(const struct trie *t, uint32_t node, uint8_t c) {
    uint32_t child = t->nodes[node].base ^ c;
    return t->nodes[child].parent == node ? child : TRIE_NONE;
}

/* The value of exactly these n bytes, or TRIE_NONE. */
uint32_t trie_find(const struct trie *t, const void *s, size_t n);

#endif

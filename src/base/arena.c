#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *before;
    char bytes[];
};

enum { BLOCK_BYTES = 64 * 1024 - sizeof(struct arena_block), ALONE_BYTES = 4 * 1024 };

static struct arena_block *add_block(struct arena *a, size_t size) {
    struct arena_block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->before = a->blocks;
    a->blocks = b;
    return b;
}

char *arena_copy(struct arena *a, const char *s) {
    size_t size = strlen(s) + 1;
    if (size > ALONE_BYTES) { /* what is left of the block is for others */
        struct arena_block *b = add_block(a, size);
        return b ? memcpy(b->bytes, s, size) : NULL;
    }
    if (size > a->left) {
        struct arena_block *b = add_block(a, BLOCK_BYTES);
        if (!b)
            return NULL;
        a->at = b->bytes;
        a->left = BLOCK_BYTES;
    }
    char *copy = memcpy(a->at, s, size);
    a->at += size;
    a->left -= size;
    return copy;
}

void arena_free(struct arena *a) {
    while (a->blocks) {
        struct arena_block *before = a->blocks->before;
        free(a->blocks);
        a->blocks = before;
    }
    *a = (struct arena){0};
}

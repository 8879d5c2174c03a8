/* The tokens of a vocabulary by id and by spelling. */
#ifndef PRECIS_TEXT_VOCAB_H
#define PRECIS_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vocab_slot {
    uint32_t hash, id; /* id UINT32_MAX: empty */
};

struct vocab {
    uint32_t n;               /* ids are 0 .. n-1 */
    const char *text;         /* borrowed: the spellings, one after the other */
    const uint32_t *at;       /* borrowed: [n + 1] places in text */
    struct vocab_slot *slots; /* open addressing, at most half full */
    size_t mask;
    uint32_t used; /* spellings, all different */
};

/* Indexes the tokens with in[id] (NULL: all); of two that are spelled alike the later one counts.
 * False: out of memory. */
bool vocab_init(struct vocab *v, const char *text, const uint32_t *at, uint32_t n, const bool *in);
void vocab_free(struct vocab *v);
/* The id of a spelling; -1: none. */
int64_t vocab_find(const struct vocab *v, const void *s, size_t len);

#endif

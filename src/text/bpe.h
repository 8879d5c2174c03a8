/* Byte-pair merging (Sennrich et al. 2016, https://aclanthology.org/P16-1162) of one word: the pair
 * of lowest rank first, the leftmost among equals, in O(n log n), as Hugging Face `tokenizers` does
 * it. */
#ifndef PRECIS_TEXT_BPE_H
#define PRECIS_TEXT_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpe_slot {
    uint32_t left, right, rank; /* rank UINT32_MAX: empty */
};

struct bpe {
    struct bpe_slot *slots; /* open addressing, at most half full */
    unsigned shift;         /* 64 - log2 of their number */
    uint32_t *merged;       /* by rank: the id that the pair becomes */
    int32_t
        byte_id[256]; /* id of a single byte; -1: the vocabulary lacks it and the byte is dropped */
};

struct bpe_symbol {
    uint32_t id, prev, next; /* id UINT32_MAX: merged away; prev, next UINT32_MAX: none */
};

/* Buffers of bpe_word, kept between calls. */
struct bpe_work {
    struct bpe_symbol *symbols; /* [cap] */
    uint64_t *heap;             /* [2 * cap], rank << 32 | place */
    uint32_t *ids;              /* [cap], the result */
    size_t cap;
};

/* Room for n merges; byte_id becomes -1 everywhere. False: out of memory. */
bool bpe_init(struct bpe *b, size_t n);
void bpe_free(struct bpe *b);
/* A pair given twice keeps the later rank. rank < n of bpe_init. */
void bpe_add(struct bpe *b, uint32_t rank, uint32_t left, uint32_t right, uint32_t merged);

void bpe_work_free(struct bpe_work *w);
/* Room for n symbols. False: out of memory, and w is empty. */
bool bpe_reserve(struct bpe_work *w, size_t n);
/* Puts one more symbol behind *n others; there is room. */
void bpe_put(struct bpe_work *w, uint32_t *n, uint32_t id);
/* Merges n symbols; their ids to w->ids. Returns how many. */
size_t bpe_merge(const struct bpe *b, struct bpe_work *w, uint32_t n);
/* The n bytes of a word (n < 2^31) to w->ids; *n_ids says how many. False: out of memory. */
bool bpe_word(const struct bpe *b, struct bpe_work *w, const uint8_t *s, size_t n, size_t *n_ids);

#endif

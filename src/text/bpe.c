#include "text/bpe.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

bool bpe_init(struct bpe *b, size_t n) {
    *b = (struct bpe){.shift = 64 - 4};
    while (((size_t)1 << (64 - b->shift)) < 2 * n)
        b->shift--;
    size_t slots = (size_t)1 << (64 - b->shift);
    b->slots = malloc(slots * sizeof *b->slots);
    b->merged = malloc((n + 1) * sizeof *b->merged);
    memset(b->byte_id, 0xff, sizeof b->byte_id);
    if (!b->slots || !b->merged) {
        bpe_free(b);
        return false;
    }
    memset(b->slots, 0xff, slots * sizeof *b->slots);
    return true;
}

void bpe_free(struct bpe *b) {
    free(b->slots);
    free(b->merged);
    b->slots = NULL;
    b->merged = NULL;
}

/* The slot of a pair, or the empty one where it would be. */
static struct bpe_slot *find(const struct bpe *b, uint32_t left, uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    key = (key ^ key >> 29) * 0x9e3779b97f4a7c15u;
    size_t mask = ((size_t)1 << (64 - b->shift)) - 1;
    for (size_t i = (size_t)(key >> b->shift);; i = (i + 1) & mask) {
        struct bpe_slot *slot = &b->slots[i];
        if ((slot->left == left && slot->right == right) || slot->rank == NONE)
            return slot;
    }
}

void bpe_add(struct bpe *b, uint32_t rank, uint32_t left, uint32_t right, uint32_t merged) {
    *find(b, left, right) = (struct bpe_slot){left, right, rank};
    b->merged[rank] = merged;
}

void bpe_work_free(struct bpe_work *w) {
    free(w->symbols);
    free(w->heap);
    free(w->ids);
    *w = (struct bpe_work){0};
}

bool bpe_reserve(struct bpe_work *w, size_t n) {
    if (n <= w->cap)
        return true;
    size_t cap = w->cap ? w->cap : 256;
    while (cap < n)
        cap *= 2;
    bpe_work_free(w);
    w->symbols = malloc(cap * sizeof *w->symbols);
    w->heap = malloc(2 * cap * sizeof *w->heap);
    w->ids = malloc(cap * sizeof *w->ids);
    if (!w->symbols || !w->heap || !w->ids) {
        bpe_work_free(w);
        return false;
    }
    w->cap = cap;
    return true;
}

static void sift_down(uint64_t *heap, size_t n, size_t i) {
    uint64_t v = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (v <= heap[child])
            break;
        heap[i] = heap[child];
    }
    heap[i] = v;
}

static void push(uint64_t *heap, size_t *n, uint64_t v) {
    size_t i = (*n)++;
    for (; i && v < heap[(i - 1) / 2]; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = v;
}

static uint64_t pop(uint64_t *heap, size_t *n) {
    uint64_t top = heap[0];
    heap[0] = heap[--*n];
    if (*n)
        sift_down(heap, *n, 0);
    return top;
}

/* A pair that merges goes on the heap under its rank and the place of its left half. */
static void offer(const struct bpe *b, struct bpe_work *w, size_t *n, uint32_t left,
                  uint32_t right) {
    uint32_t rank = find(b, w->symbols[left].id, w->symbols[right].id)->rank;
    if (rank != NONE)
        push(w->heap, n, (uint64_t)rank << 32 | left);
}

/* Entries of the heap go stale when a neighbour merges first. `tokenizers` keeps one that would
 * still give the same id from another pair, at its old rank: so does this. */
static void merge_all(const struct bpe *b, struct bpe_work *w, size_t in_heap) {
    struct bpe_symbol *v = w->symbols;
    while (in_heap) {
        uint64_t top = pop(w->heap, &in_heap);
        uint32_t at = (uint32_t)top, merged = b->merged[top >> 32];
        if (v[at].id == NONE || v[at].next == NONE)
            continue;
        uint32_t right = v[at].next;
        uint32_t rank = find(b, v[at].id, v[right].id)->rank;
        if (rank == NONE || b->merged[rank] != merged)
            continue;
        v[at].id = merged;
        v[at].next = v[right].next;
        v[right].id = NONE;
        if (v[at].next != NONE)
            v[v[at].next].prev = at;
        if (v[at].prev != NONE)
            offer(b, w, &in_heap, v[at].prev, at);
        if (v[at].next != NONE)
            offer(b, w, &in_heap, at, v[at].next);
    }
}

void bpe_put(struct bpe_work *w, uint32_t *n, uint32_t id) {
    w->symbols[*n] = (struct bpe_symbol){id, *n - 1, *n + 1};
    ++*n;
}

size_t bpe_merge(const struct bpe *b, struct bpe_work *w, uint32_t n) {
    if (n)
        w->symbols[n - 1].next = NONE;
    size_t in_heap = 0, n_ids = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        offer(b, w, &in_heap, i, i + 1);
    merge_all(b, w, in_heap);
    for (uint32_t i = 0; i < n; i++)
        if (w->symbols[i].id != NONE)
            w->ids[n_ids++] = w->symbols[i].id;
    return n_ids;
}

bool bpe_word(const struct bpe *b, struct bpe_work *w, const uint8_t *s, size_t len,
              size_t *n_ids) {
    if (!bpe_reserve(w, len))
        return false;
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (b->byte_id[s[i]] >= 0)
            bpe_put(w, &n, (uint32_t)b->byte_id[s[i]]);
    *n_ids = bpe_merge(b, w, n);
    return true;
}

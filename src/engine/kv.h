/* Keys and values of sequences, in pages of KV_BLOCK positions for all layers and heads. Pages are
 * counted references, so forks of a sequence (beams) share what they have in common and copy a page
 * when they write to it. All functions may be called from any lane.
 *
 * Memory: a sequence reserves its most pages when it is admitted and takes them as it fills, so a
 * running sequence never waits for memory. A page that several sequences share is reserved by each
 * of them: pages in use never outnumber reservations, whoever ends first.
 *
 * Prefixes: what a full page holds is determined by the tokens up to its end. So full pages of
 * prompts are published under (the page before, their ids), compared id for id, and later sequences
 * that begin with the same tokens start with them. When nobody holds a published page any more, it
 * is kept for a while (least recently used goes first): up to 24 pages that more than one
 * sequence had, which is a run's common prefix, and up to 8 of the others, so that sequences that
 * never overlap find their prefix, too. The latter are used again before memory is allocated;
 * reservations come before both. So kept pages add at most 24 to what sequences had at most. */
#ifndef PRECIS_ENGINE_KV_H
#define PRECIS_ENGINE_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kv_pool;
struct kv_page;

/* limit_pages: reservations and kept pages together never exceed it. */
int kv_pool_new(size_t page_bytes, size_t limit_pages, struct kv_pool **out, struct err *e);
void kv_pool_free(struct kv_pool *pool);

struct kv_seq {
    struct kv_page **pages; /* [n_pages] */
    uint8_t **data;         /* [n_pages] their bytes, for the kernels */
    size_t n_pages, cap;
    size_t length;      /* positions filled */
    size_t n_published; /* pages */
    /* Set by its owner before anything is computed: keys are rotated otherwise, so that pages are
     * shared only with sequences that say the same. */
    bool far;
};

size_t kv_pages_for(size_t tokens); /* pages that hold so many positions */
/* Reserves pages for s (zeroed but for far), and gives it the published pages that hold its first
 * tokens, up to `most` of ids: s->length is where computing begins. false: wait until others
 * release. */
bool kv_admit(struct kv_pool *pool, struct kv_seq *s, size_t pages, const uint32_t *ids,
              size_t most);
void kv_release(struct kv_pool *pool, size_t pages);
/* Bytes that sequences hold, now and at most. */
void kv_usage(struct kv_pool *pool, size_t *bytes, size_t *most_bytes);

/* Makes positions length .. length + n - 1 writable (and moves length): new pages are zeroed,
 * shared ones copied. */
int kv_extend(struct kv_pool *pool, struct kv_seq *s, size_t n, struct err *e);
/* Publishes the full pages among the first n positions: these hold ids, all layers are computed,
 * and s was not forked. Where another sequence was first, its page takes the place of s's equal
 * one. */
void kv_publish(struct kv_pool *pool, struct kv_seq *s, const uint32_t *ids, size_t n);
/* to (empty) becomes a copy of from that shares its pages. */
int kv_fork(struct kv_pool *pool, struct kv_seq *to, const struct kv_seq *from, struct err *e);
void kv_drop(struct kv_pool *pool, struct kv_seq *s); /* gives the pages back; s is zeroed */
/* The same of a sequence that goes on: what it reserved stays reserved. */
void kv_restart(struct kv_pool *pool, struct kv_seq *s, bool far);

#endif

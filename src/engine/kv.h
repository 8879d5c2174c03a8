/* Keys and values of sequences, in pages of KV_BLOCK positions for all layers and heads. Pages are
 * counted references, so forks of a sequence (beams) share what they have in common and copy a page
 * when they write to it. A sequence reserves its most pages when it is admitted and takes them as
 * it fills, so a running sequence never waits for memory. All functions may be called from any
 * lane. */
#ifndef PRECIS_ENGINE_KV_H
#define PRECIS_ENGINE_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kv_pool;
struct kv_page;

/* limit_pages: reservations never exceed it. */
int kv_pool_new(size_t page_bytes, size_t limit_pages, struct kv_pool **out, struct err *e);
void kv_pool_free(struct kv_pool *pool);

size_t kv_pages_for(size_t tokens);                  /* pages that hold so many positions */
bool kv_reserve(struct kv_pool *pool, size_t pages); /* false: wait until others release */
void kv_release(struct kv_pool *pool, size_t pages);
void kv_usage(struct kv_pool *pool, size_t *bytes, size_t *most_bytes); /* in use by sequences */

struct kv_seq {
    struct kv_page **pages; /* [n_pages] */
    uint8_t **data;         /* [n_pages] their bytes, for the kernels */
    size_t n_pages, cap;
    size_t length; /* positions filled */
};

/* Makes positions length .. length + n - 1 writable (and moves length): new pages are zeroed,
 * shared ones copied. */
int kv_extend(struct kv_pool *pool, struct kv_seq *s, size_t n, struct err *e);
/* to (empty) becomes a copy of from that shares its pages. */
int kv_fork(struct kv_pool *pool, struct kv_seq *to, const struct kv_seq *from, struct err *e);
void kv_drop(struct kv_pool *pool, struct kv_seq *s); /* gives the pages back; s is zeroed */

#endif

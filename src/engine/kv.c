#include "engine/kv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kernel/kernel.h"

enum { BUCKETS = 1024 };

/* Published pages that nobody holds, by whether a second sequence ever had them. */
enum { KEPT_ONCE, KEPT_SHARED, KEPT_KINDS };
static const size_t most_kept[KEPT_KINDS] = {8, 24};

struct kv_page {
    struct kv_page *next, *before; /* in the free or a kept list */
    struct kv_page *chain;         /* in the table */
    int references;                /* of sequences */
    bool shared;
    /* Published: its number, which no other page ever has (0: it is not), and its key. */
    uint64_t number, parent, hash;
    uint32_t ids[KV_BLOCK];
    uint8_t *data;
};

/* The newest is first. */
struct kept {
    struct kv_page *first, *last;
    size_t n;
};

struct kv_pool {
    pthread_mutex_t lock;
    size_t page_bytes, limit, reserved, used, most_used;
    struct kv_page *free;
    struct kept kept[KEPT_KINDS];
    uint64_t numbers;
    struct kv_page *table[BUCKETS];
};

int kv_pool_new(size_t page_bytes, size_t limit_pages, struct kv_pool **out, struct err *e) {
    struct kv_pool *pool = calloc(1, sizeof *pool);
    *out = pool;
    if (!pool)
        return err_nomem(e, "KV pool");
    pthread_mutex_init(&pool->lock, NULL);
    pool->page_bytes = page_bytes;
    pool->limit = limit_pages;
    return 0;
}

static void free_list(struct kv_page *p) {
    for (struct kv_page *next; p; p = next) {
        next = p->next;
        free(p->data);
        free(p);
    }
}

void kv_pool_free(struct kv_pool *pool) {
    if (!pool)
        return;
    free_list(pool->free);
    for (int k = 0; k < KEPT_KINDS; k++)
        free_list(pool->kept[k].first);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

size_t kv_pages_for(size_t tokens) {
    return (tokens + KV_BLOCK - 1) / KV_BLOCK;
}

/* The number of the page before page i, in the key of page i: pages of near and far sequences have
 * roots of their own. */
static uint64_t parent_of(const struct kv_seq *s, size_t i) {
    return i ? s->pages[i - 1]->number : s->far ? UINT64_MAX : 0;
}

/* What follows up to unreference is called with the lock held. */

static struct kv_page **bucket(struct kv_pool *pool, uint64_t hash) {
    return &pool->table[hash % BUCKETS];
}

static struct kv_page *find(struct kv_pool *pool, uint64_t parent, const uint32_t *ids) {
    uint64_t hash = hash_bytes(ids, KV_BLOCK * sizeof *ids, parent);
    for (struct kv_page *p = *bucket(pool, hash); p; p = p->chain)
        if (p->hash == hash && p->parent == parent &&
            memcmp(p->ids, ids, KV_BLOCK * sizeof *ids) == 0)
            return p;
    return NULL;
}

static void publish(struct kv_pool *pool, struct kv_page *p, uint64_t parent, const uint32_t *ids) {
    memcpy(p->ids, ids, sizeof p->ids);
    p->hash = hash_bytes(ids, sizeof p->ids, parent);
    p->parent = parent;
    p->number = ++pool->numbers;
    p->shared = false;
    p->chain = *bucket(pool, p->hash);
    *bucket(pool, p->hash) = p;
}

static void unlist(struct kv_pool *pool, struct kv_page *p) {
    struct kept *k = &pool->kept[p->shared];
    *(p->before ? &p->before->next : &k->first) = p->next;
    *(p->next ? &p->next->before : &k->last) = p->before;
    k->n--;
}

/* Frees the page of a kept list that was not used for longest. Pages that follow it leave before
 * it, since sequences give back their last pages first; those in the other list may stay and cannot
 * be found any more, as its number does not come again. */
static void evict(struct kv_pool *pool, int kind) {
    struct kv_page *p = pool->kept[kind].last;
    unlist(pool, p);
    struct kv_page **at = bucket(pool, p->hash);
    while (*at != p)
        at = &(*at)->chain;
    *at = p->chain;
    p->number = 0;
    p->next = pool->free;
    pool->free = p;
}

static void keep_within_limit(struct kv_pool *pool) {
    for (int kind = 0; kind < KEPT_KINDS; kind++)
        while (pool->kept[kind].n &&
               pool->kept[KEPT_ONCE].n + pool->kept[KEPT_SHARED].n > pool->limit - pool->reserved)
            evict(pool, kind);
}

static void count_used(struct kv_pool *pool) {
    if (++pool->used > pool->most_used)
        pool->most_used = pool->used;
}

/* One more sequence holds a published page. */
static void share(struct kv_pool *pool, struct kv_page *p) {
    if (p->references == 0) {
        unlist(pool, p);
        count_used(pool);
    }
    p->references++;
    p->shared = true;
}

static void unreference(struct kv_pool *pool, struct kv_page *p) {
    if (--p->references > 0)
        return;
    pool->used--;
    if (!p->number) {
        p->next = pool->free;
        pool->free = p;
        return;
    }
    struct kept *k = &pool->kept[p->shared];
    p->before = NULL;
    p->next = k->first;
    *(k->first ? &k->first->before : &k->last) = p;
    k->first = p;
    if (++k->n > most_kept[p->shared])
        evict(pool, p->shared);
}

void kv_release(struct kv_pool *pool, size_t pages) {
    pthread_mutex_lock(&pool->lock);
    pool->reserved -= pages;
    pthread_mutex_unlock(&pool->lock);
}

void kv_usage(struct kv_pool *pool, size_t *bytes, size_t *most_bytes) {
    pthread_mutex_lock(&pool->lock);
    *bytes = pool->used * pool->page_bytes;
    *most_bytes = pool->most_used * pool->page_bytes;
    pthread_mutex_unlock(&pool->lock);
}

static struct kv_page *page_alloc(size_t bytes) {
    struct kv_page *p = calloc(1, sizeof *p);
    if (p && !(p->data = aligned_alloc(64, bytes))) {
        free(p);
        p = NULL;
    }
    return p;
}

/* all: of kept pages also those that sequences shared. */
static struct kv_page *page_reuse(struct kv_pool *pool, bool all) {
    pthread_mutex_lock(&pool->lock);
    for (int kind = 0; !pool->free && kind <= (all ? KEPT_SHARED : KEPT_ONCE); kind++)
        if (pool->kept[kind].n)
            evict(pool, kind);
    struct kv_page *p = pool->free;
    if (p) {
        pool->free = p->next;
        p->references = 1;
        count_used(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return p;
}

static struct kv_page *page_take(struct kv_pool *pool) {
    struct kv_page *p = page_reuse(pool, false);
    if (p)
        return p;
    if (!(p = page_alloc(pool->page_bytes)))
        return page_reuse(pool, true);
    pthread_mutex_lock(&pool->lock);
    p->references = 1;
    count_used(pool);
    pthread_mutex_unlock(&pool->lock);
    return p;
}

static void page_put(struct kv_pool *pool, struct kv_page *p) {
    pthread_mutex_lock(&pool->lock);
    unreference(pool, p);
    pthread_mutex_unlock(&pool->lock);
}

static bool page_held_by_others(struct kv_pool *pool, const struct kv_page *p) {
    pthread_mutex_lock(&pool->lock);
    bool held = p->references > 1;
    pthread_mutex_unlock(&pool->lock);
    return held;
}

static int grow(struct kv_seq *s, size_t pages, struct err *e) {
    if (pages <= s->cap)
        return 0;
    size_t cap = s->cap * 2 > pages ? s->cap * 2 : pages;
    struct kv_page **p = realloc(s->pages, cap * sizeof *p);
    if (p)
        s->pages = p;
    uint8_t **d = realloc(s->data, cap * sizeof *d);
    if (d)
        s->data = d;
    if (!p || !d)
        return err_nomem(e, "KV page table");
    s->cap = cap;
    return 0;
}

static void place(struct kv_seq *s, size_t i, struct kv_page *p) {
    s->pages[i] = p;
    s->data[i] = p->data;
}

bool kv_admit(struct kv_pool *pool, struct kv_seq *s, size_t pages, const uint32_t *ids,
              size_t most) {
    pthread_mutex_lock(&pool->lock);
    bool ok = pages <= pool->limit - pool->reserved;
    if (ok)
        pool->reserved += pages;
    while (ok && s->n_pages < most / KV_BLOCK) {
        uint64_t parent = parent_of(s, s->n_pages);
        struct kv_page *p = find(pool, parent, ids + s->n_pages * KV_BLOCK);
        if (!p || grow(s, s->n_pages + 1, NULL) != 0)
            break;
        share(pool, p);
        place(s, s->n_pages++, p);
    }
    s->n_published = s->n_pages;
    s->length = s->n_pages * KV_BLOCK;
    keep_within_limit(pool);
    pthread_mutex_unlock(&pool->lock);
    return ok;
}

int kv_extend(struct kv_pool *pool, struct kv_seq *s, size_t n, struct err *e) {
    size_t pages = kv_pages_for(s->length + n);
    int rc = grow(s, pages, e);
    if (rc)
        return rc;
    if (s->length % KV_BLOCK && page_held_by_others(pool, s->pages[s->n_pages - 1])) {
        struct kv_page *copy = page_take(pool);
        if (!copy)
            return err_nomem(e, "KV page");
        memcpy(copy->data, s->data[s->n_pages - 1], pool->page_bytes);
        page_put(pool, s->pages[s->n_pages - 1]);
        place(s, s->n_pages - 1, copy);
    }
    while (s->n_pages < pages) {
        struct kv_page *p = page_take(pool);
        if (!p)
            return err_nomem(e, "KV page");
        /* Positions not yet written are multiplied by weight 0: they must be finite. */
        memset(p->data, 0, pool->page_bytes);
        place(s, s->n_pages++, p);
    }
    s->length += n;
    return 0;
}

void kv_publish(struct kv_pool *pool, struct kv_seq *s, const uint32_t *ids, size_t n) {
    if (s->n_published >= n / KV_BLOCK)
        return;
    pthread_mutex_lock(&pool->lock);
    for (; s->n_published < n / KV_BLOCK; s->n_published++) {
        size_t i = s->n_published;
        uint64_t parent = parent_of(s, i);
        struct kv_page *own = s->pages[i], *first = find(pool, parent, ids + i * KV_BLOCK);
        if (!first) {
            publish(pool, own, parent, ids + i * KV_BLOCK);
            continue;
        }
        share(pool, first);
        unreference(pool, own);
        place(s, i, first);
    }
    pthread_mutex_unlock(&pool->lock);
}

int kv_fork(struct kv_pool *pool, struct kv_seq *to, const struct kv_seq *from, struct err *e) {
    int rc = grow(to, from->n_pages, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < from->n_pages; i++) {
        from->pages[i]->references++;
        place(to, i, from->pages[i]);
    }
    pthread_mutex_unlock(&pool->lock);
    to->n_pages = from->n_pages;
    to->length = from->length;
    to->far = from->far;
    return 0;
}

void kv_drop(struct kv_pool *pool, struct kv_seq *s) {
    if (s->n_pages) {
        pthread_mutex_lock(&pool->lock);
        while (s->n_pages) /* the last first: see evict */
            unreference(pool, s->pages[--s->n_pages]);
        pthread_mutex_unlock(&pool->lock);
    }
    free(s->pages);
    free(s->data);
    *s = (struct kv_seq){0};
}

void kv_restart(struct kv_pool *pool, struct kv_seq *s, bool far) {
    kv_drop(pool, s);
    s->far = far;
    pthread_mutex_lock(&pool->lock);
    keep_within_limit(pool);
    pthread_mutex_unlock(&pool->lock);
}

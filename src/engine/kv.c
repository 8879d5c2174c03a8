#include "engine/kv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

struct kv_page {
    struct kv_page *next_free;
    int references;
    uint8_t *data;
};

struct kv_pool {
    pthread_mutex_t lock;
    size_t page_bytes, limit, reserved, used, most_used;
    struct kv_page *free;
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

void kv_pool_free(struct kv_pool *pool) {
    if (!pool)
        return;
    for (struct kv_page *p = pool->free, *next; p; p = next) {
        next = p->next_free;
        free(p->data);
        free(p);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

size_t kv_pages_for(size_t tokens) {
    return (tokens + KV_BLOCK - 1) / KV_BLOCK;
}

bool kv_reserve(struct kv_pool *pool, size_t pages) {
    pthread_mutex_lock(&pool->lock);
    bool ok = pages <= pool->limit - pool->reserved;
    if (ok)
        pool->reserved += pages;
    pthread_mutex_unlock(&pool->lock);
    return ok;
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

static struct kv_page *page_take(struct kv_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct kv_page *p = pool->free;
    if (p)
        pool->free = p->next_free;
    pool->used++;
    if (pool->used > pool->most_used)
        pool->most_used = pool->used;
    pthread_mutex_unlock(&pool->lock);
    if (!p)
        p = page_alloc(pool->page_bytes);
    if (p) {
        p->references = 1;
        return p;
    }
    pthread_mutex_lock(&pool->lock);
    pool->used--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void page_put(struct kv_pool *pool, struct kv_page *p) {
    pthread_mutex_lock(&pool->lock);
    if (--p->references == 0) {
        p->next_free = pool->free;
        pool->free = p;
        pool->used--;
    }
    pthread_mutex_unlock(&pool->lock);
}

static bool page_shared(struct kv_pool *pool, const struct kv_page *p) {
    pthread_mutex_lock(&pool->lock);
    bool shared = p->references > 1;
    pthread_mutex_unlock(&pool->lock);
    return shared;
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

int kv_extend(struct kv_pool *pool, struct kv_seq *s, size_t n, struct err *e) {
    size_t pages = kv_pages_for(s->length + n);
    int rc = grow(s, pages, e);
    if (rc)
        return rc;
    if (s->length % KV_BLOCK && page_shared(pool, s->pages[s->n_pages - 1])) {
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
    return 0;
}

void kv_drop(struct kv_pool *pool, struct kv_seq *s) {
    for (size_t i = 0; i < s->n_pages; i++)
        page_put(pool, s->pages[i]);
    free(s->pages);
    free(s->data);
    *s = (struct kv_seq){0};
}

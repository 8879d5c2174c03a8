#include "code/tree_heap.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "precis.h"

enum { PAGE_BYTES = 1 << 18, SMALL = 512, GRAIN = 16, CLASSES = 96 };

struct heap_page {
    struct heap_page *next;
    size_t size;
};

/* Before each piece; keeps it aligned as malloc would. */
union head {
    size_t room; /* bytes that the piece has */
    max_align_t align;
};

struct heap {
    struct heap_page *pages;
    char *at;             /* what is left of the newest page */
    size_t left;          /* bytes there */
    size_t taken;         /* bytes of all pages */
    size_t limit;         /* most of them */
    void *spare[CLASSES]; /* freed pieces by size, each beginning with the next one's address */
    bool over;            /* left for the limit, not for want of memory */
    jmp_buf out;
};

static _Thread_local struct heap *heap;

/* Sizes of pieces: multiples of 16 up to 512, then powers of two. */
static size_t class_of(size_t size, size_t *room) {
    if (size <= SMALL) {
        size_t k = size ? (size - 1) / GRAIN : 0;
        *room = (k + 1) * GRAIN;
        return k;
    }
    size_t k = SMALL / GRAIN;
    for (*room = 2 * (size_t)SMALL; *room < size; *room *= 2)
        k++;
    return k;
}

static void leave(bool over) {
    heap->over = over;
    longjmp(heap->out, 1);
}

static void *take(size_t room) {
    size_t need = sizeof(union head) + room;
    if (need > heap->left) {
        size_t size = need > PAGE_BYTES ? need : PAGE_BYTES;
        if (size > heap->limit - heap->taken)
            leave(true);
        struct heap_page *page = malloc(sizeof(union head) + size);
        if (!page)
            leave(false);
        *page = (struct heap_page){.next = heap->pages, .size = size};
        heap->pages = page;
        heap->taken += size;
        heap->at = (char *)page + sizeof(union head);
        heap->left = size;
    }
    union head *head = (union head *)(void *)heap->at;
    head->room = room;
    heap->at += need;
    heap->left -= need;
    return head + 1;
}

void *tree_heap_malloc(size_t size) {
    if (size > heap->limit)
        leave(true);
    size_t room;
    void **spare = &heap->spare[class_of(size, &room)];
    void *p = *spare;
    if (!p)
        return take(room);
    memcpy(spare, p, sizeof *spare);
    return p;
}

void *tree_heap_calloc(size_t n, size_t size) {
    if (size && n > SIZE_MAX / size)
        leave(true);
    return memset(tree_heap_malloc(n * size), 0, n * size);
}

void tree_heap_free(void *p) {
    if (!p)
        return;
    size_t room;
    void **spare = &heap->spare[class_of(((union head *)p - 1)->room, &room)];
    memcpy(p, spare, sizeof *spare);
    *spare = p;
}

void *tree_heap_realloc(void *p, size_t size) {
    if (!p)
        return tree_heap_malloc(size);
    size_t room = ((union head *)p - 1)->room;
    if (size <= room)
        return p;
    void *bigger = tree_heap_malloc(size);
    memcpy(bigger, p, room);
    tree_heap_free(p);
    return bigger;
}

/* What setjmp returns to lies in the caller's frame, so that nothing of it is in a register. */
static bool guarded(struct heap *own, void (*work)(void *user), void *user) {
    if (setjmp(own->out))
        return false;
    work(user);
    return true;
}

int tree_heap_run(size_t limit, void (*work)(void *user), void *user) {
    struct heap own = {.limit = limit};
    heap = &own;
    bool whole = guarded(&own, work, user);
    heap = NULL;
    while (own.pages) {
        struct heap_page *next = own.pages->next;
        free(own.pages);
        own.pages = next;
    }
    if (whole)
        return 0;
    return own.over ? PRECIS_ELIMIT : PRECIS_ENOMEM;
}

/* The memory of one run of tree-sitter, which knows no failed allocation: it aborts. So it
 * allocates here, where running out leaves the run by longjmp, and all that it had is freed at
 * once. */
#ifndef PRECIS_CODE_TREE_HEAP_H
#define PRECIS_CODE_TREE_HEAP_H

#include <stddef.h>

/* The functions that tree-sitter is told to use. They serve the heap of the thread's tree_heap_run
 * and must not be called outside of it. */
void *tree_heap_malloc(size_t size);
void *tree_heap_calloc(size_t n, size_t size);
void *tree_heap_realloc(void *p, size_t size);
void tree_heap_free(void *p);

/* Calls work(user), whose tree-sitter calls take at most `limit` bytes together, then frees all
 * that they took: nothing of tree-sitter outlives it. Errors: PRECIS_ELIMIT, PRECIS_ENOMEM; then
 * work was left at any of those calls, so what it keeps must lie in *user. */
int tree_heap_run(size_t limit, void (*work)(void *user), void *user);

#endif

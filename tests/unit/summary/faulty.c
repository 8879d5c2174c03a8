#include "faulty.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static bool active, failed;
static size_t left;

void faulty_begin(size_t successes) {
    active = true;
    failed = false;
    left = successes;
}

bool faulty_end(void) {
    active = false;
    return failed;
}

static bool fails(void) {
    if (!active)
        return false;
    if (left) {
        left--;
        return false;
    }
    return failed = true;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = __wrap_malloc(n);
    return copy ? memcpy(copy, s, n) : NULL;
}

void *faulty_malloc(size_t size) {
    return __wrap_malloc(size);
}

#include "fault.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fault {
    atomic_long calls, first, last; /* calls first .. last fail */
    _Atomic(const char *) failed;
};

struct fault fault_memory = {.first = LONG_MAX}, fault_threads = {.first = LONG_MAX};
int fault_error = ENOMEM;

FAULT_WRAP(&fault_memory, void *, malloc, (size_t size), (size), NULL)
FAULT_WRAP(&fault_memory, void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(&fault_memory, void *, realloc, (void *p, size_t size), (p, size), NULL)
FAULT_WRAP(&fault_memory, void *, aligned_alloc, (size_t to, size_t size), (to, size), NULL)
FAULT_WRAP(&fault_memory, char *, strdup, (const char *s), (s), NULL)
FAULT_WRAP(&fault_memory, char *, strndup, (const char *s, size_t n), (s, n), NULL)
FAULT_WRAP(&fault_threads, int, pthread_create,
           (pthread_t * t, const pthread_attr_t *a, void *(*run)(void *), void *user),
           (t, a, run, user), EAGAIN)

bool fault_due(struct fault *f, const char *call) {
    long n = atomic_fetch_add(&f->calls, 1);
    bool due = n >= atomic_load(&f->first) && n <= atomic_load(&f->last);
    if (due) {
        atomic_store(&f->failed, call);
        errno = fault_error;
    }
    return due;
}

void fault_begin(struct fault *f, long n, enum fault_kind kind) {
    if (n > 20000)
        fail_msg("there is no end to it");
    atomic_store(&f->failed, NULL);
    atomic_store(&f->last, kind == FAULT_LASTING ? LONG_MAX - 1 : n);
    atomic_store(&f->calls, 0);
    atomic_store(&f->first, n);
}

const char *fault_end(struct fault *f) {
    atomic_store(&f->first, LONG_MAX);
    return atomic_load(&f->failed);
}

bool fault_reported(struct fault *f, int rc, const struct err *e) {
    long n = atomic_load(&f->first);
    const char *call = fault_end(f);
    if (call ? rc != PRECIS_ENOMEM || e->code != rc || !e->text[0] : rc != 0)
        fail_msg("call %ld (%s): %d: %s", n, call ? call : "none", rc, e->text);
    return call != NULL;
}

long fault_each(struct fault *f, enum fault_kind kind, int (*once)(void *user, struct err *e),
                void *user) {
    for (long n = 0;; n++) {
        struct err e = {0};
        fault_begin(f, n, kind);
        int rc = once(user, &e);
        if (fault_reported(f, rc, &e))
            continue;
        assert_int_not_equal(n, 0);
        return n;
    }
}

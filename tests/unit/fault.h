/* Calls that fail when a test says so. Link with fault_dep (tests/meson.build): the linker then
 * routes malloc, calloc, realloc, aligned_alloc, strdup, strndup and pthread_create of the program
 * and of libprecis here, those of shared libraries not. Until a test breaks them they all work.
 *
 *   fault_begin(&fault_memory, n, FAULT_ONCE);
 *   int rc = ...
 *   bool failed = fault_end(&fault_memory);
 *
 * Calls are counted from fault_begin on, over all threads. */
#ifndef PRECIS_TESTS_FAULT_H
#define PRECIS_TESTS_FAULT_H

#include <stdbool.h>

#include "base/err.h"

struct fault;
extern struct fault fault_memory, fault_threads; /* allocations; pthread_create (EAGAIN) */
extern int fault_error;                          /* errno of a call that fails; at first ENOMEM */

/* Only that call fails, or all after it too. */
enum fault_kind { FAULT_ONCE, FAULT_LASTING };

/* Call n (the first is 0) is to fail. Beyond 20000 the test fails: a loop has no end. */
void fault_begin(struct fault *f, long n, enum fault_kind kind);
/* No call fails any more. The name of the last one that did, or NULL. */
const char *fault_end(struct fault *f);

/* fault_end. The test fails unless rc is 0 and nothing failed, or rc is PRECIS_ENOMEM, something
 * failed and e has that code and a text. Returns whether something failed. */
bool fault_reported(struct fault *f, int rc, const struct err *e);
/* Calls `once` with call 0 failing, then call 1, ... until it has none that fails; fault_reported
 * holds for each. Returns the number of calls that it has, at least 1. `once` frees
 * what it makes. */
long fault_each(struct fault *f, enum fault_kind kind, int (*once)(void *user, struct err *e),
                void *user);

/* For other functions that a test wraps: counts a call; whether it is to fail, with errno set. */
bool fault_due(struct fault *f, const char *call);

/* Defines __wrap_NAME, which gives `on_failure` when it is due and else what NAME gives. Link with
 * --wrap=NAME. */
#define FAULT_WRAP(fault, type, name, parameters, arguments, on_failure)                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        return fault_due(fault, #name) ? (on_failure) : __real_##name arguments;                   \
    }

#endif

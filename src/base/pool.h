/* The only place that makes threads, and the clock they are timed with. */
#ifndef PRECIS_BASE_POOL_H
#define PRECIS_BASE_POOL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pool;

/* Starts n threads, each running work(user, index) once with index 0..n-1. All signals are blocked
 * in them, so that the starter's thread takes them. When one cannot be started (PRECIS_ENOMEM),
 * *pool holds those that were (NULL: none): the caller tells them to end and joins them. */
int pool_start(struct pool **pool, int n, void (*work)(void *user, int index), void *user,
               struct err *e);
/* Names the calling thread "WHAT INDEX" for ps -L, top -H, perf and debuggers; at most 15 bytes. */
void pool_name_thread(const char *what, int index);
void pool_join(struct pool *pool); /* waits for all and frees; NULL is fine */

/* Where threads say whether they could start, and their starter waits for it. */
struct start_gate {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int n;
    struct err first; /* the first failure; code 0: none */
};

void start_gate_init(struct start_gate *g);
void start_gate_free(struct start_gate *g); /* when no thread uses it any more */
/* A thread's own word: rc 0, or a failure with what *e says. */
void start_gate_say(struct start_gate *g, int rc, const struct err *e);
/* Waits until n threads have said theirs. Returns the first failure, or 0. */
int start_gate_wait(struct start_gate *g, int n, struct err *e);

/* The numbers 0 .. n - 1 of pieces of work, which threads take in turn. */
struct pool_items;
int pool_next(struct pool_items *items); /* -1: none is left, or a thread failed */

/* Runs work(user, items, &err) once in each of the threads and waits for them; each calls pool_next
 * for its items. A thread's failure ends the others at their next item. Returns the first failure,
 * or 0. */
int pool_run(int threads, int n, int (*work)(void *user, struct pool_items *items, struct err *e),
             void *user, struct err *e);

/* Processors this process may use: its affinity mask, less what a cgroup quota forbids. At least 1.
 */
int pool_cores(void);

double clock_seconds(void); /* monotonic */
/* Processor time of the calling thread: it stands still while another one has its core. */
double clock_thread_seconds(void);

/* A condition variable whose waits may end at a time of clock_seconds. */
void clock_cond_init(pthread_cond_t *c);
/* As pthread_cond_timedwait: 0, or ETIMEDOUT. */
int clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, double until);

/* Bytes of memory resident in this process now, and the most so far; 0 when unknown. */
size_t memory_resident(void);
size_t memory_peak(void);

/* For programs, before there are threads: glibc gives each thread an arena of its own, where what
 * one thread allocates and another one frees leaves gaps; over a long run these grow. From here on
 * all threads have one. No effect with another C library. */
void memory_share_arena(void);

#endif

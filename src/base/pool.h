/* The only place that makes threads, and the clock they are timed with. */
#ifndef PRECIS_BASE_POOL_H
#define PRECIS_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pool;

/* Starts n threads, each running work(user, index) once with index 0..n-1. All signals are blocked
 * in them, so that the starter's thread takes them. When one cannot be started (PRECIS_ENOMEM),
 * *pool holds those that were (NULL: none): the caller tells them to end and joins them. */
int pool_start(struct pool **pool, int n, void (*work)(void *user, int index), void *user,
               struct err *e);
void pool_join(struct pool *pool); /* waits for all and frees; NULL is fine */

/* Processors this process may use: its affinity mask, less what a cgroup quota forbids. At least 1.
 */
int pool_cores(void);

double clock_seconds(void); /* monotonic */
/* Processor time of the calling thread: it stands still while another one has its core. */
double clock_thread_seconds(void);

/* Bytes of memory resident in this process now, and the most so far; 0 when unknown. */
size_t memory_resident(void);
size_t memory_peak(void);

#endif

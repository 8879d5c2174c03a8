/* A bounded first-in first-out queue of pointers between threads: the arrows of the pipeline. */
#ifndef PRECIS_BASE_QUEUE_H
#define PRECIS_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct queue;

int queue_new(struct queue **q, size_t capacity, struct err *e);
void queue_free(struct queue *q); /* does not free what is still in it; NULL is fine */
bool queue_push(struct queue *q,
                void *item); /* waits for room; false (item not taken) once closed */
/* The next item. Waits up to seconds (negative: for ever). NULL: closed and empty, or time is up.
 */
void *queue_pop(struct queue *q, double seconds);
void queue_close(struct queue *q);    /* wakes everyone; what is in it can still be popped */
bool queue_finished(struct queue *q); /* closed and empty */

#endif

/* The unfinished jobs of an engine: those that wait for a lane, in order of submission, and all of
 * them by ticket. What an engine's lanes share is guarded by the same lock. */
#ifndef PRECIS_ENGINE_JOBS_H
#define PRECIS_ENGINE_JOBS_H

#include <pthread.h>

#include "engine/sequence.h"

struct jobs {
    pthread_mutex_t lock; /* over all of it */
    pthread_cond_t room;  /* one fewer waits */
    pthread_cond_t calm;  /* none waits or runs; nobody is entering any more */
    struct sequence *first, **end;
    struct sequence *live; /* waiting or running */
    int waiting, running, most_running;
    int entering;     /* threads in jobs_enter */
    uint64_t tickets; /* given so far */
    bool closing;     /* nothing comes in any more */
};

void jobs_init(struct jobs *j);
void jobs_free(struct jobs *j); /* all are over */

/* Adds s, once fewer than `most` wait. On 0 the lock is held: the caller wakes a lane and lets go.
 * PRECIS_ECANCELLED when the engine closes: s is freed then, and the lock not held. */
int jobs_enter(struct jobs *j, int most, struct sequence *s, uint64_t *ticket, struct err *e);

/* The rest with the lock held. */

/* Who is next, as the place that points to it: cancelled ones only have to be reported; the oldest
 * once `most_passed` others went before it; else the longest prompt, so that short ones are left to
 * fill the lanes at the end. The place of NULL when none waits. */
struct sequence **jobs_choose(struct jobs *j, int most_passed);
void jobs_start(struct jobs *j, struct sequence **at); /* it waits no more: it runs */
/* One that ran is over and reported: no ticket finds it any more; the caller frees it. */
void jobs_finish(struct jobs *j, struct sequence *s);
void jobs_cancel(struct jobs *j, uint64_t ticket); /* 0: all */
void jobs_drain(struct jobs *j);                   /* waits until none waits or runs */

/* From here on nothing comes in, and what is there is cancelled. */
void jobs_close(struct jobs *j);
void jobs_leave(struct jobs *j); /* waits until nobody is entering */
/* Reports and frees what no lane took. Without the lock, when there are no lanes any more. */
void jobs_report_waiting(struct jobs *j);

#endif

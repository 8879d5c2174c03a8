/* The run as its threads see it: what the reading thread and the caller's thread share, and how. */
#ifndef PRECIS_SUMMARY_PRODUCE_H
#define PRECIS_SUMMARY_PRODUCE_H

#include <pthread.h>

#include "base/queue.h"
#include "summary/plan.h"
#include "summary/prompt.h"
#include "summary/rollup.h"
#include "summary/run.h"
#include "summary/task.h"

/* Guarded by its lock. `changed` waits by the monotonic clock. The reading thread may begin chunk i
 * only when i < allowed, so the chunks that wait for their turn in the output never take more than
 * a window of memory. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t allowed;
    size_t started;     /* tasks that are or were on their way to `finished`, each attempt once */
    struct task *again; /* to be tried again, by the time when they are due */
    struct breaker breaker;
    struct task **asked; /* [window] tasks in the engine, in the place index % window */
    bool stop;           /* set by the caller's thread: begin nothing more */
    bool ended;          /* set by the reading thread: it will begin nothing more */
    double first_submit; /* clock_seconds; 0: nothing yet */
    struct err fatal;    /* of the reading thread */
    struct engine *en;   /* borrowed; NULL: not opened yet */
};

struct run {
    struct run_options options;
    struct run_tools tools; /* of the thread that opens them */
    int opened;             /* parts */
    struct prompt_options asking;
    struct prompt prompt; /* until the model is open: as prompt_describe has it */
    struct plan plan;
    struct rollup *rollup;       /* NULL: none are wanted */
    struct prompt rollup_prompt; /* where chunks have one of the user's; zeroed: the same */
    int max_sequences;
    size_t window;
    struct queue *finished; /* of struct task *; has room for all that can be under way */
    struct gate gate;

    bool stuck; /* of the reading thread: what makes lines cannot be opened */

    /* of the caller's thread alone */
    struct task *
        *slots;      /* [window]: finished, in the place index % window, waiting for their turn */
    size_t oldest;   /* the next chunk to deliver */
    size_t received; /* tasks popped from finished */
    struct run_stats stats;
    size_t cap_latencies;
    uint64_t *seen; /* hashes of lines: open addressing, 0 is free */
    size_t cap_seen;
    bool executed;
    struct pool *pool; /* of the reading thread */
};

/* Opens the parts up to this one that are not open yet: the reading thread while it runs, after it
 * the caller's. Errors: run_lazy.open's, prompt_open's. */
int run_need(struct run *r, enum run_part part, struct err *e);

/* The reading thread: begins all chunks and second attempts, until the gate says stop. */
void produce(void *user, int index);

#endif

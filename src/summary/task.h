/* One chunk on its way: from its prompt to its line. Made by the thread that reads, handed to a
 * lane by engine_submit, handed on to the caller's thread through the queue of finished ones; never
 * shared. */
#ifndef PRECIS_SUMMARY_TASK_H
#define PRECIS_SUMMARY_TASK_H

#include "base/queue.h"
#include "engine/engine.h"
#include "summary/plan.h"
#include "summary/prompt.h"
#include "summary/run.h"
#include "summary/summary.h"

struct task {
    const struct prompt *prompt; /* borrowed, with the tokenizer */
    struct queue *finished;      /* where it goes when a lane is done with it; never full */
    size_t index;                /* of the chunk in the run */
    const struct plan_file *file;
    uint64_t start_line, end_line, key;
    char sha256[HASH_HEX_SIZE], context_sha256[HASH_HEX_SIZE]; /* as in struct summary */
    struct ids ids; /* of the prompt; empty when it never reached the engine */
    bool cut;
    int attempt; /* 0, then 1 for the second try */

    int enough_chars;   /* a sentence longer than this many characters is not waited for */
    struct detok detok; /* while it runs: on the lane */
    struct buf text;
    bool nouns;       /* it may begin with a noun: a symbol may be a thing */
    bool constrained; /* the answer is one whole line by construction */
    struct constrained constraint;

    enum engine_finish finish; /* of the last attempt */
    struct err err;            /* why there is no line; code 0 while there is none to give */
    struct ids answer;
    float *logprobs;              /* [answer.n]; owned */
    size_t tokens_in, tokens_out; /* of all attempts */
    double seconds;

    struct buf line; /* once it is clean */
    double confidence;
    bool known; /* it was made by an earlier run */
    char source[KNOWN_SOURCE_SIZE];
    struct task *next; /* in the list of those to try again */
};

void task_free(struct task *t); /* NULL is fine */

/* Marks a task as failed for the reason in e. */
void task_fail(struct task *t, const struct err *e);

/* Whether the task needs no engine: it has failed, or an earlier run made its line (t->known). Sets
 * context_sha256: of the prompt's ids and what else decides over the answer. */
bool task_is_over(struct task *t, const struct run_options *options);

/* Hands the task's prompt to the engine, which calls back until the task is in t->finished. The
 * second attempt draws at temperature 0.7 with a seed of its own. Waits while the engine's queue is
 * full. When the engine refuses, the task is in t->finished already. */
void task_submit(struct task *t, struct engine *en, const struct run_options *options);

/* Scores the answer and cleans it, where it was not constrained, into line and confidence. 0;
 * PRECIS_ENOTFOUND with the reason: nothing usable; PRECIS_ENOMEM. */
int task_clean(struct task *t, int max_chars, struct err *e);

#endif

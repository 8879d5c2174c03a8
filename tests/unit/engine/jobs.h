/* Jobs of the engine's tests: what comes of them is kept, and compared bit for bit. A test that
 * wants more puts a struct outcome first into one of its own. All here fail the test when something
 * does not go as it should. */
#ifndef PRECIS_TESTS_JOBS_H
#define PRECIS_TESTS_JOBS_H

#include "engine/engine.h"

enum { OUTCOME_MOST_NEW = 48 };

/* Zeroed but for what a test sets. */
struct outcome {
    /* Of on_done: its calls and the result. */
    int called;
    enum engine_finish finish;
    struct err err;
    size_t n;
    uint32_t ids[OUTCOME_MOST_NEW];
    float logprobs[OUTCOME_MOST_NEW];
    /* Of on_token: how many so far; the test may set after how many to stop. */
    size_t streamed, stop_after;
    /* Of on_logits: how many rows so far and a hash of them. The test sets the row's length and the
     * first position. */
    size_t vocab, next, n_scored;
    uint64_t scores;
    /* Of on_hidden: its calls and the shape; the test may give room for [rows, width] f32. */
    int hidden;
    size_t rows, width;
    float *states;
};

/* Callbacks whose user is the outcome. */
int outcome_on_token(void *user, const struct engine_token *t);
void outcome_on_logits(void *user, size_t position, const float *logits);
void outcome_on_hidden(void *user, const float *states, size_t n, size_t width);
void outcome_on_done(void *user, const struct engine_result *r);

/* `got` ended once, and has all that `want` has. */
void outcome_same(int job, const struct outcome *got, const struct outcome *want);

/* False, and says why: this machine lacks the class of instruction sets that PRECIS_ISA names. Then
 * main returns 77. */
bool jobs_can_run(void);

struct engine *jobs_open(const char *model, struct engine_options o);
uint64_t jobs_submit(struct engine *en, const struct engine_job *job); /* the ticket */
void jobs_fill(uint32_t *ids, size_t n, size_t vocab, uint64_t seed);  /* with random ids */

/* The precisions that this class of instruction sets computes the model in; with PRECIS_TEST_SHORT
 * set (sanitizers), int8 alone. Returns how many, at least one. */
int jobs_precisions(const char *model, enum precision out[3]);
/* The memory limit that leaves so many pages for keys and values. */
size_t jobs_limit_of(const char *model, struct engine_options o, size_t pages);

/* An engine of one lane and one sequence, which is closed while a job holds its lane, one is in the
 * queue, and a third waits to be taken: that one is refused. */
void jobs_closing_wakes_submit(struct engine *en);

#endif

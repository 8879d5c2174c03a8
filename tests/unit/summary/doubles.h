/* Test doubles, for tests of the pipeline alone: a tokenizer whose tokens are bytes, a chat format
 * that is easy to read, and an engine that says what a script tells it to, on threads of its own,
 * finishing jobs in a random order. They define the symbols of text/ and engine/ for the test
 * program. */
#ifndef PRECIS_TESTS_SUMMARY_DOUBLES_H
#define PRECIS_TESTS_SUMMARY_DOUBLES_H

#include "engine/engine.h"

enum { DOUBLE_SPECIAL = 256, DOUBLE_STOP = 257 }; /* ids; 0..255 are bytes */

/* What the engine answers to a prompt. Filled by the script on a lane. */
struct double_answer {
    char text[512];
    enum engine_finish finish; /* FINISH_FAILED: err says why */
    struct err err;
};
typedef void double_script(void *user, const struct engine_job *job, const char *prompt,
                           struct double_answer *out);

struct double_options {
    int lanes, max_sequences, queue; /* queue: jobs that wait at most */
    size_t context;
    double_script *script;
    void *user;
    const _Atomic double *oldest_step; /* what engine_get_stats says; NULL: 0 */
    const char *hold; /* a job whose prompt holds this text is done last, when no other is left */
};
struct engine *double_engine_open(const struct double_options *o);
size_t double_engine_jobs(struct engine *en); /* submitted so far */

/* The tokenizer and the format have no state: any pointer will do. */
#define DOUBLE_TOK ((const struct tok *)"tok")
#define DOUBLE_CHAT ((const struct chat *)"chat")

#endif

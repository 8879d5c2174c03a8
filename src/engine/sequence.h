/* A job in the native engine, from submission to its result. */
#ifndef PRECIS_ENGINE_SEQUENCE_H
#define PRECIS_ENGINE_SEQUENCE_H

#include <stdatomic.h>

#include "engine/answers.h"
#include "engine/beam.h"

struct sequence {
    struct sequence *next;       /* in the waiting queue */
    struct sequence *live, **at; /* among all unfinished ones */
    struct engine_job job;       /* ids: the copy below */
    uint64_t ticket;
    struct sampling sampling, more; /* complete */
    struct rng rng;
    uint32_t *ids; /* [n_prompt + max_new] */
    size_t n_prompt, max_new, n_generated;
    uint32_t *source; /* [n_source] sequence-to-sequence: what the encoder reads; NULL: none */
    size_t n_source;
    size_t near;     /* tokens up to which it is rotated as a short one; SIZE_MAX: any number */
    bool far;        /* it has more than that */
    float *logprobs; /* [max_new] */
    struct kv_seq kv;
    size_t reserved; /* pages */
    int passed;      /* younger ones that were admitted before it */
    /* Once its prompt is read, one of them may take over the KV. */
    struct beams *beams;
    struct answers *answers;
    atomic_bool cancelled;
    bool done;
    enum engine_finish finish;
    struct err err;
    double submitted, started;
    int step_rows; /* in the step that its lane builds or runs */
    double spent;  /* seconds of its lane's time */
};

/* What choosing needs, from the lane. */
struct decoder_tools {
    struct chooser *chooser;
    const struct kernel *kernel;
    struct kv_pool *pool;
    size_t vocab;
};

int sequence_new(const struct engine_job *job, uint64_t ticket, size_t context,
                 struct sequence **out, struct err *e);
void sequence_free(struct sequence *s, struct kv_pool *pool);

/* Tokens that the job came with. */
static inline size_t sequence_length(const struct sequence *s) {
    return s->source ? s->n_source : s->n_prompt;
}

size_t sequence_pages(const struct sequence *s); /* the most it will hold */
/* Tokens at the start of the prompt that need not be computed here if others did. */
size_t sequence_skippable(const struct sequence *s);
/* Publishes what is computed of the prompt, for others that begin the same. */
void sequence_publish(struct sequence *s, struct kv_pool *pool);

/* Before anything else: sequences of up to `tokens` are rotated as short ones; 0: all are. */
void sequence_set_near(struct sequence *s, size_t tokens);
/* Where its next tokens make it a long sequence, drops its KV: all of it is to be fed anew, rotated
 * as a long one (transformers does the same while it generates). */
void sequence_turn(struct sequence *s, struct kv_pool *pool);

/* Whether branches have the KV; then each of them, 0 .. sequence_branches - 1. */
static inline bool sequence_forked(const struct sequence *s) {
    return s->beams || s->answers;
}
struct branch *sequence_branch(const struct sequence *s, int i);
/* The branches that have tokens to feed: 1, or the running beams or answers. */
int sequence_branches(const struct sequence *s);
/* The KV of a branch, its next tokens and how many are left to feed. */
struct kv_seq *sequence_pending(struct sequence *s, int branch, const uint32_t **ids, size_t *n);

/* Are the logits after this position needed? */
bool sequence_wants(const struct sequence *s, size_t position);
/* The logits after a position of a branch: tells the job, chooses tokens, ends the sequence. */
void sequence_logits(struct sequence *s, const struct decoder_tools *t, int branch, size_t position,
                     const float *logits);
/* Ends it, unless it has ended. err NULL: none. */
void sequence_end(struct sequence *s, enum engine_finish finish, const struct err *err);
/* Adds to what it has had of its lane's time, and ends it when that is more than its limit. */
void sequence_spend(struct sequence *s, double seconds);
/* Ends it when everything was fed and nothing is to be generated. */
void sequence_settle(struct sequence *s);
size_t sequence_generated(const struct sequence *s); /* tokens, of all answers that ended */
void sequence_report(const struct sequence *s);      /* calls on_done */

#endif

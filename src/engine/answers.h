/* Several answers to one prompt, each sampled by itself, with a random state of its own. What they
 * have in common is computed once: the prompt, and as long as some of them have the same tokens
 * they are one group, which is one branch; its KV is forked where they part. All of a step's
 * branches have as many tokens. */
#ifndef PRECIS_ENGINE_ANSWERS_H
#define PRECIS_ENGINE_ANSWERS_H

#include "engine/beam.h"

struct answers;

/* job->n_more >= 1. `first` samples answer 0, more the others; both are complete. prompt, first and
 * more: borrowed until answers_free; the first branch takes kv over (kv is zeroed). */
int answers_new(const struct engine_job *job, const struct sampling *first,
                const struct sampling *more, const uint32_t *prompt, size_t n_prompt,
                size_t max_new, struct kv_seq *kv, struct answers **out, struct err *e);
void answers_free(struct answers *a, struct kv_pool *pool);

int answers_running(const struct answers *a); /* branches */
struct branch *answers_branch(struct answers *a, int i);

/* The logits ([vocab]) of running branch i, in order; after those of the last one the branches are
 * those of the next step, and *over says whether none is left. */
int answers_logits(struct answers *a, struct chooser *chooser, const struct kernel *k,
                   struct kv_pool *pool, int i, const float *logits, bool *over, struct err *e);

/* Answer 0 is the job's own; the rest are further ones. Borrowed. */
const struct engine_answer *answers_get(const struct answers *a, int number);
int answers_count(const struct answers *a);

#endif

/* Choosing the next token: transformers' logits processors and warpers, in its order. */
#ifndef PRECIS_ENGINE_SAMPLE_H
#define PRECIS_ENGINE_SAMPLE_H

#include "base/rng.h"
#include "engine/constraint.h"
#include "engine/engine.h"
#include "kernel/kernel.h"

/* Fills in the defaults of zeroed fields. */
struct sampling sampling_complete(const struct sampling *s);

/* Scratch for choosing among `vocab` logits. */
struct chooser;
int chooser_new(size_t vocab, struct chooser **out, struct err *e);
void chooser_free(struct chooser *c);
size_t chooser_bytes(size_t vocab);

/* The n largest of x, best first; equal values by lower index. out has room for n <= len. */
void top_of(const float *x, size_t len, size_t n, struct engine_candidate *out);

/* Applies the repetition penalty and the n-gram guard to scores ([vocab], in place), given the
 * sequence so far (prompt and generated). seen: [vocab] bytes, zeroed, and zeroed again on return.
 */
void penalise(const struct sampling *s, const uint32_t *ids, size_t n, float *scores,
              uint8_t *seen);

struct choice {
    uint32_t id;
    float logprob; /* of the raw distribution */
    int n_top;
    struct engine_candidate top[ENGINE_MAX_TOP]; /* log-probabilities of the raw distribution */
};

/* One token from logits ([vocab]). s is complete and is not SAMPLE_BEAM. constraint: its `at` has
 * the ids (the rest is filled in here); NULL: none. Errors: PRECIS_EINPUT when the logits are not
 * numbers, or the constraint leaves no token. */
int choose(struct chooser *c, const struct kernel *k, const struct sampling *s,
           struct constraint *constraint, struct rng *rng, const uint32_t *ids, size_t n,
           const float *logits, int top, struct choice *out, struct err *e);

#endif

/* Beam search over one prompt, step for step as transformers' generate(num_beams,
 * early_stopping=False): K = max(2, 1 + stop ids) x beams candidates, of which those that end may
 * only finish from among the first `beams`; finished scores are divided by length ^ penalty; the
 * search ends when the best running score cannot beat the worst of a full set of finished ones. */
#ifndef PRECIS_ENGINE_BEAM_H
#define PRECIS_ENGINE_BEAM_H

#include "engine/kv.h"
#include "engine/sample.h"

struct branch {
    struct kv_seq kv;
    uint32_t *ids;   /* [max_new] generated */
    float *logprobs; /* [max_new] raw */
    size_t n;
    float score;
    int parent; /* the branch it continues, as they were numbered before the last advance */
};

/* Room for max_new tokens; zeroed but for that. branch_free: pool NULL: it has no KV. */
bool branch_alloc(struct branch *b, size_t max_new);
void branch_free(struct branch *b, struct kv_pool *pool);

struct beams;

/* prompt: borrowed until beams_free; the first branch takes kv over (kv is zeroed). */
int beams_new(const struct engine_job *job, const struct sampling *complete, const uint32_t *prompt,
              size_t n_prompt, size_t max_new, size_t vocab, struct kv_seq *kv, struct beams **out,
              struct err *e);
void beams_free(struct beams *b, struct kv_pool *pool);

int beams_running(const struct beams *b);
struct branch *beams_branch(struct beams *b, int i);

/* Logits ([vocab]) of branch i; once all branches had theirs, beams_advance chooses the next ones.
 */
int beams_logits(struct beams *b, const struct kernel *k, int i, const float *logits,
                 struct err *e);
int beams_advance(struct beams *b, struct kv_pool *pool, bool *finished, struct err *e);
/* The winner; *stopped: by a stop id, else by length. Borrowed. */
const struct branch *beams_best(const struct beams *b, bool *stopped);

#endif

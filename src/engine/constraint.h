/* A job's own say in what comes next (engine_job.on_scores), asked about as few tokens as settle
 * the choice: a score is only ever lowered, so the best of what is left is found from the likeliest
 * tokens down. */
#ifndef PRECIS_ENGINE_CONSTRAINT_H
#define PRECIS_ENGINE_CONSTRAINT_H

#include "engine/engine.h"

/* At one place of one sequence or branch. */
struct constraint {
    void (*on_scores)(void *user, const struct engine_scores *at, struct engine_candidate *c,
                      size_t n);
    void *user;
    struct engine_scores at;
};

/* The best n of the scores ([vocab], finite or -INFINITY) once the constraint has lowered them,
 * best first, equal ones by lower id; fewer where fewer are possible. out has room for [vocab]. The
 * same as lowering all of them and sorting, but that those more than `reach` below the best one may
 * be missing (INFINITY: none is). */
size_t constraint_top(const struct constraint *c, const float *scores, size_t vocab, size_t n,
                      float reach, struct engine_candidate *out);

/* For drawing: lowers the scores in place that are within `reach` of the best one possible; those
 * further down become -INFINITY unasked. False: none is possible any more. room: [vocab]. */
bool constraint_all(const struct constraint *c, float *scores, size_t vocab, float reach,
                    struct engine_candidate *room);

/* Whether the token with the highest score stays as it is: then it is the choice. */
bool constraint_keeps(const struct constraint *c, uint32_t id, float score);

/* Where none is possible. Returns PRECIS_EINPUT. */
int constraint_nothing(const struct constraint *c, struct err *e);

#endif

#include "engine/constraint.h"

#include <math.h>
#include <stdlib.h>

#include "engine/sample.h"

enum { FIRST = 16, MORE = 16 };

/* Asks about n candidates; no score rises, whatever the answer. */
static void ask(const struct constraint *c, const float *scores, struct engine_candidate *v,
                size_t n) {
    c->on_scores(c->user, &c->at, v, n);
    for (size_t i = 0; i < n; i++)
        if (!(v[i].logprob <= scores[v[i].id]))
            v[i].logprob = scores[v[i].id];
}

static int best_first(const void *x, const void *y) {
    const struct engine_candidate *a = x, *b = y;
    if (a->logprob != b->logprob)
        return a->logprob > b->logprob ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

size_t constraint_top(const struct constraint *c, const float *scores, size_t vocab, size_t n,
                      float reach, struct engine_candidate *out) {
    if (n > vocab)
        n = vocab;
    for (size_t m = 4 * n > FIRST ? 4 * n : FIRST;; m *= MORE) {
        bool all = m >= vocab;
        if (all)
            m = vocab;
        for (size_t i = 0; all && i < m; i++)
            out[i] = (struct engine_candidate){(uint32_t)i, scores[i]};
        if (!all)
            top_of(scores, vocab, m, out);
        /* What was not asked about scores this at most; one that ties may have a lower id. */
        float rest = all ? -INFINITY : out[m - 1].logprob;
        ask(c, scores, out, m);
        size_t settled = 0;
        float best = -INFINITY;
        for (size_t i = 0; i < m; i++)
            if (out[i].logprob > rest) {
                best = fmaxf(best, out[i].logprob);
                out[settled++] = out[i];
            }
        if (settled < n && !all && !(rest < best - reach))
            continue;
        qsort(out, settled, sizeof *out, best_first);
        return settled < n ? settled : n;
    }
}

bool constraint_all(const struct constraint *c, float *scores, size_t vocab, float reach,
                    struct engine_candidate *room) {
    if (constraint_top(c, scores, vocab, 1, INFINITY, room) == 0)
        return false;
    float least = room[0].logprob - reach;
    size_t n = 0;
    for (size_t i = 0; i < vocab; i++)
        if (scores[i] >= least)
            room[n++] = (struct engine_candidate){(uint32_t)i, scores[i]};
        else
            scores[i] = -INFINITY;
    ask(c, scores, room, n);
    for (size_t i = 0; i < n; i++)
        scores[room[i].id] = room[i].logprob;
    return true;
}

bool constraint_keeps(const struct constraint *c, uint32_t id, float score) {
    struct engine_candidate one = {id, score};
    c->on_scores(c->user, &c->at, &one, 1);
    return one.logprob >= score && score > -INFINITY;
}

int constraint_nothing(const struct constraint *c, struct err *e) {
    return err_set(e, PRECIS_EINPUT, "the constraint leaves no token to follow %zu", c->at.n);
}

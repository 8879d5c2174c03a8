#include "engine/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct chooser {
    size_t vocab;
    uint8_t *seen;
    struct engine_candidate *sorted; /* [vocab] */
    float *scores;                   /* [vocab] the logits after penalties and temperature */
};

struct sampling sampling_complete(const struct sampling *s) {
    struct sampling c = *s;
    if (c.strategy == SAMPLE_NUCLEUS && c.top_p == 0)
        c.top_p = 0.9f;
    if (c.beams == 0)
        c.beams = 4;
    if (c.length_penalty == 0)
        c.length_penalty = 1;
    if (c.repetition_penalty == 0)
        c.repetition_penalty = 1;
    if (c.strategy == SAMPLE_BEAM && c.beams == 1)
        c.strategy = SAMPLE_GREEDY;
    /* Below this, logits that differ at all in f32 are worlds apart. */
    if (c.strategy != SAMPLE_BEAM && c.temperature < 1e-6f)
        c.strategy = SAMPLE_GREEDY;
    return c;
}

size_t chooser_bytes(size_t vocab) {
    return vocab * (1 + sizeof(struct engine_candidate) + sizeof(float));
}

int chooser_new(size_t vocab, struct chooser **out, struct err *e) {
    struct chooser *c = calloc(1, sizeof *c);
    *out = c;
    if (c) {
        c->vocab = vocab;
        c->seen = calloc(vocab, 1);
        c->sorted = malloc(vocab * sizeof *c->sorted);
        c->scores = malloc(vocab * sizeof *c->scores);
    }
    if (c && c->seen && c->sorted && c->scores)
        return 0;
    chooser_free(c);
    *out = NULL;
    return err_nomem(e, "sampling");
}

void chooser_free(struct chooser *c) {
    if (!c)
        return;
    free(c->seen);
    free(c->sorted);
    free(c->scores);
    free(c);
}

static bool better(struct engine_candidate a, struct engine_candidate b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

/* Restores the heap property below i: the worst of the n is at the root. */
static void sift(struct engine_candidate *h, size_t n, size_t i) {
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && better(h[child], h[child + 1]))
            child++;
        if (!better(h[i], h[child]))
            return;
        struct engine_candidate t = h[i];
        h[i] = h[child];
        h[child] = t;
    }
}

void top_of(const float *x, size_t len, size_t n, struct engine_candidate *out) {
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct engine_candidate){(uint32_t)i, x[i]};
    for (size_t i = n / 2; i-- > 0;)
        sift(out, n, i);
    for (size_t i = n; i < len; i++)
        if (x[i] > out[0].logprob) {
            out[0] = (struct engine_candidate){(uint32_t)i, x[i]};
            sift(out, n, 0);
        }
    for (size_t left = n; left > 1;) {
        struct engine_candidate worst = out[0];
        out[0] = out[--left];
        out[left] = worst;
        sift(out, left, 0);
    }
}

/* Bans every id that would complete an n-gram that is there already (Paulus et al. 2017). */
static void ban_ngrams(size_t size, const uint32_t *ids, size_t n, float *scores) {
    if (n + 1 < size)
        return;
    const uint32_t *tail = ids + n - (size - 1);
    for (size_t i = 0; i + size <= n; i++)
        if (memcmp(ids + i, tail, (size - 1) * sizeof *ids) == 0)
            scores[ids[i + size - 1]] = -INFINITY;
}

void penalise(const struct sampling *s, const uint32_t *ids, size_t n, float *scores,
              uint8_t *seen) {
    if (s->repetition_penalty != 1) { /* CTRL, Keskar et al. 2019 */
        for (size_t i = 0; i < n; i++) {
            uint32_t id = ids[i];
            if (seen[id])
                continue;
            seen[id] = 1;
            scores[id] = scores[id] < 0 ? scores[id] * s->repetition_penalty
                                        : scores[id] / s->repetition_penalty;
        }
        for (size_t i = 0; i < n; i++)
            seen[ids[i]] = 0;
    }
    if (s->no_repeat_ngram > 0)
        ban_ngrams((size_t)s->no_repeat_ngram, ids, n, scores);
}

/* Draws from weights exp(score - best) of n candidates, in their order. */
static uint32_t draw(struct rng *rng, const struct engine_candidate *c, size_t n, double best) {
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += exp((double)c[i].logprob - best);
    double at = rng_uniform(rng) * total;
    size_t last = 0; /* by rounding, the sum can fall short of the total */
    for (size_t i = 0; i < n; i++) {
        double weight = exp((double)c[i].logprob - best);
        if (weight > 0)
            last = i;
        at -= weight;
        if (at < 0)
            break;
    }
    return c[last].id;
}

/* How many of the sorted candidates the nucleus keeps: while the mass before one is below top_p.
 * *short_of: the mass was not reached within n. Holtzman et al. 2020. */
static size_t nucleus(const struct engine_candidate *c, size_t n, double best, double total,
                      double top_p, bool *short_of) {
    double before = 0;
    size_t keep = 0;
    while (keep < n && (keep == 0 || before < top_p * total))
        before += exp((double)c[keep++].logprob - best);
    *short_of = before < top_p * total;
    return keep;
}

/* Candidates sorted at first for a nucleus: all of them are seldom needed, and cost a sort. */
enum { NUCLEUS_FIRST = 1024 };

static uint32_t sample_nucleus(struct chooser *c, const struct sampling *s, struct rng *rng,
                               size_t k) {
    size_t have = k < NUCLEUS_FIRST ? k : NUCLEUS_FIRST;
    top_of(c->scores, c->vocab, have, c->sorted);
    double best = (double)c->sorted[0].logprob, total = 0;
    if (k < c->vocab && have < k)
        top_of(c->scores, c->vocab, have = k, c->sorted);
    for (size_t i = 0; i < k; i++)
        total += exp((double)(k < c->vocab ? c->sorted[i].logprob : c->scores[i]) - best);
    bool short_of;
    size_t keep = nucleus(c->sorted, have, best, total, (double)s->top_p, &short_of);
    if (short_of && have < k) {
        top_of(c->scores, c->vocab, k, c->sorted);
        keep = nucleus(c->sorted, k, best, total, (double)s->top_p, &short_of);
    }
    return draw(rng, c->sorted, keep, best);
}

static uint32_t sample(struct chooser *c, const struct sampling *s, struct rng *rng) {
    size_t vocab = c->vocab;
    for (size_t i = 0; i < vocab; i++)
        c->scores[i] /= s->temperature;
    size_t k = s->top_k > 0 && (size_t)s->top_k < vocab ? (size_t)s->top_k : vocab;
    if (s->strategy == SAMPLE_NUCLEUS)
        return sample_nucleus(c, s, rng, k);
    if (k < vocab) {
        top_of(c->scores, vocab, k, c->sorted);
        return draw(rng, c->sorted, k, (double)c->sorted[0].logprob);
    }
    double best = -INFINITY;
    for (size_t i = 0; i < vocab; i++) {
        c->sorted[i] = (struct engine_candidate){(uint32_t)i, c->scores[i]};
        best = fmax(best, (double)c->scores[i]);
    }
    return draw(rng, c->sorted, vocab, best);
}

/* Under a constraint, less likely ones than e^-24 of the best are not drawn: together they have
 * less than 0.00001 of the likelihood in a vocabulary of 200,000. */
static const float REACH = 24;
/* The same of drawing from the likeliest k, where few may come and the rest would be asked for. */
static const float REACH_TOP = 12;

/* The best token under the constraint; best: the one with the highest score. */
static int choose_best(struct chooser *c, const struct constraint *constraint, const float *scores,
                       size_t best, uint32_t *id, struct err *e) {
    *id = (uint32_t)best;
    if (!constraint || constraint_keeps(constraint, *id, scores[best]))
        return 0;
    if (constraint_top(constraint, scores, c->vocab, 1, INFINITY, c->sorted) == 0)
        return constraint_nothing(constraint, e);
    *id = c->sorted[0].id;
    return 0;
}

int choose(struct chooser *c, const struct kernel *k, const struct sampling *s,
           struct constraint *constraint, struct rng *rng, const uint32_t *ids, size_t n,
           const float *logits, int top, struct choice *out, struct err *e) {
    size_t best;
    double lse = k->logsumexp(logits, c->vocab, &best);
    if (!isfinite(lse))
        return err_set(e, PRECIS_EINPUT, "the model's output is not a number");
    size_t wanted = (size_t)top < c->vocab ? (size_t)top : c->vocab;
    top_of(logits, c->vocab, wanted, out->top);
    out->n_top = (int)wanted;
    for (size_t i = 0; i < wanted; i++)
        out->top[i].logprob = (float)((double)out->top[i].logprob - lse);
    if (constraint) {
        constraint->at.logits = logits;
        constraint->at.vocab = c->vocab;
        constraint->at.logsumexp = lse;
    }
    bool penalties = s->repetition_penalty != 1 || s->no_repeat_ngram > 0;
    bool greedy = s->strategy == SAMPLE_GREEDY;
    const float *scores = logits;
    if (penalties || !greedy) {
        memcpy(c->scores, logits, c->vocab * sizeof *logits);
        scores = c->scores;
    }
    if (penalties)
        penalise(s, ids, n, c->scores, c->seen);
    int rc = 0;
    if (greedy) {
        if (penalties)
            k->logsumexp(scores, c->vocab, &best);
        rc = choose_best(c, constraint, scores, best, &out->id, e);
    } else if (constraint && s->top_k > 0 && s->strategy == SAMPLE_TEMPERATURE) {
        size_t kept = constraint_top(constraint, c->scores, c->vocab, (size_t)s->top_k,
                                     REACH_TOP * s->temperature, c->sorted);
        if (kept == 0)
            return constraint_nothing(constraint, e);
        for (size_t i = 0; i < kept; i++)
            c->sorted[i].logprob /= s->temperature;
        out->id = draw(rng, c->sorted, kept, (double)c->sorted[0].logprob);
    } else {
        if (constraint &&
            !constraint_all(constraint, c->scores, c->vocab, REACH * s->temperature, c->sorted))
            return constraint_nothing(constraint, e);
        out->id = sample(c, s, rng);
    }
    if (rc == 0)
        out->logprob = (float)((double)logits[out->id] - lse);
    return rc;
}

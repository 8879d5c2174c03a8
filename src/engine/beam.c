#include "engine/beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct continuation {
    float score, logprob;
    int parent;
    uint32_t id;
};

struct finished {
    struct branch branch; /* without KV */
    bool stopped;
};

struct beams {
    struct sampling s;
    const uint32_t *stops;
    size_t n_stops;
    const uint32_t *prompt;
    size_t n_prompt, max_new, vocab, length;
    int width, keep; /* beams; candidates kept at each step */
    struct branch running[ENGINE_MAX_BEAMS], next[ENGINE_MAX_BEAMS];
    int n_running;
    struct finished finished[ENGINE_MAX_BEAMS + 1]; /* best first; one spare to insert into */
    int n_finished;
    struct continuation *candidates; /* [beams * keep] */
    int n_candidates;
    float *scores; /* [vocab] */
    uint8_t *seen; /* [vocab] */
    uint32_t *ids; /* [n_prompt + max_new] a branch's whole sequence, for the penalties */
    struct constraint constraint; /* on_scores NULL: none */
    struct engine_candidate *top; /* [keep], [vocab] with a constraint */
    bool improvable;
};

bool branch_alloc(struct branch *b, size_t max_new) {
    b->ids = malloc(max_new * sizeof *b->ids);
    b->logprobs = malloc(max_new * sizeof *b->logprobs);
    return b->ids && b->logprobs;
}

void branch_free(struct branch *b, struct kv_pool *pool) {
    if (pool)
        kv_drop(pool, &b->kv);
    free(b->ids);
    free(b->logprobs);
}

int beams_new(const struct engine_job *job, const struct sampling *complete, const uint32_t *prompt,
              size_t n_prompt, size_t max_new, size_t vocab, struct kv_seq *kv, struct beams **out,
              struct err *e) {
    struct beams *b = calloc(1, sizeof *b);
    *out = b;
    if (!b)
        return err_nomem(e, "beams");
    size_t per = job->n_stops + 1 > 2 ? job->n_stops + 1 : 2;
    b->s = *complete;
    b->stops = job->stops;
    b->n_stops = job->n_stops;
    b->prompt = prompt;
    b->n_prompt = n_prompt;
    b->max_new = max_new;
    b->vocab = vocab;
    b->constraint = (struct constraint){.on_scores = job->on_scores, .user = job->user};
    b->width = complete->beams;
    b->keep = (int)(per < vocab / (size_t)b->width ? per : vocab / (size_t)b->width) * b->width;
    b->improvable = true;
    b->n_running = 1;
    bool ok = b->keep > 0;
    for (int i = 0; i < b->width && ok; i++)
        ok = branch_alloc(&b->running[i], max_new) && branch_alloc(&b->next[i], max_new);
    for (int i = 0; i <= b->width && ok; i++)
        ok = branch_alloc(&b->finished[i].branch, max_new);
    b->candidates = malloc((size_t)(b->width * b->keep) * sizeof *b->candidates);
    b->scores = malloc(vocab * sizeof *b->scores);
    b->seen = calloc(vocab, 1);
    b->ids = malloc((n_prompt + max_new) * sizeof *b->ids);
    b->top = malloc((job->on_scores ? vocab : (size_t)b->keep) * sizeof *b->top);
    if (!ok || !b->candidates || !b->scores || !b->seen || !b->ids || !b->top) {
        beams_free(b, NULL);
        *out = NULL;
        return err_nomem(e, "beams");
    }
    memcpy(b->ids, prompt, n_prompt * sizeof *prompt);
    b->running[0].kv = *kv;
    *kv = (struct kv_seq){0};
    return 0;
}

void beams_free(struct beams *b, struct kv_pool *pool) {
    if (!b)
        return;
    for (int i = 0; i < ENGINE_MAX_BEAMS; i++) {
        branch_free(&b->running[i], pool);
        branch_free(&b->next[i], pool);
    }
    for (int i = 0; i <= ENGINE_MAX_BEAMS; i++)
        branch_free(&b->finished[i].branch, NULL);
    free(b->candidates);
    free(b->scores);
    free(b->seen);
    free(b->ids);
    free(b->top);
    free(b);
}

int beams_running(const struct beams *b) {
    return b->n_running;
}

struct branch *beams_branch(struct beams *b, int i) {
    return &b->running[i];
}

/* The best continuations of a branch into b->top; returns how many. */
static int best_of(struct beams *b, const struct branch *br, const float *logits, double lse) {
    if (!b->constraint.on_scores) {
        top_of(b->scores, b->vocab, (size_t)b->keep, b->top);
        return b->keep;
    }
    b->constraint.at = (struct engine_scores){
        .ids = br->ids, .n = br->n, .logits = logits, .vocab = b->vocab, .logsumexp = lse};
    return (int)constraint_top(&b->constraint, b->scores, b->vocab, (size_t)b->keep, INFINITY,
                               b->top);
}

int beams_logits(struct beams *b, const struct kernel *k, int i, const float *logits,
                 struct err *e) {
    const struct branch *br = &b->running[i];
    size_t best;
    double lse = k->logsumexp(logits, b->vocab, &best);
    if (!isfinite(lse))
        return err_set(e, PRECIS_EINPUT, "the model's output is not a number");
    for (size_t v = 0; v < b->vocab; v++)
        b->scores[v] = (float)((double)logits[v] - lse);
    memcpy(b->ids + b->n_prompt, br->ids, br->n * sizeof *b->ids);
    penalise(&b->s, b->ids, b->n_prompt + br->n, b->scores, b->seen);
    int n = best_of(b, br, logits, lse);
    if (i == 0)
        b->n_candidates = 0;
    for (int c = 0; c < n; c++)
        b->candidates[b->n_candidates++] = (struct continuation){
            .score = b->top[c].logprob + br->score,
            .logprob = (float)((double)logits[b->top[c].id] - lse),
            .parent = i,
            .id = b->top[c].id,
        };
    return 0;
}

static int by_score(const void *x, const void *y) {
    const struct continuation *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool is_stop(const struct beams *b, uint32_t id) {
    for (size_t i = 0; i < b->n_stops; i++)
        if (b->stops[i] == id)
            return true;
    return false;
}

/* to = the parent's tokens and one more. */
static void extend_tokens(struct branch *to, const struct branch *parent,
                          const struct continuation *c) {
    memcpy(to->ids, parent->ids, parent->n * sizeof *to->ids);
    memcpy(to->logprobs, parent->logprobs, parent->n * sizeof *to->logprobs);
    to->n = parent->n;
    to->ids[to->n] = c->id;
    to->logprobs[to->n++] = c->logprob;
    to->score = c->score;
    to->parent = c->parent;
}

/* Inserts by score, the worst falls off a full set. */
static void finish_branch(struct beams *b, const struct continuation *c, bool stopped) {
    struct finished f = b->finished[b->width];
    extend_tokens(&f.branch, &b->running[c->parent], c);
    f.stopped = stopped;
    f.branch.score = c->score / powf((float)(b->length + 1), b->s.length_penalty);
    int at = b->n_finished;
    while (at > 0 && b->finished[at - 1].branch.score < f.branch.score)
        at--;
    struct finished last = f;
    for (int i = at; i <= b->width; i++) {
        struct finished t = b->finished[i];
        b->finished[i] = last;
        last = t;
        if (i == b->n_finished)
            break;
    }
    if (b->n_finished < b->width) {
        b->n_finished++;
        b->finished[b->width] = last; /* the unused buffers go back to the spare place */
    }
}

int beams_advance(struct beams *b, struct kv_pool *pool, bool *finished, struct err *e) {
    if (b->n_candidates == 0)
        return constraint_nothing(&b->constraint, e);
    qsort(b->candidates, (size_t)b->n_candidates, sizeof *b->candidates, by_score);
    int considered = b->keep < b->n_candidates ? b->keep : b->n_candidates, n = 0, rc = 0;
    bool last = b->length + 1 == b->max_new;
    for (int i = 0; i < considered && rc == 0; i++) {
        const struct continuation *c = &b->candidates[i];
        bool stop = is_stop(b, c->id);
        if ((stop || last) && i < b->width && b->improvable)
            finish_branch(b, c, stop);
        if (!stop && !last && n < b->width) {
            extend_tokens(&b->next[n], &b->running[c->parent], c);
            rc = kv_fork(pool, &b->next[n++].kv, &b->running[c->parent].kv, e);
        }
    }
    for (int i = 0; i < ENGINE_MAX_BEAMS; i++) {
        kv_drop(pool, &b->running[i].kv);
        struct branch t = b->running[i];
        b->running[i] = b->next[i];
        b->next[i] = t;
    }
    b->n_running = n;
    b->length++;
    if (n > 0 && b->n_finished == b->width)
        b->improvable = b->running[0].score / powf((float)b->length, b->s.length_penalty) >
                        b->finished[b->width - 1].branch.score;
    *finished = n == 0 || !b->improvable;
    return rc;
}

const struct branch *beams_best(const struct beams *b, bool *stopped) {
    *stopped = b->n_finished > 0 && b->finished[0].stopped;
    return b->n_finished ? &b->finished[0].branch : &b->running[0];
}

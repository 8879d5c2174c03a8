#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { NONE = -1 };

struct drawn {
    struct branch branch; /* its kv is that of the group, while this answer leads one */
    struct rng rng;
    struct choice next;
    int same; /* the next answer of the same group; NONE: the last */
    bool over;
};

struct answers {
    const struct engine_job *job;
    const struct sampling *first, *more;
    size_t n_prompt, max_new;
    int n;                                /* answers */
    struct drawn drawn[ENGINE_MAX_BEAMS]; /* by number */
    struct engine_answer answers[ENGINE_MAX_BEAMS];
    int running[ENGINE_MAX_BEAMS], n_running; /* the groups: numbers of their first answers */
    uint32_t *ids; /* [n_prompt + max_new] a branch's whole sequence, for the penalties */
};

int answers_new(const struct engine_job *job, const struct sampling *first,
                const struct sampling *more, const uint32_t *prompt, size_t n_prompt,
                size_t max_new, struct kv_seq *kv, struct answers **out, struct err *e) {
    struct answers *a = calloc(1, sizeof *a);
    *out = a;
    if (!a)
        return err_nomem(e, "answers");
    a->job = job;
    a->first = first;
    a->more = more;
    a->n_prompt = n_prompt;
    a->max_new = max_new;
    a->n = 1 + job->n_more;
    a->ids = malloc((n_prompt + max_new) * sizeof *a->ids);
    bool ok = a->ids != NULL;
    for (int i = 0; i < a->n; i++) {
        struct drawn *d = &a->drawn[i];
        uint64_t key = i ? hash_mix(job->key, (uint64_t)i) : job->key;
        d->rng.state = hash_mix((i ? more : first)->seed, key);
        d->same = i + 1 < a->n ? i + 1 : NONE;
        ok = ok && branch_alloc(&d->branch, max_new);
    }
    if (!ok) {
        answers_free(a, NULL);
        *out = NULL;
        return err_nomem(e, "answers");
    }
    memcpy(a->ids, prompt, n_prompt * sizeof *prompt);
    a->n_running = 1;
    a->drawn[0].branch.kv = *kv;
    *kv = (struct kv_seq){0};
    return 0;
}

void answers_free(struct answers *a, struct kv_pool *pool) {
    if (!a)
        return;
    for (int i = 0; i < a->n; i++)
        branch_free(&a->drawn[i].branch, pool);
    free(a->ids);
    free(a);
}

int answers_running(const struct answers *a) {
    return a->n_running;
}

struct branch *answers_branch(struct answers *a, int i) {
    return &a->drawn[a->running[i]].branch;
}

static bool is_stop(const struct engine_job *job, uint32_t id) {
    for (size_t i = 0; i < job->n_stops; i++)
        if (job->stops[i] == id)
            return true;
    return false;
}

static void end(struct answers *a, int number, enum engine_finish finish) {
    const struct branch *b = &a->drawn[number].branch;
    a->drawn[number].over = true;
    a->answers[number] = (struct engine_answer){b->ids, b->logprobs, b->n, finish};
}

/* Chooses the next token of an answer, which take() adds. */
static int draw(struct answers *a, struct chooser *chooser, const struct kernel *k, int number,
                const float *logits, struct err *e) {
    struct drawn *d = &a->drawn[number];
    const struct branch *b = &d->branch;
    struct constraint own = {
        .on_scores = a->job->on_scores, .user = a->job->user, .at = {.ids = b->ids, .n = b->n}};
    memcpy(a->ids + a->n_prompt, b->ids, b->n * sizeof *b->ids);
    return choose(chooser, k, number ? a->more : a->first, own.on_scores ? &own : NULL, &d->rng,
                  a->ids, a->n_prompt + b->n, logits, a->job->top, &d->next, e);
}

static void take(struct answers *a, int number) {
    struct branch *b = &a->drawn[number].branch;
    const struct choice *c = &a->drawn[number].next;
    if (is_stop(a->job, c->id)) {
        end(a, number, FINISH_STOP);
        return;
    }
    b->ids[b->n] = c->id;
    b->logprobs[b->n++] = c->logprob;
    struct engine_token t = {.index = b->n - 1,
                             .id = c->id,
                             .logprob = c->logprob,
                             .ids = b->ids,
                             .answer = number,
                             .top = c->n_top ? c->top : NULL,
                             .n_top = c->n_top};
    if (a->job->on_token && a->job->on_token(a->job->user, &t) != 0)
        end(a, number, FINISH_CALLBACK);
    else if (b->n == a->max_new)
        end(a, number, FINISH_LENGTH);
}

/* Adds an answer to the group among those from `first` on that has the same tokens; a new one has
 * the KV of the first of them. */
static int join(struct answers *a, struct kv_pool *pool, int number, int *groups, int *n, int first,
                struct err *e) {
    struct drawn *d = &a->drawn[number];
    uint32_t id = d->branch.ids[d->branch.n - 1];
    d->same = NONE;
    for (int g = first; g < *n; g++) {
        struct drawn *last = &a->drawn[groups[g]];
        if (last->branch.ids[last->branch.n - 1] != id)
            continue;
        while (last->same != NONE)
            last = &a->drawn[last->same];
        last->same = number;
        return 0;
    }
    groups[(*n)++] = number;
    return *n == first + 1 ? 0
                           : kv_fork(pool, &d->branch.kv, &a->drawn[groups[first]].branch.kv, e);
}

/* Every answer has its next token: adds them, splits the groups, and drops what is over. */
static int advance(struct answers *a, struct kv_pool *pool, struct err *e) {
    int groups[ENGINE_MAX_BEAMS], n = 0, rc = 0;
    for (int i = 0; i < a->n_running; i++) {
        struct kv_seq kv = a->drawn[a->running[i]].branch.kv;
        a->drawn[a->running[i]].branch.kv = (struct kv_seq){0};
        int first = n, next;
        for (int number = a->running[i]; number != NONE; number = next) {
            struct drawn *d = &a->drawn[number];
            next = d->same;
            d->branch.parent = i;
            take(a, number);
            if (d->over)
                continue;
            if (n == first) {
                d->branch.kv = kv;
                kv = (struct kv_seq){0};
            }
            if (rc == 0)
                rc = join(a, pool, number, groups, &n, first, e);
        }
        kv_drop(pool, &kv);
    }
    memcpy(a->running, groups, (size_t)n * sizeof *groups);
    a->n_running = n;
    return rc;
}

int answers_logits(struct answers *a, struct chooser *chooser, const struct kernel *k,
                   struct kv_pool *pool, int i, const float *logits, bool *over, struct err *e) {
    int rc = 0;
    for (int number = a->running[i]; rc == 0 && number != NONE; number = a->drawn[number].same)
        rc = draw(a, chooser, k, number, logits, e);
    if (rc == 0 && i + 1 == a->n_running)
        rc = advance(a, pool, e);
    *over = a->n_running == 0;
    return rc;
}

const struct engine_answer *answers_get(const struct answers *a, int number) {
    return &a->answers[number];
}

int answers_count(const struct answers *a) {
    return a->n;
}

#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct drawn {
    struct branch branch;
    struct rng rng;
    struct choice next;
    bool over;
};

struct answers {
    const struct engine_job *job;
    const struct sampling *first, *more;
    size_t n_prompt, max_new;
    int n;                                /* answers */
    struct drawn drawn[ENGINE_MAX_BEAMS]; /* by number */
    struct engine_answer answers[ENGINE_MAX_BEAMS];
    int running[ENGINE_MAX_BEAMS], n_running; /* numbers */
    bool forked;
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

/* The first step: all answers begin with the logits of the prompt. */
static int fork_all(struct answers *a, struct chooser *chooser, const struct kernel *k,
                    struct kv_pool *pool, const float *logits, struct err *e) {
    int rc = 0;
    for (int i = 0; rc == 0 && i < a->n; i++) {
        if (i)
            rc = kv_fork(pool, &a->drawn[i].branch.kv, &a->drawn[0].branch.kv, e);
        if (rc == 0)
            rc = draw(a, chooser, k, i, logits, e);
        a->running[i] = i;
    }
    a->n_running = a->n;
    return rc;
}

/* Every branch has its next token: adds them, and drops the branches that are over. */
static void advance(struct answers *a, struct kv_pool *pool, bool forked_now) {
    int n = 0;
    for (int i = 0; i < a->n_running; i++) {
        int number = a->running[i];
        struct drawn *d = &a->drawn[number];
        d->branch.parent = forked_now ? 0 : i;
        take(a, number);
        if (d->over)
            kv_drop(pool, &d->branch.kv);
        else
            a->running[n++] = number;
    }
    a->n_running = n;
}

int answers_logits(struct answers *a, struct chooser *chooser, const struct kernel *k,
                   struct kv_pool *pool, int i, const float *logits, bool *over, struct err *e) {
    bool begin = !a->forked;
    int rc = begin ? fork_all(a, chooser, k, pool, logits, e)
                   : draw(a, chooser, k, a->running[i], logits, e);
    a->forked = true;
    if (rc == 0 && (begin || i + 1 == a->n_running))
        advance(a, pool, begin);
    *over = a->n_running == 0;
    return rc;
}

const struct engine_answer *answers_get(const struct answers *a, int number) {
    return &a->answers[number];
}

int answers_count(const struct answers *a) {
    return a->n;
}

#include "engine/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pool.h"

int sequence_new(const struct engine_job *job, uint64_t ticket, size_t context,
                 struct sequence **out, struct err *e) {
    *out = NULL;
    size_t least = job->n_ids + (job->max_new_tokens > 0);
    if (least > context)
        return err_set(e, PRECIS_ELIMIT, "the prompt has %zu tokens, the context holds %zu",
                       job->n_ids, context);
    struct sequence *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e, "sequence");
    size_t room = context - job->n_ids;
    s->job = *job;
    s->ticket = ticket;
    s->sampling = sampling_complete(&job->sampling);
    s->more = sampling_complete(&job->more);
    s->rng.state = hash_mix(job->sampling.seed, job->key);
    s->n_prompt = job->n_ids;
    s->max_new = job->max_new_tokens < room ? job->max_new_tokens : room;
    s->near = SIZE_MAX;
    s->ids = malloc((s->n_prompt + s->max_new) * sizeof *s->ids);
    s->logprobs = malloc((s->max_new + 1) * sizeof *s->logprobs);
    s->submitted = s->started = clock_seconds();
    if (!s->ids || !s->logprobs) {
        sequence_free(s, NULL);
        return err_nomem(e, "sequence");
    }
    memcpy(s->ids, job->ids, s->n_prompt * sizeof *s->ids);
    s->job.ids = s->ids;
    *out = s;
    return 0;
}

void sequence_free(struct sequence *s, struct kv_pool *pool) {
    if (!s)
        return;
    beams_free(s->beams, pool);
    answers_free(s->answers, pool);
    if (pool)
        kv_drop(pool, &s->kv);
    free(s->ids);
    free(s->source);
    free(s->logprobs);
    free(s);
}

size_t sequence_pages(const struct sequence *s) {
    size_t one = kv_pages_for(s->n_prompt + s->max_new);
    bool beams = s->sampling.strategy == SAMPLE_BEAM;
    if ((!beams && s->job.n_more == 0) || s->max_new == 0)
        return one;
    /* Whole pages of the prompt stay shared. The next beams only share what the ones before them
     * have, and a page is copied while others still hold it: the copies never outnumber the beams.
     */
    size_t shared = s->n_prompt / KV_BLOCK;
    if (!s->far && s->n_prompt + s->max_new > s->near) /* each branch may compute its own, later */
        shared = 0;
    size_t branches = (size_t)(beams ? s->sampling.beams : 1 + s->job.n_more);
    return shared + branches * (one - shared);
}

size_t sequence_skippable(const struct sequence *s) {
    size_t last = s->n_prompt - 1;
    return s->job.on_logits && s->job.logits_from < last ? s->job.logits_from : last;
}

void sequence_publish(struct sequence *s, struct kv_pool *pool) {
    if (!sequence_forked(s))
        kv_publish(pool, &s->kv, s->ids, s->kv.length < s->n_prompt ? s->kv.length : s->n_prompt);
}

/* Tokens of each branch, fed or not. */
static size_t length_of(const struct sequence *s) {
    return s->n_prompt + (sequence_forked(s) ? sequence_branch(s, 0)->n : s->n_generated);
}

void sequence_set_near(struct sequence *s, size_t tokens) {
    s->near = tokens ? tokens : SIZE_MAX;
    s->far = s->kv.far = s->n_prompt > s->near;
}

void sequence_turn(struct sequence *s, struct kv_pool *pool) {
    if (s->far || length_of(s) <= s->near)
        return;
    s->far = true;
    for (int b = 0; b < sequence_branches(s); b++) {
        struct kv_seq *kv = sequence_forked(s) ? &sequence_branch(s, b)->kv : &s->kv;
        kv_restart(pool, kv, true);
    }
}

struct branch *sequence_branch(const struct sequence *s, int i) {
    return s->beams ? beams_branch(s->beams, i) : answers_branch(s->answers, i);
}

int sequence_branches(const struct sequence *s) {
    return s->beams ? beams_running(s->beams) : s->answers ? answers_running(s->answers) : 1;
}

struct kv_seq *sequence_pending(struct sequence *s, int branch, const uint32_t **ids, size_t *n) {
    if (!sequence_forked(s)) {
        *ids = s->ids + s->kv.length;
        *n = s->n_prompt + s->n_generated - s->kv.length;
        return &s->kv;
    }
    struct branch *b = sequence_branch(s, branch);
    if (!s->far) {
        *ids = &b->ids[b->n - 1];
        *n = 1;
    } else if (b->kv.length < s->n_prompt) {
        *ids = s->ids + b->kv.length;
        *n = s->n_prompt - b->kv.length;
    } else {
        *ids = b->ids + (b->kv.length - s->n_prompt);
        *n = s->n_prompt + b->n - b->kv.length;
    }
    return &b->kv;
}

bool sequence_wants(const struct sequence *s, size_t position) {
    if (position + 1 == length_of(s) && s->max_new > 0)
        return true;
    /* What is fed anew was told already. */
    return !sequence_forked(s) && s->n_generated == 0 && s->job.on_logits &&
           position >= s->job.logits_from && position < s->n_prompt;
}

void sequence_end(struct sequence *s, enum engine_finish finish, const struct err *err) {
    if (s->done)
        return;
    s->done = true;
    s->finish = finish;
    if (err)
        s->err = *err;
}

/* Takes one token; the sequence ends when it is a stop, the last, or the caller says so. */
static void take_token(struct sequence *s, const struct choice *c) {
    for (size_t i = 0; i < s->job.n_stops; i++)
        if (c->id == s->job.stops[i]) {
            sequence_end(s, FINISH_STOP, NULL);
            return;
        }
    s->logprobs[s->n_generated] = c->logprob;
    s->ids[s->n_prompt + s->n_generated++] = c->id;
    struct engine_token t = {.index = s->n_generated - 1,
                             .id = c->id,
                             .logprob = c->logprob,
                             .ids = s->ids + s->n_prompt,
                             .top = c->n_top ? c->top : NULL,
                             .n_top = c->n_top};
    if (s->job.on_token && s->job.on_token(s->job.user, &t) != 0)
        sequence_end(s, FINISH_CALLBACK, NULL);
    else if (s->n_generated == s->max_new)
        sequence_end(s, FINISH_LENGTH, NULL);
}

/* Copies the winner and hands its tokens over. */
static void take_best(struct sequence *s) {
    bool stopped;
    const struct branch *best = beams_best(s->beams, &stopped);
    size_t n = best->n - (stopped ? 1 : 0);
    for (size_t i = 0; i < n && !s->done; i++)
        take_token(s, &(struct choice){.id = best->ids[i], .logprob = best->logprobs[i]});
    sequence_end(s, stopped ? FINISH_STOP : FINISH_LENGTH, NULL);
}

static int beam_logits(struct sequence *s, const struct decoder_tools *t, int branch,
                       const float *logits, struct err *e) {
    int rc = 0;
    if (!s->beams)
        rc = beams_new(&s->job, &s->sampling, s->ids, s->n_prompt, s->max_new, t->vocab, &s->kv,
                       &s->beams, e);
    if (rc == 0)
        rc = beams_logits(s->beams, t->kernel, branch, logits, e);
    if (rc || branch + 1 < beams_running(s->beams))
        return rc;
    bool finished = false;
    rc = beams_advance(s->beams, t->pool, &finished, e);
    if (rc == 0 && finished)
        take_best(s);
    return rc;
}

static int answer_logits(struct sequence *s, const struct decoder_tools *t, int branch,
                         const float *logits, struct err *e) {
    int rc = 0;
    bool over = false;
    if (!s->answers)
        rc = answers_new(&s->job, &s->sampling, &s->more, s->ids, s->n_prompt, s->max_new, &s->kv,
                         &s->answers, e);
    if (rc == 0)
        rc = answers_logits(s->answers, t->chooser, t->kernel, t->pool, branch, logits, &over, e);
    if (rc == 0 && over)
        sequence_end(s, answers_get(s->answers, 0)->finish, NULL);
    return rc;
}

void sequence_logits(struct sequence *s, const struct decoder_tools *t, int branch, size_t position,
                     const float *logits) {
    if (s->done)
        return;
    if (s->job.on_logits && position >= s->job.logits_from && position < s->n_prompt &&
        s->n_generated == 0)
        s->job.on_logits(s->job.user, position, logits);
    if (s->max_new == 0 || position + 1 < s->n_prompt)
        return;
    struct err e = {0};
    int rc;
    if (s->sampling.strategy == SAMPLE_BEAM) {
        rc = beam_logits(s, t, branch, logits, &e);
    } else if (s->job.n_more) {
        rc = answer_logits(s, t, branch, logits, &e);
    } else {
        struct choice c;
        struct constraint own = {.on_scores = s->job.on_scores,
                                 .user = s->job.user,
                                 .at = {.ids = s->ids + s->n_prompt, .n = s->n_generated}};
        rc = choose(t->chooser, t->kernel, &s->sampling, s->job.on_scores ? &own : NULL, &s->rng,
                    s->ids, s->n_prompt + s->n_generated, logits, s->job.top, &c, &e);
        if (rc == 0)
            take_token(s, &c);
    }
    if (rc)
        sequence_end(s, FINISH_FAILED, &e);
}

void sequence_spend(struct sequence *s, double seconds) {
    s->spent += seconds;
    if (s->done || s->job.time_limit <= 0 || s->spent <= s->job.time_limit)
        return;
    struct err e;
    err_set(&e, PRECIS_ETIMEOUT, "timed out: the model had computed for more than %g s",
            s->job.time_limit);
    sequence_end(s, FINISH_FAILED, &e);
}

void sequence_settle(struct sequence *s) {
    if (s->max_new == 0 && s->kv.length == s->n_prompt)
        sequence_end(s, FINISH_LENGTH, NULL);
}

size_t sequence_generated(const struct sequence *s) {
    size_t n = s->n_generated;
    for (int i = 0; s->answers && i < answers_count(s->answers); i++)
        n += answers_get(s->answers, i)->n;
    return n;
}

void sequence_report(const struct sequence *s) {
    double now = clock_seconds();
    struct engine_result r = {.ticket = s->ticket,
                              .finish = s->finish,
                              .err = s->err,
                              .ids = s->ids + s->n_prompt,
                              .logprobs = s->logprobs,
                              .n = s->n_generated,
                              .tokens_in = sequence_length(s),
                              .tokens_out = sequence_generated(s),
                              .seconds_waited = s->started - s->submitted,
                              .seconds_run = now - s->started,
                              .seconds_own = s->spent};
    if (s->answers && s->finish != FINISH_CANCELLED && s->finish != FINISH_FAILED) {
        const struct engine_answer *own = answers_get(s->answers, 0);
        r.ids = own->ids;
        r.logprobs = own->logprobs;
        r.n = own->n;
        r.more = own + 1;
        r.n_more = answers_count(s->answers) - 1;
    }
    s->job.on_done(s->job.user, &r);
}

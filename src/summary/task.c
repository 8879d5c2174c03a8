#include "summary/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/clean.h"
#include "summary/confidence.h"

static const float RETRY_TEMPERATURE = 0.7f;

void task_free(struct task *t) {
    if (!t)
        return;
    ids_free(&t->ids);
    ids_free(&t->answer);
    constrained_close(&t->constraint);
    buf_free(&t->text);
    buf_free(&t->line);
    free(t->logprobs);
    detok_free(&t->detok);
    free(t);
}

void task_fail(struct task *t, const struct err *e) {
    t->finish = FINISH_FAILED;
    t->err = *e;
}

/* On a lane. Generation ends with the first whole sentence, so most answers cost a dozen steps. */
static int on_token(void *user, const struct engine_token *token) {
    struct task *t = user;
    if (t->constrained)
        return constrained_over(&t->constraint, token);
    if (tok_is_special(t->prompt->tok, token->id))
        return 0;
    detok_push(&t->detok, token->id, &t->text);
    if (buf_failed(&t->text))
        return 1;
    struct sentence s;
    if (t->text.len && sentence_find(t->text.data, t->text.len, &s) && s.certain)
        return 1;
    return utf8_length(t->text.data ? t->text.data : "", t->text.len) > (size_t)t->enough_chars;
}

static void on_scores(void *user, const struct engine_scores *at, struct engine_candidate *c,
                      size_t n) {
    constrained_scores(&((struct task *)user)->constraint, at, c, n);
}

static void keep_answer(struct task *t, const struct engine_result *r) {
    free(t->logprobs);
    t->answer.n = 0;
    t->logprobs = r->n ? malloc(r->n * sizeof *t->logprobs) : NULL;
    ids_append(&t->answer, r->ids, r->n);
    if (t->answer.failed || (r->n && !t->logprobs)) {
        struct err e;
        err_nomem(&e, "answer of the model");
        task_fail(t, &e);
        return;
    }
    if (r->n)
        memcpy(t->logprobs, r->logprobs, r->n * sizeof *t->logprobs);
}

/* On a lane, too. */
static void on_done(void *user, const struct engine_result *r) {
    struct task *t = user;
    t->finish = r->finish;
    t->err = (struct err){0};
    if (r->finish == FINISH_FAILED)
        task_fail(t, &r->err);
    else
        keep_answer(t, r);
    t->tokens_in += r->tokens_in;
    t->tokens_out += r->n;
    t->seconds += r->seconds_run;
    queue_push(t->finished, t);
}

/* Very short lines and answers are left to the cleaning. */
static int open_constraint(struct task *t, const struct run_options *o, struct err *e) {
    constrained_close(&t->constraint);
    t->constrained = t->prompt->constrain && o->max_chars >= CONSTRAIN_LEAST_CHARS &&
                     o->max_chars <= FORM_MOST_CHARS && o->max_new_tokens >= CONSTRAIN_LEAST_TOKENS;
    const struct constrain_options options = {
        .max_chars = o->max_chars, .max_tokens = o->max_new_tokens, .nouns = t->nouns};
    return t->constrained ? constrained_open(&t->constraint, t->prompt->constrain, &options, e) : 0;
}

void task_submit(struct task *t, struct engine *en, const struct run_options *options) {
    struct engine_job job = {
        .ids = t->ids.v,
        .n_ids = t->ids.n,
        .max_new_tokens = options->max_new_tokens,
        .sampling = options->sampling,
        .key = t->key,
        .on_token = on_token,
        .on_done = on_done,
        .user = t,
    };
    if (t->attempt) {
        job.sampling = (struct sampling){.strategy = SAMPLE_TEMPERATURE,
                                         .temperature = RETRY_TEMPERATURE,
                                         .repetition_penalty = options->sampling.repetition_penalty,
                                         .no_repeat_ngram = options->sampling.no_repeat_ngram,
                                         .seed = options->sampling.seed};
        job.key = hash_mix(t->key, (uint64_t)t->attempt);
    }
    size_t n;
    const uint32_t *stops = tok_stops(t->prompt->tok, &n);
    job.n_stops = n < ENGINE_MAX_STOPS ? n : ENGINE_MAX_STOPS;
    if (job.n_stops)
        memcpy(job.stops, stops, job.n_stops * sizeof *stops);
    buf_clear(&t->text);
    detok_free(&t->detok);
    detok_start(&t->detok, t->prompt->tok, false);
    t->enough_chars = 3 * options->max_chars + 100;
    struct err e;
    int rc = open_constraint(t, options, &e);
    if (t->constrained)
        job.on_scores = on_scores;
    if (rc == 0)
        rc = engine_submit(en, &job, NULL, &e);
    if (rc) {
        task_fail(t, &e);
        queue_push(t->finished, t);
    }
}

/* The text of the whole answer; ends[i]: its length after token i. */
static bool spell(struct task *t, size_t *ends) {
    struct detok d;
    detok_start(&d, t->prompt->tok, false);
    buf_clear(&t->text);
    for (size_t i = 0; i < t->answer.n; i++) {
        detok_push(&d, t->answer.v[i], &t->text);
        ends[i] = t->text.len;
    }
    detok_finish(&d, &t->text);
    return !buf_failed(&t->text);
}

static int take_constrained(struct task *t, struct err *e) {
    struct constrained_result r;
    buf_clear(&t->line);
    int rc = constrained_line(&t->constraint, t->answer.v, t->answer.n, t->finish == FINISH_STOP,
                              &t->line, &r, e);
    if (rc == 0 && r.unfinished)
        return err_set(e, PRECIS_ENOTFOUND, "the model's sentence found no end: \"%s\"",
                       t->line.data);
    if (rc == 0)
        t->confidence = confidence_from_logprobs(t->logprobs, r.n_ids);
    return rc;
}

int task_clean(struct task *t, int max_chars, struct err *e) {
    if (t->constrained)
        return take_constrained(t, e);
    size_t *ends = calloc(t->answer.n + 1, sizeof *ends);
    if (!ends || !spell(t, ends)) {
        free(ends);
        return err_nomem(e, "answer of the model");
    }
    const char *const echoes[] = {t->prompt->instruction, t->prompt->system, NULL};
    struct clean_options o = {max_chars, t->finish != FINISH_STOP, echoes};
    struct sentence from;
    buf_clear(&t->line);
    int rc = clean_line(t->text.data ? t->text.data : "", t->text.len, &o, &t->line, &from, e);
    if (rc == 0) {
        size_t first = 0, last;
        while (first < t->answer.n && ends[first] <= from.begin)
            first++;
        for (last = first; last < t->answer.n && (last == 0 || ends[last - 1] < from.end);)
            last++;
        t->confidence = confidence_from_logprobs(t->logprobs + first, last - first);
    }
    free(ends);
    return rc;
}

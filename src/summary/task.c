#include "summary/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/candidates.h"
#include "summary/clean.h"
#include "summary/confidence.h"

static void drop_answers(struct task *t) {
    for (size_t i = 0; i < t->n_answers; i++) {
        ids_free(&t->answers[i].ids);
        free(t->answers[i].logprobs);
        buf_free(&t->answers[i].line);
    }
    t->n_answers = 0;
}

void task_free(struct task *t) {
    if (!t)
        return;
    ids_free(&t->ids);
    drop_answers(t);
    constrained_close(&t->constraint);
    buf_free(&t->text);
    buf_free(&t->line);
    buf_free(&t->other);
    buf_free(&t->renamed_from);
    evidence_free(&t->evidence);
    buf_free(&t->symbol);
    detok_free(&t->detok);
    free(t);
}

void task_put_by_due(struct task **list, struct task *t) {
    while (*list && (*list)->due <= t->due)
        list = &(*list)->next;
    t->next = *list;
    *list = t;
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

static bool keep_answer(struct task *t, const uint32_t *ids, const float *logprobs, size_t n,
                        bool stopped) {
    struct task_answer *a = &t->answers[t->n_answers++];
    *a = (struct task_answer){.stopped = stopped, .logprobs = calloc(n + 1, sizeof *logprobs)};
    ids_append(&a->ids, ids, n);
    if (a->ids.failed || !a->logprobs)
        return false;
    if (n)
        memcpy(a->logprobs, logprobs, n * sizeof *logprobs);
    return true;
}

static void keep_answers(struct task *t, const struct engine_result *r) {
    drop_answers(t);
    bool kept = keep_answer(t, r->ids, r->logprobs, r->n, r->finish == FINISH_STOP);
    for (int i = 0; i < r->n_more; i++) {
        const struct engine_answer *a = &r->more[i];
        kept = keep_answer(t, a->ids, a->logprobs, a->n, a->finish == FINISH_STOP) && kept;
    }
    if (!kept) {
        struct err e;
        err_nomem(&e, "answer of the model");
        task_fail(t, &e);
    }
}

/* On a lane, too. */
static void on_done(void *user, const struct engine_result *r) {
    struct task *t = user;
    t->finish = r->finish;
    t->err = (struct err){0};
    t->by_model = r->finish == FINISH_FAILED;
    if (t->by_model)
        task_fail(t, &r->err);
    else
        keep_answers(t, r);
    t->tokens_in += r->tokens_in;
    t->tokens_out += r->tokens_out;
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

int task_ask(struct task *t, const struct run_options *options, struct prompt_chunk *c,
             const char *repo, const char *avoid, struct err *e) {
    const bool document = t->prompt->form == PROMPT_DOCUMENT;
    const struct examples *pool = document ? options->pool : NULL;
    const struct evidence_source source = {.repo = repo,
                                           .path = c->path,
                                           .symbol = c->symbol,
                                           .text = c->text,
                                           .len = c->len,
                                           .outline = c->outline,
                                           .avoid = avoid};
    struct prompt_example examples[EXAMPLES_MOST_NEAREST];
    evidence_free(&t->evidence);
    int rc = evidence_make(&source, options->embedder, pool, options->n_examples, &t->evidence, e);
    for (size_t i = 0; rc == 0 && i < t->evidence.n_hits; i++)
        examples[i] = prompt_example_of(examples_get(pool, t->evidence.hits[i].index));
    c->examples = examples;
    c->n_examples = t->evidence.n_hits;
    return rc ? rc : prompt_build(t->prompt, c, &t->ids, &t->cut, e);
}

void task_submit(struct task *t, struct engine *en, const struct run_options *options) {
    struct engine_job job = {
        .ids = t->ids.v,
        .n_ids = t->ids.n,
        .max_new_tokens = options->max_new_tokens,
        .time_limit = options->chunk_timeout,
        .sampling = options->sampling,
        .key = t->key,
        .on_token = on_token,
        .on_done = on_done,
        .user = t,
    };
    if (t->attempt) {
        job.sampling = candidates_sampling(&options->sampling);
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
    t->by_model = false;
    struct err e;
    int rc = open_constraint(t, options, &e);
    if (t->constrained)
        job.on_scores = on_scores;
    if (t->constrained && options->best_of > 1 && job.sampling.strategy != SAMPLE_BEAM) {
        job.n_more = options->best_of - 1;
        job.more = candidates_sampling(&options->sampling);
    }
    if (rc == 0)
        rc = engine_submit(en, &job, NULL, &e);
    if (rc) {
        task_fail(t, &e);
        queue_push(t->finished, t);
    }
}

/* The text of a whole answer; ends[i]: its length after token i. */
static bool spell(struct task *t, const struct task_answer *a, size_t *ends) {
    struct detok d;
    detok_start(&d, t->prompt->tok, false);
    buf_clear(&t->text);
    for (size_t i = 0; i < a->ids.n; i++) {
        detok_push(&d, a->ids.v[i], &t->text);
        ends[i] = t->text.len;
    }
    detok_finish(&d, &t->text);
    return !buf_failed(&t->text);
}

/* How likely the tokens first .. last of an answer were. */
static void weigh(struct task_answer *a, size_t first, size_t last) {
    a->mean = confidence_from_logprobs(a->logprobs + first, last - first);
    a->least = 1;
    for (size_t i = first; i < last; i++)
        a->least = fmin(a->least, exp((double)a->logprobs[i]));
}

static int take_constrained(struct task *t, struct task_answer *a, struct err *e) {
    struct constrained_result r;
    int rc = constrained_line(&t->constraint, a->ids.v, a->ids.n, a->stopped, &a->line, &r, e);
    if (rc == 0 && r.unfinished) {
        rc =
            err_set(e, PRECIS_ENOTFOUND, "the model's sentence found no end: \"%s\"", a->line.data);
        buf_clear(&a->line);
    }
    if (rc)
        return rc;
    a->end_logprob = r.end_logprob;
    a->shortened = r.shortened;
    weigh(a, 0, r.n_ids);
    return 0;
}

static int take_cleaned(struct task *t, struct task_answer *a, int max_chars, struct err *e) {
    size_t *ends = calloc(a->ids.n + 1, sizeof *ends);
    if (!ends || !spell(t, a, ends)) {
        free(ends);
        return err_nomem(e, "answer of the model");
    }
    const char *const echoes[] = {t->prompt->instruction, t->prompt->system, NULL};
    struct clean_options o = {max_chars, !a->stopped, echoes};
    struct sentence from;
    int rc = clean_line(t->text.data ? t->text.data : "", t->text.len, &o, &a->line, &from, e);
    if (rc == 0) {
        size_t first = 0, last;
        while (first < a->ids.n && ends[first] <= from.begin)
            first++;
        for (last = first; last < a->ids.n && (last == 0 || ends[last - 1] < from.end);)
            last++;
        weigh(a, first, last);
    }
    free(ends);
    return rc;
}

int task_clean(struct task *t, int max_chars, struct err *e) {
    size_t n = 0;
    int first = PRECIS_ENOTFOUND;
    for (size_t i = 0; i < t->n_answers; i++) {
        struct task_answer *a = &t->answers[i];
        struct err why;
        int rc =
            t->constrained ? take_constrained(t, a, &why) : take_cleaned(t, a, max_chars, &why);
        if (rc == 0) {
            struct task_answer good = *a; /* the ones with a line come first, in their order */
            *a = t->answers[n];
            t->answers[n++] = good;
        } else if (i == 0 || rc == PRECIS_ENOMEM) {
            first = rc;
            if (e)
                *e = why;
        }
        if (rc == PRECIS_ENOMEM)
            return rc;
    }
    t->n_lines = n;
    return n ? 0 : first;
}

int task_choose(struct task *t, const struct run_options *options, struct err *e) {
    struct judge_line lines[ENGINE_MAX_BEAMS];
    for (size_t i = 0; i < t->n_lines; i++) {
        const struct task_answer *a = &t->answers[i];
        lines[i] = (struct judge_line){a->line.data, a->mean, a->least, (double)a->end_logprob};
    }
    const struct judge_tools tools = {options->embedder, options->pool, options->model};
    int rc = judge(lines, t->n_lines, &t->evidence, &tools, &t->verdict, e);
    if (rc)
        return rc;
    const struct buf *best = &t->answers[t->verdict.best].line;
    buf_clear(&t->line);
    buf_append(&t->line, best->data, best->len);
    buf_str(&t->line, "");
    if (buf_failed(&t->line))
        return err_nomem(e, "line");
    t->source = "model";
    return 0;
}

bool task_fall_back(struct task *t) {
    if (t->other.len == 0)
        return false;
    buf_free(&t->line);
    t->line = t->other;
    t->other = (struct buf){0};
    t->source = t->other_source;
    t->verdict = (struct verdict){.grounded = true, .confidence = strcmp(t->source, "doc") == 0};
    return true;
}

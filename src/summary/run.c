#include "summary/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/utf8.h"
#include "summary/clean.h"
#include "summary/guard.h"
#include "summary/produce.h"

static const double TICK_SECONDS = 0.25;
/* For lanes that do not hang to end what they do, once one does. */
static const double GRACE_SECONDS = 1;

/* Instructions of the user's are about code: roll-ups always have the built-in prompt. */
static int open_prompts(struct run *r, struct err *e) {
    int rc = prompt_open(&r->prompt, r->tools.tok, &r->asking, e);
    if (rc == 0 && r->rollup && r->prompt.form != PROMPT_DOCUMENT) {
        struct prompt_options built_in = r->asking;
        built_in.instruction = NULL;
        rc = prompt_open(&r->rollup_prompt, r->tools.tok, &built_in, e);
    }
    r->options.instruction = r->prompt.instruction;
    return rc;
}

static int open_model(struct run *r, struct err *e) {
    r->asking.chat = r->tools.chat;
    r->options.n_examples = r->tools.n_examples;
    pthread_mutex_lock(&r->gate.lock);
    r->gate.en = r->tools.en;
    pthread_mutex_unlock(&r->gate.lock);
    return open_prompts(r, e);
}

int run_need(struct run *r, enum run_part part, struct err *e) {
    const struct run_lazy *lazy = r->options.lazy;
    int rc = 0;
    while (rc == 0 && r->opened <= (int)part) {
        enum run_part next = (enum run_part)r->opened;
        rc = lazy->open(lazy->user, next, &r->tools, e);
        if (rc == 0 && next == RUN_MODEL)
            rc = open_model(r, e);
        r->options.embedder = r->tools.embedder;
        r->options.pool = r->tools.pool;
        r->opened += rc == 0;
    }
    return rc;
}

static int prepare_rollup(struct run *r, struct err *e) {
    if (!r->options.rollup)
        return 0;
    if (r->prompt.form == PROMPT_SOURCE) {
        log_say(LOG_INFO, "no lines of files and folders: the model sums up nothing but code");
        return 0;
    }
    return rollup_new(&r->rollup, e);
}

/* What is open already. */
static int take_tools(struct run *r, struct engine *en, const struct tok *tok,
                      const struct chat *chat, struct err *e) {
    if (r->options.lazy)
        return 0;
    r->tools = (struct run_tools){.en = en,
                                  .tok = tok,
                                  .chat = chat,
                                  .embedder = r->options.embedder,
                                  .pool = r->options.pool,
                                  .n_examples = r->options.n_examples};
    r->opened = RUN_PARTS;
    return open_model(r, e);
}

static int check_options(const struct run_options *o, struct err *e) {
    if (o->loc < 1)
        return err_set(e, PRECIS_EUSAGE, "lines in a chunk: 0 is too few");
    if (o->max_chars < CLEAN_MIN_CHARS)
        return err_set(e, PRECIS_EUSAGE, "characters in a line: %d is too few, at least %d",
                       o->max_chars, CLEAN_MIN_CHARS);
    if (o->max_new_tokens < 1)
        return err_set(e, PRECIS_EUSAGE, "new tokens: 0 is too few");
    return 0;
}

/* max_sequences and asking, without looking at anything but the options. */
static void describe_model(struct run *r, struct engine *en, const struct chat *chat) {
    const struct run_lazy *lazy = r->options.lazy;
    r->asking = (struct prompt_options){.chat = chat,
                                        .max_new_tokens = r->options.max_new_tokens,
                                        .instruction = r->options.instruction};
    if (lazy) {
        r->asking.seq2seq = lazy->seq2seq;
        r->asking.context = lazy->context;
        r->max_sequences = lazy->max_sequences;
    } else {
        const struct engine_info *info = engine_info(en);
        r->asking.seq2seq = info->capabilities & ENGINE_SEQ2SEQ;
        r->asking.context = info->context;
        r->max_sequences = info->max_sequences;
    }
    r->max_sequences = r->max_sequences > 0 ? r->max_sequences : 1;
    r->window = 4 * (size_t)r->max_sequences + 64;
}

int run_prepare(const struct walk *w, const struct run_options *options, struct engine *en,
                const struct tok *tok, const struct chat *chat, struct run **out, struct err *e) {
    *out = NULL;
    int rc = check_options(options, e);
    if (rc)
        return rc;
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e, "run");
    r->options = *options;
    pthread_mutex_init(&r->gate.lock, NULL);
    clock_cond_init(&r->gate.changed);
    describe_model(r, en, chat);
    const struct plan_options plan = {.loc = options->loc,
                                      .mode = options->chunk,
                                      .hashes = options->known && options->known->file,
                                      .stop = options->stop};
    rc = prompt_describe(&r->prompt, &r->asking, e);
    if (rc == 0)
        rc = prepare_rollup(r, e);
    if (rc == 0)
        rc = take_tools(r, en, tok, chat, e);
    if (rc == 0)
        rc = plan_make(w, &plan, &r->plan, e);
    if (rc == 0)
        rc = queue_new(&r->finished, r->window + 1, e);
    if (rc == 0 && (!(r->slots = calloc(r->window, sizeof(struct task *))) ||
                    !(r->gate.asked = calloc(r->window, sizeof(struct task *)))))
        rc = err_nomem(e, "run");
    if (rc) {
        run_free(r);
        return rc;
    }
    r->stats = (struct run_stats){.files = r->plan.n,
                                  .chunks_total = r->plan.n_asked,
                                  .by_lines = r->plan.by_lines,
                                  .lines = r->plan.lines,
                                  .bytes = r->plan.bytes};
    *out = r;
    return 0;
}

void run_free(struct run *r) {
    if (!r || r->stats.hung)
        return;
    prompt_close(&r->prompt);
    prompt_close(&r->rollup_prompt);
    rollup_free(r->rollup);
    plan_free(&r->plan);
    queue_free(r->finished);
    for (size_t i = 0; r->slots && i < r->window; i++)
        task_free(r->slots[i]);
    free(r->slots);
    free(r->gate.asked);
    free(r->stats.latencies_ms);
    free(r->seen);
    pthread_cond_destroy(&r->gate.changed);
    pthread_mutex_destroy(&r->gate.lock);
    free(r);
}

const struct run_stats *run_stats(const struct run *r) {
    return &r->stats;
}

const char *run_prompt_version(const struct run *r) {
    return r->prompt.version;
}

struct engine *run_engine(struct run *r) {
    pthread_mutex_lock(&r->gate.lock);
    struct engine *en = r->gate.en;
    pthread_mutex_unlock(&r->gate.lock);
    return en;
}

static bool put_seen(uint64_t *table, size_t cap, uint64_t hash) {
    for (size_t i = (size_t)hash & (cap - 1);; i = (i + 1) & (cap - 1)) {
        if (table[i] == hash)
            return false;
        if (!table[i]) {
            table[i] = hash;
            return true;
        }
    }
}

static int count_distinct(struct run *r, const struct buf *line, struct err *e) {
    if (2 * (r->stats.distinct + 1) > r->cap_seen) {
        size_t cap = r->cap_seen ? 2 * r->cap_seen : 256;
        uint64_t *table = calloc(cap, sizeof *table);
        if (!table)
            return err_nomem(e, "lines seen");
        for (size_t i = 0; i < r->cap_seen; i++)
            if (r->seen[i])
                put_seen(table, cap, r->seen[i]);
        free(r->seen);
        r->seen = table;
        r->cap_seen = cap;
    }
    uint64_t hash = hash_bytes(line->data, line->len, 0);
    r->stats.distinct += put_seen(r->seen, r->cap_seen, hash ? hash : 1);
    return 0;
}

static int count(struct run *r, const struct task *t, struct err *e) {
    struct run_stats *s = &r->stats;
    if (t->aside) { /* nor is it asked for */
        s->lines_known += t->end_line - t->start_line + 1;
        return 0;
    }
    s->cut += t->cut;
    s->chunks_first += t->made != NULL;
    if (t->known) {
        s->chunks_known += t->err.code == 0;
        s->lines_known += t->end_line - t->start_line + 1;
    } else {
        s->tokens_in += t->tokens_in;
        s->tokens_out += t->tokens_out;
    }
    if (t->ids.n && !t->known) { /* it reached the engine */
        void *latencies = s->latencies_ms;
        bool room = array_grow(&latencies, s->n_latencies, &r->cap_latencies, sizeof(double));
        s->latencies_ms = latencies;
        if (!room)
            return err_nomem(e, "latencies");
        s->latencies_ms[s->n_latencies++] = t->seconds * 1e3;
    }
    if (t->err.code) {
        s->chunks_failed++;
        return 0;
    }
    s->chunks_done++;
    if (strcmp(t->source, "doc") == 0)
        s->chunks_doc++;
    else if (strcmp(t->source, "rule") == 0)
        s->chunks_rule++;
    else
        s->confidence_sum += t->verdict.confidence;
    size_t chars = utf8_length(t->line.data, t->line.len);
    s->longest = chars > s->longest ? chars : s->longest;
    return count_distinct(r, &t->line, e);
}

static struct summary summary_of(const struct task *t) {
    bool ok = t->err.code == 0;
    struct summary s = {
        .file_path = t->file->name,
        .start_line = t->start_line,
        .end_line = t->end_line,
        .lang = t->file->file->lang,
        .symbol = t->symbol.len ? t->symbol.data : NULL,
        .summary = ok ? t->line.data : "",
        .confidence = ok ? t->verdict.confidence : 0,
        .source = ok ? t->source : "",
        .error = ok ? NULL : t->err.text,
        .tokens_in = t->tokens_in,
        .tokens_out = t->tokens_out,
        .cut = t->cut,
        .known = t->known,
        .aside = t->aside,
        .final = t->final || (ok && strcmp(t->source, "model") == 0),
        .nothing = *t->nothing ? t->nothing : NULL,
        .known_key = t->has_key ? t->known_key : NULL,
        .renamed_from = t->renamed_from.len ? t->renamed_from.data : NULL,
        .elapsed_ms = t->seconds * 1e3,
        .index = t->index,
        .made = t->made,
    };
    memcpy(s.sha256, t->sha256, sizeof s.sha256);
    memcpy(s.context_sha256, t->context_sha256, sizeof s.context_sha256);
    return s;
}

/* What run_execute keeps while it runs. */
struct execution {
    struct run *r;
    const struct run_events *events;
    struct err *e;
    int rc; /* the first failure */
    bool stopping;
    double last_tick;
    struct watchdog watchdog;
    double give_up; /* clock_seconds, once a lane hangs */
};

static void stop_producer(struct execution *x) {
    pthread_mutex_lock(&x->r->gate.lock);
    x->r->gate.stop = true;
    pthread_cond_broadcast(&x->r->gate.changed);
    pthread_mutex_unlock(&x->r->gate.lock);
}

static void fail(struct execution *x, int rc) {
    if (x->rc == 0)
        x->rc = rc;
    x->stopping = true;
}

static void update_time(struct run *r) {
    pthread_mutex_lock(&r->gate.lock);
    double first = r->gate.first_submit;
    pthread_mutex_unlock(&r->gate.lock);
    if (first > 0)
        r->stats.seconds = clock_seconds() - first;
    struct engine *en = run_engine(r);
    struct engine_stats engine = {0};
    if (en)
        engine_get_stats(en, &engine);
    r->stats.most_running = engine.most_running;
}

static void emit(struct execution *x, struct task *t) {
    struct summary s = summary_of(t);
    int rc = x->rc || s.aside ? 0 : x->events->on_summary(x->events->user, &s, x->e);
    if (rc == 0 && x->rc == 0 && x->r->rollup)
        rc = rollup_add(x->r->rollup, &s, x->e);
    if (rc)
        fail(x, rc);
    task_free(t);
}

/* Hands out what is next in order, and lets as many new chunks begin. */
static void emit_in_order(struct execution *x) {
    struct run *r = x->r;
    size_t before = r->oldest;
    for (struct task *t; (t = r->slots[r->oldest % r->window]) != NULL; r->oldest++) {
        r->slots[r->oldest % r->window] = NULL;
        emit(x, t);
    }
    if (r->oldest == before)
        return;
    pthread_mutex_lock(&r->gate.lock);
    r->gate.allowed =
        r->oldest + r->window < r->plan.n_chunks ? r->oldest + r->window : r->plan.n_chunks;
    pthread_cond_signal(&r->gate.changed);
    pthread_mutex_unlock(&r->gate.lock);
}

/* After an interruption some chunks are missing: the rest keeps its order. */
static void emit_rest(struct execution *x) {
    struct run *r = x->r;
    for (size_t i = 0; i < r->window; i++) {
        struct task **slot = &r->slots[(r->oldest + i) % r->window];
        if (*slot)
            emit(x, *slot);
        *slot = NULL;
    }
}

static void try_again(struct run *r, struct task *t) {
    pthread_mutex_lock(&r->gate.lock);
    task_put_by_due(&r->gate.again, t);
    pthread_cond_signal(&r->gate.changed);
    pthread_mutex_unlock(&r->gate.lock);
}

/* What has no usable answer is asked in vain the next time, too: all draws follow from the chunk.
 */
static void note_nothing(struct task *t) {
    bool in_vain = t->err.code == PRECIS_ENOTFOUND && !t->left && t->finish != FINISH_CANCELLED;
    bool asked = t->known || t->attempt > 0;
    if (in_vain && asked)
        snprintf(t->nothing, sizeof t->nothing, "%s", t->err.text);
    if (in_vain && *t->sha256 && (asked || t->ids.n == 0))
        t->final = true;
}

/* Whether it failed of something that may be gone later: then it is tried again later. */
static bool try_later(struct run *r, struct task *t) {
    bool unread = t->file->error; /* since the plan was made: it is not opened again */
    if (unread || !guard_retries(&r->options.policy, t, &r->stats))
        return false;
    log_say(LOG_DEBUG, "%s:%llu-%llu: %s; again in %.2f s", t->file->name,
            (unsigned long long)t->start_line, (unsigned long long)t->end_line, t->err.text,
            t->due - clock_seconds());
    try_again(r, t);
    return true;
}

static void note_outcome(struct run *r, struct task *t) {
    pthread_mutex_lock(&r->gate.lock);
    if (t->asked)
        r->gate.asked[t->index % r->window] = NULL;
    guard_tell(&r->gate.breaker, &r->options.policy, t, &r->stats);
    pthread_mutex_unlock(&r->gate.lock);
}

/* The line of another than the model, where that gave none. */
static void fall_back(struct run *r, struct task *t) {
    const char *instead = NULL;
    if (r->options.no_fallback || t->left || t->finish == FINISH_CANCELLED)
        return;
    if (task_lesser(t, &r->options))
        instead = "a smaller model's line";
    else if (task_fall_back(t))
        instead = t->source;
    if (!instead)
        return;
    if (instead == t->source && !*r->stats.instead)
        snprintf(r->stats.instead, sizeof r->stats.instead, "%s", t->err.text);
    log_say(LOG_INFO, "%s:%llu-%llu: %s; %s instead", t->file->name,
            (unsigned long long)t->start_line, (unsigned long long)t->end_line, t->err.text,
            instead);
    t->err = (struct err){0};
}

/* Its last attempt is over. */
static void settle(struct execution *x, struct task *t) {
    struct run *r = x->r;
    struct err e;
    if (t->err.code)
        fall_back(r, t);
    int rc = count(r, t, &e);
    if (rc) {
        if (x->e && x->rc == 0)
            *x->e = e;
        fail(x, rc);
    }
    ids_free(&t->ids);
    update_time(r);
    if (x->events->on_finished && x->rc == 0) {
        struct summary s = summary_of(t);
        x->events->on_finished(x->events->user, &s, &r->stats);
    }
    r->slots[t->index % r->window] = t;
    if (!x->stopping)
        emit_in_order(x);
}

static void give_up(struct task *t) {
    struct err e;
    err_set(&e, PRECIS_ETIMEOUT, "a lane of the model hangs");
    task_fail(t, &e);
}

/* A task whose attempt is over: to its slot, once more to the engine, or dropped when the run
 * stops. */
static void receive(struct execution *x, struct task *t) {
    struct run *r = x->r;
    r->received++;
    note_outcome(r, t);
    if (t->finish == FINISH_CANCELLED && r->stats.hung) {
        give_up(t);
    } else if (t->finish == FINISH_CANCELLED && x->stopping) {
        task_free(t);
        return;
    } else if (t->finish == FINISH_CANCELLED) {
        err_set(&t->err, PRECIS_ECANCELLED, "cancelled");
    }
    if (!t->err.code && !t->source) {
        int rc = task_clean(t, r->options.max_chars, &t->err);
        if (rc == 0)
            rc = task_choose(t, &r->options, &t->err);
        if (rc == 0)
            t->err = (struct err){0};
        else if (rc == PRECIS_ENOTFOUND && t->attempt == 0 && !x->stopping) {
            t->err = (struct err){0};
            t->attempt++;
            t->due = 0;
            try_again(r, t);
            return;
        }
    }
    if (t->err.code && !x->stopping && try_later(r, t))
        return;
    r->stats.breaker_passed += t->passed;
    note_nothing(t);
    settle(x, t);
}

static void check_stop(struct execution *x) {
    struct run *r = x->r;
    if (r->options.stop && atomic_load(r->options.stop) && !x->stopping) {
        r->stats.interrupted = true;
        x->stopping = true;
    }
    pthread_mutex_lock(&r->gate.lock);
    struct err fatal = r->gate.fatal;
    pthread_mutex_unlock(&r->gate.lock);
    if (fatal.code && x->rc == 0) {
        if (x->e)
            *x->e = fatal;
        fail(x, fatal.code);
    }
}

/* Nothing is under way and nothing will begin. */
static bool all_quiet(struct run *r) {
    pthread_mutex_lock(&r->gate.lock);
    bool quiet = r->gate.ended && r->received == r->gate.started;
    pthread_mutex_unlock(&r->gate.lock);
    return quiet;
}

static void cancel_all(struct run *r) {
    struct engine *en = run_engine(r);
    if (en)
        engine_cancel(en, 0);
}

/* What stands for a task that a lane may still write to: all of it that is settled before it is
 * asked. NULL: no memory, so the chunk is left. */
static struct task *stand_in(const struct task *t) {
    struct task *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->prompt = t->prompt;
    s->index = t->index;
    s->file = t->file;
    s->start_line = t->start_line;
    s->end_line = t->end_line;
    memcpy(s->sha256, t->sha256, sizeof s->sha256);
    memcpy(s->context_sha256, t->context_sha256, sizeof s->context_sha256);
    buf_append(&s->symbol, t->symbol.data ? t->symbol.data : "", t->symbol.len);
    buf_str(&s->symbol, "");
    buf_append(&s->other, t->other.data ? t->other.data : "", t->other.len);
    s->other_source = t->other_source;
    give_up(s);
    if (!buf_failed(&s->symbol) && !buf_failed(&s->other))
        return s;
    task_free(s);
    return NULL;
}

/* What is not finished when a lane hangs: what came back meanwhile, what was to be tried again, and
 * what does not come back. */
static void settle_rest(struct execution *x) {
    struct run *r = x->r;
    for (struct task *t; (t = queue_pop(r->finished, 0)) != NULL;)
        receive(x, t);
    pthread_mutex_lock(&r->gate.lock);
    struct task *again = r->gate.again;
    r->gate.again = NULL;
    pthread_mutex_unlock(&r->gate.lock);
    for (struct task *t; (t = again) != NULL;) {
        again = t->next;
        give_up(t);
        settle(x, t);
    }
    for (size_t i = 0; i < r->window; i++) {
        pthread_mutex_lock(&r->gate.lock);
        const struct task *lost = r->gate.asked[i];
        pthread_mutex_unlock(&r->gate.lock);
        struct task *t = lost ? stand_in(lost) : NULL;
        if (t)
            settle(x, t);
    }
}

static void consume(struct execution *x) {
    struct run *r = x->r;
    bool told = false;
    while (r->oldest < r->plan.n_chunks) {
        check_stop(x);
        if (guard_hangs(run_engine(r), &r->options.policy, &x->watchdog, &r->stats)) {
            x->stopping = true;
            x->give_up = clock_seconds() + GRACE_SECONDS;
        }
        if (x->stopping) {
            if (!told)
                stop_producer(x);
            told = true;
            cancel_all(r); /* again each time: one may have been on its way in */
            if (all_quiet(r) || (r->stats.hung && clock_seconds() > x->give_up))
                break;
        }
        struct task *t = queue_pop(r->finished, x->stopping ? 0.02 : TICK_SECONDS);
        if (t)
            receive(x, t);
        double now = clock_seconds();
        if (x->events->on_tick && now - x->last_tick >= TICK_SECONDS) {
            x->last_tick = now;
            update_time(r);
            x->events->on_tick(x->events->user, &r->stats);
        }
    }
    if (r->stats.hung)
        settle_rest(x);
    emit_rest(x);
}

static int open_for_rollup(void *user, struct engine **en, const struct prompt **prompt,
                           struct err *e) {
    struct run *r = user;
    int rc = run_need(r, RUN_JUDGE, e);
    *en = r->tools.en;
    *prompt = r->rollup_prompt.tok ? &r->rollup_prompt : &r->prompt;
    return rc;
}

static int roll_up(struct run *r, const struct run_events *events, struct err *e) {
    const struct rollup_work work = {.need = open_for_rollup,
                                     .user = r,
                                     .max_sequences = r->max_sequences,
                                     .limit = r->prompt.limit,
                                     .breaker = &r->gate.breaker,
                                     .options = &r->options,
                                     .events = events,
                                     .stats = &r->stats};
    return rollup_execute(r->rollup, &work, e);
}

int run_execute(struct run *r, const struct run_events *events, struct err *e) {
    if (r->executed)
        return err_set(e, PRECIS_EUSAGE, "the run has been executed already");
    r->executed = true;
    struct execution x = {.r = r, .events = events, .e = e, .last_tick = clock_seconds()};
    r->gate.allowed = r->window < r->plan.n_chunks ? r->window : r->plan.n_chunks;
    int rc = pool_start(&r->pool, 1, produce, r, e);
    if (rc)
        return rc;
    consume(&x);
    stop_producer(&x);
    if (r->stats.hung) { /* the reading thread may wait for the engine */
        update_time(r);
        return x.rc;
    }
    pool_join(r->pool);
    while (r->gate.again) { /* never begun again: left, as if they had not been tried */
        struct task *next = r->gate.again->next;
        task_free(r->gate.again);
        r->gate.again = next;
    }
    update_time(r);
    if (x.rc == 0 && !r->stats.interrupted && r->rollup)
        x.rc = roll_up(r, events, e);
    return x.rc;
}

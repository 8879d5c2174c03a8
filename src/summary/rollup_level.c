#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/queue.h"
#include "summary/guard.h"
#include "summary/prompt_rollup.h"
#include "summary/rollup_impl.h"
#include "summary/task.h"

static const double TICK_SECONDS = 0.25;

/* A node on its way to its line. */
struct item {
    size_t node;
    bool ended; /* with a line or an error */
    bool cut, known;
    bool in_vain;   /* the model was asked, and asking again would come to the same */
    struct err err; /* code 0: none */
    size_t tokens_in, tokens_out;
    double seconds;
    char sha256[HASH_HEX_SIZE], context_sha256[HASH_HEX_SIZE];
    struct buf renamed_from; /* as in struct known_line, as is the key */
    uint8_t key[HASH_SHA256_SIZE];
};

struct level {
    struct rollup *r;
    const struct rollup_work *w;
    struct engine *en;           /* NULL: nothing had to be asked yet */
    const struct prompt *prompt; /* likewise */
    struct item *items;
    size_t n, window;
    struct queue *finished; /* of struct task *; has room for the window */
    size_t under_way;       /* tasks, those that wait to be tried again among them */
    struct task *again;     /* those, by the time when they are due */
    size_t before;          /* nodes of the levels below */
    bool stopping;
    int rc; /* the first failure */
    struct err *e;
    double began, last_tick;
    struct watchdog watchdog;
};

/* What a node is made from: names and lines, each with a NUL after it. */
struct material {
    struct buf text;
    struct rollup_part *parts; /* owned; borrows from text */
    size_t n;
};

static void material_free(struct material *m) {
    buf_free(&m->text);
    free(m->parts);
}

static void append_name(struct buf *b, const struct rollup_node *part) {
    if (part->level != SUMMARY_CHUNK)
        buf_printf(b, "%s%s", folders_base(part->path),
                   part->level == SUMMARY_DIRECTORY ? "/" : "");
    else if (part->symbol)
        buf_str(b, part->symbol);
    else if (part->start_line == part->end_line)
        buf_printf(b, "line %" PRIu64, part->start_line);
    else
        buf_printf(b, "lines %" PRIu64 "-%" PRIu64, part->start_line, part->end_line);
    buf_char(b, 0);
}

static int gather(const struct rollup *r, const struct rollup_node *node, struct material *m,
                  struct err *e) {
    *m = (struct material){0};
    size_t n = 0;
    for (size_t c = node->first; c != ROLLUP_NONE; c = r->nodes[c].next) {
        const struct rollup_node *part = &r->nodes[c];
        if (!part->line)
            continue;
        n++;
        append_name(&m->text, part);
        buf_append(&m->text, part->line, strlen(part->line) + 1);
    }
    m->parts = calloc(n ? n : 1, sizeof *m->parts);
    if (buf_failed(&m->text) || !m->parts)
        return err_nomem(e, "roll-up");
    const char *at = m->text.data;
    for (size_t c = node->first; c != ROLLUP_NONE; c = r->nodes[c].next) {
        if (!r->nodes[c].line)
            continue;
        struct rollup_part *part = &m->parts[m->n++];
        part->name = at;
        part->line = at + strlen(at) + 1;
        part->confidence = r->nodes[c].confidence;
        at = part->line + strlen(part->line) + 1;
    }
    return 0;
}

static struct summary summary_of(const struct level *l, const struct item *item) {
    const struct rollup_node *node = &l->r->nodes[item->node];
    bool ok = item->err.code == 0;
    struct summary s = {.level = node->level,
                        .file_path = node->path,
                        .start_line = node->start_line,
                        .end_line = node->end_line,
                        .lang = node->lang,
                        .summary = ok ? node->line : "",
                        .confidence = ok ? node->confidence : 0,
                        .source = ok ? node->source : "",
                        .error = ok ? NULL : item->err.text,
                        .tokens_in = item->tokens_in,
                        .tokens_out = item->tokens_out,
                        .cut = item->cut,
                        .known = item->known,
                        .final = ok,
                        .nothing = item->in_vain ? item->err.text : NULL,
                        .renamed_from = item->renamed_from.len ? item->renamed_from.data : NULL,
                        .known_key = item->renamed_from.len ? item->key : NULL,
                        .elapsed_ms = item->seconds * 1e3,
                        .index = l->w->stats->chunks_total + l->before + (size_t)(item - l->items)};
    memcpy(s.sha256, item->sha256, sizeof s.sha256);
    memcpy(s.context_sha256, item->context_sha256, sizeof s.context_sha256);
    return s;
}

static void fail(struct level *l, const struct err *why) {
    if (l->rc == 0) {
        l->rc = why->code;
        if (l->e)
            *l->e = *why;
    }
    l->stopping = true;
}

static void update_time(struct level *l) {
    l->w->stats->rollup_seconds = clock_seconds() - l->began;
}

static void end(struct level *l, struct item *item) {
    struct run_stats *stats = l->w->stats;
    item->ended = true;
    if (item->err.code)
        stats->rollups_failed++;
    else
        stats->rollups_done++;
    update_time(l);
    if (l->w->events->on_finished && l->rc == 0) {
        struct summary s = summary_of(l, item);
        l->w->events->on_finished(l->w->events->user, &s, stats);
    }
}

/* Gives the node its line, a copy. */
static void end_with(struct level *l, struct item *item, const char *line, double confidence,
                     const char *source) {
    struct rollup_node *node = &l->r->nodes[item->node];
    struct err e;
    node->line = strdup(line);
    node->confidence = confidence;
    memccpy(node->source, source, 0, sizeof node->source - 1);
    if (node->line)
        end(l, item);
    else {
        err_nomem(&e, "roll-up");
        fail(l, &e);
    }
}

static void take_only_part(struct level *l, struct item *item) {
    size_t c = l->r->nodes[item->node].first;
    while (!l->r->nodes[c].line)
        c = l->r->nodes[c].next;
    const struct rollup_node *part = &l->r->nodes[c];
    end_with(l, item, part->line, part->confidence, part->source);
}

/* It may be known that the model has no line. */
static bool take_known(struct level *l, struct item *item) {
    const struct known *known = l->w->options->known;
    struct summary about = summary_of(l, item);
    struct known_line found = {0};
    bool there = known && known->find(known->user, &about, &found);
    bool hit = there && (found.nothing || known_is_usable(&found, l->w->options->max_chars));
    if (hit) {
        item->known = true;
        item->cut = found.cut;
        item->tokens_in = (size_t)found.tokens_in;
        item->tokens_out = (size_t)found.tokens_out;
    }
    if (hit && found.nothing) {
        item->in_vain = true;
        err_set(&item->err, PRECIS_ENOTFOUND, "%s", found.line.data ? found.line.data : "no line");
        end(l, item);
    } else if (hit) {
        item->renamed_from = found.renamed_from;
        found.renamed_from = (struct buf){0};
        memcpy(item->key, found.key, sizeof item->key);
        end_with(l, item, found.line.data, found.confidence, found.source);
    }
    known_line_free(&found);
    return hit;
}

/* All that the question's text follows from, beside what every line of the run depends on. */
static int digest(const struct level *l, const struct rollup_question *q, char out[HASH_HEX_SIZE],
                  struct err *e) {
    struct buf b = {0};
    buf_printf(&b, "%d %zu %zu", (int)q->level, l->w->limit, q->n);
    buf_char(&b, 0);
    buf_append(&b, q->name, strlen(q->name) + 1);
    for (size_t i = 0; i < q->n; i++) {
        buf_append(&b, q->parts[i].name, strlen(q->parts[i].name) + 1);
        buf_append(&b, q->parts[i].line, strlen(q->parts[i].line) + 1);
        buf_printf(&b, "%.17g", q->parts[i].confidence);
        buf_char(&b, 0);
    }
    int rc = buf_failed(&b) ? err_nomem(e, "roll-up") : hash_sha256_hex(b.data, b.len, out, e);
    buf_free(&b);
    return rc;
}

/* The lines below are what the line is about. */
static int find_evidence(const struct level *l, const char *name, const struct material *m,
                         struct evidence *out, struct err *e) {
    struct buf lines = {0};
    for (size_t i = 0; i < m->n; i++)
        buf_printf(&lines, "%s: %s\n", m->parts[i].name, m->parts[i].line);
    const struct evidence_source source = {.path = name, .text = lines.data, .len = lines.len};
    int rc = buf_failed(&lines) ? err_nomem(e, "roll-up")
                                : evidence_make(&source, l->w->options->embedder, NULL, 0, out, e);
    buf_free(&lines);
    return rc;
}

/* Asks the model about a task that has its prompt, unless its breaker is open. */
static void send(struct level *l, struct task *t) {
    l->under_way++;
    if (guard_ask(l->w->breaker, &l->w->options->policy, t))
        task_submit(t, l->en, l->w->options);
    else
        queue_push(l->finished, t);
}

/* The error is the line's, but for PRECIS_ENOMEM. */
static int submit(struct level *l, struct item *item, const struct material *m,
                  const struct rollup_question *q, struct err *e) {
    struct buf text = {0};
    struct task *t = calloc(1, sizeof *t);
    int rc = t ? prompt_rollup_build(l->prompt, q, &text, &t->ids, &item->cut, e)
               : err_nomem(e, "roll-up");
    if (rc == 0) {
        t->prompt = l->prompt;
        t->finished = l->finished;
        t->index = (size_t)(item - l->items);
        t->key = hash_bytes(text.data, text.len, 0);
        rc = find_evidence(l, q->name, m, &t->evidence, e);
    }
    if (rc == 0) {
        send(l, t);
        t = NULL; /* it is on its way */
    }
    task_free(t);
    buf_free(&text);
    return rc;
}

/* Asks the model, unless the answer is known. *fatal: the error is not the line's. */
static int ask(struct level *l, struct item *item, const struct material *m, bool *fatal,
               struct err *e) {
    const struct rollup_node *node = &l->r->nodes[item->node];
    const char *title = l->w->options->title;
    const struct rollup_question q = {
        .level = node->level,
        .name = node->level == SUMMARY_REPOSITORY ? (title ? title : "") : node->path,
        .parts = m->parts,
        .n = m->n};
    int rc = digest(l, &q, item->context_sha256, e);
    if (rc || take_known(l, item))
        return rc;
    if (!l->en) {
        rc = l->w->need(l->w->user, &l->en, &l->prompt, e);
        *fatal = rc != 0;
    }
    return rc ? rc : submit(l, item, m, &q, e);
}

static void begin(struct level *l, struct item *item) {
    struct material m;
    struct err e;
    bool fatal = false;
    int rc = gather(l->r, &l->r->nodes[item->node], &m, &e);
    if (rc == 0 && m.n)
        rc = hash_sha256_hex(m.text.data, m.text.len, item->sha256, &e);
    if (rc == 0 && m.n == 1)
        take_only_part(l, item);
    else if (rc == 0 && m.n)
        rc = ask(l, item, &m, &fatal, &e);
    material_free(&m);
    if (rc == PRECIS_ENOMEM || fatal)
        fail(l, &e);
    else if (rc) {
        item->err = e;
        end(l, item);
    }
}

/* A task whose attempt is over. */
static void receive(struct level *l, struct task *t) {
    struct item *item = &l->items[t->index];
    l->under_way--;
    guard_tell(l->w->breaker, &l->w->options->policy, t, l->w->stats);
    if (l->stopping && (l->rc || t->finish == FINISH_CANCELLED)) {
        task_free(t);
        return;
    }
    if (t->finish == FINISH_CANCELLED)
        err_set(&t->err, PRECIS_ECANCELLED, "cancelled");
    int rc = t->err.code;
    if (rc == 0)
        rc = task_clean(t, l->w->options->max_chars, &t->err);
    if (rc == 0)
        rc = task_choose(t, l->w->options, &t->err);
    if (rc == PRECIS_ENOTFOUND && t->attempt == 0 && !l->stopping) {
        t->err = (struct err){0};
        t->attempt++;
        send(l, t);
        return;
    }
    if (rc && !l->stopping && guard_retries(&l->w->options->policy, t, l->w->stats)) {
        log_say(LOG_DEBUG, "%s: %s; again in %.2f s", l->r->nodes[item->node].path, t->err.text,
                t->due - clock_seconds());
        l->under_way++;
        task_put_by_due(&l->again, t);
        return;
    }
    item->tokens_in = t->tokens_in;
    item->tokens_out = t->tokens_out;
    item->seconds = t->seconds;
    if (rc == 0)
        end_with(l, item, t->line.data, t->verdict.confidence, "model");
    else {
        item->err = t->err;
        item->in_vain = rc == PRECIS_ENOTFOUND && t->attempt > 0;
        end(l, item);
    }
    task_free(t);
}

static void tick(struct level *l) {
    const struct run_events *events = l->w->events;
    double now = clock_seconds();
    if (!events->on_tick || now - l->last_tick < TICK_SECONDS)
        return;
    l->last_tick = now;
    update_time(l);
    events->on_tick(events->user, l->w->stats);
}

static struct task *take_again(struct level *l) {
    struct task *t = l->again;
    if (t) {
        l->again = t->next;
        l->under_way--;
    }
    return t;
}

/* Until something is to be done: what waits is due, or it is time to look around. */
static double seconds_to_wait(const struct level *l) {
    if (l->stopping)
        return 0.02;
    return l->again ? fmax(0, fmin(TICK_SECONDS, l->again->due - clock_seconds())) : TICK_SECONDS;
}

static void make_all(struct level *l) {
    atomic_bool *stop = l->w->options->stop;
    for (size_t next = 0; next < l->n || l->under_way;) {
        if (stop && atomic_load(stop) && !l->stopping) {
            l->w->stats->interrupted = true;
            l->stopping = true;
        }
        if (guard_hangs(l->en, &l->w->options->policy, &l->watchdog, l->w->stats)) {
            l->stopping = true;
            engine_cancel(l->en, 0);
            for (struct task *t; (t = queue_pop(l->finished, 0)) != NULL;)
                receive(l, t);
            for (struct task *t; (t = take_again(l)) != NULL;)
                task_free(t);
            return; /* without the lines that do not come back */
        }
        if (l->stopping) {
            next = l->n;
            if (l->en)
                engine_cancel(l->en, 0);
            for (struct task *t; (t = take_again(l)) != NULL;)
                task_free(t);
        }
        if (l->again && l->again->due <= clock_seconds()) {
            struct task *t = take_again(l);
            t->err = (struct err){0};
            send(l, t);
            continue;
        }
        if (next < l->n && l->under_way < l->window) {
            begin(l, &l->items[next++]);
            continue;
        }
        struct task *t = l->under_way ? queue_pop(l->finished, seconds_to_wait(l)) : NULL;
        if (t)
            receive(l, t);
        tick(l);
    }
}

static void deliver(struct level *l) {
    for (size_t i = 0; l->rc == 0 && i < l->n; i++) {
        if (!l->items[i].ended)
            continue;
        struct summary s = summary_of(l, &l->items[i]);
        l->rc = l->w->events->on_summary(l->w->events->user, &s, l->e);
    }
}

int rollup_level(struct rollup *r, const struct rollup_work *w, const size_t *nodes, size_t n,
                 size_t before, bool *over, struct err *e) {
    struct level l = {.r = r,
                      .w = w,
                      .items = calloc(n, sizeof *l.items),
                      .n = n,
                      .window = 2 * (size_t)w->max_sequences,
                      .before = before,
                      .e = e,
                      .began = clock_seconds() - w->stats->rollup_seconds,
                      .last_tick = clock_seconds()};
    int rc = l.items ? queue_new(&l.finished, l.window, e) : err_nomem(e, "roll-up");
    for (size_t i = 0; rc == 0 && i < n; i++)
        l.items[i].node = nodes[i];
    if (rc == 0) {
        make_all(&l);
        deliver(&l);
        rc = l.rc;
    }
    *over = l.stopping;
    if (!w->stats->hung) /* else a lane may still put something there */
        queue_free(l.finished);
    for (size_t i = 0; l.items && i < n; i++)
        buf_free(&l.items[i].renamed_from);
    free(l.items);
    return rc;
}

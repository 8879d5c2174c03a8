#include "summary/produce.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "code/chunk_symbol.h"
#include "summary/fallback.h"
#include "summary/guard.h"
#include "summary/source.h"

enum turn { TURN_CHUNK, TURN_AGAIN, TURN_END };

/* Until another thread says that something changed, or the next task is due. */
static void wait_for_change(struct gate *g) {
    if (g->again)
        clock_cond_wait(&g->changed, &g->lock, g->again->due);
    else
        pthread_cond_wait(&g->changed, &g->lock);
}

/* Waits for something to do: chunk `index`, a task to try again, or the end. */
static enum turn take_turn(struct run *r, size_t index, struct task **again) {
    struct gate *g = &r->gate;
    enum turn turn = TURN_END;
    pthread_mutex_lock(&g->lock);
    bool due = false;
    while (!g->stop) {
        due = g->again && g->again->due <= clock_seconds();
        if (due || index < g->allowed)
            break;
        wait_for_change(g);
    }
    if (!g->stop) {
        turn = due ? TURN_AGAIN : TURN_CHUNK;
        if (due) {
            *again = g->again;
            g->again = g->again->next;
        }
        g->started++;
        if (g->first_submit == 0)
            g->first_submit = clock_seconds();
    }
    pthread_mutex_unlock(&g->lock);
    return turn;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] > ' ' && s[i] != 0x7f)
            return false;
    return true;
}

/* Puts the chunk's outline, where the model is to see it, into out and c. */
static int outline_chunk(struct run *r, struct task *t, const struct source_file *s,
                         struct prompt_chunk *c, struct buf *out) {
    if (!s->parsed || r->prompt.form != PROMPT_DOCUMENT)
        return 0;
    const struct context_source source = {.tree = &s->tree,
                                          .symbols = &s->symbols,
                                          .first_line = (uint32_t)t->start_line,
                                          .last_line = (uint32_t)t->end_line,
                                          .text = c->text,
                                          .len = c->len};
    int rc = context_make(r->options.context, r->prompt.tok, &source, out, &t->err);
    c->outline = rc == 0 && out->len ? out->data : NULL;
    return rc;
}

/* What the prompt says of the chunk beside its text, path and lines, as a digest. Examples are left
 * out: a line is not made anew because something else was documented. */
static int set_context(struct task *t, const struct prompt_chunk *c) {
    struct buf b = {0};
    buf_char(&b, c->whole ? 'f' : 'l');
    buf_str(&b, c->symbol ? c->symbol : "");
    buf_char(&b, 0);
    buf_str(&b, c->outline ? c->outline : "");
    int rc = buf_failed(&b) ? err_nomem(&t->err, c->path)
                            : hash_sha256_hex(b.data, b.len, t->context_sha256, &t->err);
    buf_free(&b);
    return rc;
}

/* What can be said of the chunk without the model. */
static int prepare_other(const struct run *r, struct task *t, const struct source_file *s) {
    const struct fallback_chunk c = {.path = t->file->name,
                                     .first_line = t->start_line,
                                     .last_line = t->end_line,
                                     .file_lines = t->file->lines,
                                     .tree = s->parsed ? &s->tree : NULL,
                                     .symbols = s->parsed ? &s->symbols : NULL};
    const int max_chars = r->options.max_chars;
    struct err why;
    if (max_chars < FALLBACK_MIN_CHARS || (r->options.no_fallback && !r->options.prefer_docs))
        return 0;
    int rc = fallback_doc(&c, max_chars, &t->other, &why);
    t->other_source = "doc";
    if (rc == PRECIS_ENOTFOUND && !r->options.no_fallback) {
        rc = fallback_rule(&c, max_chars, &t->other, &why);
        t->other_source = "rule";
    }
    if (rc == PRECIS_ENOMEM)
        return err_nomem(&t->err, t->file->name);
    return 0;
}

/* Whether the chunk is hardly more than that symbol, so that its line may be about it. */
static bool is_all_of(const struct source_file *s, const struct task *t,
                      const struct chunk_symbol *c) {
    const struct symbol *v = &s->symbols.v[c->symbol];
    uint64_t lines = v->last_line - v->first_line + 1, all = t->end_line - t->start_line + 1;
    bool speaks = symbol_is_callable(v->kind) || symbol_is_type(v->kind);
    return speaks && !c->cut_before && !c->cut_after && 5 * lines >= 4 * all;
}

static int find_symbol(struct task *t, const struct source_file *s) {
    struct chunk_symbol found;
    if (!s->parsed)
        return 0;
    int rc = chunk_symbol_find(&s->tree, &s->symbols, t->start_line, t->end_line, &found, &t->err);
    if (rc || found.symbol == SYMBOL_NONE)
        return rc;
    chunk_symbol_name(&s->tree, &s->symbols, found.symbol, &t->symbol);
    t->nouns = is_all_of(s, t, &found);
    return buf_failed(&t->symbol) ? err_nomem(&t->err, t->file->name) : 0;
}

/* A failure ends the run, as its fault, unless somebody stopped it meanwhile. */
static int need(struct run *r, enum run_part part, struct err *e) {
    int rc = run_need(r, part, e);
    if (rc == 0)
        return 0;
    bool stopped = r->options.stop && atomic_load(r->options.stop);
    r->stuck = true;
    pthread_mutex_lock(&r->gate.lock);
    if (!stopped)
        r->gate.fatal = *e;
    pthread_mutex_unlock(&r->gate.lock);
    return rc;
}

/* Whether the model is left alone now; then nothing need be made for it. */
static bool refuses(struct run *r, struct task *t) {
    pthread_mutex_lock(&r->gate.lock);
    bool refused = guard_refuses(&r->gate.breaker, &r->options.policy, t);
    pthread_mutex_unlock(&r->gate.lock);
    return refused;
}

static int prepare_task(struct run *r, struct task *t, const struct source_file *s,
                        const struct chunk *cut) {
    const char *text = (const char *)s->m.data + cut->offset;
    size_t len = (size_t)cut->length;
    uint64_t path = hash_bytes(t->file->file->name, strlen(t->file->file->name), 0);
    t->key = hash_bytes(text, len, path);
    int rc = hash_sha256_hex(text, len, t->sha256, &t->err);
    if (rc == 0)
        rc = find_symbol(t, s);
    if (rc)
        return rc;
    rc = prepare_other(r, t, s);
    if (rc)
        return rc;
    if (r->options.prefer_docs && t->other.len && strcmp(t->other_source, "doc") == 0) {
        task_fall_back(t);
        t->final = true;
        return 0;
    }
    if (is_blank(text, len))
        return err_set(&t->err, PRECIS_ENOTFOUND, "nothing but white space");
    struct prompt_chunk c = {.path = t->file->name,
                             .lang = t->file->file->lang,
                             .start_line = t->start_line,
                             .end_line = t->end_line,
                             .text = text,
                             .len = len,
                             .symbol = t->nouns ? t->symbol.data : NULL,
                             .whole = t->file->n_chunks == 1};
    struct buf outline = {0};
    rc = outline_chunk(r, t, s, &c, &outline);
    if (rc == 0)
        rc = set_context(t, &c);
    bool open = rc == 0 && !task_known(t, &r->options);
    t->left = open && t->aside;
    if (t->left) {
        rc = err_set(&t->err, PRECIS_ENOTFOUND, "not asked about");
    } else if (open && !refuses(r, t)) {
        rc = need(r, RUN_POOL, &t->err);
        if (rc == 0)
            rc = task_ask(t, &r->options, &c, NULL, NULL, &t->err);
        if (rc) { /* no prompt, so that it is made when this is tried again */
            ids_free(&t->ids);
            t->ids = (struct ids){0};
        }
    }
    buf_free(&outline);
    return rc;
}

static struct task *begin_task(struct run *r, const struct plan_file *f, size_t k) {
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->prompt = &r->prompt;
    t->finished = r->finished;
    t->index = f->first_chunk + k;
    t->file = f;
    plan_lines(&r->plan, f, k, &t->start_line, &t->end_line);
    t->aside = !plan_asks(&r->plan, f, k);
    return t;
}

/* A task for chunk k of a file; s NULL: it could not be had, for the reason in why. */
static struct task *new_task(struct run *r, const struct plan_file *f, size_t k,
                             const struct source_file *s, const struct err *why) {
    struct task *t = begin_task(r, f, k);
    if (!t)
        return NULL;
    if (!s)
        task_fail(t, why);
    else if (prepare_task(r, t, s, &s->chunks.v[k]) != 0)
        t->finish = FINISH_FAILED; /* err says why */
    return t;
}

/* Asks the model, unless its breaker is open: then the task goes on without. */
static void ask_model(struct run *r, struct task *t) {
    pthread_mutex_lock(&r->gate.lock);
    bool may = guard_ask(&r->gate.breaker, &r->options.policy, t);
    if (may)
        r->gate.asked[t->index % r->window] = t;
    pthread_mutex_unlock(&r->gate.lock);
    if (may)
        task_submit(t, r->tools.en, &r->options);
    else
        queue_push(r->finished, t);
}

static void hand_on(struct run *r, struct task *t) {
    if (t->finish == FINISH_FAILED || t->source)
        queue_push(r->finished, t);
    else
        ask_model(r, t);
}

/* A task that had no prompt: its file is read once more. */
static void make_again(struct run *r, struct task *t) {
    struct source_file s;
    t->err = (struct err){0};
    t->finish = FINISH_STOP;
    buf_clear(&t->symbol);
    buf_clear(&t->other);
    if (source_open(&r->plan, t->file, &s, &t->err) != 0 ||
        prepare_task(r, t, &s, &s.chunks.v[t->index - t->file->first_chunk]) != 0)
        t->finish = FINISH_FAILED;
    source_close(&s);
    hand_on(r, t);
}

/* Until chunk `index` may begin: tries others again meanwhile. false: the run ends. */
static bool wait_for_turn(struct run *r, size_t index) {
    struct task *again = NULL;
    enum turn turn;
    while ((turn = take_turn(r, index, &again)) == TURN_AGAIN)
        if (again->ids.n)
            ask_model(r, again);
        else
            make_again(r, again);
    return turn == TURN_CHUNK;
}

/* Begun for nothing: the run ends. */
static bool take_back(struct run *r, const struct plan_file *f, struct task *t) {
    pthread_mutex_lock(&r->gate.lock);
    if (!t)
        err_nomem(&r->gate.fatal, f->name);
    r->gate.started--;
    pthread_mutex_unlock(&r->gate.lock);
    task_free(t);
    return false;
}

static bool send(struct run *r, const struct plan_file *f, struct task *t) {
    if (!t || r->stuck)
        return take_back(r, f, t);
    hand_on(r, t);
    return true;
}

/* Whether the lines of all chunks of a file are known, for the chunks that it has. */
static bool find_file(const struct run *r, const struct plan_file *f, struct known_chunks *c) {
    const struct known *known = r->options.known;
    if (!known || !known->file || f->error || !known->file(known->user, f->name, f->sha256, c) ||
        c->n != f->n_chunks)
        return false;
    for (size_t k = 0; k < c->n; k++) {
        uint64_t first, last;
        plan_lines(&r->plan, f, k, &first, &last);
        bool same = c->v[k].start_line == first && c->v[k].end_line == last;
        if (!(same || c->v[k].line.nothing) ||
            !known_chunk_is_usable(&c->v[k], r->options.max_chars))
            return false;
    }
    return true;
}

static bool produce_known(struct run *r, const struct plan_file *f, struct known_chunks *c) {
    bool go_on = true;
    for (size_t k = 0; go_on && k < f->n_chunks; k++) {
        go_on = wait_for_turn(r, f->first_chunk + k);
        if (!go_on)
            break;
        struct task *t = begin_task(r, f, k);
        if (t)
            task_take_chunk(t, &c->v[k]);
        go_on = send(r, f, t);
    }
    return go_on;
}

/* Reads a file, which takes a tokenizer where its chunks are outlined. */
static bool produce_read(struct run *r, const struct plan_file *f) {
    struct source_file s;
    struct err why;
    bool go_on = true;
    if (need(r, RUN_MODEL, &why) != 0)
        return false;
    int rc = source_open(&r->plan, f, &s, &why);
    for (size_t k = 0; go_on && k < f->n_chunks; k++) {
        go_on = wait_for_turn(r, f->first_chunk + k);
        if (go_on)
            go_on = send(r, f, new_task(r, f, k, rc ? NULL : &s, &why));
    }
    source_close(&s);
    return go_on;
}

static bool produce_file(struct run *r, const struct plan_file *f) {
    struct known_chunks known = {0};
    bool go_on = find_file(r, f, &known) ? produce_known(r, f, &known) : produce_read(r, f);
    known_chunks_free(&known);
    return go_on;
}

void produce(void *user, int index) {
    struct run *r = user;
    bool go_on = true;
    pool_name_thread("reader", index);
    for (size_t i = 0; go_on && i < r->plan.n; i++)
        go_on = produce_file(r, &r->plan.files[i]);
    if (go_on)
        wait_for_turn(r, SIZE_MAX); /* only second attempts are left */
    pthread_mutex_lock(&r->gate.lock);
    r->gate.ended = true;
    pthread_mutex_unlock(&r->gate.lock);
}

#include "summary/produce.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

enum turn { TURN_CHUNK, TURN_AGAIN, TURN_END };

/* Waits for something to do: chunk `index`, a task to try again, or the end. */
static enum turn take_turn(struct run *r, size_t index, struct task **again) {
    struct gate *g = &r->gate;
    enum turn turn = TURN_END;
    pthread_mutex_lock(&g->lock);
    while (!g->stop && !g->again && index >= g->allowed)
        pthread_cond_wait(&g->changed, &g->lock);
    if (!g->stop) {
        turn = g->again ? TURN_AGAIN : TURN_CHUNK;
        if ((*again = g->again) != NULL)
            g->again = g->again->next;
        g->started++;
        if (g->first_submit == 0)
            g->first_submit = clock_seconds();
    }
    pthread_mutex_unlock(&g->lock);
    return turn;
}

/* Until chunk `index` may begin: tries others again meanwhile. false: the run ends. */
static bool wait_for_turn(struct run *r, size_t index) {
    struct task *again = NULL;
    enum turn turn;
    while ((turn = take_turn(r, index, &again)) == TURN_AGAIN)
        task_submit(again, r->en, &r->options);
    return turn == TURN_CHUNK;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] > ' ' && s[i] != 0x7f)
            return false;
    return true;
}

/* The nearest documented pieces of other files. */
static int find_examples(const struct run *r, const char *path, const char *text, size_t len,
                         struct prompt_example found[EXAMPLES_MOST_NEAREST], size_t *n,
                         struct err *e) {
    struct examples_hit hits[EXAMPLES_MOST_NEAREST];
    *n = 0;
    if (!r->options.pool || !r->options.n_examples || r->prompt.form != PROMPT_DOCUMENT)
        return 0;
    char *code = strndup(text, len < EXAMPLES_MOST_CODE ? len : EXAMPLES_MOST_CODE);
    if (!code)
        return err_nomem(e, path);
    const struct examples_query q = {.path = path, .symbol = "", .code = code};
    int rc = examples_nearest(r->options.pool, &q, r->options.n_examples, hits, n, e);
    for (size_t k = 0; rc == 0 && k < *n; k++)
        found[k] = prompt_example_of(examples_get(r->options.pool, hits[k].index));
    free(code);
    return rc;
}

static int prepare_task(struct run *r, struct task *t, const char *text, size_t len) {
    uint64_t path = hash_bytes(t->file->file->name, strlen(t->file->file->name), 0);
    t->key = hash_bytes(text, len, path);
    int rc = hash_sha256_hex(text, len, t->sha256, &t->err);
    if (rc)
        return rc;
    if (is_blank(text, len))
        return err_set(&t->err, PRECIS_ENOTFOUND, "nothing but white space");
    struct prompt_example examples[EXAMPLES_MOST_NEAREST];
    struct prompt_chunk c = {.path = t->file->name,
                             .lang = t->file->file->lang,
                             .start_line = t->start_line,
                             .end_line = t->end_line,
                             .text = text,
                             .len = len,
                             .whole = t->file->n_chunks == 1,
                             .examples = examples};
    rc = find_examples(r, t->file->file->name, text, len, examples, &c.n_examples, &t->err);
    return rc ? rc : prompt_build(&r->prompt, &c, &t->ids, &t->cut, &t->err);
}

/* A task for chunk k of a file; text NULL: it could not be had, for the reason in why. */
static struct task *new_task(struct run *r, const struct plan_file *f, size_t k, const char *text,
                             size_t len, const struct err *why) {
    struct task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->prompt = &r->prompt;
    t->finished = r->finished;
    t->index = f->first_chunk + k;
    t->file = f;
    plan_lines(&r->plan, f, k, &t->start_line, &t->end_line);
    if (!text)
        task_fail(t, why);
    else if (prepare_task(r, t, text, len) != 0)
        t->finish = FINISH_FAILED;
    return t;
}

static bool produce_file(struct run *r, const struct plan_file *f) {
    struct mapping m;
    struct chunks chunks;
    struct err why;
    bool go_on = true;
    int rc = plan_open(&r->plan, f, &m, &chunks, &why);
    for (size_t k = 0; go_on && k < f->n_chunks; k++) {
        go_on = wait_for_turn(r, f->first_chunk + k);
        if (!go_on)
            break;
        const struct chunk *c = rc ? NULL : &chunks.v[k];
        const char *text = c ? (const char *)m.data + c->offset : NULL;
        struct task *t = new_task(r, f, k, text, c ? (size_t)c->length : 0, &why);
        if (!t) {
            pthread_mutex_lock(&r->gate.lock);
            err_nomem(&r->gate.fatal, f->name);
            r->gate.started--;
            pthread_mutex_unlock(&r->gate.lock);
            go_on = false;
        } else if (task_is_over(t, &r->options))
            queue_push(r->finished, t);
        else
            task_submit(t, r->en, &r->options);
    }
    chunks_free(&chunks);
    file_unmap(&m);
    return go_on;
}

void produce(void *user, int index) {
    (void)index;
    struct run *r = user;
    bool go_on = true;
    for (size_t i = 0; go_on && i < r->plan.n; i++)
        go_on = produce_file(r, &r->plan.files[i]);
    if (go_on)
        wait_for_turn(r, SIZE_MAX); /* only second attempts are left */
    pthread_mutex_lock(&r->gate.lock);
    r->gate.ended = true;
    pthread_mutex_unlock(&r->gate.lock);
}

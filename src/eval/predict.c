#include "eval/predict.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "summary/examples.h"
#include "summary/task.h"

static const double LOOK_SECONDS = 0.1; /* between looks at the stop flag */

struct predicting {
    const struct eval_items *items;
    const struct predict_options *options;
    struct engine *en;
    struct prompt prompt;
    struct examples *pool;   /* NULL: none wanted */
    struct run_options line; /* with the pool */
    struct queue *finished;
    struct eval_predictions *out;
    struct predict_stats stats;
    size_t under_way, done;
};

/* Of an item's code: its outline where that is wanted, or, as an example, that of a whole file;
 * else nothing. */
static int outline_of(const struct predicting *p, const struct eval_item *it, bool example,
                      struct buf *out, struct err *e) {
    struct tree tree;
    struct symbols symbols;
    struct err why;
    const struct lang *lang = lang_by_name(it->language);
    size_t len = strlen(it->code);
    int rc = lang ? tree_parse(lang, it->code, len, &tree, &why) : PRECIS_EUNSUPPORTED;
    if (rc)
        return rc == PRECIS_ENOMEM ? err_nomem(e, it->id) : 0;
    rc = symbols_find(&tree, &symbols, e);
    if (rc == 0) {
        const struct context_source source = {&tree, &symbols, 1, UINT32_MAX, it->code, len};
        rc = example ? examples_file_code(&tree, &symbols, out, e)
                     : context_make(p->options->line.context, p->prompt.tok, &source, out, e);
        symbols_free(&symbols);
    }
    tree_free(&tree);
    return rc;
}

static int add_example(struct predicting *p, const struct eval_item *it, struct err *e) {
    struct buf signatures = {0};
    int rc = it->symbol ? 0 : outline_of(p, it, true, &signatures, e);
    const struct example one = {.repo = it->repo,
                                .path = it->path,
                                .language = it->language,
                                .symbol = it->symbol,
                                .code = signatures.len ? signatures.data : it->code,
                                .sentence = it->reference};
    if (rc == 0)
        rc = examples_add(p->pool, &one, e);
    buf_free(&signatures);
    return rc;
}

static int fill_pool(struct predicting *p, struct err *e) {
    int rc = p->options->line.n_examples ? examples_new(p->items->n, &p->pool, e) : 0;
    for (size_t i = 0; rc == 0 && p->pool && i < p->items->n; i++)
        rc = add_example(p, &p->items->v[i], e);
    if (rc == 0 && p->pool)
        rc = examples_prepare(p->pool, p->options->line.embedder, p->options->line.stop, e);
    p->line = p->options->line;
    p->line.pool = p->pool;
    return rc;
}

static int begin(struct predicting *p, size_t i, struct err *e) {
    const struct eval_item *it = &p->items->v[i];
    struct buf outline = {0};
    struct prompt_chunk chunk = {.path = it->path,
                                 .lang = lang_by_name(it->language),
                                 .start_line = it->start_line > 0 ? (uint64_t)it->start_line : 1,
                                 .end_line = it->end_line > 0 ? (uint64_t)it->end_line : 1,
                                 .text = it->code,
                                 .len = strlen(it->code),
                                 .symbol = it->symbol,
                                 .whole = true};
    int rc = outline_of(p, it, false, &outline, e);
    struct task *t = rc ? NULL : calloc(1, sizeof *t);
    if (!t) {
        buf_free(&outline);
        return rc ? rc : err_nomem(e, it->id);
    }
    chunk.outline = outline.len ? outline.data : NULL;
    t->prompt = &p->prompt;
    t->finished = p->finished;
    t->index = i;
    t->nouns = it->symbol != NULL;
    t->key = hash_bytes(it->code, strlen(it->code), hash_bytes(it->path, strlen(it->path), 0));
    /* Copies of its code in other files may have the item's own sentence. */
    rc = task_ask(t, &p->line, &chunk, it->repo, it->reference, e);
    buf_free(&outline);
    if (rc) {
        task_free(t);
        return rc;
    }
    p->under_way++;
    task_submit(t, p->en, &p->line);
    return 0;
}

/* Keeps the line of a task that is over; it may begin again. */
static int receive(struct predicting *p, struct task *t, struct err *e) {
    p->under_way--;
    struct err why = t->err;
    int rc = t->finish == FINISH_CANCELLED ? PRECIS_ECANCELLED : why.code;
    if (rc == 0)
        rc = task_clean(t, p->options->line.max_chars, &why);
    if (rc == 0)
        rc = task_choose(t, &p->line, &why);
    if (rc == PRECIS_ENOTFOUND && t->attempt == 0) {
        t->attempt++;
        p->under_way++;
        task_submit(t, p->en, &p->line);
        return 0;
    }
    p->stats.tokens_in += t->tokens_in;
    p->stats.tokens_out += t->tokens_out;
    p->stats.failed += rc != 0;
    if (rc == 0) {
        struct eval_prediction *q = &p->out->v[t->index];
        q->summary = strdup(t->line.data);
        q->confidence = t->verdict.confidence;
        q->grounded = t->verdict.grounded ? EVAL_GROUNDED_YES : EVAL_GROUNDED_NO;
        q->features = malloc(sizeof t->verdict.features);
        if (q->features)
            memcpy(q->features, t->verdict.features, sizeof t->verdict.features);
        if (!q->summary || !q->features)
            rc = err_nomem(e, "predictions");
    } else if (rc != PRECIS_ENOMEM) {
        rc = 0;
    } else if (e) {
        *e = why;
    }
    task_free(t);
    if (p->options->on_progress)
        p->options->on_progress(p->options->user, ++p->done, p->items->n);
    return rc;
}

static bool stopped(const struct predicting *p) {
    return p->options->line.stop && atomic_load(p->options->line.stop);
}

static int predict_all(struct predicting *p, struct err *e) {
    int rc = 0;
    for (size_t next = 0; rc == 0 && (next < p->items->n || p->under_way);) {
        if (stopped(p))
            return err_set(e, PRECIS_ECANCELLED, "interrupted");
        if (next < p->items->n)
            rc = begin(p, next++, e);
        struct task *t = queue_pop(p->finished, next < p->items->n ? 0 : LOOK_SECONDS);
        if (rc == 0 && t)
            rc = receive(p, t, e);
        else
            task_free(t);
    }
    return rc;
}

static void end(struct predicting *p) {
    engine_cancel(p->en, 0);
    engine_drain(p->en);
    for (struct task *t; p->finished && (t = queue_pop(p->finished, 0)) != NULL;)
        task_free(t);
    queue_free(p->finished);
    examples_free(p->pool);
    prompt_close(&p->prompt);
}

int eval_predict(const struct eval_items *items, const struct predict_options *options,
                 struct engine *en, const struct tok *tok, const struct chat *chat,
                 struct eval_predictions *out, struct predict_stats *stats, struct err *e) {
    struct predicting p = {.items = items, .options = options, .en = en, .out = out};
    const struct engine_info *info = engine_info(en);
    const struct prompt_options prompt = {.chat = chat,
                                          .seq2seq = info->capabilities & ENGINE_SEQ2SEQ,
                                          .context = info->context,
                                          .max_new_tokens = options->line.max_new_tokens,
                                          .instruction = options->line.instruction};
    double started = clock_seconds();
    *out = (struct eval_predictions){0};
    int rc = prompt_open(&p.prompt, tok, &prompt, e);
    if (rc)
        return rc;
    rc = eval_predictions_make(items->n, out, e);
    if (rc == 0)
        rc = queue_new(&p.finished, items->n + 1, e);
    if (rc == 0)
        rc = fill_pool(&p, e);
    if (rc == 0)
        rc = predict_all(&p, e);
    end(&p);
    p.stats.seconds = clock_seconds() - started;
    if (stats)
        *stats = p.stats;
    if (rc)
        eval_predictions_free(out);
    return rc;
}

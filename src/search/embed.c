#include "search/embed_impl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "model/catalogue.h"
#include "model/checkpoint.h"
#include "model/graph.h"
#include "model/kind.h"
#include "text/tok_open.h"

/* Jobs in flight for each lane: it packs up to 16 short ones into a pass, and as many wait. */
enum { SEQUENCES_A_LANE = 32 };

static const double TICK_SECONDS = 0.05;

struct embedder {
    char path[4096], name[256];
    struct tok *tok;
    struct engine *engine;
    struct embedder_info info;
};

/* A call of embedder_embed or embedder_states. */
struct run {
    struct embedder *em;
    const struct embed_text *texts; /* or */
    const struct embed_ids *ids;
    size_t n;
    const struct embed_call *call;
    float *out; /* one of the two is NULL */
    struct embed_states *states;
    struct slot *slots; /* [n] */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t open, done; /* jobs in flight; texts that are over */
    bool cancelled;    /* a job was */
    size_t failed;     /* the lowest text that failed; n: none */
    struct err err;    /* of that */
};

struct slot {
    struct run *run;
    uint64_t ticket; /* of the caller's thread; 0: not submitted */
    bool over;       /* guarded by the lock */
    bool nomem;      /* of the lane */
};

static size_t index_of(const struct slot *s) {
    return (size_t)(s - s->run->slots);
}

static void fail(struct run *r, size_t index, const struct err *e) {
    if (index < r->failed) {
        r->failed = index;
        r->err = *e;
    }
}

static void keep_states(struct slot *s, const float *v, size_t n, size_t width) {
    struct embed_states *to = &s->run->states[index_of(s)];
    to->v = malloc(n * width * sizeof *v);
    s->nomem = !to->v;
    if (to->v)
        memcpy(to->v, v, n * width * sizeof *v);
}

static void on_hidden(void *user, const float *v, size_t n, size_t width) {
    struct slot *s = user;
    struct run *r = s->run;
    if (r->out)
        pooling_apply(&r->em->info.pooling, v, n, width, r->out + index_of(s) * width);
    else
        keep_states(s, v, n, width);
}

static void on_done(void *user, const struct engine_result *result) {
    struct slot *s = user;
    struct run *r = s->run;
    struct err e;
    pthread_mutex_lock(&r->lock);
    if (s->nomem) {
        err_nomem(&e, "states of a text");
        fail(r, index_of(s), &e);
    } else if (result->finish == FINISH_FAILED) {
        fail(r, index_of(s), &result->err);
    } else if (result->finish == FINISH_CANCELLED) {
        r->cancelled = true; /* because of the caller, or of a text that failed */
    }
    s->over = true;
    r->open--;
    r->done++;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static bool is_stopped(const struct run *r) {
    return r->call->stop && atomic_load(r->call->stop);
}

/* Whether the call cannot succeed any more, with what is done for it. */
static bool look(struct run *r, size_t *done) {
    pthread_mutex_lock(&r->lock);
    bool failed = r->failed < r->n || r->cancelled;
    *done = r->done;
    pthread_mutex_unlock(&r->lock);
    return failed || is_stopped(r);
}

static int tokens_of(struct run *r, size_t i, struct ids *ids, struct embed_note *note,
                     struct err *e) {
    const struct embed_text *t = &r->texts[i];
    size_t all = 0;
    ids->n = 0;
    int rc = tok_encode_within(r->em->tok, t->s, t->len, TOK_DEFAULT, r->em->info.max_tokens, &all,
                               ids, e);
    if (rc)
        return rc;
    if (note)
        *note = (struct embed_note){.tokens = ids->n, .all = all};
    if (!r->states)
        return 0;
    r->states[i].n = ids->n;
    r->states[i].all = all;
    r->states[i].ids = ids->n ? malloc(ids->n * sizeof *ids->v) : NULL;
    if (!ids->n)
        return 0;
    if (!r->states[i].ids)
        return err_nomem(e, "tokens of a text");
    memcpy(r->states[i].ids, ids->v, ids->n * sizeof *ids->v);
    return 0;
}

static int submit(struct run *r, size_t i, const uint32_t *ids, size_t n, struct err *e) {
    struct slot *s = &r->slots[i];
    struct engine_job job = {
        .ids = ids, .n_ids = n, .on_hidden = on_hidden, .on_done = on_done, .user = s};
    pthread_mutex_lock(&r->lock);
    r->open++;
    pthread_mutex_unlock(&r->lock);
    int rc = engine_submit(r->em->engine, &job, &s->ticket, e);
    if (rc) {
        pthread_mutex_lock(&r->lock);
        r->open--;
        pthread_mutex_unlock(&r->lock);
    }
    return rc;
}

/* A text without tokens: nothing to compute. */
static void pass_over(struct run *r, size_t i) {
    size_t width = r->em->info.width;
    if (r->out)
        memset(r->out + i * width, 0, width * sizeof *r->out);
    pthread_mutex_lock(&r->lock);
    r->slots[i].over = true;
    r->done++;
    pthread_mutex_unlock(&r->lock);
}

static void submit_all(struct run *r, struct embed_note *notes) {
    struct ids ids = {0};
    struct err e;
    size_t done;
    for (size_t i = 0; i < r->n && !look(r, &done); i++) {
        int rc = r->ids ? 0 : tokens_of(r, i, &ids, notes ? &notes[i] : NULL, &e);
        if (r->ids)
            rc = submit(r, i, r->ids[i].v, r->ids[i].n, &e);
        else if (rc == 0 && ids.n)
            rc = submit(r, i, ids.v, ids.n, &e);
        else if (rc == 0)
            pass_over(r, i);
        if (rc) {
            pthread_mutex_lock(&r->lock);
            fail(r, i, &e);
            pthread_mutex_unlock(&r->lock);
        }
        if (r->call->on_progress && i % 16 == 15)
            r->call->on_progress(r->call->user, done, r->n);
    }
    ids_free(&ids);
}

static void cancel_open(struct run *r) {
    for (size_t i = 0; i < r->n; i++) {
        pthread_mutex_lock(&r->lock);
        bool over = r->slots[i].over;
        pthread_mutex_unlock(&r->lock);
        if (!over && r->slots[i].ticket)
            engine_cancel(r->em->engine, r->slots[i].ticket);
    }
}

/* Waits for the jobs in flight; once the call cannot succeed, cancels them. */
static void wait_all(struct run *r) {
    bool cancelled = false;
    size_t done;
    for (;;) {
        if (!cancelled && look(r, &done)) {
            cancel_open(r);
            cancelled = true;
        }
        double until = clock_seconds() + TICK_SECONDS;
        pthread_mutex_lock(&r->lock);
        while (r->open > 0 && clock_cond_wait(&r->changed, &r->lock, until) == 0)
            ;
        bool calm = r->open == 0;
        done = r->done;
        pthread_mutex_unlock(&r->lock);
        if (r->call->on_progress)
            r->call->on_progress(r->call->user, done, r->n);
        if (calm)
            return;
    }
}

static int run_call(struct run *r, struct embed_note *notes, struct err *e) {
    static const struct embed_call plain = {0};
    char which[48];
    int rc = 0;
    if (r->n == 0)
        return 0;
    r->call = r->call ? r->call : &plain;
    r->failed = r->n;
    r->slots = calloc(r->n, sizeof *r->slots);
    if (!r->slots)
        return err_nomem(e, "texts to embed");
    for (size_t i = 0; i < r->n; i++)
        r->slots[i].run = r;
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->changed);
    submit_all(r, notes);
    wait_all(r);
    if (r->failed < r->n) {
        rc = err_set(e, r->err.code, "%s", r->err.text);
        snprintf(which, sizeof which, "text %zu", r->ids ? r->ids[r->failed].text : r->failed);
        err_prefix(e, which);
    } else if (r->cancelled || r->done < r->n) {
        rc = err_set(e, PRECIS_ECANCELLED, "embedding was stopped");
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->slots);
    return rc;
}

int embedder_embed(struct embedder *em, const struct embed_text *texts, size_t n,
                   const struct embed_call *call, float *out, struct embed_note *notes,
                   struct err *e) {
    struct run r = {.em = em, .texts = texts, .n = n, .call = call, .out = out};
    return run_call(&r, notes, e);
}

int embedder_embed_ids(struct embedder *em, const struct embed_ids *ids, size_t n,
                       const struct embed_call *call, float *out, struct err *e) {
    struct run r = {.em = em, .ids = ids, .n = n, .call = call, .out = out};
    return run_call(&r, NULL, e);
}

struct tok *embedder_tok(const struct embedder *em) {
    return em->tok;
}

int embedder_states(struct embedder *em, const struct embed_text *texts, size_t n,
                    const struct embed_call *call, struct embed_states *out, struct err *e) {
    struct run r = {.em = em, .texts = texts, .n = n, .call = call, .states = out};
    for (size_t i = 0; i < n; i++)
        out[i] = (struct embed_states){0};
    int rc = run_call(&r, NULL, e);
    for (size_t i = 0; rc && i < n; i++)
        embed_states_free(&out[i]);
    return rc;
}

void embed_states_free(struct embed_states *s) {
    free(s->ids);
    free(s->v);
    *s = (struct embed_states){0};
}

static int open_engine(struct embedder *em, const struct embedder_options *o, struct err *e) {
    struct engine_options options = o->engine;
    int lanes = options.lanes > 0 ? options.lanes : pool_cores();
    if (options.max_sequences == 0)
        options.max_sequences = lanes < ENGINE_MOST_SEQUENCES / SEQUENCES_A_LANE
                                    ? lanes * SEQUENCES_A_LANE
                                    : ENGINE_MOST_SEQUENCES;
    int rc = engine_open(em->path, &options, &em->engine, e);
    if (rc)
        return rc;
    const struct engine_info *info = engine_info(em->engine);
    if (!(info->capabilities & ENGINE_EMBED))
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: is a %s model, no encoder: it makes no embeddings", em->name,
                       info->architecture);
    return 0;
}

/* do_lower_case is done by nearly every tokenizer that asks for it. */
static int check_lower(const struct embedder *em, struct err *e) {
    static const char *const words[] = {"A Bc DEF", "a bc def"};
    struct ids ids[2] = {{0}, {0}};
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = tok_encode(em->tok, words[i], strlen(words[i]), TOK_DEFAULT, &ids[i], e);
    if (rc == 0 &&
        (ids[0].n != ids[1].n || memcmp(ids[0].v, ids[1].v, ids[0].n * sizeof *ids[0].v) != 0))
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "%s: do_lower_case with a tokenizer that keeps the case is not supported",
                     em->name);
    ids_free(&ids[0]);
    ids_free(&ids[1]);
    return rc;
}

static int choose_length(struct embedder *em, size_t asked, struct err *e) {
    struct embedder_info *info = &em->info;
    struct ids ids = {0};
    size_t context = engine_info(em->engine)->context;
    int rc = tok_encode(em->tok, "", 0, TOK_DEFAULT, &ids, e);
    size_t special = ids.n;
    ids_free(&ids);
    if (rc)
        return rc;
    if (asked > context)
        return err_set(e, PRECIS_EUSAGE, "%s: %zu tokens in a text: its context has %zu", em->name,
                       asked, context);
    info->max_tokens = asked ? asked : info->pooling.max_tokens;
    if (info->max_tokens == 0 || info->max_tokens > context)
        info->max_tokens = context;
    if (info->max_tokens <= special)
        return err_set(e, PRECIS_EUSAGE,
                       "%s: %zu tokens in a text, of which %zu are special tokens", em->name,
                       info->max_tokens, special);
    return 0;
}

int embedder_open(const char *name, const struct embedder_options *options, struct embedder **out,
                  struct err *e) {
    struct embedder *em = calloc(1, sizeof *em);
    *out = NULL;
    if (!em)
        return err_nomem(e, "embedder");
    int rc = catalogue_resolve(name, em->path, sizeof em->path, e);
    if (rc)
        goto done;
    if (catalogue_find(name) || hub_is_name(name))
        config_copy_text(em->name, sizeof em->name, name, strlen(name));
    else
        config_name_from_path(em->name, sizeof em->name, em->path);
    rc = pooling_read(em->path, &em->info.pooling, e);
    if (rc == 0)
        rc = tok_open(em->path, NULL, false, &em->tok, e);
    if (rc == 0 && em->info.pooling.lower)
        rc = check_lower(em, e);
    if (rc == 0)
        rc = open_engine(em, options, e);
    if (rc == 0)
        rc = choose_length(em, options->max_tokens, e);
    if (rc)
        goto done;
    em->info.path = em->path;
    em->info.name = em->name;
    em->info.engine = engine_info(em->engine);
    em->info.width = em->info.engine->width;
    *out = em;
done:
    if (rc)
        embedder_close(em);
    return rc;
}

void embedder_close(struct embedder *em) {
    if (!em)
        return;
    engine_close(em->engine);
    tok_free(em->tok);
    free(em);
}

const struct embedder_info *embedder_info(const struct embedder *em) {
    return &em->info;
}

static int weights_revision(const char *path, char out[HASH_HEX_SIZE], struct err *e) {
    struct checkpoint *c = NULL;
    struct graph_model g = {0};
    enum model_kind kind;
    int rc = model_kind_of(path, &kind, e);
    if (rc == 0 && kind == MODEL_ONNX) {
        rc = graph_model_find(path, &g, e);
        if (rc == 0)
            rc = graph_model_revision(&g, out, e);
    } else if (rc == 0) {
        rc = checkpoint_open(path, &c, e);
        if (rc == 0)
            rc = checkpoint_revision(c, out, e);
    }
    checkpoint_close(c);
    graph_model_free(&g);
    return rc;
}

int embedder_revision(const struct embedder *em, char out[HASH_HEX_SIZE], struct err *e) {
    char weights[HASH_HEX_SIZE], text[HASH_HEX_SIZE + 128];
    int rc = weights_revision(em->path, weights, e);
    if (rc)
        return rc;
    int n = snprintf(text, sizeof text, "%s %s %s %zu %s", weights,
                     pooling_mode_name(em->info.pooling.mode),
                     em->info.pooling.normalise ? "normalised" : "plain", em->info.max_tokens,
                     em->info.engine->arithmetic);
    return hash_sha256_hex(text, (size_t)n, out, e);
}

float embed_dot(const float *a, const float *b, size_t n) {
    enum { CHAINS = 16 };
    float sum[CHAINS] = {0}, all = 0;
    size_t i = 0;
    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t k = 0; k < CHAINS; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        all += a[i] * b[i];
    for (size_t k = 0; k < CHAINS; k++)
        all += sum[k];
    return all;
}

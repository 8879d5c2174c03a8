#include "doubles.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "summary/examples.h"
#include "text/chat.h"

int tok_encode(const struct tok *t, const char *text, size_t len, unsigned flags, struct ids *out,
               struct err *e) {
    (void)t, (void)flags, (void)e;
    for (size_t i = 0; i < len; i++)
        ids_push(out, (unsigned char)text[i]);
    return 0;
}

const char *tok_bytes(const struct tok *t, uint32_t id, size_t *len) {
    (void)t;
    static char bytes[256];
    if (id > 255) {
        *len = 0;
        return "";
    }
    bytes[id] = (char)id;
    *len = 1;
    return &bytes[id];
}

/* No vocabulary that answers could be constrained with: they are cleaned. */
size_t tok_vocab(const struct tok *t) {
    (void)t;
    return 0;
}

int64_t tok_id(const struct tok *t, const char *spelling) {
    (void)t, (void)spelling;
    return -1;
}

/* No run here has a pool of examples. */
int examples_nearest(const struct examples *x, const struct examples_query *q, size_t k,
                     struct examples_hit *hits, size_t *n, struct err *e) {
    (void)x, (void)q, (void)k, (void)hits, (void)e;
    *n = 0;
    return 0;
}

const struct example *examples_get(const struct examples *x, size_t i) {
    (void)x, (void)i;
    return NULL;
}

void examples_key(const char *path, const char *symbol, const char *code, struct buf *out) {
    (void)path, (void)symbol, (void)code, (void)out;
}

int examples_sentence_vectors(const struct examples *x, const size_t *of, size_t n, float *out,
                              struct err *e) {
    (void)x, (void)of, (void)n, (void)out;
    return err_set(e, PRECIS_EUSAGE, "no encoder here");
}

/* Nor an encoder. */
const struct embedder_info *embedder_info(const struct embedder *em) {
    (void)em;
    return NULL;
}

int embedder_embed(struct embedder *em, const struct embed_text *texts, size_t n,
                   const struct embed_call *call, float *out, struct embed_note *notes,
                   struct err *e) {
    (void)em, (void)texts, (void)n, (void)call, (void)out, (void)notes;
    return err_set(e, PRECIS_EUSAGE, "no encoder");
}

float embed_dot(const float *a, const float *b, size_t n) {
    (void)a, (void)b, (void)n;
    return 0;
}

bool tok_is_special(const struct tok *t, uint32_t id) {
    (void)t;
    return id >= DOUBLE_SPECIAL;
}

const uint32_t *tok_stops(const struct tok *t, size_t *n) {
    (void)t;
    static const uint32_t stops[] = {DOUBLE_STOP};
    *n = 1;
    return stops;
}

void detok_start(struct detok *d, const struct tok *t, bool keep_special) {
    *d = (struct detok){.tok = t, .keep_special = keep_special};
}

void detok_push(struct detok *d, uint32_t id, struct buf *out) {
    (void)d;
    if (id < 256)
        buf_char(out, (char)id);
}

void detok_free(struct detok *d) {
    (void)d;
}

void detok_finish(struct detok *d, struct buf *out) {
    (void)d, (void)out;
}

int chat_encode(const struct chat *c, const struct chat_message *m, size_t n, struct ids *out,
                struct err *e) {
    (void)c;
    for (size_t i = 0; i < n; i++) {
        ids_push(out, DOUBLE_SPECIAL);
        tok_encode(NULL, m[i].role, strlen(m[i].role), 0, out, e);
        ids_push(out, '\n');
        tok_encode(NULL, m[i].text, m[i].len, 0, out, e);
    }
    ids_push(out, DOUBLE_SPECIAL);
    return 0;
}

struct item {
    struct engine_job job;
    char *prompt;
    bool cancelled, held;
    struct item *next;
};

struct engine {
    struct double_options o;
    struct engine_info info;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item *waiting;
    int n_waiting;
    size_t submitted;
    bool closing;
    struct rng rng;
    struct pool *pool;
};

/* A random one, so that no order of finishing can be relied on; held ones only when alone. */
static struct item *take(struct engine *en) {
    struct item **at = &en->waiting;
    int n = (int)(rng_next(&en->rng) % (uint64_t)en->n_waiting);
    while (n-- && (*at)->next)
        at = &(*at)->next;
    for (struct item **i = &en->waiting; (*at)->held && *i; i = &(*i)->next)
        if (!(*i)->held || (*i)->cancelled)
            at = i;
    struct item *got = *at;
    if (got->held && !got->cancelled && !en->closing)
        return NULL;
    *at = got->next;
    en->n_waiting--;
    return got;
}

static void run_job(struct engine *en, struct item *item) {
    const struct engine_job *job = &item->job;
    struct engine_result r = {.ticket = 1, .tokens_in = job->n_ids, .seconds_run = 0.25};
    struct double_answer answer = {.finish = FINISH_STOP};
    uint32_t ids[512];
    float logprobs[512];
    if (item->cancelled)
        r.finish = FINISH_CANCELLED;
    else {
        en->o.script(en->o.user, job, item->prompt, &answer);
        r.finish = answer.finish;
        r.err = answer.err;
        size_t n = strlen(answer.text);
        for (; r.n < n && r.finish != FINISH_FAILED; r.n++) {
            if (r.n == job->max_new_tokens) {
                r.finish = FINISH_LENGTH;
                break;
            }
            ids[r.n] = (unsigned char)answer.text[r.n];
            logprobs[r.n] = -0.5f;
            struct engine_token t = {.index = r.n, .id = ids[r.n], .ids = ids, .logprob = -0.5f};
            if (job->on_token(job->user, &t)) {
                r.n++;
                r.finish = FINISH_CALLBACK;
                break;
            }
        }
    }
    r.ids = ids;
    r.logprobs = logprobs;
    r.tokens_out = r.n;
    job->on_done(job->user, &r);
    free(item->prompt);
    free(item);
}

static void lane(void *user, int index) {
    (void)index;
    struct engine *en = user;
    pthread_mutex_lock(&en->lock);
    for (;;) {
        struct item *item = en->n_waiting ? take(en) : NULL;
        if (item) {
            pthread_cond_broadcast(&en->changed);
            pthread_mutex_unlock(&en->lock);
            run_job(en, item);
            pthread_mutex_lock(&en->lock);
        } else if (en->closing)
            break;
        else
            pthread_cond_wait(&en->changed, &en->lock);
    }
    pthread_mutex_unlock(&en->lock);
}

struct engine *double_engine_open(const struct double_options *o) {
    struct engine *en = calloc(1, sizeof *en);
    if (!en)
        return NULL;
    en->o = *o;
    en->info = (struct engine_info){.max_sequences = o->max_sequences,
                                    .lanes = o->lanes,
                                    .context = o->context,
                                    .name = "scripted"};
    en->rng.state = 7;
    pthread_mutex_init(&en->lock, NULL);
    pthread_cond_init(&en->changed, NULL);
    if (pool_start(&en->pool, o->lanes, lane, en, NULL) != 0) {
        free(en);
        return NULL;
    }
    return en;
}

void engine_close(struct engine *en) {
    if (!en)
        return;
    pthread_mutex_lock(&en->lock);
    en->closing = true;
    for (struct item *i = en->waiting; i; i = i->next)
        i->cancelled = true;
    pthread_cond_broadcast(&en->changed);
    pthread_mutex_unlock(&en->lock);
    pool_join(en->pool);
    pthread_cond_destroy(&en->changed);
    pthread_mutex_destroy(&en->lock);
    free(en);
}

const struct engine_info *engine_info(const struct engine *en) {
    return &en->info;
}

static char *spell(const struct engine_job *job) {
    char *s = malloc(job->n_ids + 1);
    size_t n = 0;
    for (size_t i = 0; s && i < job->n_ids; i++)
        if (job->ids[i] < 256)
            s[n++] = (char)job->ids[i];
    if (s)
        s[n] = 0;
    return s;
}

int engine_submit(struct engine *en, const struct engine_job *job, uint64_t *ticket,
                  struct err *e) {
    if (job->n_ids >= en->info.context)
        return err_set(e, PRECIS_ELIMIT, "the prompt does not fit");
    struct item *item = calloc(1, sizeof *item);
    char *prompt = item ? spell(job) : NULL;
    if (!prompt) {
        free(item);
        return err_nomem(e, "job");
    }
    *item = (struct item){.job = *job, .prompt = prompt};
    item->held = en->o.hold && strstr(prompt, en->o.hold);
    pthread_mutex_lock(&en->lock);
    while (en->n_waiting >= en->o.queue)
        pthread_cond_wait(&en->changed, &en->lock);
    item->next = en->waiting;
    en->waiting = item;
    en->n_waiting++;
    en->submitted++;
    if (ticket)
        *ticket = en->submitted;
    pthread_cond_broadcast(&en->changed);
    pthread_mutex_unlock(&en->lock);
    return 0;
}

void engine_cancel(struct engine *en, uint64_t ticket) {
    (void)ticket;
    pthread_mutex_lock(&en->lock);
    for (struct item *i = en->waiting; i; i = i->next)
        i->cancelled = true;
    pthread_cond_broadcast(&en->changed);
    pthread_mutex_unlock(&en->lock);
}

void engine_get_stats(struct engine *en, struct engine_stats *s) {
    *s = (struct engine_stats){.most_running = en->o.lanes,
                               .oldest_step = en->o.oldest_step ? *en->o.oldest_step : 0};
}

size_t double_engine_jobs(struct engine *en) {
    pthread_mutex_lock(&en->lock);
    size_t n = en->submitted;
    pthread_mutex_unlock(&en->lock);
    return n;
}

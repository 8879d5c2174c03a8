#include <pthread.h>
#include <string.h>

#include "api/handle.h"
#include "base/buf.h"

enum { DEFAULT_NEW_TOKENS = 256 };

/* Filled by a lane, handed on by the caller's thread, so that a slow callback holds up no lane. */
struct stream {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct detok detok;
    struct buf text;
    bool enough; /* on_text said so */
    bool done;
    size_t tokens_in, tokens_out;
    enum engine_finish finish;
    struct err err;
};

static int on_token(void *user, const struct engine_token *t) {
    struct stream *s = user;
    pthread_mutex_lock(&s->lock);
    detok_push(&s->detok, t->id, &s->text);
    bool stop = s->enough || buf_failed(&s->text);
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return stop;
}

static void on_done(void *user, const struct engine_result *r) {
    struct stream *s = user;
    pthread_mutex_lock(&s->lock);
    detok_finish(&s->detok, &s->text);
    s->tokens_in = r->tokens_in;
    s->tokens_out = r->n;
    s->finish = r->finish;
    s->err = r->err;
    s->done = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Gives on_text what came since last time, while s->lock is not held. Returns whether it was
 * enough, or memory ran out. */
static bool hand_on(struct stream *s, const struct precis_generate_options *o, struct buf *piece,
                    size_t *given) {
    buf_clear(piece);
    buf_append(piece, s->text.data + *given, s->text.len - *given);
    if (buf_failed(piece))
        return true;
    *given += piece->len;
    pthread_mutex_unlock(&s->lock);
    api_enter_callback();
    bool enough = o->on_text(o->user, piece->data, piece->len) != 0;
    api_leave_callback();
    pthread_mutex_lock(&s->lock);
    return enough;
}

/* Waits until the job is done and its text handed on. After enough, the text ends there. */
static int follow(struct stream *s, const struct precis_generate_options *o, struct engine *en,
                  uint64_t ticket, struct err *e) {
    size_t given = 0;
    struct buf piece = {0};
    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (o->on_text && !s->enough && given < s->text.len) {
            s->enough = hand_on(s, o, &piece, &given);
            if (s->enough)
                engine_cancel(en, ticket);
        } else if (s->done) {
            break;
        } else {
            pthread_cond_wait(&s->changed, &s->lock);
        }
    }
    if (s->enough && s->text.len > given) {
        s->text.len = given;
        s->text.data[given] = '\0';
    }
    pthread_mutex_unlock(&s->lock);
    int rc = buf_failed(&piece) || buf_failed(&s->text) ? detok_failure(&s->detok, "answer", e) : 0;
    buf_free(&piece);
    return rc;
}

static int wait_for(struct stream *s, const struct precis_generate_options *o,
                    struct precis_model *model, const struct engine_job *job, struct err *e) {
    uint64_t ticket;
    int rc = engine_submit(model->m.engine, job, &ticket, e);
    if (rc)
        return rc;
    rc = follow(s, o, model->m.engine, ticket, e);
    if (rc || s->enough)
        return rc;
    if (s->finish == FINISH_FAILED) {
        *e = s->err;
        return s->err.code;
    }
    if (s->finish == FINISH_CANCELLED || s->finish == FINISH_CALLBACK)
        return err_set(e, PRECIS_ECANCELLED, "cancelled");
    return 0;
}

static enum precis_finish finish_of(const struct stream *s) {
    if (s->enough)
        return PRECIS_FINISH_CALLBACK;
    return s->finish == FINISH_STOP ? PRECIS_FINISH_STOP : PRECIS_FINISH_LENGTH;
}

static int run(struct precis_model *model, const struct ids *prompt,
               const struct precis_generate_options *o, struct precis_answer *out, struct err *e) {
    struct stream s = {0};
    struct engine_job job = {.ids = prompt->v,
                             .n_ids = prompt->n,
                             .max_new_tokens =
                                 o->max_new_tokens ? o->max_new_tokens : DEFAULT_NEW_TOKENS,
                             .on_token = on_token,
                             .on_done = on_done,
                             .user = &s};
    int rc = api_sampling(&o->sampling, &job.sampling, e);
    if (rc)
        return rc;
    size_t n = 0;
    const uint32_t *stops = tok_stops(model->m.tok, &n);
    for (; job.n_stops < n && job.n_stops < ENGINE_MAX_STOPS; job.n_stops++)
        job.stops[job.n_stops] = stops[job.n_stops];
    detok_start(&s.detok, model->m.tok, false);
    buf_str(&s.text, ""); /* so that no text is not NULL */
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.changed, NULL);
    pthread_rwlock_rdlock(&model->turn);
    rc = wait_for(&s, o, model, &job, e);
    pthread_rwlock_unlock(&model->turn);
    pthread_cond_destroy(&s.changed);
    pthread_mutex_destroy(&s.lock);
    if (rc) {
        buf_free(&s.text);
        return rc;
    }
    *out = (struct precis_answer){.text = s.text.data,
                                  .length = s.text.len,
                                  .tokens_in = s.tokens_in,
                                  .tokens_out = s.tokens_out,
                                  .finish = finish_of(&s)};
    return 0;
}

static const struct precis_generate_options defaults;

int precis_generate(struct precis_model *model, const char *prompt, size_t length,
                    const struct precis_generate_options *options, struct precis_answer *out,
                    char *error, size_t error_size) {
    struct err e = {0};
    struct ids ids = {0};
    *out = (struct precis_answer){0};
    int rc = api_check_outside(&e);
    if (rc == 0)
        rc = tok_encode(model->m.tok, prompt, length, TOK_DEFAULT, &ids, &e);
    if (rc == 0)
        rc = run(model, &ids, options ? options : &defaults, out, &e);
    ids_free(&ids);
    return api_return(rc, &e, error, error_size);
}

static int encode_chat(const struct precis_model *model, const struct precis_message *messages,
                       size_t count, struct ids *ids, struct err *e) {
    if (!model->m.chat) {
        *e = model->no_chat;
        return e->code;
    }
    struct buf list = {0};
    for (size_t i = 0; i < count; i++) {
        struct chat_message m = {messages[i].role, messages[i].text, strlen(messages[i].text)};
        buf_append(&list, &m, sizeof m);
    }
    int rc = buf_failed(&list) ? err_nomem(e, "messages")
                               : chat_encode(model->m.chat, (const void *)list.data, count, ids, e);
    buf_free(&list);
    return rc;
}

int precis_chat(struct precis_model *model, const struct precis_message *messages, size_t count,
                const struct precis_generate_options *options, struct precis_answer *out,
                char *error, size_t error_size) {
    struct err e = {0};
    struct ids ids = {0};
    *out = (struct precis_answer){0};
    int rc = api_check_outside(&e);
    if (rc == 0)
        rc = encode_chat(model, messages, count, &ids, &e);
    if (rc == 0)
        rc = run(model, &ids, options ? options : &defaults, out, &e);
    ids_free(&ids);
    return api_return(rc, &e, error, error_size);
}

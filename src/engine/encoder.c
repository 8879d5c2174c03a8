/* The native engine for encoders: lanes over shared weights. A job is one pass; a lane packs short
 * jobs that wait into its pass as long as no other lane is idle. */
#include "engine/encoder.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/pace.h"
#include "base/pool.h"
#include "engine/engine_impl.h"

struct encoder {
    struct engine base;
    struct encoder_weights weights;
    struct kernel kernel;
    struct pool *threads;
    struct start_gate started;

    /* Guarded by the lock of the jobs. */
    pthread_cond_t work;
    int idle; /* lanes */
    uint64_t tokens_in;
};

struct lane {
    struct encoder *en;
    struct encoder_workspace *workspace;
    struct encoder_pass pass;
    struct sequence *jobs[PASS_SPANS]; /* of the spans */
};

/* Takes a waiting job into the pass if the bounds allow. Locked. */
static bool take(struct lane *lane) {
    struct encoder *en = lane->en;
    struct encoder_pass *p = &lane->pass;
    struct sequence *s = en->base.jobs.first;
    if (!s || en->base.jobs.running >= en->base.info.max_sequences || p->n_spans == PASS_SPANS)
        return false;
    if (p->n_spans > 0 &&
        (en->base.jobs.waiting <= en->idle || p->rows + (int)s->n_prompt > PASS_ROWS))
        return false;
    jobs_start(&en->base.jobs, &en->base.jobs.first);
    int n = atomic_load(&s->cancelled) ? 0 : (int)s->n_prompt; /* then it is only reported */
    lane->jobs[p->n_spans] = s;
    p->spans[p->n_spans++] =
        (struct encoder_span){.ids = s->ids, .row = p->rows, .n = n, .cancelled = &s->cancelled};
    p->rows += n;
    return true;
}

static bool are_numbers(const float *v, size_t n) {
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok &= isfinite(v[i]) != 0;
    return ok;
}

/* Reports a job whose states, if it has any, are these. Not locked: callbacks run here. */
static void finish(struct lane *lane, struct sequence *s, const float *states,
                   const struct err *failure) {
    struct encoder *en = lane->en;
    const size_t width = en->base.info.width;
    struct err e;
    if (atomic_load(&s->cancelled)) {
        sequence_end(s, FINISH_CANCELLED, NULL);
    } else if (failure) {
        sequence_end(s, FINISH_FAILED, failure);
    } else if (!are_numbers(states, s->n_prompt * width)) {
        err_set(&e, PRECIS_EINPUT, "the model's output is not a number");
        sequence_end(s, FINISH_FAILED, &e);
    } else {
        s->job.on_hidden(s->job.user, states, s->n_prompt, width);
        sequence_end(s, FINISH_LENGTH, NULL);
    }
    sequence_report(s);
    pthread_mutex_lock(&en->base.jobs.lock);
    jobs_finish(&en->base.jobs, s);
    sequence_free(s, NULL);
    if (en->base.jobs.waiting > 0)
        pthread_cond_signal(&en->work);
    pthread_mutex_unlock(&en->base.jobs.lock);
}

static void run_pass(struct lane *lane) {
    const float *states = NULL;
    struct err e = {0};
    struct encoder_pass *p = &lane->pass;
    pace_wait();
    int rc = encoder_pass_run(p, lane->workspace, &states, &e);
    for (int i = 0; i < p->n_spans; i++) {
        size_t at = (size_t)p->spans[i].row * lane->en->base.info.width;
        finish(lane, lane->jobs[i], rc ? NULL : states + at, rc ? &e : NULL);
    }
}

static void lane_loop(struct lane *lane) {
    struct encoder *en = lane->en;
    pthread_mutex_lock(&en->base.jobs.lock);
    for (;;) {
        lane->pass.n_spans = lane->pass.rows = 0;
        while (take(lane))
            ;
        if (lane->pass.n_spans > 0) {
            en->tokens_in += (uint64_t)lane->pass.rows;
            pthread_mutex_unlock(&en->base.jobs.lock);
            run_pass(lane);
            pthread_mutex_lock(&en->base.jobs.lock);
        } else if (en->base.jobs.closing) {
            break;
        } else {
            en->idle++;
            pthread_cond_wait(&en->work, &en->base.jobs.lock);
            en->idle--;
        }
    }
    pthread_mutex_unlock(&en->base.jobs.lock);
}

static void lane_main(void *user, int index) {
    struct encoder *en = user;
    struct lane lane = {.en = en, .pass = {.w = &en->weights, .kernel = &en->kernel}};
    struct err e;
    pool_name_thread("encoder", index);
    int rc = encoder_workspace_new(&en->weights, &lane.workspace, &e);
    start_gate_say(&en->started, rc, &e);
    if (rc == 0)
        lane_loop(&lane);
    encoder_workspace_free(lane.workspace); /* in the thread that made it */
}

static int encoder_prepare(struct engine *base, const struct engine_job *job, struct sequence **out,
                           struct err *e) {
    return sequence_new(job, 0, base->info.context, out, e);
}

static void encoder_wake(struct engine *base) {
    pthread_cond_broadcast(&((struct encoder *)base)->work);
}

static void encoder_stats(struct engine *base, struct engine_stats *s) {
    s->tokens_in = ((const struct encoder *)base)->tokens_in;
}

static void encoder_close(struct engine *base) {
    struct encoder *en = (struct encoder *)base;
    pool_join(en->threads); /* they leave once nothing waits */
    encoder_weights_free(&en->weights);
    pthread_cond_destroy(&en->work);
    start_gate_free(&en->started);
    jobs_free(&base->jobs);
    free(en);
}

static int encoder_packed_sha256(const struct engine *base, char out[HASH_HEX_SIZE],
                                 struct err *e) {
    (void)out;
    return err_set(e, PRECIS_ENOTFOUND, "weights in %s are not packed into a file",
                   base->info.arithmetic);
}

static const struct engine_ops encoder_ops = {encoder_close, encoder_prepare, encoder_wake,
                                              encoder_stats, encoder_packed_sha256};

/* What the kernels can take, beyond what the configuration promises: among it that the products of
 * sizes that they form are ints. */
enum { MOST_WIDTH = 1 << 24 };

static int check_shape(const struct encoder_config *c, struct err *e) {
    if (c->head_dim > KERNEL_MAX_DIM)
        return err_set(e, PRECIS_EUNSUPPORTED, "head dimension %u: at most %d", c->head_dim,
                       KERNEL_MAX_DIM);
    if (c->hidden > MOST_WIDTH || c->intermediate > MOST_WIDTH || c->vocab > MOST_WIDTH ||
        c->context > MOST_WIDTH || (uint64_t)c->heads * (c->head_dim + 15) > MOST_WIDTH)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "sizes %u, %u, %u, %u, %u (hidden, feed-forward, vocabulary, context, "
                       "heads): at most %d",
                       c->hidden, c->intermediate, c->vocab, c->context, c->heads, MOST_WIDTH);
    if (c->activation != ACTIVATION_GELU && c->activation != ACTIVATION_GELU_TANH &&
        c->activation != ACTIVATION_RELU)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "the activation of an encoder: must be GELU or ReLU");
    return 0;
}

static int choose_kernel(struct encoder *en, const struct engine_options *o, enum precision *p,
                         struct err *e) {
    struct encoder_weights *w = &en->weights;
    enum isa isa;
    struct err no;
    int rc = isa_detect(&isa, e);
    if (rc)
        return rc;
    *p = o->precision;
    if (*p == PRECISION_INT8 && (rc = encoder_weights_check8(&w->config, e)) != 0)
        return rc;
    if (*p == PRECISION_AUTO) {
        *p = isa == ISA_AVX512_BF16 ? PRECISION_BF16 : PRECISION_F32;
        if (!o->auto_is_float && isa > ISA_PLAIN && encoder_weights_check8(&w->config, &no) == 0)
            *p = PRECISION_INT8;
    }
    w->type = *p == PRECISION_INT8 ? DTYPE_INT8 : *p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32;
    return kernel_select(isa, w->type, &en->kernel, e);
}

static void describe(struct encoder *en, const struct engine_options *o, enum precision p) {
    const struct encoder_config *c = &en->weights.config;
    en->base.info = (struct engine_info){
        .capabilities = ENGINE_EMBED,
        .engine = "native",
        .device = "cpu",
        .architecture = c->architecture,
        .name = c->name,
        .file_type = c->file_type,
        .precision = p,
        .arithmetic = precision_name(p),
        .isa = isa_name(en->kernel.isa),
        .lanes = o->lanes,
        .max_sequences = o->max_sequences,
        .vocab = c->vocab,
        .context = c->context,
        .parameters = c->parameters,
        .width = c->hidden,
        .weight_bytes = encoder_weights_estimate(&en->weights),
        .scratch_bytes = (size_t)o->lanes * encoder_workspace_bytes(&en->weights),
    };
}

static int check_memory(const struct encoder *en, const struct engine_options *o, struct err *e) {
    const struct engine_info *i = &en->base.info;
    size_t needs = i->weight_bytes + i->scratch_bytes;
    if (o->memory_limit == 0 || needs <= o->memory_limit)
        return 0;
    return err_set(e, PRECIS_ELIMIT,
                   "%s in %s needs %zu MB for weights and scratch, the memory limit is %zu MB",
                   i->name, i->arithmetic, (needs >> 20) + 1, o->memory_limit >> 20);
}

int encoder_open(struct checkpoint *c, const struct engine_options *o, struct engine **out,
                 struct err *e) {
    struct encoder *en = calloc(1, sizeof *en);
    *out = NULL;
    if (!en) {
        checkpoint_close(c);
        return err_nomem(e, "engine");
    }
    encoder_weights_init(&en->weights, c);
    en->base.ops = &encoder_ops;
    jobs_init(&en->base.jobs);
    pthread_cond_init(&en->work, NULL);
    start_gate_init(&en->started);
    enum precision p;
    int rc = check_shape(&en->weights.config, e);
    if (rc == 0)
        rc = choose_kernel(en, o, &p, e);
    if (rc == 0) {
        describe(en, o, p);
        rc = check_memory(en, o, e); /* before anything large is allocated */
    }
    if (rc == 0)
        rc = encoder_weights_pack(&en->weights, &en->kernel, o->lanes, e);
    if (rc == 0) {
        en->base.info.weight_bytes = en->weights.bytes;
        rc = check_memory(en, o, e);
    }
    if (rc == 0)
        rc = pool_start(&en->threads, o->lanes, lane_main, en, e);
    if (rc == 0)
        rc = start_gate_wait(&en->started, o->lanes, e);
    if (rc == 0) {
        *out = &en->base;
        return 0;
    }
    engine_close(&en->base);
    return rc;
}

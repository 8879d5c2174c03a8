/* The ONNX engine: lanes over one session for each graph. A lane takes one sequence and runs it to
 * its end, in steps of one sequence each: a step's result then depends on that sequence alone, and
 * as many Run calls go on side by side as there are lanes. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/pace.h"
#include "base/pool.h"
#include "engine/engine_impl.h"
#include "engine/onnx_step.h"
#include "engine/step_clock.h"
#include "model/quant.h"

enum { DEFAULT_CONTEXT = 512 /* T5's configuration says none */, MOST_CONTEXT = 1 << 20 };

struct onnx;

struct lane {
    struct onnx *engine;
    struct onnx_lane *steps;
    struct decoder_tools tools;
    struct step_clock clock;
};

struct onnx {
    struct engine base;
    struct onnx_model model;
    struct kernel kernel;  /* for choosing tokens */
    struct kv_pool *pages; /* none: beams fork the length of a sequence with it */
    size_t budget;         /* bytes that sequences may hold in all */
    char arithmetic[64];
    struct pool *threads;
    struct lane *lanes;
    struct start_gate started;

    /* Guarded by the lock of the jobs. */
    pthread_cond_t work;
    size_t reserved, most_reserved; /* bytes */
    uint64_t tokens_in, tokens_out;
};

static void onnx_wake(struct engine *en) {
    pthread_cond_broadcast(&((struct onnx *)en)->work);
}

/* The most bytes that a sequence holds. */
static size_t needs(const struct onnx *on, const struct sequence *s) {
    size_t branches = s->sampling.strategy == SAMPLE_BEAM ? (size_t)s->sampling.beams
                                                          : (size_t)(1 + s->job.n_more);
    return branches * (s->n_prompt + s->max_new) * on->base.info.kv_bytes_per_token +
           s->n_source * on->model.cross_bytes;
}

/* Takes a waiting sequence if the memory allows. Locked. */
static struct sequence *admit(struct onnx *on) {
    if (!on->base.jobs.first || on->base.jobs.running >= on->base.info.max_sequences)
        return NULL;
    struct sequence **at = jobs_choose(&on->base.jobs, on->base.info.max_sequences), *s = *at;
    if (!atomic_load(&s->cancelled)) {
        if (s->reserved > on->budget - on->reserved)
            return NULL;
        on->reserved += s->reserved;
        if (on->reserved > on->most_reserved)
            on->most_reserved = on->reserved;
    } else {
        s->reserved = 0;
    }
    jobs_start(&on->base.jobs, at);
    return s;
}

/* States of the branches that run, by their number. */
struct branches {
    struct onnx_state *v[ENGINE_MAX_BEAMS], *fed[ENGINE_MAX_BEAMS];
};

static void drop_all(const struct onnx_model *m, struct onnx_state *v[ENGINE_MAX_BEAMS]) {
    for (int i = 0; i < ENGINE_MAX_BEAMS; i++) {
        onnx_state_drop(m, v[i]);
        v[i] = NULL;
    }
}

/* After all branches were fed: the next ones continue their parents. */
static void follow(const struct onnx_model *m, struct sequence *s, struct branches *b) {
    drop_all(m, b->v);
    if (!s->done && sequence_forked(s))
        for (int i = 0; i < sequence_branches(s); i++)
            b->v[i] = onnx_state_share(b->fed[sequence_branch(s, i)->parent]);
    else
        b->v[0] = onnx_state_share(b->fed[0]);
    drop_all(m, b->fed);
}

static bool is_number(const struct lane *lane, const float *logits, size_t n) {
    size_t best;
    return isfinite(lane->engine->kernel.logsumexp(logits, n, &best));
}

/* Tells the sequence the logits of the rows it wants. */
static void tell(struct lane *lane, struct sequence *s, int branch, size_t position,
                 const struct onnx_rows *rows, size_t n, struct err *e) {
    bool in_prompt = !sequence_forked(s) && s->n_generated == 0;
    for (size_t i = 0; i < n && !s->done; i++) {
        if (!sequence_wants(s, position + i))
            continue;
        if (i < rows->first) {
            err_set(e, PRECIS_EUNSUPPORTED,
                    "%s: gives the logits of the last token alone: it scores no prompts",
                    lane->engine->base.info.name);
            sequence_end(s, FINISH_FAILED, e);
            return;
        }
        const float *logits = rows->v + (i - rows->first) * rows->width;
        if (in_prompt && s->job.on_logits && !is_number(lane, logits, rows->width)) {
            err_set(e, PRECIS_EINPUT, "the model's output is not a number");
            sequence_end(s, FINISH_FAILED, e);
            return;
        }
        sequence_logits(s, &lane->tools, branch, position + i, logits);
    }
}

/* All ids of a branch, which a graph without past takes in every step; at `copy` where they are not
 * in one place. */
static const uint32_t *whole(const struct sequence *s, int branch, size_t length, uint32_t *copy) {
    if (!sequence_forked(s))
        return s->ids;
    const struct branch *b = sequence_branch(s, branch);
    memcpy(copy, s->ids, s->n_prompt * sizeof *copy);
    memcpy(copy + s->n_prompt, b->ids, (length - s->n_prompt) * sizeof *copy);
    return copy;
}

/* Feeds the next tokens of a branch. */
static int feed(struct lane *lane, struct sequence *s, int branch, struct onnx_source *source,
                struct branches *b, uint32_t *copy, struct err *e) {
    const struct onnx_model *m = &lane->engine->model;
    const uint32_t *ids;
    size_t n;
    struct kv_seq *kv = sequence_pending(s, branch, &ids, &n);
    size_t position = kv->length, before = 0;
    const struct onnx_graph *g =
        &m->graphs[b->v[branch] && m->graphs[GRAPH_PAST].session ? GRAPH_PAST : GRAPH_MAIN];
    if (m->rows == 0) {
        before = position;
        ids = whole(s, branch, position + n, copy);
        n += before;
        position = 0;
    } else if (n > m->rows) {
        n = m->rows;
    }
    if (g->one_token)
        n = 1;
    struct onnx_rows rows;
    bool all = s->job.on_logits && position < s->n_prompt;
    int rc = onnx_step(lane->steps, source, b->v[branch], ids, n, all, &b->fed[branch], &rows, e);
    if (rc)
        return rc;
    kv->length = position + n;
    rows.v += before > rows.first ? (before - rows.first) * rows.width : 0;
    rows.first = rows.first > before ? rows.first - before : 0;
    tell(lane, s, branch, position + before, &rows, n - before, e);
    return 0;
}

static int encode(struct lane *lane, struct sequence *s, struct onnx_source *source,
                  struct err *e) {
    pace_wait();
    step_clock_start(&lane->clock);
    int rc = onnx_encode(lane->steps, s->source, s->n_source, source, e);
    sequence_spend(s, step_clock_stop(&lane->clock));
    return rc;
}

static void generate(struct lane *lane, struct sequence *s) {
    const struct onnx_model *m = &lane->engine->model;
    struct branches b = {0};
    struct onnx_source source = {0};
    struct err e = {0};
    uint32_t *copy = malloc((s->n_prompt + s->max_new) * sizeof *copy);
    int rc = copy ? 0 : err_nomem(&e, "sequence");
    if (rc == 0 && s->source)
        rc = encode(lane, s, &source, &e);
    while (rc == 0 && !s->done) {
        int branches = sequence_branches(s);
        for (int i = 0; i < branches && rc == 0 && !s->done; i++) {
            if (atomic_load(&s->cancelled)) {
                sequence_end(s, FINISH_CANCELLED, NULL);
                break;
            }
            pace_wait();
            step_clock_start(&lane->clock);
            rc = feed(lane, s, i, s->source ? &source : NULL, &b, copy, &e);
            double seconds = step_clock_stop(&lane->clock);
            if (rc == 0)
                sequence_spend(s, seconds);
        }
        follow(m, s, &b);
        sequence_settle(s);
    }
    if (rc)
        sequence_end(s, FINISH_FAILED, &e);
    drop_all(m, b.v);
    onnx_source_free(m, &source);
    free(copy);
}

static void embed(struct lane *lane, struct sequence *s) {
    struct onnx_rows rows;
    struct onnx_state *none = NULL;
    struct err e = {0};
    int rc = onnx_step(lane->steps, NULL, NULL, s->ids, s->n_prompt, true, &none, &rows, &e);
    if (rc == 0 && rows.n != s->n_prompt)
        rc = err_set(&e, PRECIS_EUNSUPPORTED, "%s: gives one row for %zu tokens",
                     lane->engine->base.info.name, s->n_prompt);
    for (size_t i = 0; rc == 0 && i < rows.n * rows.width; i++)
        if (!isfinite(rows.v[i]))
            rc = err_set(&e, PRECIS_EINPUT, "the model's output is not a number");
    if (rc == 0) {
        s->job.on_hidden(s->job.user, rows.v, rows.n, rows.width);
        s->kv.length = s->n_prompt;
        sequence_end(s, FINISH_LENGTH, NULL);
    } else {
        sequence_end(s, FINISH_FAILED, &e);
    }
}

static void run_one(struct lane *lane, struct sequence *s) {
    struct onnx *on = lane->engine;
    if (atomic_load(&s->cancelled))
        sequence_end(s, FINISH_CANCELLED, NULL);
    else if (s->job.on_hidden)
        embed(lane, s);
    else
        generate(lane, s);
    sequence_report(s);
    pthread_mutex_lock(&on->base.jobs.lock);
    on->tokens_in += sequence_length(s);
    on->tokens_out += sequence_generated(s);
    on->reserved -= s->reserved;
    jobs_finish(&on->base.jobs, s);
    sequence_free(s, on->pages);
    if (on->base.jobs.waiting)
        onnx_wake(&on->base); /* there may be memory for more than one now */
    pthread_mutex_unlock(&on->base.jobs.lock);
}

static void lane_loop(struct lane *lane) {
    struct onnx *on = lane->engine;
    pthread_mutex_lock(&on->base.jobs.lock);
    while (!on->base.jobs.closing) {
        struct sequence *s = admit(on);
        if (s) {
            pthread_mutex_unlock(&on->base.jobs.lock);
            run_one(lane, s);
            pthread_mutex_lock(&on->base.jobs.lock);
            continue;
        }
        pthread_cond_wait(&on->work, &on->base.jobs.lock);
    }
    pthread_mutex_unlock(&on->base.jobs.lock);
}

static void lane_main(void *user, int index) {
    struct onnx *on = user;
    struct lane *lane = &on->lanes[index];
    struct err e;
    pool_name_thread("lane", index);
    lane->tools =
        (struct decoder_tools){.kernel = &on->kernel, .pool = on->pages, .vocab = on->model.vocab};
    int rc = onnx_lane_new(&on->model, &lane->steps, &e);
    if (rc == 0 && on->model.vocab)
        rc = chooser_new(on->model.vocab, &lane->tools.chooser, &e);
    start_gate_say(&on->started, rc, &e);
    if (rc == 0)
        lane_loop(lane);
    onnx_lane_free(lane->steps);
    chooser_free(lane->tools.chooser);
}

/* A sequence of a job: of a sequence-to-sequence model its ids become the source, and what is
 * generated begins with the decoder's start. */
static int make_sequence(const struct onnx *on, const struct engine_job *job, struct sequence **out,
                         struct err *e) {
    const struct graph_model *files = &on->model.files;
    size_t context = on->base.info.context;
    if (!(on->base.info.capabilities & ENGINE_SEQ2SEQ))
        return sequence_new(job, 0, context, out, e);
    if (job->on_logits)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: a sequence-to-sequence model scores no prompts",
                       on->base.info.name);
    if (job->n_ids == 0 || job->n_ids > context)
        return err_set(e, PRECIS_ELIMIT, "the source has %zu tokens, the context holds %zu",
                       job->n_ids, context);
    uint32_t start[2] = {(uint32_t)files->decoder_start, (uint32_t)files->forced_bos};
    struct engine_job target = *job;
    target.ids = start;
    target.n_ids = files->forced_bos >= 0 ? 2 : 1;
    int rc = sequence_new(&target, 0, context, out, e);
    if (rc)
        return rc;
    struct sequence *s = *out;
    s->source = malloc(job->n_ids * sizeof *s->source);
    if (!s->source) {
        sequence_free(s, NULL);
        *out = NULL;
        return err_nomem(e, "sequence");
    }
    memcpy(s->source, job->ids, job->n_ids * sizeof *s->source);
    s->n_source = job->n_ids;
    return 0;
}

static int onnx_prepare(struct engine *en, const struct engine_job *job, struct sequence **out,
                        struct err *e) {
    struct onnx *on = (struct onnx *)en;
    *out = NULL;
    int rc = make_sequence(on, job, out, e);
    struct sequence *s = *out;
    if (!s)
        return rc;
    s->reserved = needs(on, s);
    if (s->reserved <= on->budget)
        return 0;
    rc = err_set(e, PRECIS_ELIMIT,
                 "a prompt of %zu tokens needs %zu MB, the memory limit leaves %zu MB",
                 sequence_length(s), s->reserved >> 20, on->budget >> 20);
    sequence_free(s, NULL);
    return rc;
}

static void onnx_stats(struct engine *en, struct engine_stats *s) {
    const struct onnx *on = (const struct onnx *)en;
    s->tokens_in = on->tokens_in;
    s->tokens_out = on->tokens_out;
    s->kv_bytes = on->reserved;
    s->most_kv_bytes = on->most_reserved;
    for (int i = 0; i < en->info.lanes; i++)
        step_clock_tell(&on->lanes[i].clock, i, s);
}

static int onnx_packed_sha256(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e) {
    (void)out;
    return err_set(e, PRECIS_ENOTFOUND, "%s: ONNX graphs are not packed into a file",
                   en->info.name);
}

static void onnx_close(struct engine *en) {
    struct onnx *on = (struct onnx *)en;
    pool_join(on->threads);
    jobs_report_waiting(&en->jobs);
    free(on->lanes);
    onnx_model_close(&on->model);
    kv_pool_free(on->pages);
    pthread_cond_destroy(&on->work);
    start_gate_free(&on->started);
    jobs_free(&en->jobs);
    free(on);
}

static const struct engine_ops onnx_ops = {onnx_close, onnx_prepare, onnx_wake, onnx_stats,
                                           onnx_packed_sha256};

static int start_lanes(struct onnx *on, struct err *e) {
    int lanes = on->base.info.lanes;
    on->lanes = calloc((size_t)lanes, sizeof *on->lanes);
    if (!on->lanes) {
        on->base.info.lanes = 0;
        return err_nomem(e, "lanes");
    }
    for (int i = 0; i < lanes; i++)
        on->lanes[i] = (struct lane){
            .engine = on, .clock = {.all_time = on->model.device != DEVICE_CPU, .whole = true}};
    int rc = pool_start(&on->threads, lanes, lane_main, on, e);
    return rc ? rc : start_gate_wait(&on->started, lanes, e);
}

static unsigned capabilities(const struct onnx_model *m) {
    if (m->graphs[GRAPH_ENCODER].session)
        return ENGINE_SEQ2SEQ;
    return m->graphs[GRAPH_MAIN].is_logits ? ENGINE_GENERATE : ENGINE_EMBED;
}

/* A sequence's bytes for each token: keys and values twice, since a step makes them anew beside the
 * old ones, or, without past, the logits of every token; and the scores of a step's tokens with
 * each, of all heads, twice. */
static size_t bytes_per_token(const struct onnx_model *m) {
    size_t scores = 2 * sizeof(float) * m->files.query_heads;
    if (m->slots.n == 0)
        return m->vocab * sizeof(float) + m->width * sizeof(float);
    return 2 * m->slot_bytes + scores * m->rows;
}

static void describe(struct onnx *on, const struct engine_options *o, enum isa isa) {
    const struct onnx_model *m = &on->model;
    const struct graph_model *f = &m->files;
    size_t context = f->context ? f->context : DEFAULT_CONTEXT;
    snprintf(on->arithmetic, sizeof on->arithmetic, "onnx %s", f->weights);
    on->base.info = (struct engine_info){
        .capabilities = capabilities(m),
        .engine = "onnx",
        .device = device_name(m->device),
        .architecture = *f->architecture ? f->architecture : "onnx",
        .name = f->name,
        .file_type = f->weights,
        .precision = PRECISION_F32,
        .arithmetic = on->arithmetic,
        .isa = isa_name(isa),
        .lanes = o->lanes,
        .max_sequences = o->max_sequences,
        .vocab = m->vocab,
        .context = context < MOST_CONTEXT ? context : MOST_CONTEXT,
        .width = capabilities(m) == ENGINE_EMBED ? m->width : 0,
        .weight_bytes = f->bytes,
        .scratch_bytes =
            (size_t)o->lanes * (m->rows * (m->vocab + 8 * (size_t)f->hidden) * sizeof(float) +
                                (m->vocab ? chooser_bytes(m->vocab) : 0)),
        .kv_bytes_per_token = bytes_per_token(m),
    };
    if (on->base.info.capabilities == ENGINE_EMBED)
        on->base.info.vocab = f->vocab;
}

static int set_budget(struct onnx *on, const struct engine_options *o, struct err *e) {
    const struct engine_info *i = &on->base.info;
    size_t fixed = i->weight_bytes + i->scratch_bytes;
    on->budget = SIZE_MAX / 4;
    if (o->memory_limit == 0)
        return 0;
    if (o->memory_limit < fixed + i->kv_bytes_per_token)
        return err_set(e, PRECIS_ELIMIT,
                       "%s in %s needs %zu MB for weights and scratch, the memory limit is %zu MB",
                       i->name, i->arithmetic, fixed >> 20, o->memory_limit >> 20);
    on->budget = o->memory_limit - fixed;
    return 0;
}

static int check_model(const struct onnx *on, const struct engine_options *o, const char *path,
                       struct err *e) {
    const struct graph_model *f = &on->model.files;
    if (o->precision != PRECISION_AUTO && strcmp(precision_name(o->precision), f->weights) != 0)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: an ONNX graph computes as it was exported (%s): --precision %s is for "
                       "other models",
                       path, f->weights, precision_name(o->precision));
    if (on->model.graphs[GRAPH_ENCODER].session && f->decoder_start < 0)
        return err_set(e, PRECIS_EINPUT,
                       "%s: no config.json or generation_config.json says decoder_start_token_id",
                       path);
    if (f->decoder_start >= (int64_t)(on->model.vocab ? on->model.vocab : SIZE_MAX / 2) ||
        f->forced_bos >= (int64_t)(on->model.vocab ? on->model.vocab : SIZE_MAX / 2))
        return err_set(e, PRECIS_EINPUT,
                       "%s: decoder_start_token_id %lld, forced_bos_token_id %lld: the vocabulary "
                       "has %zu",
                       path, (long long)f->decoder_start, (long long)f->forced_bos,
                       on->model.vocab);
    return 0;
}

int onnx_open(const char *path, const struct engine_options *o, struct engine **out,
              struct err *e) {
    struct onnx *on = calloc(1, sizeof *on);
    *out = NULL;
    if (!on)
        return err_nomem(e, "engine");
    on->base.ops = &onnx_ops;
    jobs_init(&on->base.jobs);
    pthread_cond_init(&on->work, NULL);
    start_gate_init(&on->started);
    enum isa isa;
    int rc = isa_detect(&isa, e);
    if (rc == 0)
        rc = kernel_select(isa, DTYPE_F32, &on->kernel, e);
    if (rc == 0)
        rc = onnx_model_open(path, o->device, &on->model, e);
    if (rc == 0)
        rc = check_model(on, o, path, e);
    if (rc == 0) {
        describe(on, o, isa);
        rc = set_budget(on, o, e);
    }
    if (rc == 0)
        rc = kv_pool_new(1, 1, &on->pages, e);
    if (rc)
        on->base.info.lanes = 0; /* none to wake */
    else
        rc = start_lanes(on, e);
    if (rc == 0) {
        *out = &on->base;
        return 0;
    }
    engine_close(&on->base);
    return rc;
}

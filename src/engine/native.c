/* The native engine: lanes over shared weights. A lane leads the sequences it admitted; every step
 * it packs one token of each that decodes and as much of the prompts as fits into a tile. Lanes
 * without work join the step of one that has plenty. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pace.h"
#include "base/pool.h"
#include "engine/engine_impl.h"
#include "engine/forward.h"
#include "engine/step_clock.h"

struct native;

enum { MOST_MERGED = 16 }; /* rows of the decoding sequences that lanes put together */

/* A row of logits and whose it is. */
struct target {
    struct sequence *sequence;
    int branch;
    size_t position;
};

struct lane {
    struct native *native;
    int index;
    pthread_cond_t wake;
    bool idle;
    struct step *assist; /* a step this lane is called to join */
    int rank;
    struct workspace *workspace;
    struct decoder_tools tools;
    struct sequence **sequences; /* [max_sequences] */
    int n;
    bool settled;            /* all of them decode, as of the last step built */
    struct sequence **given; /* [max_sequences] handed over by other lanes, not yet taken on */
    int n_given;
    int rows;             /* that the settled sequences take in a step */
    uint64_t prompt_rows; /* of the step */
    struct step_clock clock;
    struct step step;
    struct span spans[TILE_ROWS];
    int logit_rows[TILE_ROWS];
    struct target targets[TILE_ROWS];
};

struct native {
    struct engine base;
    struct weights weights;
    struct kernel kernel;
    struct kv_pool *pool;
    size_t kv_pages; /* the most that may be reserved */
    struct pool *threads;
    struct lane *lanes;
    struct start_gate started;

    /* Guarded by the lock of the jobs, as are the lanes' idle, assist and rank. */
    uint64_t tokens_in, tokens_shared, tokens_out;
};

static void wake_idle(struct engine *en) {
    struct native *na = (struct native *)en;
    for (int i = 0; i < na->base.info.lanes; i++)
        if (na->lanes[i].idle)
            pthread_cond_signal(&na->lanes[i].wake);
}

/* Takes a waiting sequence if the bounds allow. Locked. */
static struct sequence *admit(struct lane *lane) {
    struct native *na = lane->native;
    const struct engine_info *info = &na->base.info;
    int share = (info->max_sequences + info->lanes - 1) / info->lanes;
    if (!na->base.jobs.first || na->base.jobs.running >= info->max_sequences || lane->n >= share)
        return NULL;
    struct sequence **at = jobs_choose(&na->base.jobs, info->max_sequences), *s = *at;
    if (!atomic_load(&s->cancelled)) {
        size_t pages = sequence_pages(s);
        if (!kv_admit(na->pool, &s->kv, pages, s->ids, sequence_skippable(s)))
            return NULL;
        s->reserved = pages;
        na->tokens_shared += s->kv.length;
    }
    jobs_start(&na->base.jobs, at);
    lane->sequences[lane->n++] = s;
    return s;
}

static bool is_decoding(const struct sequence *s) {
    return sequence_forked(s) || s->n_generated > 0;
}

/* Adds the next tokens of a sequence to the step, as many as there is room for (all branches or
 * none). */
static void add_spans(struct lane *lane, struct sequence *s) {
    struct step *st = &lane->step;
    int branches = sequence_branches(s);
    if (st->rows + branches > TILE_ROWS)
        return;
    sequence_turn(s, lane->native->pool);
    for (int b = 0; b < branches; b++) {
        const uint32_t *ids;
        size_t n, room = (size_t)(TILE_ROWS - st->rows);
        struct kv_seq *kv = sequence_pending(s, b, &ids, &n);
        if (n > room)
            n = room;
        if (n == 0) /* beams that are fed anew end one after the other */
            continue;
        size_t position = kv->length;
        struct err e;
        if (kv_extend(lane->native->pool, kv, n, &e) != 0) {
            sequence_end(s, FINISH_FAILED, &e);
            return;
        }
        lane->spans[st->n_spans++] = (struct span){.ids = ids,
                                                   .blocks = kv->data,
                                                   .row = st->rows,
                                                   .n = (int)n,
                                                   .position = (int)position,
                                                   .far = s->far};
        for (size_t i = 0; i < n; i++) {
            if (!sequence_wants(s, position + i))
                continue;
            lane->targets[st->n_logits] = (struct target){s, b, position + i};
            lane->logit_rows[st->n_logits++] = st->rows + (int)i;
        }
        st->rows += (int)n;
        s->step_rows += (int)n;
        lane->prompt_rows += is_decoding(s) ? 0 : n;
    }
}

/* A few sequences that only decode are best in one batch: the weights are then read once for all,
 * and the lanes split a product's outputs. So a lane that has nothing else to do hands its
 * sequences to the first lane that is in the same case, and joins its steps. (On two cores 2, 8 and
 * 16 sequences together gained 48, 15 and 7 %, 24 and 32 lost 2 and 4 %.) Locked. */
static bool hand_over(struct lane *lane) {
    struct native *na = lane->native;
    int rows = 0;
    lane->settled = lane->n > 0 && na->weights.type == DTYPE_INT8;
    for (int i = 0; i < lane->n; i++) {
        lane->settled = lane->settled && is_decoding(lane->sequences[i]);
        rows += sequence_branches(lane->sequences[i]);
    }
    if (!lane->settled || na->base.jobs.waiting > 0 ||
        na->base.jobs.closing) /* a lane may have left by then */
        return false;
    for (struct lane *to = na->lanes; to < lane; to++) {
        if (!to->settled || to->rows + rows > MOST_MERGED)
            continue;
        memcpy(to->given + to->n_given, lane->sequences, (size_t)lane->n * sizeof *to->given);
        to->n_given += lane->n;
        to->rows += rows;
        lane->n = 0;
        lane->settled = false;
        return true;
    }
    lane->rows = rows;
    return false;
}

static void take_given(struct lane *lane) {
    memcpy(lane->sequences + lane->n, lane->given, (size_t)lane->n_given * sizeof *lane->given);
    lane->n += lane->n_given;
    lane->n_given = 0;
}

/* Decoding sequences first (they are short and their answers wait), then prompts in order of
 * admission, then new ones while there is room: so a step leaves at most one prompt half read, and
 * memory goes to few prompts at a time. Locked, since it admits. */
static void build_step(struct lane *lane) {
    struct step *st = &lane->step;
    st->n_spans = st->rows = st->n_logits = 0;
    lane->prompt_rows = 0;
    for (int decoding = 1; decoding >= 0; decoding--)
        for (int i = 0; i < lane->n; i++) {
            struct sequence *s = lane->sequences[i];
            if (!s->done && !atomic_load(&s->cancelled) && st->rows < TILE_ROWS &&
                is_decoding(s) == (decoding != 0))
                add_spans(lane, s);
        }
    while (st->rows < TILE_ROWS) {
        struct sequence *s = admit(lane);
        if (!s)
            break;
        if (!atomic_load(&s->cancelled))
            add_spans(lane, s);
    }
    st->apart = true;
    for (int i = 1; i < st->n_logits; i++)
        st->apart = st->apart && lane->targets[i].sequence != lane->targets[i - 1].sequence;
}

/* Calls idle lanes to the step. Locked. */
static void call_team(struct lane *lane) {
    struct native *na = lane->native;
    na->tokens_in += lane->prompt_rows;
    lane->step.team = 1;
    if (lane->step.rows < TEAM_FROM && na->weights.type != DTYPE_INT8)
        return;
    for (int i = 0; i < na->base.info.lanes && lane->step.team < TEAM_MOST; i++) {
        struct lane *other = &na->lanes[i];
        if (!other->idle)
            continue;
        other->idle = false;
        other->assist = &lane->step;
        other->rank = lane->step.team++;
        pthread_cond_signal(&other->wake);
    }
}

static void on_logits(void *user, void *own, int index, float *logits) {
    const struct lane *leader = user;
    const struct target *t = &leader->targets[index];
    /* Every layer of the step is computed by now, and beams will take the pages over. */
    sequence_publish(t->sequence, leader->native->pool);
    sequence_logits(t->sequence, own, t->branch, t->position, logits);
}

/* Reports and frees what has ended. Not locked: callbacks run here. */
static void reap(struct lane *lane) {
    struct native *na = lane->native;
    int kept = 0;
    for (int i = 0; i < lane->n; i++) {
        struct sequence *s = lane->sequences[i];
        if (atomic_load(&s->cancelled))
            sequence_end(s, FINISH_CANCELLED, NULL);
        sequence_settle(s);
        if (!s->done) {
            lane->sequences[kept++] = s;
            continue;
        }
        sequence_report(s);
        pthread_mutex_lock(&na->base.jobs.lock);
        na->tokens_out += sequence_generated(s);
        jobs_finish(&na->base.jobs, s);
        /* Its pages go back before what it reserved: whoever is admitted next may need them. */
        size_t reserved = s->reserved;
        sequence_free(s, na->pool);
        kv_release(na->pool, reserved);
        if (na->base.jobs.waiting)
            wake_idle(&na->base);
        pthread_mutex_unlock(&na->base.jobs.lock);
    }
    lane->n = kept;
}

static bool any_ended(const struct lane *lane) {
    for (int i = 0; i < lane->n; i++)
        if (lane->sequences[i]->done || atomic_load(&lane->sequences[i]->cancelled))
            return true;
    return false;
}

/* Splits what the step took over the sequences in it, by their rows. */
static void share_time(struct lane *lane, double seconds) {
    for (int i = 0; i < lane->n; i++) {
        struct sequence *s = lane->sequences[i];
        sequence_spend(s, seconds * s->step_rows / lane->step.rows);
        s->step_rows = 0;
    }
}

/* Runs the step that was built. Locked on entry and return. */
static void lead(struct lane *lane) {
    struct native *na = lane->native;
    struct step *st = &lane->step;
    pthread_mutex_unlock(&na->base.jobs.lock);
    pace_wait();
    st->clock = &lane->clock;
    step_clock_start(&lane->clock);
    step_prepare(st);
    pthread_mutex_lock(&na->base.jobs.lock);
    call_team(lane);
    pthread_mutex_unlock(&na->base.jobs.lock);
    step_run(st, lane->workspace, 0, &lane->tools);
    for (int i = 0; i < lane->n; i++)
        if (st->err.code)
            sequence_end(lane->sequences[i], FINISH_FAILED, &st->err);
        else
            sequence_publish(lane->sequences[i], na->pool);
    share_time(lane, step_clock_stop(&lane->clock));
    reap(lane);
    pthread_mutex_lock(&na->base.jobs.lock);
}

static void lane_loop(struct lane *lane) {
    struct native *na = lane->native;
    pthread_mutex_lock(&na->base.jobs.lock);
    while (!na->base.jobs.closing || lane->n > 0 || lane->n_given > 0 || lane->assist) {
        if (lane->assist) {
            struct step *st = lane->assist;
            pthread_mutex_unlock(&na->base.jobs.lock);
            step_run(st, lane->workspace, lane->rank, &lane->tools);
            pthread_mutex_lock(&na->base.jobs.lock);
            lane->assist = NULL;
            continue;
        }
        take_given(lane);
        if (!hand_over(lane))
            build_step(lane);
        else
            lane->step.rows = 0;
        if (lane->step.rows > 0) {
            lead(lane);
        } else if (any_ended(lane)) {
            pthread_mutex_unlock(&na->base.jobs.lock);
            reap(lane);
            pthread_mutex_lock(&na->base.jobs.lock);
        } else {
            lane->idle = true;
            pthread_cond_wait(&lane->wake, &na->base.jobs.lock);
            lane->idle = false;
        }
    }
    pthread_mutex_unlock(&na->base.jobs.lock);
}

static int lane_start(struct lane *lane, struct err *e) {
    struct native *na = lane->native;
    lane->tools = (struct decoder_tools){
        .kernel = &na->kernel, .pool = na->pool, .vocab = na->weights.config.vocab};
    lane->step.w = &na->weights;
    lane->step.kernel = &na->kernel;
    lane->step.spans = lane->spans;
    lane->step.logit_rows = lane->logit_rows;
    lane->step.on_logits = on_logits;
    lane->step.user = lane;
    lane->sequences = calloc((size_t)na->base.info.max_sequences, sizeof(struct sequence *));
    lane->given = calloc((size_t)na->base.info.max_sequences, sizeof(struct sequence *));
    if (!lane->sequences || !lane->given)
        return err_nomem(e, "lane");
    int rc = chooser_new(lane->tools.vocab, &lane->tools.chooser, e);
    if (rc == 0)
        rc = workspace_new(&na->weights, &lane->workspace, e);
    lane->step.tile = lane->workspace;
    return rc;
}

static void lane_main(void *user, int index) {
    struct native *na = user;
    struct lane *lane = &na->lanes[index];
    struct err e;
    pool_name_thread("lane", index);
    int rc = lane_start(lane, &e);
    start_gate_say(&na->started, rc, &e);
    if (rc == 0)
        lane_loop(lane);
    workspace_free(lane->workspace); /* in the thread that made it */
    chooser_free(lane->tools.chooser);
    free(lane->sequences);
    free(lane->given);
}

static int native_prepare(struct engine *en, const struct engine_job *job, struct sequence **out,
                          struct err *e) {
    struct native *na = (struct native *)en;
    int rc = sequence_new(job, 0, en->info.context, out, e);
    if (rc)
        return rc;
    struct sequence *s = *out;
    sequence_set_near(s, na->weights.config.rope.original);
    size_t pages = sequence_pages(s);
    if (pages <= na->kv_pages)
        return 0;
    rc = err_set(e, PRECIS_ELIMIT,
                 "a prompt of %zu tokens needs %zu MB of KV, the memory limit leaves %zu MB",
                 s->n_prompt, pages * KV_BLOCK * en->info.kv_bytes_per_token >> 20,
                 na->kv_pages * KV_BLOCK * en->info.kv_bytes_per_token >> 20);
    sequence_free(s, NULL);
    return rc;
}

static void native_stats(struct engine *en, struct engine_stats *s) {
    const struct native *na = (const struct native *)en;
    s->tokens_in = na->tokens_in;
    s->tokens_shared = na->tokens_shared;
    s->tokens_out = na->tokens_out;
    kv_usage(na->pool, &s->kv_bytes, &s->most_kv_bytes);
    for (int i = 0; i < en->info.lanes; i++)
        step_clock_tell(&na->lanes[i].clock, i, s);
}

static void native_close(struct engine *en) {
    struct native *na = (struct native *)en;
    pool_join(na->threads);
    jobs_report_waiting(&en->jobs);
    for (int i = 0; i < en->info.lanes; i++)
        pthread_cond_destroy(&na->lanes[i].wake);
    free(na->lanes);
    kv_pool_free(na->pool);
    weights_free(&na->weights);
    start_gate_free(&na->started);
    jobs_free(&en->jobs);
    free(na);
}

static int native_packed_sha256(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e) {
    const struct native *na = (const struct native *)en;
    if (!na->weights.packed)
        return err_set(e, PRECIS_ENOTFOUND, "weights in %s are not packed into a file",
                       en->info.arithmetic);
    return packed_sha256(na->weights.packed, out, e);
}

static const struct engine_ops native_ops = {native_close, native_prepare, wake_idle, native_stats,
                                             native_packed_sha256};

/* Classes and precision, once the model's configuration is known and before anything large is read.
 * Biases and norms of keys have outliers that no rotation reaches: such models keep keys and values
 * in floats. */
static int choose_kernel(struct native *na, enum isa isa, enum precision *p, struct err *e) {
    struct weights *w = &na->weights;
    enum dtype real = isa == ISA_AVX512_BF16 ? DTYPE_BF16 : DTYPE_F32;
    if (*p == PRECISION_AUTO && isa > ISA_PLAIN && weights8_check(&w->config, NULL) == 0)
        *p = PRECISION_INT8;
    if (*p == PRECISION_AUTO)
        *p = real == DTYPE_BF16 ? PRECISION_BF16 : PRECISION_F32;
    int rc = *p == PRECISION_INT8 ? weights8_check(&w->config, e) : 0;
    if (rc)
        return rc;
    w->type = *p == PRECISION_F32 ? DTYPE_F32 : *p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_INT8;
    w->kv_type = w->type;
    if (w->type == DTYPE_INT8 && (w->config.qkv_bias || w->config.qk_norm))
        w->kv_type = real;
    return kernel_select(isa, w->kv_type, &na->kernel, e);
}

/* What the kernels can take, beyond what the configuration promises: among it that the products of
 * sizes that they form are ints. */
enum { MOST_WIDTH = 1 << 24 };

static int check_shape(const struct decoder_config *c, struct err *e) {
    if (c->head_dim > KERNEL_MAX_DIM)
        return err_set(e, PRECIS_EUNSUPPORTED, "head dimension %u: at most %d", c->head_dim,
                       KERNEL_MAX_DIM);
    if (c->heads / c->kv_heads > ATTENTION_ROWS)
        return err_set(e, PRECIS_EUNSUPPORTED, "%u query heads to a key/value head: at most %d",
                       c->heads / c->kv_heads, ATTENTION_ROWS);
    if (c->hidden > MOST_WIDTH || c->intermediate > MOST_WIDTH || c->vocab > MOST_WIDTH)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "sizes %u, %u, %u (hidden, feed-forward, vocabulary): at most %d", c->hidden,
                       c->intermediate, c->vocab, MOST_WIDTH);
    return 0;
}

/* The memory that is left for KV, in pages. */
static int budget(struct native *na, const struct engine_options *o, struct err *e) {
    const struct engine_info *i = &na->base.info;
    size_t page = i->kv_bytes_per_token * KV_BLOCK, fixed = i->weight_bytes + i->scratch_bytes;
    if (o->memory_limit == 0) {
        na->kv_pages = SIZE_MAX / page / 2;
        return 0;
    }
    if (o->memory_limit < fixed + page)
        return err_set(e, PRECIS_ELIMIT,
                       "%s in %s needs %zu MB for weights and scratch, the memory limit is %zu MB",
                       i->name, i->arithmetic, (fixed + page) >> 20, o->memory_limit >> 20);
    na->kv_pages = (o->memory_limit - fixed) / page;
    return 0;
}

static int start_lanes(struct native *na, struct err *e) {
    int lanes = na->base.info.lanes;
    na->lanes = calloc((size_t)lanes, sizeof *na->lanes);
    if (!na->lanes) {
        na->base.info.lanes = 0;
        return err_nomem(e, "lanes");
    }
    for (int i = 0; i < lanes; i++) {
        na->lanes[i].native = na;
        na->lanes[i].index = i;
        pthread_cond_init(&na->lanes[i].wake, NULL);
    }
    int rc = pool_start(&na->threads, lanes, lane_main, na, e);
    return rc ? rc : start_gate_wait(&na->started, lanes, e);
}

static void describe(struct native *na, const struct engine_options *o, enum precision p) {
    const struct decoder_config *c = &na->weights.config;
    enum dtype kv = na->weights.kv_type;
    na->base.info = (struct engine_info){
        .capabilities = ENGINE_GENERATE,
        .engine = "native",
        .device = "cpu",
        .architecture = c->architecture,
        .name = c->name,
        .file_type = c->file_type,
        .precision = p,
        .arithmetic = na->weights.fours ? "int8 with 4-bit weights" : precision_name(p),
        .isa = isa_name(na->kernel.isa),
        .lanes = o->lanes,
        .max_sequences = o->max_sequences,
        .vocab = c->vocab,
        .context = c->context,
        .parameters = c->parameters,
        .weight_bytes = weights_estimate(&na->weights),
        .scratch_bytes =
            (size_t)o->lanes * (workspace_bytes(&na->weights) + chooser_bytes(c->vocab)),
        .kv_bytes_per_token = 2 * (size_t)c->layers * c->kv_heads *
                              kv_block_bytes((int)na->weights.dim, kv) / KV_BLOCK,
    };
}

static size_t machine_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : SIZE_MAX;
}

/* Keeps the weights of int8 in 4 bits where 8 need more memory than there is. */
static void choose_weights(struct native *na, const struct engine_options *o) {
    const struct engine_info *i = &na->base.info;
    size_t limit = o->memory_limit ? o->memory_limit : machine_memory() / 4 * 3;
    size_t needs = i->weight_bytes + i->scratch_bytes + i->kv_bytes_per_token * KV_BLOCK;
    if (na->weights.type != DTYPE_INT8 || needs <= limit)
        return;
    log_say(LOG_INFO, "int8 weights need %zu MB, more than %zu MB: they are kept in 4 bits",
            needs >> 20, limit >> 20);
    na->weights.fours = true;
    describe(na, o, i->precision);
}

int native_open(struct checkpoint *c, const struct engine_options *o, struct engine **out,
                struct err *e) {
    struct native *na = calloc(1, sizeof *na);
    *out = NULL;
    if (!na) {
        checkpoint_close(c);
        return err_nomem(e, "engine");
    }
    weights_init(&na->weights, c);
    na->base.ops = &native_ops;
    jobs_init(&na->base.jobs);
    start_gate_init(&na->started);
    enum precision p = o->precision;
    enum isa isa;
    int rc = isa_detect(&isa, e);
    if (rc == 0)
        rc = check_shape(&na->weights.config, e);
    if (rc == 0)
        rc = choose_kernel(na, isa, &p, e);
    if (rc == 0) {
        describe(na, o, p);
        choose_weights(na, o);
        rc = budget(na, o, e); /* before anything large is allocated */
    }
    if (rc == 0)
        rc = weights_pack(&na->weights, &na->kernel, o->lanes, e);
    if (rc == 0) {
        na->base.info.weight_bytes = na->weights.bytes;
        rc = budget(na, o, e);
    }
    if (rc == 0)
        rc = kv_pool_new(na->base.info.kv_bytes_per_token * KV_BLOCK, na->kv_pages, &na->pool, e);
    if (rc)
        na->base.info.lanes = 0; /* none to wake */
    else
        rc = start_lanes(na, e);
    if (rc == 0) {
        *out = &na->base;
        return 0;
    }
    engine_close(&na->base);
    return rc;
}

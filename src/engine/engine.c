#include "engine/engine_impl.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kernel/kernel.h"
#include "model/checkpoint.h"
#include "model/kind.h"

static const char *const precision_names[] = {"auto", "f32", "bf16", "int8"};
static const char *const strategy_names[] = {"greedy", "temperature", "nucleus", "beam"};
static const char *const device_names[] = {"auto", "cpu", "cuda", "coreml"};
static const char *const finish_names[] = {"stop", "length", "callback", "cancelled", "failed"};

const char *precision_name(enum precision p) {
    return precision_names[p];
}

const char *device_name(enum device d) {
    return device_names[d];
}

int engine_isa(const char **name, struct err *e) {
    enum isa isa = ISA_PLAIN;
    int rc = isa_detect(&isa, e);
    *name = isa_name(isa);
    return rc;
}

const char *sampling_name(enum sampling_strategy s) {
    return strategy_names[s];
}

const char *engine_finish_name(enum engine_finish f) {
    return finish_names[f];
}

static int check_range(const char *name, double v, double least, double most, struct err *e) {
    if (v >= least && v <= most)
        return 0;
    return err_set(e, PRECIS_EUSAGE, "%s %g: must be between %g and %g", name, v, least, most);
}

int sampling_check(const struct sampling *s, struct err *e) {
    int rc = check_range("temperature", (double)s->temperature, 0, 2, e);
    if (rc == 0)
        rc = check_range("top-p", (double)s->top_p, 0, 1, e);
    if (rc == 0)
        rc = check_range("top-k", s->top_k, 0, 1 << 24, e);
    if (rc == 0)
        rc = check_range("beams", s->beams, 0, ENGINE_MAX_BEAMS, e);
    if (rc == 0)
        rc = check_range("length penalty", (double)s->length_penalty, -10, 10, e);
    if (rc == 0 && s->repetition_penalty != 0)
        rc = check_range("repetition penalty", (double)s->repetition_penalty, 0.01, 100, e);
    if (rc == 0)
        rc = check_range("no-repeat n-gram", s->no_repeat_ngram, 0, 1000, e);
    return rc;
}

int engine_open(const char *path, const struct engine_options *options, struct engine **out,
                struct err *e) {
    *out = NULL;
    struct engine_options o = *options;
    if (o.lanes == 0)
        o.lanes = pool_cores();
    if (o.max_sequences == 0)
        o.max_sequences = 20;
    if (o.lanes < 0 || o.lanes > ENGINE_MOST_LANES || o.max_sequences < 0 ||
        o.max_sequences > ENGINE_MOST_SEQUENCES)
        return err_set(e, PRECIS_EUSAGE, "lanes %d, sequences %d: at most %d and %d", o.lanes,
                       o.max_sequences, ENGINE_MOST_LANES, ENGINE_MOST_SEQUENCES);
    struct checkpoint *c;
    enum model_kind kind;
    int rc = model_kind_of(path, &kind, e);
    if (rc == 0 && kind == MODEL_ONNX)
        return onnx_open(path, &o, out, e);
    if (rc == 0)
        rc = checkpoint_open(path, &c, e);
    if (rc)
        return rc;
    if (o.device > DEVICE_CPU) {
        checkpoint_close(c);
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: --device %s is for ONNX models; the native engine computes on the CPU",
                       path, device_name(o.device));
    }
    return checkpoint_decoder(c) ? native_open(c, &o, out, e) : encoder_open(c, &o, out, e);
}

void engine_close(struct engine *en) {
    if (!en)
        return;
    pthread_mutex_lock(&en->jobs.lock);
    jobs_close(&en->jobs);
    en->ops->wake(en);
    jobs_leave(&en->jobs);
    pthread_mutex_unlock(&en->jobs.lock);
    en->ops->close(en);
}

const struct engine_info *engine_info(const struct engine *en) {
    return &en->info;
}

static int check_job(const struct engine *en, const struct engine_job *job, struct err *e) {
    int rc = sampling_check(&job->sampling, e);
    if (rc)
        return rc;
    if (job->n_ids == 0)
        return err_set(e, PRECIS_EUSAGE, "the prompt has no tokens");
    if (job->top < 0 || job->top > ENGINE_MAX_TOP || job->n_stops > ENGINE_MAX_STOPS)
        return err_set(e, PRECIS_EUSAGE, "%d candidates, %zu stop ids: at most %d and %d", job->top,
                       job->n_stops, ENGINE_MAX_TOP, ENGINE_MAX_STOPS);
    if (job->n_more < 0 || job->n_more >= ENGINE_MAX_BEAMS)
        return err_set(e, PRECIS_EUSAGE, "%d further answers: between 0 and %d", job->n_more,
                       ENGINE_MAX_BEAMS - 1);
    if (!(job->time_limit >= 0))
        return err_set(e, PRECIS_EUSAGE, "time limit %g s: must not be negative", job->time_limit);
    bool beams = job->sampling.strategy == SAMPLE_BEAM || job->more.strategy == SAMPLE_BEAM;
    if (job->n_more > 0 && beams)
        return err_set(e, PRECIS_EUSAGE, "beams give one answer, without further ones");
    rc = sampling_check(&job->more, e);
    if (rc)
        return rc;
    unsigned needs = job->on_hidden ? ENGINE_EMBED : ENGINE_GENERATE | ENGINE_SEQ2SEQ;
    if (!(en->info.capabilities & needs))
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: a model of the architecture %s %s",
                       en->info.name, en->info.architecture,
                       job->on_hidden ? "gives no embeddings" : "generates nothing");
    if (job->on_hidden && (job->max_new_tokens > 0 || job->on_logits))
        return err_set(e, PRECIS_EUSAGE, "a job for hidden states generates and scores nothing");
    for (size_t i = 0; en->info.vocab > 0 && i < job->n_ids; i++)
        if (job->ids[i] >= en->info.vocab)
            return err_set(e, PRECIS_EUSAGE, "token id %u: the vocabulary has %zu", job->ids[i],
                           en->info.vocab);
    return 0;
}

int engine_submit(struct engine *en, const struct engine_job *job, uint64_t *ticket,
                  struct err *e) {
    struct sequence *s = NULL;
    int rc = check_job(en, job, e);
    if (rc == 0)
        rc = en->ops->prepare(en, job, &s, e);
    if (rc == 0)
        rc = jobs_enter(&en->jobs, en->info.max_sequences, s, ticket, e);
    if (rc)
        return rc;
    en->ops->wake(en);
    pthread_mutex_unlock(&en->jobs.lock);
    return 0;
}

void engine_cancel(struct engine *en, uint64_t ticket) {
    pthread_mutex_lock(&en->jobs.lock);
    jobs_cancel(&en->jobs, ticket);
    en->ops->wake(en);
    pthread_mutex_unlock(&en->jobs.lock);
}

void engine_drain(struct engine *en) {
    pthread_mutex_lock(&en->jobs.lock);
    jobs_drain(&en->jobs);
    pthread_mutex_unlock(&en->jobs.lock);
}

void engine_get_stats(struct engine *en, struct engine_stats *s) {
    const struct jobs *j = &en->jobs;
    pthread_mutex_lock(&en->jobs.lock);
    *s = (struct engine_stats){
        .waiting = j->waiting, .running = j->running, .most_running = j->most_running};
    en->ops->stats(en, s);
    pthread_mutex_unlock(&en->jobs.lock);
}

int engine_packed_sha256(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e) {
    return en->ops->packed_sha256(en, out, e);
}

#include "api/handle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)PRECIS_GREEDY == SAMPLE_GREEDY && (int)PRECIS_BEAM == SAMPLE_BEAM &&
                  (int)PRECIS_TEMPERATURE == SAMPLE_TEMPERATURE &&
                  (int)PRECIS_NUCLEUS == SAMPLE_NUCLEUS,
              "the strategies of precis.h are the engine's");
static_assert((int)PRECIS_PRECISION_AUTO == PRECISION_AUTO &&
                  (int)PRECIS_PRECISION_F32 == PRECISION_F32 &&
                  (int)PRECIS_PRECISION_BF16 == PRECISION_BF16 &&
                  (int)PRECIS_PRECISION_INT8 == PRECISION_INT8,
              "the precisions of precis.h are the engine's");

enum { MOST_LANES = 1024, MOST_AGENTS = 100 };

static _Thread_local bool in_callback;

const char *precis_version(void) {
    return PRECIS_VERSION;
}

void precis_free(void *memory) {
    free(memory);
}

int api_return(int rc, const struct err *e, char *error, size_t error_size) {
    const char *text = rc ? e->text : "";
    if (!error || error_size == 0)
        return rc;
    size_t n = strlen(text);
    if (n >= error_size)
        for (n = error_size - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    memcpy(error, text, n);
    error[n] = '\0';
    return rc;
}

void api_enter_callback(void) {
    in_callback = true;
}

void api_leave_callback(void) {
    in_callback = false;
}

int api_check_outside(struct err *e) {
    return in_callback ? err_set(e, PRECIS_EUSAGE, "a callback must not start another generation")
                       : 0;
}

int api_sampling(const struct precis_sampling *from, struct sampling *to, struct err *e) {
    if ((unsigned)from->strategy > PRECIS_BEAM)
        return err_set(e, PRECIS_EUSAGE, "sampling strategy %d: must be between 0 and %d",
                       (int)from->strategy, (int)PRECIS_BEAM);
    *to = (struct sampling){.strategy = (enum sampling_strategy)from->strategy,
                            .temperature = from->temperature,
                            .top_p = from->top_p,
                            .top_k = from->top_k,
                            .beams = from->beams,
                            .length_penalty = from->length_penalty,
                            .repetition_penalty = from->repetition_penalty,
                            .no_repeat_ngram = from->no_repeat_ngram,
                            .seed = from->seed};
    return sampling_check(to, e);
}

static int check_range(const char *name, int v, int most, struct err *e) {
    return v >= 0 && v <= most
               ? 0
               : err_set(e, PRECIS_EUSAGE, "%s %d: must be between 0 and %d", name, v, most);
}

static int open_model(struct precis_model *p, const char *name,
                      const struct precis_model_options *o, struct err *e) {
    struct model_options options = {.name = name,
                                    .chat_template = o->chat_template,
                                    .engine = {.precision = (enum precision)o->precision,
                                               .lanes = o->lanes,
                                               .max_sequences = o->agents,
                                               .memory_limit = o->memory_limit}};
    int rc = check_range("precision", (int)o->precision, PRECIS_PRECISION_INT8, e);
    if (rc == 0)
        rc = check_range("lanes", o->lanes, MOST_LANES, e);
    if (rc == 0)
        rc = check_range("agents", o->agents, MOST_AGENTS, e);
    if (rc == 0)
        rc = model_open(&p->m, &options, MODEL_TOKENIZER | MODEL_ENGINE | MODEL_REVISION, e);
    if (rc)
        return rc;
    rc = chat_open(p->m.tok, o->chat_template, &p->m.chat, &p->no_chat);
    if (rc)
        err_prefix(&p->no_chat, p->m.path);
    if (rc == 0 || (rc == PRECIS_EUNSUPPORTED && !o->chat_template))
        return 0;
    *e = p->no_chat;
    model_close(&p->m);
    return rc;
}

int precis_model_open(const char *name_or_path, const struct precis_model_options *options,
                      struct precis_model **out, char *error, size_t error_size) {
    static const struct precis_model_options defaults;
    struct err e = {0};
    *out = NULL;
    struct precis_model *p = calloc(1, sizeof *p);
    if (!p || pthread_rwlock_init(&p->turn, NULL) != 0) {
        free(p);
        return api_return(err_nomem(&e, "model"), &e, error, error_size);
    }
    int rc = open_model(p, name_or_path, options ? options : &defaults, &e);
    if (rc == 0) {
        *out = p;
    } else {
        pthread_rwlock_destroy(&p->turn);
        free(p);
    }
    return api_return(rc, &e, error, error_size);
}

void precis_model_close(struct precis_model *model) {
    if (!model)
        return;
    model_close(&model->m);
    pthread_rwlock_destroy(&model->turn);
    free(model);
}

void precis_model_describe(const struct precis_model *model, struct precis_model_info *out) {
    const struct engine_info *info = engine_info(model->m.engine);
    *out = (struct precis_model_info){
        .name = model->m.name,
        .revision = model->m.revision,
        .architecture = info->architecture,
        .file_type = info->file_type,
        .precision = info->arithmetic,
        .isa = info->isa,
        .chat_format = model->m.chat ? chat_name(model->m.chat) : NULL,
        .lanes = info->lanes,
        .agents = info->max_sequences,
        .vocabulary = info->vocab,
        .context = info->context,
        .weight_bytes = info->weight_bytes,
    };
}

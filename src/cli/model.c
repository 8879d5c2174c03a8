#include "cli/model.h"

#include <stdio.h>
#include <string.h>

struct engine_options model_engine_options(const struct args *a, int max_sequences) {
    return (struct engine_options){.precision = (enum precision)a->precision,
                                   .device = (enum device)a->device,
                                   .lanes = (int)a->lanes,
                                   .max_sequences = max_sequences,
                                   .memory_limit = (size_t)a->memory_limit};
}

void model_sampling(const struct args *a, struct sampling *s) {
    *s = (struct sampling){.strategy = (enum sampling_strategy)a->strategy,
                           .temperature = (float)a->temperature,
                           .top_p = (float)a->top_p,
                           .top_k = (int)a->top_k,
                           .beams = (int)a->beams,
                           .length_penalty = (float)a->length_penalty,
                           .repetition_penalty = (float)a->repetition_penalty,
                           .no_repeat_ngram = (int)a->no_repeat_ngram,
                           .seed = a->seed};
}

int model_open_asked(struct model *m, const struct args *a, unsigned parts, int max_sequences,
                     struct err *e) {
    struct model_options o = {.name = a->model,
                              .chat_template =
                                  a->chat_template ? choices_template[a->chat_template] : NULL,
                              .engine = model_engine_options(a, max_sequences)};
    return model_open(m, &o, parts, e);
}

int model_packed_sha256(const struct engine *engine, char out[HASH_HEX_SIZE + 2], struct err *e) {
    char hex[HASH_HEX_SIZE];
    int rc = engine_packed_sha256(engine, hex, e);
    if (rc == PRECIS_ENOTFOUND) {
        memcpy(out, "null", sizeof "null");
        return 0;
    }
    if (rc == 0)
        snprintf(out, HASH_HEX_SIZE + 2, "\"%s\"", hex);
    return rc;
}

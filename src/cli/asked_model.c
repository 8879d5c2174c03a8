#include <inttypes.h>
#include <string.h>

#include "cli/asked.h"
#include "summary/context.h"

int asked_parameters(struct buf *b, const struct args *a, const struct sampling *s,
                     const struct provenance *made, struct err *e) {
    char hex[HASH_HEX_SIZE];
    bool draws = s->strategy == SAMPLE_TEMPERATURE || s->strategy == SAMPLE_NUCLEUS;
    buf_char(b, '{');
    if (s->strategy == SAMPLE_BEAM)
        buf_printf(b, "\"beams\":%d,", s->beams);
    buf_printf(b, "\"best_of\":%" PRIu64 ",", a->best_of);
    if (a->chat_template)
        buf_printf(b, "\"chat_template\":\"%s\",", choices_template[a->chat_template]);
    buf_printf(b, "\"context\":\"%s\",", context_names[a->context_kind]);
    if (a->prompt) {
        int rc = hash_sha256_hex(a->prompt, strlen(a->prompt), hex, e);
        if (rc)
            return rc;
        buf_printf(b, "\"instruction\":\"%s\",", hex);
    }
    if (made->judge_revision && *made->judge_revision)
        buf_printf(b, "\"judge_revision\":\"%s\",", made->judge_revision);
    buf_printf(b, "\"judged_by\":\"%s\",", made->judged_by);
    if (s->strategy == SAMPLE_BEAM)
        buf_printf(b, "\"length_penalty\":%.9g,", (double)s->length_penalty);
    buf_printf(b, "\"max_chars\":%" PRIu64 ",\"max_new_tokens\":%" PRIu64 ",", a->max_chars,
               a->max_new_tokens);
    buf_printf(b, "\"no_repeat_ngram\":%d,\"repetition_penalty\":%.9g,\"strategy\":\"%s\"",
               s->no_repeat_ngram, (double)s->repetition_penalty, sampling_name(s->strategy));
    if (draws)
        buf_printf(b, ",\"temperature\":%.9g,\"top_k\":%d", (double)s->temperature, s->top_k);
    if (s->strategy == SAMPLE_NUCLEUS)
        buf_printf(b, ",\"top_p\":%.9g", (double)s->top_p);
    buf_char(b, '}');
    return buf_failed(b) ? err_nomem(e, "parameters") : 0;
}

enum { TEXTS = 7 };

int asked_take(void *user, const struct store_asked *from, struct err *e) {
    struct asked_model *m = user;
    const struct store_origin *o = &from->made;
    const char *const texts[TEXTS] = {o->model, o->model_revision, o->file_type,   o->precision,
                                      o->isa,   o->prompt_version, from->judged_by};
    struct provenance *p = &m->made;
    const char **const to[TEXTS] = {&p->model, &p->model_revision, &p->file_type, &p->precision,
                                    &p->isa,   &p->prompt_version, &p->judged_by};
    if (from->sequences < 1 || from->sequences > ENGINE_MOST_SEQUENCES || from->lanes < 1 ||
        from->lanes > ENGINE_MOST_LANES || from->context < 1 || from->context > INT32_MAX)
        return err_set(e, PRECIS_EINPUT, "a model of %llu sequences, %llu lanes, context %llu",
                       (unsigned long long)from->sequences, (unsigned long long)from->lanes,
                       (unsigned long long)from->context);
    for (size_t i = 0; i < TEXTS; i++)
        buf_append(&m->texts, texts[i], strlen(texts[i]) + 1);
    if (buf_failed(&m->texts))
        return err_nomem(e, "what was asked");
    const char *at = m->texts.data;
    for (size_t i = 0; i < TEXTS; at += strlen(at) + 1, i++)
        *to[i] = at;
    p->seed = o->seed;
    m->seq2seq = from->seq2seq;
    m->context = (size_t)from->context;
    m->sequences = (int)from->sequences;
    m->lanes = (int)from->lanes;
    return 0;
}

void asked_model_free(struct asked_model *m) {
    buf_free(&m->texts);
    *m = (struct asked_model){0};
}

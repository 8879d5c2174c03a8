#include <stdatomic.h>

#include "api/handle.h"
#include "api/inputs.h"
#include "summary/run.h"

enum { DEFAULT_LINES = 300, DEFAULT_CHARS = 120, DEFAULT_NEW_TOKENS = 48, DEFAULT_ANSWERS = 16 };

static const double DEFAULT_TIMEOUT = 30;

struct work {
    const struct precis_summarize_options *options;
    int (*on_line)(void *user, const struct precis_line *line);
    void *user;
    struct provenance provenance;
    struct precis_provenance shown; /* the same as precis.h has it */
    atomic_bool stop;
};

static void stats_of(const struct run_stats *s, struct precis_stats *out) {
    *out = (struct precis_stats){.files = s->files,
                                 .chunks = s->chunks_total,
                                 .done = s->chunks_done,
                                 .failed = s->chunks_failed,
                                 .lines = s->lines,
                                 .bytes = s->bytes,
                                 .tokens_in = s->tokens_in,
                                 .tokens_out = s->tokens_out,
                                 .seconds = s->seconds};
}

static int on_summary(void *user, const struct summary *s, struct err *e) {
    struct work *w = user;
    struct precis_line line = {.index = s->index,
                               .path = s->file_path,
                               .start_line = s->start_line,
                               .end_line = s->end_line,
                               .language = s->lang ? s->lang->name : NULL,
                               .summary = s->error ? NULL : s->summary,
                               .source = s->error ? NULL : s->source,
                               .error = s->error,
                               .confidence = s->confidence,
                               .tokens_in = s->tokens_in,
                               .tokens_out = s->tokens_out,
                               .cut = s->cut,
                               .elapsed_ms = s->elapsed_ms,
                               .sha256 = s->sha256,
                               .provenance = &w->shown};
    api_enter_callback();
    int enough = w->on_line(w->user, &line);
    api_leave_callback();
    return enough ? err_set(e, PRECIS_ECANCELLED, "ended by on_line") : 0;
}

static void on_tick(void *user, const struct run_stats *s) {
    struct work *w = user;
    struct precis_stats stats;
    if (!w->options->on_progress || atomic_load(&w->stop))
        return;
    stats_of(s, &stats);
    api_enter_callback();
    if (w->options->on_progress(w->user, &stats))
        atomic_store(&w->stop, true);
    api_leave_callback();
}

static int check(const struct precis_model *model, size_t path_count,
                 const struct precis_summarize_options *o, struct sampling *sampling,
                 struct err *e) {
    int rc = api_check_outside(e);
    if (rc == 0)
        rc = api_sampling(&o->sampling, sampling, e);
    if (rc == 0 && path_count == 0)
        rc = err_set(e, PRECIS_EUSAGE, "there is no path to summarise");
    if (rc == 0 && o->instruction && !*o->instruction)
        rc = err_set(e, PRECIS_EUSAGE, "the instruction is empty");
    bool seq2seq = engine_info(model->m.engine)->capabilities & ENGINE_SEQ2SEQ;
    if (rc == 0 && o->instruction && !model->m.chat && !seq2seq) {
        *e = model->no_chat;
        rc = e->code;
    }
    return rc;
}

static void begin(struct work *w, const struct precis_model *model, const struct run *run,
                  const struct sampling *sampling) {
    struct provenance *p = &w->provenance;
    p->prompt_version = run_prompt_version(run);
    model_provenance(&model->m, sampling, p);
    w->shown = (struct precis_provenance){.model = p->model,
                                          .model_revision = p->model_revision,
                                          .file_type = p->file_type,
                                          .precision = p->precision,
                                          .isa = p->isa,
                                          .prompt_version = p->prompt_version,
                                          .sampling = p->sampling,
                                          .seed = p->seed};
}

static int execute(struct work *w, struct precis_model *model, const struct walk *files,
                   const struct sampling *sampling, struct precis_stats *stats, struct err *e) {
    const struct precis_summarize_options *o = w->options;
    struct run_options options = {.loc = o->lines_per_chunk ? o->lines_per_chunk : DEFAULT_LINES,
                                  .max_chars = o->max_chars ? o->max_chars : DEFAULT_CHARS,
                                  .max_new_tokens =
                                      o->max_new_tokens ? o->max_new_tokens : DEFAULT_NEW_TOKENS,
                                  .chunk_timeout = DEFAULT_TIMEOUT,
                                  .policy = policy_usual,
                                  .sampling = *sampling,
                                  .model = model->m.name,
                                  .best_of = DEFAULT_ANSWERS,
                                  .prefer_docs = o->prefer_docs != 0,
                                  .no_fallback = o->no_fallback != 0,
                                  .instruction = o->instruction,
                                  .stop = &w->stop};
    options.policy.hang = 0; /* what to do about a thread that hangs is the caller's to say */
    struct run_events events = {.on_summary = on_summary, .on_tick = on_tick, .user = w};
    struct run *run = NULL;
    int rc = run_prepare(files, &options, model->m.engine, model->m.tok, model->m.chat, &run, e);
    if (rc)
        return rc;
    begin(w, model, run, sampling);
    rc = run_stats(run)->chunks_total ? run_execute(run, &events, e)
                                      : err_set(e, PRECIS_EINPUT, "no lines to summarise");
    if (rc == 0 && run_stats(run)->interrupted)
        rc = err_set(e, PRECIS_ECANCELLED, "ended by on_progress");
    stats_of(run_stats(run), stats);
    run_free(run);
    return rc;
}

int precis_summarize(struct precis_model *model, const char *const *paths, size_t path_count,
                     const struct precis_summarize_options *options,
                     int (*on_line)(void *user, const struct precis_line *line), void *user,
                     struct precis_stats *stats, char *error, size_t error_size) {
    static const struct precis_summarize_options defaults;
    struct err e = {0};
    struct walk files = {0};
    struct sampling sampling;
    struct precis_stats ignored;
    struct work w = {.options = options ? options : &defaults, .on_line = on_line, .user = user};
    struct walk_options walk = {.no_gitignore = w.options->no_gitignore,
                                .all_text = w.options->all_text,
                                .include = w.options->include,
                                .exclude = w.options->exclude};
    stats = stats ? stats : &ignored;
    *stats = (struct precis_stats){0};
    int rc = check(model, path_count, w.options, &sampling, &e);
    if (rc == 0)
        rc = inputs_find(paths, path_count, &walk, &files, &e);
    if (rc == 0) {
        pthread_rwlock_wrlock(&model->turn);
        rc = execute(&w, model, &files, &sampling, stats, &e);
        pthread_rwlock_unlock(&model->turn);
    }
    walk_free(&files);
    return api_return(rc, &e, error, error_size);
}

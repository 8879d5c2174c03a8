#include "cli/job_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/inputs.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/example_pool.h"
#include "cli/input_text.h"
#include "cli/model.h"
#include "cli/runlog.h"

static int check_sampling(const struct args *a, struct err *e) {
    struct sampling s;
    model_sampling(a, &s);
    return sampling_check(&s, e);
}

/* PRECIS_EUSAGE when `output` is one of the files: writing it would destroy what is being read. */
static int check_output(const struct walk *w, const char *output, struct err *e) {
    struct stat out, in;
    if (!output || strcmp(output, "-") == 0 || stat(output, &out) != 0 || !S_ISREG(out.st_mode))
        return 0;
    for (size_t i = 0; i < w->n; i++)
        if (stat(w->files[i].path, &in) == 0 && in.st_ino == out.st_ino && in.st_dev == out.st_dev)
            return err_set(e, PRECIS_EUSAGE, "%s: is to be summarised, so it cannot be the output",
                           output);
    return 0;
}

static int find_files(struct work *w, struct err *e) {
    const struct job *job = w->job;
    struct walk_options files = args_files(job->args);
    if (piped_is_asked(job->paths, job->n_paths))
        return piped_walk(job->args, job->n_paths, &w->piped, &w->walk, e);
    if (job->args->name)
        return err_set(e, PRECIS_EUSAGE, "--name: goes with - (standard input)");
    return inputs_find(job->paths, job->n_paths, &files, &w->walk, e);
}

/* The walk stays whole: examples are taken from all of it. */
static int find_part(struct work *w, struct err *e) {
    const struct job *job = w->job;
    int rc = part_find(job->args, job->paths, job->n_paths, &w->walk, &w->part, e);
    w->over = w->part.files;
    return rc;
}

/* Everything that can be known without the model, and without writing. */
static int check(struct work *w, struct err *e) {
    const struct job *job = w->job;
    int rc = check_sampling(job->args, e);
    if (rc == 0 && job->args->resume && (job->args->no_cache || job->args->no_store))
        rc = err_set(e, PRECIS_EUSAGE, "--resume and --no-%s: one of them is enough",
                     job->args->no_cache ? "cache" : "store");
    if (rc == 0)
        rc = job_auto_check(w, e);
    if (rc == 0 && job->args->prompt && !*job->args->prompt)
        rc = err_set(e, PRECIS_EUSAGE, "--prompt: is empty");
    if (rc == 0 && job->results && strcmp(job->results, "-") == 0)
        rc = err_set(e, PRECIS_EUSAGE, "--results-file -: must be a file");
    if (rc == 0 && job->results && file_is_same(job->output, job->results))
        rc = err_set(e, PRECIS_EUSAGE, "%s: cannot be both --output-file and --results-file",
                     job->results);
    if (rc == 0)
        rc = find_files(w, e);
    if (rc == 0 && part_is_asked(job->args))
        rc = find_part(w, e);
    if (rc == 0)
        rc = check_output(&w->walk, job->output, e);
    if (rc == 0)
        rc = check_output(&w->walk, job->results, e);
    if (rc == 0 && job->results) {
        /* can it be written? the file itself is only begun when all else is well */
        struct outfile probe;
        rc = outfile_open(&probe, job->results, e);
        outfile_abort(&probe);
    }
    if (rc == 0) {
        rc = outfile_open(&w->out, job->output, e);
        w->out_open = rc == 0;
        interrupt_note_temp(w->out_open ? w->out.temp : NULL);
    }
    return rc;
}

/* What the report is about: the last part of the only path, or "N paths". */
static void title_of(const char *const *paths, size_t n, char *out, size_t size) {
    char *real = n == 1 ? realpath(paths[0], NULL) : NULL;
    const char *base = real ? strrchr(real, '/') : NULL;
    if (n != 1)
        snprintf(out, size, "%zu paths", n);
    else
        snprintf(out, size, "%s", base && base[1] ? base + 1 : paths[0]);
    free(real);
}

/* Lines of the first run, where it was sure, or where there is no time left; else the store's. */
static bool find_known(void *user, const struct summary *about, struct known_line *out) {
    const struct work *w = user;
    bool late = w->until > 0 && clock_seconds() > w->until;
    if (w->route && route_find(w->route, about, late, out))
        return true;
    return w->known.find && w->known.find(w->known.user, about, out);
}

/* Files as they were, with the same model: not of --model auto, where it takes two to say it. */
static bool find_file(void *user, const char *path, const uint8_t sha256[HASH_SHA256_SIZE],
                      struct known_chunks *out) {
    const struct work *w = user;
    return w->known.file && w->known.file(w->known.user, path, sha256, out);
}

static bool find_lesser(void *user, const struct summary *about, struct known_line *out) {
    const struct work *w = user;
    return w->route && route_find(w->route, about, true, out);
}

struct run_options job_options(struct work *w, const struct model *m) {
    const struct args *a = w->job->args;
    struct run_options o = {.loc = a->loc,
                            .chunk = (enum chunk_mode)a->chunk,
                            .max_chars = (int)a->max_chars,
                            .max_new_tokens = (size_t)a->max_new_tokens,
                            .chunk_timeout = a->chunk_timeout,
                            .policy = policy_usual,
                            .model = m ? m->name : w->before.made.model,
                            .best_of = (int)a->best_of,
                            .context = (enum context)a->context_kind,
                            .instruction = a->prompt,
                            .prefer_docs = a->prefer_docs,
                            .no_fallback = a->no_fallback,
                            .pool = w->pool,
                            .embedder = w->embedder,
                            .n_examples = m ? example_count(a, engine_info(m->engine)) : 0,
                            .rollup = !a->no_rollup,
                            .rollup_files = part_is_of_changes(a),
                            .title = w->title,
                            .known = &w->known_first,
                            .lesser = &w->lesser,
                            .lazy = m ? NULL : &w->lazy,
                            .stop = interrupt_flag()};
    o.policy.retries = (int)a->retries;
    /* A layer is never longer than what may be computed for a chunk alone. */
    o.policy.hang = a->chunk_timeout > 0 ? fmax(o.policy.hang, a->chunk_timeout) : 0;
    model_sampling(a, &o.sampling);
    return o;
}

unsigned job_parts(const struct args *a) {
    const unsigned parts = MODEL_TOKENIZER | MODEL_ENGINE | MODEL_REVISION;
    return a->prompt ? parts | MODEL_CHAT : parts;
}

void job_provenance(const struct work *w, const struct model *m, const char *version,
                    struct provenance *p) {
    struct sampling sampling;
    model_sampling(w->job->args, &sampling);
    *p = (struct provenance){.prompt_version = version};
    model_provenance(m, &sampling, p);
    p->judged_by = w->embedder ? embedder_info(w->embedder)->name : "words";
    p->judge_revision = w->embedder ? w->asked.judge_revision : NULL;
}

static int open_judge(struct work *w, struct err *e) {
    const struct args *a = w->job->args;
    if (w->embedder)
        return 0;
    return embedder_open_asked(a, "lines are chosen and examples found by words alone",
                               &(struct engine_options){.lanes = (int)a->lanes}, &w->embedder, e);
}

/* What lines were judged with before must be there again: they are kept as of that. */
static int open_judge_again(struct work *w, struct err *e) {
    int rc = strcmp(w->before.made.judged_by, "words") == 0 ? 0 : open_judge(w, e);
    if (rc == 0 && !w->embedder && strcmp(w->before.made.judged_by, "words") != 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: judged lines before and cannot be opened any more",
                     w->before.made.judged_by);
    return rc;
}

static int open_model(struct work *w, struct err *e) {
    const struct args *a = w->job->args;
    if (w->model.engine)
        return 0;
    return model_open_asked(&w->model, a, job_parts(a), (int)a->agents, e);
}

/* One part, when the first line is not known. */
static int open_part(void *user, enum run_part part, struct run_tools *tools, struct err *e) {
    struct work *w = user;
    int rc = 0;
    switch (part) {
    case RUN_MODEL:
        rc = open_model(w, e);
        if (rc)
            return rc;
        tools->en = w->model.engine;
        tools->tok = w->model.tok;
        tools->chat = w->model.chat;
        tools->n_examples = example_count(w->job->args, engine_info(w->model.engine));
        return 0;
    case RUN_JUDGE:
        rc = open_judge_again(w, e);
        tools->embedder = w->embedder;
        return rc;
    default:
        rc = example_pool_open(w->job->args, &w->walk, w->embedder, &w->pool, e);
        tools->pool = w->pool;
        return rc;
    }
}

/* Whether an earlier run of the same kind says enough of the model to begin without it. */
static int look_before(struct work *w, struct err *e) {
    struct args a = *w->job->args;
    if (w->large)
        a.model = w->large;
    int rc = asked_make(&a, &w->asked, e);
    if (rc || w->large)
        return rc;
    w->is_lazy = keep_find_model(&a, w->job->paths[0], &w->asked, &w->before, &w->seen);
    w->lazy = (struct run_lazy){.seq2seq = w->before.seq2seq,
                                .context = w->before.context,
                                .max_sequences = w->before.sequences,
                                .open = open_part,
                                .user = w};
    if (w->seen && !a.refresh_examples) /* else every file would be hashed for nothing */
        w->known_first.file = find_file;
    return 0;
}

static int prepare(struct work *w, struct err *e) {
    const struct args *a = w->job->args;
    int rc = w->is_lazy ? 0 : open_model(w, e);
    if (rc)
        return rc;
    if (w->piped.fd >= 0)
        snprintf(w->title, sizeof w->title, "%s", w->walk.files[0].name);
    else
        title_of(w->job->paths, w->job->n_paths, w->title, sizeof w->title);
    const struct model *open = w->is_lazy ? NULL : &w->model;
    struct run_options o = job_options(w, open);
    rc = run_prepare(w->over, &o, w->model.engine, w->model.tok, w->model.chat, &w->run, e);
    if (rc)
        return rc;
    if (run_stats(w->run)->chunks_total == 0 && part_is_asked(a))
        return 0;
    if (run_stats(w->run)->chunks_total == 0)
        return err_set(e, PRECIS_EINPUT, "%s: no lines to summarise", w->job->paths[0]);
    if (open)
        job_provenance(w, open, run_prompt_version(w->run), &w->made);
    else
        w->made = w->before.made;
    w->made.sampling = sampling_name(o.sampling.strategy);
    rc = report_open(w->out.f, w->job->format, w->title, &w->made, &w->report, e);
    if (rc == 0)
        rc = keep_open(a, w->job->paths[0], w->over, &w->made, &o.sampling,
                       w->large ? NULL : &w->asked, &w->keep, e);
    if (rc == 0 && open)
        keep_model(w->keep, engine_info(open->engine));
    keep_known(w->keep, w->seen, &w->known);
    w->seen = NULL;
    return rc ? rc : results_open(&w->results, w->job->results, e);
}

static const char *output_name(const struct work *w) {
    return w->out.is_stdout ? "standard output" : w->out.path;
}

/* Ends the report, and puts it where it belongs. */
static int deliver(struct work *w, const struct run_stats *stats, const struct engine_info *info,
                   struct err *e) {
    int rc = report_finish(w->report, stats, info, e);
    if (rc == PRECIS_EIO)
        rc = err_errno(e, output_name(w), "write"); /* it knows no name */
    if (rc == 0)
        rc = results_finish(&w->results, stats, info, e);
    if (rc == 0) {
        w->out_open = false;
        rc = outfile_commit(&w->out, e);
    }
    interrupt_note_temp(NULL);
    return rc;
}

/* A report without lines, for which no model is opened. */
static int write_nothing(struct work *w, struct err *e) {
    const struct provenance none = {0};
    title_of(w->job->paths, w->job->n_paths, w->title, sizeof w->title);
    int rc = report_open(w->out.f, w->job->format, w->title, &none, &w->report, e);
    if (rc == 0)
        rc = deliver(w, NULL, NULL, e);
    if (rc == 0)
        part_say_nothing(w->job->args);
    return rc;
}

static int on_summary(void *user, const struct summary *s, struct err *e) {
    struct work *w = user;
    if (w->out.is_stdout)
        say_live(NULL); /* both may be the same terminal */
    failed_note(&w->failed, s);
    int rc = report_add(w->report, s, e);
    if (rc == 0 && fflush(w->out.f) != 0)
        rc = err_errno(e, output_name(w), "write");
    return rc ? rc : results_check(&w->results, e);
}

void job_finished(void *user, const struct summary *s, const struct run_stats *stats) {
    struct work *w = user;
    if (w->is_lazy)
        w->progress.engine = run_engine(w->run);
    keep_line(w->keep, s);
    if (s->aside)
        return;
    results_add(&w->results, s);
    progress_finished(&w->progress, s);
    progress_show(&w->progress, stats);
    if (s->error && s->level != SUMMARY_CHUNK)
        log_say(LOG_INFO, "%s: %s", *s->file_path ? s->file_path : w->title, s->error);
    else if (s->error)
        log_say(LOG_INFO, "%s:%llu-%llu: %s", s->file_path, (unsigned long long)s->start_line,
                (unsigned long long)s->end_line, s->error);
}

void job_tick(void *user, const struct run_stats *stats) {
    struct work *w = user;
    keep_commit(w->keep);
    progress_show(&w->progress, stats);
}

static int execute(struct work *w, struct err *e) {
    struct run_events events = {
        .on_summary = on_summary, .on_finished = job_finished, .on_tick = job_tick, .user = w};
    w->started = true;
    progress_start(&w->progress, w->model.engine, (enum progress_mode)w->job->args->progress);
    int rc = run_execute(w->run, &events, e);
    w->hung |= run_stats(w->run)->hung;
    progress_end(&w->progress, run_stats(w->run));
    return rc;
}

/* What judges lines and finds examples. */
static int open_tools(struct work *w, struct err *e) {
    int rc = open_judge(w, e);
    return rc ? rc : example_pool_open(w->job->args, &w->walk, w->embedder, &w->pool, e);
}

/* Each chunk may have its line from elsewhere and the run its success all the same. */
static void warn_without_model(const struct run_stats *s) {
    if (s->chunks_done && s->chunks_done == s->chunks_doc + s->chunks_rule && *s->instead)
        log_say(LOG_WARN, "no line is the model's: %s", s->instead);
}

static int finish(struct work *w, struct err *e) {
    const struct run_stats *stats = run_stats(w->run);
    const struct engine_info before = {.max_sequences = w->before.sequences,
                                       .lanes = w->before.lanes};
    const struct engine_info *info = w->model.engine ? engine_info(w->model.engine) : &before;
    if (stats->interrupted && w->again) /* the report that is there is over everything */
        return EXIT_INTERRUPTED;
    int rc = deliver(w, stats, info, e);
    if (rc)
        return rc;
    if (w->again) {
        job_say_round(w, stats);
    } else if (!say_is_quiet()) {
        report_statistics(stderr, stats, info, STATISTICS_TEXT);
        warn_without_model(stats);
        failed_write(&w->failed, stderr);
    }
    if (stats->interrupted)
        return EXIT_INTERRUPTED;
    return stats->chunks_failed || stats->hung ? EXIT_PARTIAL : EXIT_DONE;
}

/* The instruction of --prompt-file, without blanks at its end; NUL-terminated. */
static int read_instruction(const struct args *a, struct buf *out, struct err *e) {
    if (a->prompt)
        return err_set(e, PRECIS_EUSAGE, "--prompt and --prompt-file: one of them is enough");
    int rc = input_read(a->prompt_file, out, e);
    if (rc)
        return rc;
    while (out->len && (unsigned char)out->data[out->len - 1] <= ' ')
        out->len--;
    if (out->len == 0)
        return err_set(e, PRECIS_EINPUT, "%s: is empty", a->prompt_file);
    if (!utf8_valid(out->data, out->len) || memchr(out->data, 0, out->len))
        return err_set(e, PRECIS_EINPUT, "%s: is no text in UTF-8", a->prompt_file);
    buf_char(out, 0);
    return buf_failed(out) ? err_nomem(e, a->prompt_file) : 0;
}

/* Ends the process while a lane hangs, which nobody can join: all is written by now. */
static void leave(struct work *w, int rc, const struct err *e) {
    if (w->out_open)
        outfile_abort(&w->out);
    interrupt_note_temp(NULL);
    if (rc < 0)
        log_say(LOG_ERROR, "%s", e->text);
    runlog_end(rc < 0 ? EXIT_BAD : rc);
    fflush(NULL);
    _exit(rc < 0 ? EXIT_BAD : rc);
}

int job_once(struct work *w, struct args *args, struct err *e) {
    int rc = check(w, e);
    args->no_store |= w->piped.fd >= 0;
    if (rc == 0 && part_is_asked(args) && !w->over->n)
        return write_nothing(w, e);
    if (rc == 0)
        rc = look_before(w, e);
    if (rc == 0 && !w->is_lazy)
        rc = open_tools(w, e);
    if (rc == 0 && w->large)
        rc = job_auto_run(w, args, e);
    if (rc == 0)
        rc = prepare(w, e);
    if ((rc == 0 || rc == PRECIS_ECANCELLED) && interrupted())
        return EXIT_INTERRUPTED;
    if (rc == 0 && !w->report)
        return write_nothing(w, e);
    if (rc == 0)
        rc = execute(w, e);
    return rc ? rc : finish(w, e);
}

void job_end(struct work *w, int rc, const struct err *e) {
    store_close(w->seen);
    keep_end(w->keep, rc == EXIT_DONE || rc == EXIT_PARTIAL);
    results_close(&w->results, rc < 0 || !w->started);
    if (w->hung)
        leave(w, rc, e);
    keep_close(w->keep);
    failed_free(&w->failed);
    report_free(w->report);
    run_free(w->run);
    examples_free(w->pool);
    asked_model_free(&w->before);
    if (w->out_open)
        outfile_abort(&w->out);
    interrupt_note_temp(NULL);
    part_free(&w->part);
    walk_free(&w->walk);
    piped_close(&w->piped);
    w->seen = NULL;
    w->keep = NULL;
    w->report = NULL;
    w->run = NULL;
    w->pool = NULL;
    w->out_open = w->started = w->is_lazy = false;
    w->failed = (struct failed){0};
    w->known = (struct known){0};
    w->known_first.file = NULL;
}

int job_run(const struct job *asked, struct err *e) {
    struct job with_prompt = *asked;
    struct args args = *asked->args;
    struct buf instruction = {0};
    struct work w = {.job = &with_prompt, .piped = {.fd = -1}};
    interrupt_flag();
    memory_share_arena();
    w.over = &w.walk;
    w.known_first = (struct known){.find = find_known, .user = &w};
    w.lesser = (struct known){.find = find_lesser, .user = &w};
    with_prompt.args = &args;
    int rc = args.prompt_file ? read_instruction(&args, &instruction, e) : 0;
    if (args.prompt_file)
        args.prompt = instruction.data;
    if (rc == 0)
        rc = args.watch ? job_watch(&w, &args, e) : job_once(&w, &args, e);
    job_end(&w, rc, e);
    embedder_close(w.embedder);
    model_close(&w.model);
    route_free(w.route);
    model_close(&w.first_model);
    buf_free(&instruction);
    return rc;
}

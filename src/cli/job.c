#include "cli/job.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/inputs.h"
#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/example_pool.h"
#include "cli/failed.h"
#include "cli/input_text.h"
#include "cli/keep.h"
#include "cli/model.h"
#include "cli/piped.h"
#include "cli/progress.h"
#include "model/catalogue.h"
#include "summary/prompt.h"
#include "summary/route.h"

struct work {
    const struct job *job;
    struct walk walk;
    struct piped piped;        /* standard input, when it is what the walk has */
    struct asked asked;        /* of the model; not set with --model auto */
    struct asked_model before; /* what it is known to be without opening it */
    struct run_lazy lazy;      /* opens it, where it is */
    bool is_lazy;
    struct model model;
    struct embedder *embedder;
    struct examples *pool;
    struct run *run;
    struct provenance made; /* borrows from the model, or from what is known of it */
    struct outfile out;
    bool out_open;
    struct report *report;
    struct keep *keep;
    struct known known;        /* what it keeps already */
    struct known known_first;  /* that, or before it the first run's lines */
    struct known lesser;       /* the first run's alone */
    const char *small, *large; /* the models of --model auto; NULL: another was asked for */
    struct route *route;       /* of --model auto; NULL: there was no first run */
    struct provenance first;   /* of its lines; borrows from first_model */
    struct model first_model;
    char first_version[PROMPT_VERSION_SIZE];
    double until;      /* clock_seconds, when the budget is over; 0: never */
    FILE *results;     /* line by line, so that it can be followed while it grows */
    int results_errno; /* of the first write to it that failed */
    struct progress progress;
    struct failed failed;
    char title[256];
    bool started;
    bool hung; /* a lane did: no engine can be closed */
};

/* How much longer the large model takes for a chunk than the small one, about: each has three times
 * the weights of the one before it. */
static const double LARGE_COSTS = 3;

static int check_sampling(const struct args *a, struct err *e) {
    struct sampling s;
    model_sampling(a, &s);
    return sampling_check(&s, e);
}

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
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

/* The two largest decoders of the catalogue that are here, or the only one; NULL: none. */
static void find_pair(const char **small, const char **large) {
    static const char *const names[] = {"smollm2", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"};
    char path[4096];
    *small = *large = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (catalogue_resolve(names[i], path, sizeof path, NULL) == 0) {
            *small = *large ? *large : names[i];
            *large = names[i];
        }
}

/* The models of --model auto. */
static int check_pair(struct work *w, struct err *e) {
    if (strcmp(w->job->args->model, "auto") != 0)
        return 0;
    find_pair(&w->small, &w->large);
    return w->large ? 0
                    : err_set(e, PRECIS_ENOTFOUND,
                              "--model auto: no model of the catalogue is "
                              "here (precis models list)");
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

/* Everything that can be known without the model, and without writing. */
static int check(struct work *w, struct err *e) {
    const struct job *job = w->job;
    int rc = check_sampling(job->args, e);
    if (rc == 0 && job->args->resume && job->args->no_cache)
        rc = err_set(e, PRECIS_EUSAGE, "--resume and --no-cache: one of them is enough");
    if (rc == 0)
        rc = check_pair(w, e);
    if (rc == 0 && job->args->prompt && !*job->args->prompt)
        rc = err_set(e, PRECIS_EUSAGE, "--prompt: is empty");
    if (rc == 0 && job->results && strcmp(job->results, "-") == 0)
        rc = err_set(e, PRECIS_EUSAGE, "--results-file -: must be a file");
    if (rc == 0 && job->results && same_file(job->output, job->results))
        rc = err_set(e, PRECIS_EUSAGE, "%s: cannot be both --output-file and --results-file",
                     job->results);
    if (rc == 0)
        rc = find_files(w, e);
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

/* m NULL: it is not open yet. */
static struct run_options options_of(struct work *w, const struct model *m) {
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

static unsigned parts_of(const struct args *a) {
    const unsigned parts = MODEL_TOKENIZER | MODEL_ENGINE | MODEL_REVISION;
    return a->prompt ? parts | MODEL_CHAT : parts;
}

static void provenance_of(const struct work *w, const struct model *m, const char *version,
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
    return model_open_asked(&w->model, a, parts_of(a), (int)a->agents, e);
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
    w->is_lazy = keep_find_model(&a, w->job->paths[0], &w->asked, &w->before);
    w->lazy = (struct run_lazy){.seq2seq = w->before.seq2seq,
                                .context = w->before.context,
                                .max_sequences = w->before.sequences,
                                .open = open_part,
                                .user = w};
    w->known_first.file = find_file;
    return 0;
}

static int open_results(struct work *w, struct err *e) {
    if (!w->job->results)
        return 0;
    w->results = fopen(w->job->results, "we");
    if (!w->results)
        return err_errno(e, w->job->results, "write");
    setvbuf(w->results, NULL, _IOFBF, 1 << 16); /* flushed after each line */
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
    struct run_options o = options_of(w, open);
    rc = run_prepare(&w->walk, &o, w->model.engine, w->model.tok, w->model.chat, &w->run, e);
    if (rc)
        return rc;
    if (run_stats(w->run)->chunks_total == 0)
        return err_set(e, PRECIS_EINPUT, "%s: no lines to summarise", w->job->paths[0]);
    if (open)
        provenance_of(w, open, run_prompt_version(w->run), &w->made);
    else
        w->made = w->before.made;
    w->made.sampling = sampling_name(o.sampling.strategy);
    rc = report_open(w->out.f, w->job->format, w->title, &w->made, &w->report, e);
    if (rc == 0)
        rc = keep_open(a, w->job->paths[0], &w->walk, &w->made, &o.sampling,
                       w->large ? NULL : &w->asked, &w->keep, e);
    if (rc == 0 && open)
        keep_model(w->keep, engine_info(open->engine));
    keep_known(w->keep, &w->known);
    return rc ? rc : open_results(w, e);
}

static int check_results(const struct work *w, struct err *e) {
    if (!w->results_errno)
        return 0;
    errno = w->results_errno;
    return err_errno(e, w->job->results, "write");
}

static void flush_results(struct work *w) {
    errno = 0;
    if ((fflush(w->results) != 0 || ferror(w->results)) && !w->results_errno)
        w->results_errno = errno ? errno : EIO;
}

static const char *output_name(const struct work *w) {
    return w->out.is_stdout ? "standard output" : w->out.path;
}

static int on_summary(void *user, const struct summary *s, struct err *e) {
    struct work *w = user;
    if (w->out.is_stdout)
        say_live(NULL); /* both may be the same terminal */
    failed_note(&w->failed, s);
    int rc = report_add(w->report, s, e);
    if (rc == 0 && fflush(w->out.f) != 0)
        rc = err_errno(e, output_name(w), "write");
    return rc ? rc : check_results(w, e);
}

/* time chunk file:lines ms tokens confidence summary, apart by tabs */
static void log_chunk(FILE *f, const struct summary *s) {
    struct timespec now;
    struct tm tm;
    char when[40] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(f, "%s\tchunk %zu\t%s:%llu-%llu\t%.0f ms\t%zu+%zu tokens\t", when, s->index + 1,
            s->file_path, (unsigned long long)s->start_line, (unsigned long long)s->end_line,
            s->elapsed_ms, s->tokens_in, s->tokens_out);
    if (s->error)
        fprintf(f, "failed\t%s\n", s->error);
    else
        fprintf(f, "%.2f\t%s\n", s->confidence, s->summary);
}

static void on_finished(void *user, const struct summary *s, const struct run_stats *stats) {
    struct work *w = user;
    if (w->is_lazy)
        w->progress.engine = run_engine(w->run);
    keep_line(w->keep, s);
    if (w->results && s->level == SUMMARY_CHUNK) {
        log_chunk(w->results, s);
        flush_results(w);
    }
    progress_finished(&w->progress, s);
    progress_show(&w->progress, stats);
    if (s->error && s->level != SUMMARY_CHUNK)
        log_say(LOG_INFO, "%s: %s", *s->file_path ? s->file_path : w->title, s->error);
    else if (s->error)
        log_say(LOG_INFO, "%s:%llu-%llu: %s", s->file_path, (unsigned long long)s->start_line,
                (unsigned long long)s->end_line, s->error);
}

static void on_tick(void *user, const struct run_stats *stats) {
    struct work *w = user;
    keep_commit(w->keep);
    progress_show(&w->progress, stats);
}

static int execute(struct work *w, struct err *e) {
    struct run_events events = {
        .on_summary = on_summary, .on_finished = on_finished, .on_tick = on_tick, .user = w};
    w->started = true;
    progress_start(&w->progress, w->model.engine);
    int rc = run_execute(w->run, &events, e);
    w->hung = run_stats(w->run)->hung;
    progress_end(&w->progress, run_stats(w->run));
    return rc;
}

/* What judges lines and finds examples. */
static int open_tools(struct work *w, struct err *e) {
    int rc = open_judge(w, e);
    return rc ? rc : example_pool_open(w->job->args, &w->walk, w->embedder, &w->pool, e);
}

static int finish(struct work *w, struct err *e) {
    const struct run_stats *stats = run_stats(w->run);
    const struct engine_info before = {.max_sequences = w->before.sequences,
                                       .lanes = w->before.lanes};
    const struct engine_info *info = w->model.engine ? engine_info(w->model.engine) : &before;
    int rc = report_finish(w->report, stats, info, e);
    if (rc == PRECIS_EIO)
        rc = err_errno(e, output_name(w), "write"); /* it knows no name */
    if (rc == 0 && w->results) {
        fputc('\n', w->results);
        report_statistics(w->results, stats, info, STATISTICS_TEXT);
        flush_results(w);
        rc = check_results(w, e);
    }
    if (rc == 0) {
        w->out_open = false;
        rc = outfile_commit(&w->out, e);
    }
    interrupt_note_temp(NULL);
    if (rc)
        return rc;
    if (!say_is_quiet()) {
        report_statistics(stderr, stats, info, STATISTICS_TEXT);
        failed_write(&w->failed, stderr);
    }
    if (stats->interrupted)
        return EXIT_INTERRUPTED;
    return stats->chunks_failed || stats->hung ? EXIT_PARTIAL : EXIT_DONE;
}

static void close_results(struct work *w, bool failed) {
    struct stat st;
    if (!w->results)
        return;
    bool regular = fstat(fileno(w->results), &st) == 0 && S_ISREG(st.st_mode);
    fclose(w->results);
    if (failed && regular)
        unlink(w->job->results);
}

/* What the first run keeps its lines in; w->route is asked from the second on. */
struct first_run {
    struct work *w;
    struct route *route;
};

static int on_first_summary(void *user, const struct summary *s, struct err *e) {
    return route_keep(((struct first_run *)user)->route, s, e);
}

static void on_first_finished(void *user, const struct summary *s, const struct run_stats *stats) {
    on_finished(((struct first_run *)user)->w, s, stats);
}

static void on_first_tick(void *user, const struct run_stats *stats) {
    on_tick(((struct first_run *)user)->w, stats);
}

static int execute_first(struct work *w, struct run *run, double *seconds, struct err *e) {
    struct first_run first = {.w = w};
    const struct run_events events = {.on_summary = on_first_summary,
                                      .on_finished = on_first_finished,
                                      .on_tick = on_first_tick,
                                      .user = &first};
    int rc = route_new(&w->first, &first.route, e);
    if (rc)
        return rc;
    progress_start(&w->progress, w->first_model.engine);
    rc = run_execute(run, &events, e);
    progress_end(&w->progress, run_stats(run));
    const struct run_stats *s = run_stats(run);
    size_t made = s->chunks_done - s->chunks_known;
    *seconds = made ? s->seconds / (double)made : 0;
    w->route = first.route;
    return rc;
}

/* The run of the small model. *seconds: for each chunk. */
static int run_first(struct work *w, double *seconds, struct err *e) {
    struct run_options o = options_of(w, &w->first_model);
    struct run *run = NULL;
    o.rollup = false;
    int rc = run_prepare(&w->walk, &o, w->first_model.engine, w->first_model.tok,
                         w->first_model.chat, &run, e);
    if (rc)
        return rc;
    snprintf(w->first_version, sizeof w->first_version, "%s", run_prompt_version(run));
    provenance_of(w, &w->first_model, w->first_version, &w->first);
    rc = keep_open(w->job->args, w->job->paths[0], &w->walk, &w->first, &o.sampling, NULL, &w->keep,
                   e);
    keep_known(w->keep, &w->known);
    if (rc == 0)
        rc = execute_first(w, run, seconds, e);
    w->hung = run_stats(run)->hung;
    if (rc == 0 && w->hung)
        rc = err_set(e, PRECIS_ETIMEOUT, "the model %s hangs", w->first_model.name);
    run_free(run);
    keep_close(w->keep, rc == 0);
    w->keep = NULL;
    w->known = (struct known){0};
    return rc;
}

/* --model auto: lets the small model say a line of every chunk, and leaves the large one, which
 * becomes args->model, those that it was not sure of, as many as the budget has time for. */
static int run_small(struct work *w, struct args *args, struct err *e) {
    const char *small = w->small, *large = w->large;
    double seconds = 0, started = clock_seconds();
    size_t most = SIZE_MAX, again = 0;
    args->model = small;
    if (strcmp(small, large) == 0) {
        log_say(LOG_WARN, "--model auto: %s is the only model here", large);
        return 0;
    }
    int rc = model_open_asked(&w->first_model, args, parts_of(args), (int)args->agents, e);
    if (rc == 0)
        rc = run_first(w, &seconds, e);
    args->model = large;
    if (rc || interrupted())
        return rc ? rc : PRECIS_ECANCELLED;
    if (args->budget > 0) {
        w->until = started + args->budget;
        double left = w->until - clock_seconds(), each = seconds * LARGE_COSTS;
        most = left <= 0 ? 0 : each > 0 ? (size_t)(left / each) : SIZE_MAX;
    }
    rc = route_choose(w->route, most, &again, e);
    if (rc == 0)
        log_say(LOG_INFO, "%zu chunks go to %s", again, large);
    return rc;
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
    fflush(NULL);
    _exit(rc < 0 ? EXIT_BAD : rc);
}

int job_run(const struct job *asked, struct err *e) {
    struct job with_prompt = *asked;
    struct args args = *asked->args;
    struct buf instruction = {0};
    const struct job *job = &with_prompt;
    struct work w = {.job = job, .piped = {.fd = -1}};
    interrupt_flag();
    w.known_first = (struct known){.find = find_known, .user = &w};
    w.lesser = (struct known){.find = find_lesser, .user = &w};
    with_prompt.args = &args;
    args.no_store |= piped_is_asked(asked->paths, asked->n_paths);
    int rc = args.prompt_file ? read_instruction(&args, &instruction, e) : 0;
    if (args.prompt_file)
        args.prompt = instruction.data;
    if (rc == 0)
        rc = check(&w, e);
    if (rc == 0)
        rc = look_before(&w, e);
    if (rc == 0 && !w.is_lazy)
        rc = open_tools(&w, e);
    if (rc == 0 && w.large)
        rc = run_small(&w, &args, e);
    if (rc == 0)
        rc = prepare(&w, e);
    if ((rc == 0 || rc == PRECIS_ECANCELLED) && interrupted())
        rc = EXIT_INTERRUPTED;
    else if (rc == 0)
        rc = execute(&w, e);
    if (rc == 0)
        rc = finish(&w, e);
    keep_close(w.keep, rc == EXIT_DONE || rc == EXIT_PARTIAL);
    close_results(&w, rc < 0 || !w.started);
    if (w.hung)
        leave(&w, rc, e);
    failed_free(&w.failed);
    report_free(w.report);
    run_free(w.run);
    examples_free(w.pool);
    embedder_close(w.embedder);
    model_close(&w.model);
    asked_model_free(&w.before);
    route_free(w.route);
    model_close(&w.first_model);
    if (w.out_open)
        outfile_abort(&w.out);
    interrupt_note_temp(NULL);
    walk_free(&w.walk);
    piped_close(&w.piped);
    buf_free(&instruction);
    return rc;
}

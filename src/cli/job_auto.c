#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "cli/job_impl.h"
#include "cli/model.h"
#include "model/catalogue.h"

/* How much longer the large model takes for a chunk than the small one, about: each has three times
 * the weights of the one before it. */
static const double LARGE_COSTS = 3;

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

int job_auto_check(struct work *w, struct err *e) {
    if (strcmp(w->job->args->model, "auto") != 0)
        return 0;
    find_pair(&w->small, &w->large);
    return w->large ? 0
                    : err_set(e, PRECIS_ENOTFOUND,
                              "--model auto: no model of the catalogue is "
                              "here (precis models list)");
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
    job_finished(((struct first_run *)user)->w, s, stats);
}

static void on_first_tick(void *user, const struct run_stats *stats) {
    job_tick(((struct first_run *)user)->w, stats);
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
    progress_start(&w->progress, w->first_model.engine, (enum progress_mode)w->job->args->progress);
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
    struct run_options o = job_options(w, &w->first_model);
    struct run *run = NULL;
    o.rollup = false;
    int rc = run_prepare(w->over, &o, w->first_model.engine, w->first_model.tok,
                         w->first_model.chat, &run, e);
    if (rc)
        return rc;
    snprintf(w->first_version, sizeof w->first_version, "%s", run_prompt_version(run));
    job_provenance(w, &w->first_model, w->first_version, &w->first);
    rc = keep_open(w->job->args, w->job->paths[0], w->over, &w->first, &o.sampling, NULL, &w->keep,
                   e);
    keep_known(w->keep, NULL, &w->known);
    if (rc == 0)
        rc = execute_first(w, run, seconds, e);
    w->hung = run_stats(run)->hung;
    run_free(run);
    keep_end(w->keep, rc == 0);
    if (w->hung) /* the run's reading thread is left behind, and may hold something of the keep */
        log_say(LOG_WARN, "the model %s hangs; %s goes on without it", w->small, w->large);
    else
        keep_close(w->keep);
    w->keep = NULL;
    w->known = (struct known){0};
    return rc;
}

int job_auto_run(struct work *w, struct args *args, struct err *e) {
    const char *small = w->small, *large = w->large;
    double seconds = 0, started = clock_seconds();
    size_t most = SIZE_MAX, again = 0;
    args->model = small;
    if (strcmp(small, large) == 0) {
        log_say(LOG_WARN, "--model auto: %s is the only model here", large);
        return 0;
    }
    int rc = model_open_asked(&w->first_model, args, job_parts(args), (int)args->agents, e);
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

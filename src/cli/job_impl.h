/* A run while it goes on: what job.c shares with job_auto.c and job_watch.c. */
#ifndef PRECIS_CLI_JOB_IMPL_H
#define PRECIS_CLI_JOB_IMPL_H

#include <stdbool.h>

#include "api/model.h"
#include "base/file.h"
#include "cli/asked.h"
#include "cli/failed.h"
#include "cli/job.h"
#include "cli/keep.h"
#include "cli/part.h"
#include "cli/piped.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "code/walk.h"
#include "code/watch.h"
#include "summary/prompt.h"
#include "summary/route.h"
#include "summary/run.h"

struct work {
    const struct job *job;
    struct walk walk;
    struct part part;          /* of these, where that was asked for */
    const struct walk *over;   /* what is summarised: one of the two */
    struct piped piped;        /* standard input, when it is what the walk has */
    struct asked asked;        /* of the model; of the larger one with --model auto */
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
    struct store *seen; /* to read, until the keep has it; NULL: nothing is known of this run */
    struct keep *keep;
    struct known known;        /* what it keeps already */
    struct known known_first;  /* that, or before it the first run's lines */
    struct known lesser;       /* the first run's alone */
    const char *small, *large; /* the models of --model auto; NULL: another was asked for */
    struct route *route;       /* of --model auto; NULL: there was no first run */
    struct provenance first;   /* of its lines; borrows from first_model */
    struct model first_model;
    char first_version[PROMPT_VERSION_SIZE];
    double until; /* clock_seconds, when the budget is over; 0: never */
    struct results results;
    struct progress progress;
    struct failed failed;
    struct watch_change change; /* of --watch: what this run is after */
    char title[256];
    bool again; /* another run went before, and its report is there */
    bool started;
    bool hung; /* a lane did: no engine can be closed */
};

/* ---- job.c ---- */

struct run_options job_options(struct work *w, const struct model *m); /* m NULL: not open yet */
unsigned job_parts(const struct args *a); /* that are opened, of enum model_parts */
/* version is borrowed, as is what the model has. */
void job_provenance(const struct work *w, const struct model *m, const char *version,
                    struct provenance *p);
/* Events of a run; user is the struct work. */
void job_finished(void *user, const struct summary *s, const struct run_stats *stats);
void job_tick(void *user, const struct run_stats *stats);

/* One run over the paths. Returns an exit code, or an error when nothing was written. */
int job_once(struct work *w, struct args *args, struct err *e);
/* Closes what was its own; the models stay open for another. rc: what it returned. */
void job_end(struct work *w, int rc, const struct err *e);

/* ---- job_watch.c ---- */

/* Runs, and again when something changes, until an interruption. As job_run. */
int job_watch(struct work *w, struct args *args, struct err *e);
void job_say_round(const struct work *w, const struct run_stats *s); /* after a change */

/* ---- job_auto.c ---- */

/* Finds the models of --model auto, none for another. PRECIS_ENOTFOUND: the catalogue's are not
 * here. */
int job_auto_check(struct work *w, struct err *e);

/* Lets the small model say a line of every chunk, and leaves the large one, which
 * becomes args->model, those that it was not sure of, as many as the budget has time for. */
int job_auto_run(struct work *w, struct args *args, struct err *e);

#endif

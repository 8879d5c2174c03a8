/* The run behind `summarize` and `parallel_summarizer`. */
#ifndef PRECIS_CLI_JOB_H
#define PRECIS_CLI_JOB_H

#include "base/err.h"
#include "cli/args.h"
#include "report/report.h"

struct job {
    const struct args *args;
    const char *const *paths;
    size_t n_paths;
    const char *output;  /* "-": standard output */
    const char *results; /* the progress log; NULL: none */
    enum report_format format;
};

/* Checks everything, then summarises and writes the report. Returns an exit code, or an error when
 * nothing was written. */
int job_run(const struct job *job, struct err *e);

#endif

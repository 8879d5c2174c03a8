/* The progress log of a run: a line for each chunk as it finishes, so that it can be followed while
 * it grows, then the statistics. */
#ifndef PRECIS_CLI_RESULTS_H
#define PRECIS_CLI_RESULTS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "summary/run.h"

/* Zeroed at birth; with f NULL (there is no log) nothing is written. */
struct results {
    FILE *f;
    const char *path; /* borrowed */
    int failed;       /* errno of the first write that failed */
};

int results_open(struct results *r, const char *path, struct err *e); /* path NULL: no log */
void results_add(struct results *r, const struct summary *s);         /* of chunks alone */
int results_check(const struct results *r, struct err *e); /* PRECIS_EIO: a write has failed */
int results_finish(struct results *r, const struct run_stats *stats, const struct engine_info *info,
                   struct err *e);
void results_close(struct results *r, bool failed); /* failed: removes the file */

#endif

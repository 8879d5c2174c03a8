/* What the formats of a report share. Each function writes to r->f; whether that worked is asked
 * once, by report.c. */
#ifndef PRECIS_REPORT_FORMAT_H
#define PRECIS_REPORT_FORMAT_H

#include <time.h>

#include "base/buf.h"
#include "report/report.h"

struct report_failure {
    char *path, *error; /* owned */
    uint64_t start_line, end_line;
};

struct report {
    FILE *f; /* borrowed */
    enum report_format format;
    char *title;         /* owned */
    struct provenance p; /* the strings are borrowed */

    /* Markdown: what its later parts need */
    char *path;                      /* of the file whose heading was written last; owned */
    struct report_failure *failures; /* owned */
    size_t n_failures, cap_failures;
};

/* The columns of JSON Lines and CSV, in order. */
#define REPORT_COLUMNS                                                                             \
    "file_path", "start_line", "end_line", "language", "symbol_name", "summary", "confidence",     \
        "source", "model", "model_revision", "precision", "prompt_version", "tokens_in",           \
        "tokens_out", "elapsed_ms", "sha256", "score", "error", "file_type", "sampling", "seed",   \
        "cut"

void markdown_open(struct report *r);
int markdown_add(struct report *r, const struct summary *s, struct err *e); /* PRECIS_ENOMEM */
void markdown_failures(const struct report *r);
/* Text that reads the same when Markdown is shown: on one line, its special characters escaped. */
void markdown_text(FILE *f, const char *s);

int jsonl_add(struct report *r, const struct summary *s, struct err *e); /* PRECIS_ENOMEM */

void csv_open(struct report *r);
void csv_add(struct report *r, const struct summary *s);

/* What the statistics say that is not in a run's figures. */
struct statistics_moment {
    size_t memory_peak; /* bytes; 0: unknown */
    time_t when;
};
void statistics_write(FILE *f, const struct run_stats *stats, const struct engine_info *info,
                      const struct statistics_moment *moment, bool markdown);

#endif

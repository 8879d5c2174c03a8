/* What the formats of a report share. Each function writes to r->f; whether that worked is asked
 * once, by report.c. */
#ifndef PRECIS_REPORT_FORMAT_H
#define PRECIS_REPORT_FORMAT_H

#include <time.h>

#include "base/buf.h"
#include "report/report.h"

/* A line, or why there is none, kept until the tree can be written. */
struct report_row {
    enum summary_level level;
    char *path, *symbol;     /* owned; symbol NULL: unknown */
    char *text;              /* owned: the line; of a failed one the reason */
    const struct lang *lang; /* borrowed, static */
    uint64_t start_line, end_line;
    double confidence;
    bool failed, cut;
};

struct report {
    FILE *f; /* borrowed */
    enum report_format format;
    char *title;         /* owned */
    struct provenance p; /* the strings are borrowed */

    /* Markdown, which begins with what is known last: everything, in the order of arrival */
    struct report_row *rows; /* owned */
    size_t n_rows, cap_rows;
};

/* The columns of JSON Lines and CSV, in order. */
#define REPORT_COLUMNS                                                                             \
    "file_path", "start_line", "end_line", "language", "symbol_name", "summary", "confidence",     \
        "source", "model", "model_revision", "precision", "prompt_version", "tokens_in",           \
        "tokens_out", "elapsed_ms", "sha256", "score", "error", "file_type", "sampling", "seed",   \
        "cut", "level"

const char *report_level_name(enum summary_level level); /* "chunk", "file", ... */

int markdown_add(struct report *r, const struct summary *s, struct err *e); /* PRECIS_ENOMEM */
void markdown_free(struct report *r);
/* All but the statistics. */
int markdown_write(const struct report *r, struct err *e); /* PRECIS_ENOMEM */
/* The parts of it. row NULL: there is none. */
void markdown_head(const struct report *r, const struct report_row *whole, bool rolled_up);
void markdown_folder(FILE *f, const char *path, size_t depth, const struct report_row *row);
void markdown_file(FILE *f, const struct report_row *row, const struct report_row *chunks,
                   size_t n);
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

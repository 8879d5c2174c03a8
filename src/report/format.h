/* What the formats of a report share. Each function writes to r->f; whether that worked is asked
 * once, by report.c. */
#ifndef PRECIS_REPORT_FORMAT_H
#define PRECIS_REPORT_FORMAT_H

#include <time.h>

#include "base/buf.h"
#include "report/report.h"

enum row_source { ROW_MODEL, ROW_DOC, ROW_RULE };

/* A line, or why there is none, kept until the tree can be written. */
struct report_row {
    enum summary_level level;
    char *path;              /* owned, by the first of the rows of a path that follow each other */
    char *symbol;            /* owned; NULL: unknown */
    char *renamed_from;      /* owned; NULL: none */
    char *text;              /* owned: the line; of a failed one the reason */
    const struct lang *lang; /* borrowed, static */
    uint64_t start_line, end_line;
    double confidence;
    size_t tokens_in, tokens_out;
    double elapsed_ms;
    const struct provenance *made; /* borrowed */
    enum row_source source;
    bool failed, cut;
};

struct report {
    FILE *f; /* borrowed */
    enum report_format format;
    char *title;         /* owned */
    struct provenance p; /* the strings are borrowed */

    /* of a tree, which begins with what is known last: everything, in the order of arrival */
    struct report_row *rows; /* owned */
    size_t n_rows, cap_rows;
    size_t depth; /* HTML: folders that are open */
    bool many;    /* HTML: too many files to show all of them at once */
};

/* The columns of JSON Lines and CSV, in order. */
#define REPORT_COLUMNS                                                                             \
    "file_path", "start_line", "end_line", "language", "symbol_name", "summary", "confidence",     \
        "source", "model", "model_revision", "precision", "prompt_version", "tokens_in",           \
        "tokens_out", "elapsed_ms", "sha256", "score", "error", "file_type", "sampling", "seed",   \
        "cut", "level", "renamed_from"

/* What a reader is told of a row of which a part alone was read; NULL: all was. */
const char *report_cut_note(const struct report_row *row);

/* ---- Trees: each file and folder before what is in it ---- */

int report_tree_add(struct report *r, const struct summary *s, struct err *e); /* PRECIS_ENOMEM */
void report_tree_free(struct report *r);

/* A way in which lines were made, as far as a report says it. */
struct tree_origin {
    const struct provenance *made; /* borrowed */
    size_t lines;
};
struct tree_top {
    const struct report_row *whole; /* NULL: there is none */
    size_t files;
    bool empty;                        /* there is not one row */
    bool rolled_up;                    /* files have lines */
    const struct tree_origin *origins; /* in the order in which they are met */
    size_t n_origins;                  /* at least 1: without any line the report's own */
};
struct tree_folder {
    const char *path, *name;      /* name: from the folder that it is shown in on */
    size_t depth;                 /* 1: right in the whole */
    const struct report_row *row; /* NULL: there is none */
};

/* What writes the parts of a tree, called in their order. */
struct tree_writer {
    void (*head)(struct report *r, const struct tree_top *top);
    void (*folder)(struct report *r, const struct tree_folder *folder);
    void (*files)(struct report *r); /* before the first file of a folder or the whole; or NULL */
    /* row: its line, or NULL; chunks: [n], n > 0 */
    void (*file)(struct report *r, const struct report_row *row, const struct report_row *chunks,
                 size_t n);
    void (*end)(struct report *r, const struct tree_top *top);
};
extern const struct tree_writer markdown_writer, html_writer;
/* Whether the only chunk of a file that is shown is not all of it. */
bool report_is_part(const struct report_row *file, const struct report_row *chunks, size_t n);
/* All but the statistics, and of HTML the end of the page. PRECIS_ENOMEM */
int report_tree_write(struct report *r, const struct tree_writer *w, struct err *e);

/* Text that reads the same when Markdown is shown: on one line, its special characters escaped. */
void markdown_text(FILE *f, const char *s);
/* Text that reads the same when HTML is shown, also between double quotes: what is special there is
 * spelled out, control characters are blanks. */
void html_text(FILE *f, const char *s);
void html_close(struct report *r); /* after the statistics */

int jsonl_add(struct report *r, const struct summary *s, struct err *e); /* PRECIS_ENOMEM */

void csv_open(struct report *r);
void csv_add(struct report *r, const struct summary *s);

/* What the statistics say that is not in a run's figures. */
struct statistics_moment {
    size_t memory_peak; /* bytes; 0: unknown */
    time_t when;
};
void statistics_write(FILE *f, const struct run_stats *stats, const struct engine_info *info,
                      const struct statistics_moment *moment, enum statistics_form form);

#endif

/* Reports: the lines of a run. JSON Lines and CSV are written as they come, a row for each.
 * Markdown and HTML are trees, with each file and folder before what is in it, and so are kept (the
 * lines alone) until report_finish writes them. HTML is one page that needs nothing else: no
 * network, and no script but for its search. */
#ifndef PRECIS_REPORT_REPORT_H
#define PRECIS_REPORT_REPORT_H

#include <stdio.h>

#include "base/err.h"
#include "summary/run.h"
#include "summary/summary.h"

enum report_format { REPORT_MARKDOWN, REPORT_JSONL, REPORT_CSV, REPORT_HTML };

const char *report_level_name(enum summary_level level); /* "chunk", "file", ... */
int report_format_parse(const char *name, enum report_format *out,
                        struct err *e); /* md, jsonl, csv, html */

struct report; /* a report being written to a stream */

/* f, p and what summaries have as lang and made are borrowed until report_free. title: what was
 * summarised ("tokio"), for Markdown and HTML. */
int report_open(FILE *f, enum report_format format, const char *title, const struct provenance *p,
                struct report **out, struct err *e);
int report_add(struct report *r, const struct summary *s, struct err *e);
/* Ends the document; Markdown and HTML close with the statistics. stats and info are NULL in a
 * report that is not a run's. PRECIS_EIO, PRECIS_ENOMEM. */
int report_finish(struct report *r, const struct run_stats *stats, const struct engine_info *info,
                  struct err *e);
void report_free(struct report *r);

/* The statistics block: lines, chunks, time, throughput, latency percentiles (nearest rank),
 * efficiency, success rate, confidence, memory, contracts met or missed. */
enum statistics_form { STATISTICS_TEXT /* aligned */, STATISTICS_MARKDOWN, STATISTICS_HTML };
void report_statistics(FILE *f, const struct run_stats *stats, const struct engine_info *info,
                       enum statistics_form form);

#endif

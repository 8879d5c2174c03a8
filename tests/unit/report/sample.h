/* A small run, made up for tests of reports: two files, awkward names and texts, one failed chunk.
 */
#ifndef PRECIS_TESTS_REPORT_SAMPLE_H
#define PRECIS_TESTS_REPORT_SAMPLE_H

#include "report/report.h"

enum { SAMPLE_SUMMARIES = 12 };
extern const struct summary sample_summaries[SAMPLE_SUMMARIES];
extern const struct provenance sample_provenance;
extern const struct run_stats sample_stats;
extern const struct engine_info sample_info;

#endif

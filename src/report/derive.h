/* A report of what a store has, without a run: its active lines (store.h), in the order in which a
 * run over the same folder delivers them, and what is missing between them. */
#ifndef PRECIS_REPORT_DERIVE_H
#define PRECIS_REPORT_DERIVE_H

#include <stdatomic.h>
#include <stdio.h>

#include "base/err.h"
#include "report/report.h"
#include "store/store.h"

struct derived {
    size_t lines;   /* of chunks, files, folders and the whole */
    size_t missing; /* ranges of lines, and whole files, that had a line once and have none */
    size_t gone;    /* files that had a line once and are not on the disk: they are left out */
};

/* Writes the report on `path` (a name in the store, "": all that it has) to f, as of one moment,
 * also while a run is going on. Names in it are relative to path, as in a report of a run over it;
 * a file's is its base name. Where no line is active nothing is written.
 *
 * Files that are not on the disk are left out, and lines of folders below which no other is. One
 * that is there, but that the last run left out by its options, keeps its lines.
 *
 * What is missing of the others is told by the store alone: lines of a file between, before or (as
 * far as its own line says how long it is) after those of its chunks, and files whose present text
 * has none. Errors: those of the store and of report.h; PRECIS_ECANCELLED once *stop (may be
 * NULL) is set. */
int report_derive(struct store *s, const char *path, const char *title, enum report_format format,
                  FILE *f, atomic_bool *stop, struct derived *out, struct err *e);

#endif

/* The entries that a search may give out. */
#ifndef PRECIS_INDEX_FILTER_H
#define PRECIS_INDEX_FILTER_H

#include "store/entries.h"

/* language: NULL: any. below: only this path and what is below it; NULL: any. pattern: as in
 * .gitignore, of the file or of a folder around it; NULL: any. *ids: ascending, never NULL, the
 * caller's. */
int filter_entries(struct store *s, const char *language, const char *below, const char *pattern,
                   int64_t **ids, size_t *n, struct err *e);

#endif

/* What was rated, on standard output. */
#ifndef PRECIS_CLI_RATED_H
#define PRECIS_CLI_RATED_H

#include "store/store.h"

enum rated_format { RATED_TEXT, RATED_JSON, RATED_JSONL };

/* Every rating, oldest first. *n: how many. */
int rated_list(struct store *s, enum rated_format format, size_t *n, struct err *e);

/* As JSON Lines that eval_items_read takes, the last corrected line of each place whose code is
 * still what was judged; a note on standard error names the others. *n: how many. */
int rated_export(struct store *s, size_t *n, struct err *e);

#endif

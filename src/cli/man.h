/* Manual pages from the tables that --help is made of, in the macros of man(7), ASCII where the
 * tables are. Dates come from SOURCE_DATE_EPOCH (reproducible-builds.org); without it there is
 * none. */
#ifndef PRECIS_CLI_MAN_H
#define PRECIS_CLI_MAN_H

#include <stddef.h>

#include "base/buf.h"
#include "cli/options.h"

/* The page of a command, or with NULL that of the program. Out of memory: buf_failed. */
void man_page(const struct command *c, struct buf *b);

void man_name(const struct command *c, char *out, size_t size); /* "precis-bench-prefill" */

#endif

/* Bytes that a command reads whole: a file or standard input. */
#ifndef PRECIS_CLI_INPUT_TEXT_H
#define PRECIS_CLI_INPUT_TEXT_H

#include "base/buf.h"
#include "base/err.h"

/* path "-": standard input; pipes and devices are read to their end, too. At most 1 GiB. */
int input_read(const char *path, struct buf *out, struct err *e);

/* A JSON array of token ids, each below `vocab`; `name` begins the messages. PRECIS_EINPUT. */
int input_ids(const char *text, size_t len, const char *name, size_t vocab, struct ids *out,
              struct err *e);

/* Calls `each` with every line of JSON ({"text": ...} or {"ids": ...}), without its newline and
 * with its number from 1; empty lines are left out. Stops at the first failure. */
int input_lines(struct buf *b,
                int (*each)(void *user, const char *line, size_t len, size_t number, struct err *e),
                void *user, struct err *e);

#endif

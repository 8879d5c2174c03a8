/* Completion for shells, from the tables that --help is made of: commands, options, what options
 * take (their words, models of the catalogue, files, folders) and what operands are. */
#ifndef PRECIS_CLI_COMPLETION_H
#define PRECIS_CLI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cli/options.h"

extern const char *const completion_shells[]; /* NULL-ended */

/* Whole scripts. Out of memory: buf_failed. */
void completion_bash(struct buf *b); /* bash 4.4 */
void completion_zsh(struct buf *b);
void completion_fish(struct buf *b);

/* ---- What the three share ---- */

/* The first part of a help text, cut to fit, as one line. */
void completion_brief(const char *help, char *out, size_t size);

/* The first word of a command of two, when it is the first of its family in the table: "bench". */
bool completion_family(size_t i, char *out, size_t size);

void completion_words(struct buf *b, const char *const *words); /* NULL-ended, apart by blanks */
void completion_models(struct buf *b);                          /* of the catalogue, likewise */
void completion_commands(struct buf *b, const char *family); /* second words; NULL: first words */

#endif

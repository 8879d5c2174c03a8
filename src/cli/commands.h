/* The commands of the program, and what is said of all of them: for main, manual pages and
 * completions. */
#ifndef PRECIS_CLI_COMMANDS_H
#define PRECIS_CLI_COMMANDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/options.h"

extern const struct command *const commands[]; /* as the overview has them; NULL-ended */

/* The first one or two of n >= 1 words name the command; *used says how many. NULL: none. */
const struct command *commands_find(int n, const char *const *words, int *used);
/* The command that all of these operands of `asking` name. PRECIS_EUSAGE: none. */
int commands_named(const char *asking, const struct list *words, const struct command **c,
                   struct err *e);

/* The second word of a command of two of which the first is this, else NULL. */
const char *command_second(const struct command *c, const char *first);

bool command_is_program(
    const struct command *c); /* parallel_summarizer: a program of its own, too */

struct named_text {
    const char *name, *text; /* name NULL ends a list */
};

extern const char commands_about[];                  /* one line, with no full stop */
extern const char commands_environment[];            /* how options are set in it */
extern const struct named_text commands_variables[]; /* that no option is behind */
extern const struct named_text commands_files[];     /* that are read or kept */
extern const struct named_text commands_exits[];     /* exit codes and when */

void commands_exit_codes(struct buf *b); /* "Exit codes: 0 done, ..." */

#endif

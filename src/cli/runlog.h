/* The log of --log: what a call of precis said and did, as JSON Lines for programs
 * (docs/progress.md), appended to what the file has, each line by one write, so that several runs
 * can share it. One for the process; any thread. What cannot be written any more is said once, and
 * ends the log, not the run. */
#ifndef PRECIS_CLI_RUNLOG_H
#define PRECIS_CLI_RUNLOG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"

/* Opens or creates the file; a line that an earlier run left without its end gets it. The path is
 * borrowed until the close. Errors: PRECIS_EIO; PRECIS_EUSAGE when a regular file has something
 * else in it, which is not appended to. */
int runlog_open(const char *path, struct err *e);
bool runlog_is_open(void);

/* A line of time, process, level and these members of a JSON object (without braces, valid UTF-8).
 * Without a log it does nothing, as do the others. */
void runlog_put(enum log_level level, const char *members);
void runlog_message(enum log_level level, const char *text);
void runlog_start(const char *command, int argc, char **argv);
void runlog_end(int exit_code); /* and closes it */

#endif

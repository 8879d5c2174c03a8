/* Configuration files: options that are kept, so that nobody need type them.
 *
 *     # of all commands that have the option
 *     agent-count = 8
 *     include = "*.rs"       # options that are repeatable have a line for each value
 *     include = "*.toml"
 *     [summarize]            # of one command
 *     loc = 200
 *     no-rollup = true
 *
 * A subset of TOML but for values that need no quotes: what stands between "=" and the end of the
 * line or " #". In "..." \" \\ \n \t mean what they do in C; in '...' nothing does. UTF-8, at most
 * CONFIG_BYTES, at most CONFIG_ENTRIES options.
 *
 * Two files are read, where they are there: .precis/config of the project, which is weaker than the
 * environment and stronger than $XDG_CONFIG_HOME/precis/config of the user. With --config a file
 * stands in for both. A project's file comes with somebody's code, so only options whose rows say
 * that they are harmless may stand in it, and it is no link. */
#ifndef PRECIS_CLI_CONFIG_H
#define PRECIS_CLI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"

enum { CONFIG_BYTES = 64 * 1024, CONFIG_ENTRIES = 1000 };

struct config_entry {
    const char *section; /* "": no section, of all commands */
    const char *key, *value;
    unsigned line; /* from 1 */
};

struct config_file {
    char *path;      /* owned; to be shown, so without control characters */
    bool project;    /* not of the user */
    struct buf text; /* what the entries' strings are parts of */
    struct config_entry *v;
    size_t n, cap;
};

struct config {
    struct config_file v[2]; /* from the weaker to the stronger */
    size_t n;
};

/* Takes text apart. Errors: PRECIS_EINPUT, "PATH:LINE: ..."; PRECIS_ENOMEM. *out is to be freed
 * either way. */
int config_parse(const char *path, const void *text, size_t len, struct config_file *out,
                 struct err *e);
/* Whether all of it is about commands and options that there are, values in sections are in their
 * ranges, and a project's has harmless options alone; commands end with NULL. PRECIS_EUSAGE. */
int config_check(const struct config_file *f, const struct command *const *all, struct err *e);

/* Reads and checks the files that count for these arguments, of which config and no_config say
 * which; `place` is what the project is looked for at (NULL: nowhere). Files that are not there
 * are none, but the one of --config. Errors: those of both functions above, PRECIS_EIO,
 * PRECIS_ELIMIT. */
int config_find(const struct args *a, const char *place, const struct command *const *all,
                struct config *out, struct err *e);
/* The path of the user's file; PRECIS_EINPUT when there is no home. */
int config_user_path(char *out, size_t size, struct err *e);

void config_file_free(struct config_file *f);
void config_free(struct config *c); /* leaves it zeroed */

#endif

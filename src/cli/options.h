/* Command-line options from one declarative table: parsing, range errors, environment variables and
 * help all derive from the same rows.
 *
 * A command has groups of rows; each row stores into a field of struct args. Values come from the
 * default in the row, then from configuration files (config.h), of which the lines of a command's
 * section come after those of all commands, then from the environment (PRECIS_AGENT_COUNT for
 * --agent-count; empty is unset), then from the command line, later over earlier; lists have the
 * values of all of these. Manual pages (man.h) and completions of
 * shells (completion.h) are made of the rows as well. */
#ifndef PRECIS_CLI_OPTIONS_H
#define PRECIS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct list {
    const char **v; /* owned, NULL-ended once it is not NULL; the strings are borrowed */
    size_t n, cap;
};

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint64_t, one more each time */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* uint64_t */
    OPTION_SIZE,   /* uint64_t bytes; K, M, G, T are powers of 1,024 */
    OPTION_REAL,   /* double */
    OPTION_CHOICE, /* int, an index into choices */
    OPTION_LIST    /* struct list, repeatable */
};

#define OPTION_AUTO UINT64_MAX

/* What a text or an operand is the name of, which shells complete. */
enum named { NAMES_NOTHING, NAMES_FILE, NAMES_FOLDER, NAMES_MODEL };

struct option {
    const char *name; /* without "--"; NULL ends a group */
    char letter;      /* 0: none */
    bool above_min;   /* min itself is not allowed */
    bool automatic;   /* NUMBER: "auto" is a value, too: OPTION_AUTO */
    bool typed;       /* on the command line only: of one call, which no variable is about */
    bool outside;     /* no configuration file is about it */
    bool harmless;    /* whatever it says, a project's configuration file may say it: nothing is
                         written, opened or left out of messages that would not be otherwise */
    enum option_type type;
    enum named names;           /* TEXT, LIST */
    size_t offset;              /* in struct args */
    const char *argument;       /* "N", "FILE"; NULL for flags */
    const char *fallback;       /* the default as it would be typed; NULL: zero */
    double min, max;            /* NUMBER, SIZE, REAL: inclusive */
    const char *const *choices; /* NULL-ended */
    const char *help;
};

struct option_group {
    const char *title;
    const struct option *options;
};

struct args;

struct command {
    const char *name;     /* "summarize", or two words: "bench prefill" */
    const char *operands; /* "PATH..."; NULL: takes none */
    bool needs_operand;
    bool unconfigured; /* reads no configuration file, so that a wrong one is no hindrance */
    enum named names;  /* the operands; a file may be a folder, too */
    const char *const *choices; /* or what one of them may be, NULL-ended; NULL: not known */
    const char *summary;        /* one line, for the overview */
    const char *details;        /* paragraphs for --help; '\n' ends a line */
    const struct option_group *const *groups; /* NULL-ended */
    const char *examples;                     /* lines; NULL: none */
    /* 0 or a positive exit code; negative: an enum precis_error, and e says why. */
    int (*run)(const struct args *a, struct err *e);
};

struct config;

/* What values come from besides rows, environment and command line, and who hears of them. */
struct options_from {
    const struct config *files; /* NULL: none */
    /* Each value as it is stored, the stronger later, and where it is from: "built in",
     * "FILE:LINE", "PRECIS_NAME"; nothing of the command line. NULL: nobody. */
    void (*said)(void *user, const struct option *o, const char *value, const char *from);
    void *user;
};

/* PRECIS_EUSAGE: for a command that needs an operand unless an option stands in for it. */
int options_lack_operand(const struct command *c, struct err *e);

/* Fills *a, which the caller zeroed; from may be NULL. The strings are borrowed from argv, the
 * environment and the files. Errors: PRECIS_EUSAGE with one line that names the flag and the value.
 * --help and --version are only noted: when one is given, missing operands are no error. */
int options_parse(const struct command *c, const struct options_from *from, int argc, char **argv,
                  struct args *a, struct err *e);
/* The same without a command line. */
int options_values(const struct command *c, const struct options_from *from, struct args *a,
                   struct err *e);

/* The options, aligned and wrapped at `width` columns, in groups. */
void options_print(FILE *f, const struct command *c, int width);
/* Text of which the first line begins at `column`, wrapped at `width`, with a newline. */
void options_wrap(FILE *f, const char *text, int column, int width);

bool option_takes_value(const struct option *o);
void option_variable(const struct option *o, char *out, size_t size); /* "PRECIS_AGENT_COUNT" */
void option_describe(const struct option *o, struct buf *b); /* help, what it may be, default */
void option_limit(const struct option *o, double v, char *out, size_t size); /* "4G", "0.3" */

/* The nearest of n names, or NULL when none is near enough to be meant. */
const char *options_nearest(const char *name, const char *const *names, size_t n);
const char *option_nearest(const struct command *c, const char *name); /* of its options */
const char *command_nearest(const struct command *const *all, const char *name); /* NULL-ended */

const struct option *option_find(const struct command *c, const char *name, size_t len);
/* A value into its field. where: how the message names the option, up to and with the blank or '='
 * before the value. PRECIS_EUSAGE, PRECIS_ENOMEM. */
int option_store(const struct option *o, const char *where, const char *value, struct args *a,
                 struct err *e);

bool list_add(struct list *l, const char *s); /* false: out of memory */

#endif

/* What `precis eval summaries` does once there are predictions, whoever made them. */
#ifndef PRECIS_CLI_EVAL_H
#define PRECIS_CLI_EVAL_H

#include <stddef.h>

#include "base/err.h"
#include "cli/args.h"
#include "engine/engine.h"
#include "eval/compare.h"
#include "eval/score.h"

/* The instruments, opened as the command line asks. */
struct eval_tools {
    struct eval_options options;
    struct wordnet *wordnet;   /* owned; NULL: not here, which was said */
    struct embedder *embedder; /* owned; NULL: the same */
};

/* What is missing and was not asked for by name is said on standard error and left out of the
 * report. Errors: those of wordnet_open and embedder_open. On failure *t is zeroed. */
int eval_tools_open(const struct args *a, struct eval_tools *t, struct err *e);
void eval_tools_close(struct eval_tools *t); /* safe on zeroed ones */

/* The encoder that embedder_open_asked opens. */
const char *embedder_asked(const struct args *a);

/* The encoder that --embedding-model names. Where it is not named and minilm cannot be had, *out is
 * NULL, and `without`, what is missing then, is said with the reason. Errors: embedder_open's. */
int embedder_open_asked(const struct args *a, const char *without,
                        const struct engine_options *engine, struct embedder **out, struct err *e);
/* Who is evaluated. */
struct eval_system {
    const char *name;                    /* as people asked for it; borrowed */
    struct eval_predictions predictions; /* owned */
};

/* The second system of a report. */
struct eval_second {
    const char *name;
    struct eval_report report;
    struct eval_comparison comparison; /* with the first */
    size_t missing;
};

/* What else a report says. NULL or 0: does not apply. */
struct eval_about {
    const char *data;            /* the items' file */
    const char *name;            /* of the system */
    const char *embedding_model; /* NULL: none */
    size_t missing;              /* items without a prediction */
    const struct bootstrap *bootstrap;
    const struct eval_second *second; /* NULL: there is one system */
};

/* Appends a table for people, or one JSON value. */
void eval_put_table(struct buf *out, const struct eval_report *r, const struct eval_about *about);
void eval_put_json(struct buf *out, const struct eval_report *r, const struct eval_about *about);

/* Scores the predictions of one or two systems and prints the report on standard output as the
 * command line asks. */
int eval_summaries(const struct args *a, const struct eval_items *items,
                   const struct eval_system *systems, size_t n, const struct eval_tools *tools,
                   struct err *e);

#endif

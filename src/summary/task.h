/* One chunk on its way: from its prompt to its line. Made by the thread that reads, handed to a
 * lane by engine_submit, handed on to the caller's thread through the queue of finished ones; never
 * shared. */
#ifndef PRECIS_SUMMARY_TASK_H
#define PRECIS_SUMMARY_TASK_H

#include "base/queue.h"
#include "engine/engine.h"
#include "summary/judge.h"
#include "summary/plan.h"
#include "summary/prompt.h"
#include "summary/run.h"
#include "summary/summary.h"

/* What the model said once, and the line that it makes. */
struct task_answer {
    struct ids ids;
    float *logprobs; /* [ids.n]; owned */
    bool stopped;    /* it ended by itself */
    struct buf line; /* "": none can be made of it */
    double mean;     /* of the line's log-probabilities, exponentiated: confidence_from_logprobs */
    double least;    /* of them, the same */
    float end_logprob;
    bool shortened;
};

struct task {
    const struct prompt *prompt; /* borrowed, with the tokenizer */
    struct queue *finished;      /* where it goes when a lane is done with it; never full */
    size_t index;                /* of the chunk in the run */
    const struct plan_file *file;
    uint64_t start_line, end_line, key;
    char sha256[HASH_HEX_SIZE], context_sha256[HASH_HEX_SIZE]; /* as in struct summary */
    struct buf symbol; /* that tells most of the chunk; empty: unknown */
    struct ids ids;    /* of the prompt; empty when it never reached the engine */
    bool cut;
    int attempt;       /* 0, then 1 for the second try */
    int retries;       /* after transient failures */
    double due;        /* clock_seconds from which on it may be tried again */
    double begun;      /* clock_seconds: the model was asked in this attempt */
    bool asked, probe; /* the model, in this attempt, with breaker_ask's consent */
    bool by_model;     /* a lane says that this attempt failed */
    bool passed;       /* the model was not asked, since its breaker is open */

    int enough_chars;   /* a sentence longer than this many characters is not waited for */
    struct detok detok; /* while it runs: on the lane */
    struct buf text;
    bool nouns;       /* it may begin with a noun: a symbol may be a thing */
    bool constrained; /* the answer is one whole line by construction */
    struct constrained constraint;

    enum engine_finish finish; /* of the last attempt */
    struct err err;            /* why there is no line; code 0 while there is none to give */
    struct task_answer answers[ENGINE_MAX_BEAMS]; /* of the last attempt */
    size_t n_answers, n_lines;                    /* n_lines: the first of them, which have lines */
    size_t tokens_in, tokens_out;                 /* of all attempts */
    double seconds;

    struct evidence evidence; /* of a document's chunk; zeroed: none */

    struct buf line;    /* once it is clean */
    const char *source; /* of the line: "model", "doc", "rule"; NULL: there is none yet */
    bool aside;         /* as in struct summary */
    bool left;          /* for that reason, without anything that is known */
    bool known;         /* it, or that there is none, was made by an earlier run */
    bool final;         /* as in struct summary */
    char nothing[sizeof((struct err *)0)->text]; /* likewise; "": NULL */
    struct buf renamed_from;                     /* likewise; empty: NULL */
    bool has_key;                                /* known_key is filled in */
    uint8_t known_key[HASH_SHA256_SIZE];         /* as in struct summary */
    const struct provenance *made; /* of a known line: how, where that is not as the run's */
    struct buf other;              /* the line where the model gives none; empty: there is none */
    const char *other_source;
    struct verdict verdict;
    struct task *next; /* in the list of those to try again */
};

void task_free(struct task *t); /* NULL is fine */

/* Puts it into a list by the time when it is due, behind those of the same time. */
void task_put_by_due(struct task **list, struct task *t);

/* Marks a task as failed for the reason in e. */
void task_fail(struct task *t, const struct err *e);

/* Makes the evidence of a chunk and the prompt about it, with the examples that are nearest:
 * t->ids, t->cut. c->examples are filled in; repo and avoid: as in struct evidence_source. Errors:
 * evidence_make's, prompt_build's. */
int task_ask(struct task *t, const struct run_options *options, struct prompt_chunk *c,
             const char *repo, const char *avoid, struct err *e);

/* Takes the line that an earlier run made of the same chunk (its hashes are set), if there is one:
 * then t->known and t->source are set; or what it failed with: then t->known and t->err are. */
bool task_known(struct task *t, const struct run_options *options);
/* The same from options->lesser, where the model gave none. */
bool task_lesser(struct task *t, const struct run_options *options);

/* Takes the line of a chunk of a file that is known, or that it has none; c is emptied. */
void task_take_chunk(struct task *t, struct known_chunk *c);

/* Hands the task's prompt to the engine, which calls back until the task is in t->finished. The
 * second attempt draws (candidates_sampling) with a seed of its own. Waits while the engine's queue
 * is full. When the engine refuses, the task is in t->finished already. */
void task_submit(struct task *t, struct engine *en, const struct run_options *options);

/* Makes lines of the answers, by cleaning where they were not constrained; those that have one come
 * first then, n_lines >= 1 of them. PRECIS_ENOTFOUND with the reason: nothing usable;
 * PRECIS_ENOMEM. */
int task_clean(struct task *t, int max_chars, struct err *e);

/* Takes one of the lines as the line: see t->verdict. Errors: judge's. */
int task_choose(struct task *t, const struct run_options *options, struct err *e);

/* Takes the line that is not the model's, if there is one. Its confidence is 1 for what the authors
 * say, and 0, none, by rule. */
bool task_fall_back(struct task *t);

#endif

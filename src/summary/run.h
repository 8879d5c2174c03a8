/* The pipeline: files -> chunks -> prompts -> engine -> clean lines, in order.
 *
 * One thread reads, cuts and builds prompts; the engine's lanes generate; the caller's thread
 * receives the lines in the order of the files, whatever order they finish in. Each arrow is a
 * bounded queue. */
#ifndef PRECIS_SUMMARY_RUN_H
#define PRECIS_SUMMARY_RUN_H

#include <stdatomic.h>

#include "base/err.h"
#include "code/chunk.h"
#include "code/walk.h"
#include "engine/engine.h"
#include "summary/context.h"
#include "summary/examples.h"
#include "summary/known.h"
#include "summary/policy.h"
#include "summary/summary.h"
#include "text/chat.h"
#include "text/tok.h"

/* What makes lines, opened when the first one is asked for that is not known. */
struct run_tools {
    struct engine *en;
    const struct tok *tok;
    const struct chat *chat; /* may be NULL, as for run_prepare */
    struct embedder *embedder;
    const struct examples *pool;
    size_t n_examples;
};

enum run_part {
    RUN_MODEL, /* en, tok, chat and n_examples */
    RUN_JUDGE, /* embedder */
    RUN_POOL,  /* pool */
    RUN_PARTS
};

struct run_lazy {
    bool seq2seq; /* these as the engine's info will have them */
    size_t context;
    int max_sequences;
    /* Opens one part, in this order and each once; on the reading thread or, for roll-ups, on the
     * caller's. What it puts into *tools is borrowed until run_free. A failure ends the run. */
    int (*open)(void *user, enum run_part part, struct run_tools *tools, struct err *e);
    void *user;
};

struct run_options {
    uint64_t loc;          /* lines in a chunk, >= 1; by structure: at most */
    enum chunk_mode chunk; /* how files are cut */
    int max_chars;         /* of a line, in characters */
    size_t max_new_tokens;
    double chunk_timeout; /* seconds of lane time for an attempt (engine_job.time_limit); 0: any */
    struct policy_options policy; /* of failures */
    struct sampling sampling;
    int best_of; /* answers to choose a line from, 1 .. ENGINE_MAX_BEAMS; fewer are not constrained
                  */
    enum context context;
    const char *instruction; /* NULL: the built-in one for this prompt version */
    /* Documented pieces, prepared, to choose n_examples for each chunk from; borrowed until
     * run_free. NULL, or none that is near: the built-in ones. */
    const struct examples *pool;
    /* To judge lines with, the pool's where that has one; borrowed. NULL: by words alone. */
    struct embedder *embedder;
    const char *model;           /* its name, for the confidence (judge.h); may be NULL */
    size_t n_examples;           /* <= EXAMPLES_MOST_NEAREST */
    const struct run_lazy *lazy; /* instead of what is open; borrowed; NULL: all is open */
    /* Lines of files, folders and the whole from those of the chunks (summary/rollup.h); a
     * sequence-to-sequence model makes none. */
    bool rollup;
    bool rollup_files; /* with it: of files alone */
    const char *title; /* what the whole is called; borrowed until run_free; NULL: nothing */
    const struct known *known;  /* asked before the model; borrowed likewise; NULL: nothing is */
    const struct known *lesser; /* asked where the model gives no line; likewise */
    bool prefer_docs;           /* where the authors say what a chunk does, that is its line */
    bool no_fallback;           /* a chunk without a line by the model has none, and has failed */
    atomic_bool *stop; /* set (by a signal handler) to finish with what is done; may be NULL */
};

/* Live figures, for progress and statistics. Chunks: total = done + failed + what is left; of those
 * done, so many have a line from a doc comment or by rule, the others by the model. */
struct run_stats {
    size_t files, chunks_total, chunks_done, chunks_failed;
    size_t chunks_doc, chunks_rule;
    uint64_t lines, bytes;
    uint64_t tokens_in, tokens_out;
    double seconds;       /* since the first chunk was submitted */
    double *latencies_ms; /* [n_latencies] of finished chunks, unordered; owned by the run */
    size_t n_latencies;
    double confidence_sum; /* over the lines by the model */
    size_t distinct;       /* different lines */
    size_t cut;            /* chunks cut to the context window */
    size_t by_lines;       /* files cut by lines though they were to be by structure */
    bool interrupted;
    size_t longest;   /* characters in the longest line */
    int most_running; /* sequences in flight at most */
    /* Of chunks_done: those with a line of an earlier run. Tokens and latencies are those of the
     * others. */
    size_t chunks_known, chunks_first; /* chunks_first: of these, by the small model just before */
    uint64_t lines_known;              /* in them */
    /* Failures: attempts after transient ones, attempts that timed out, times that the model's
     * breaker opened, and chunks that went without the model because it was open. */
    size_t retries, timeouts, breaker_opened, breaker_passed;
    enum breaker_state breaker;
    char instead[sizeof((struct err *)0)->text]; /* why the model gave none, of the first chunk with
                                                    a doc comment's line or one by rule; "": none */
    bool hung; /* a lane did: the run ended early, and its engine cannot be closed any more */
    /* Roll-ups, which no other figure counts; at most rollups_total get a line or fail. */
    size_t rollups_total, rollups_done, rollups_failed;
    double rollup_seconds;
};

struct run; /* a run in preparation or under way */

/* Counts lines and cuts every file into chunks (reads all of them once); nothing is generated yet.
 * Where a file of the walk says which of its lines changed, the chunks that have none of them are
 * set aside: the model is not asked about them, but what is known of them enters the file's line,
 * which is made where all of its chunks have been asked about or are known.
 * w, en, tok and chat (may be NULL: only an own instruction to a decoder needs it) are borrowed
 * until run_free; with options->lazy they are NULL. Files that cannot be read any more become
 * failed chunks. */
int run_prepare(const struct walk *w, const struct run_options *options, struct engine *en,
                const struct tok *tok, const struct chat *chat, struct run **out, struct err *e);
/* Where a lane hangs, nothing is freed: it may come back, and its engine must not be closed. The
 * caller writes what there is and ends the process. */
void run_free(struct run *r);
const struct run_stats *run_stats(const struct run *r);

struct run_events {
    /* Each chunk that is asked about once, in order, on the caller's thread; then the roll-ups,
     * level by level. Non-zero ends the run with that code (an output that cannot be written). */
    int (*on_summary)(void *user, const struct summary *s, struct err *e);
    /* Each chunk, also one that is set aside, and each roll-up as it finishes, on the caller's
     * thread, in order of finishing; may be NULL. */
    void (*on_finished)(void *user, const struct summary *s, const struct run_stats *stats);
    /* A few times a second while waiting; may be NULL. */
    void (*on_tick)(void *user, const struct run_stats *stats);
    void *user;
};

/* Runs to the end or until *stop: then chunks in flight are cancelled, what is finished is
 * delivered in order, and stats.interrupted is set. When a lane hangs (policy.hang) a warning says
 * which, what is finished is delivered, chunks in flight get their fall-back, and stats.hung is
 * set; chunks that were not begun are left. Returns 0 also when single chunks failed. There are no
 * roll-ups of a run that was stopped before its last chunk. */
int run_execute(struct run *r, const struct run_events *events, struct err *e);

const char *run_prompt_version(const struct run *r);

/* What it runs on; NULL: nothing had to be opened yet. Any thread. */
struct engine *run_engine(struct run *r);

#endif

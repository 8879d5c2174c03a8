/* Roll-ups: from the lines of a run's chunks one line for each file, from these one for each
 * folder, and one for the whole, level by level from the deepest folders to the top.
 *
 * What has several parts with a line is given to the model (prompt_rollup.h) under the same
 * constraint as chunks. What has one such part takes its line as it is, because a model that is
 * shown one sentence can only repeat it or spoil it, and because so every folder has a line where
 * it is looked for. Parts without a line are left out; what has no part with one has none either.
 *
 * The lines of a level are made side by side; a level begins when the one below is done. So each
 * line depends on the lines below it alone, and the outcome is the same for every number of agents.
 */
#ifndef PRECIS_SUMMARY_ROLLUP_H
#define PRECIS_SUMMARY_ROLLUP_H

#include "base/err.h"
#include "engine/engine.h"
#include "summary/policy.h"
#include "summary/prompt.h"
#include "summary/run.h"
#include "summary/summary.h"

struct rollup; /* the lines of a run, of which it keeps copies, and nothing else of it */

int rollup_new(struct rollup **out, struct err *e);
void rollup_free(struct rollup *r); /* NULL is fine */

/* The next chunk of a run, in order; a failed one only says how long its file is. A file with a
 * chunk that is set aside without anything known of it has no line. file_path is borrowed until
 * rollup_free. PRECIS_ENOMEM. */
int rollup_add(struct rollup *r, const struct summary *chunk, struct err *e);

/* All borrowed for the call. */
struct rollup_work {
    /* Opens the engine, in which nothing of another's is under way, and the prompt, of the form
     * PROMPT_DOCUMENT, before the model is asked for the first time. Called more than once; what
     * it gives stays. max_sequences are the engine's, limit is the prompt's. */
    int (*need)(void *user, struct engine **en, const struct prompt **prompt, struct err *e);
    void *user;
    int max_sequences;
    size_t limit;
    struct breaker *breaker; /* of the model; nobody else uses it meanwhile */
    const struct run_options *options;
    /* As of a run: on_finished for each line as it is made, on_summary for the lines of a level in
     * the order of their paths when the level is done, with an index of stats->chunks_total or
     * more. */
    const struct run_events *events;
    struct run_stats *stats; /* rollup_* and interrupted are written */
};

/* Once, when all chunks were added. Ends early when *options->stop is set: what is made of the
 * level is delivered then. Returns 0 also when single lines could not be made; those are delivered
 * with their error. Errors: what on_summary says; PRECIS_ENOMEM. */
int rollup_execute(struct rollup *r, const struct rollup_work *w, struct err *e);

#endif

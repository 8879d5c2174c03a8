/* The failure policy (policy.h) where a run asks its model, for chunks and for roll-ups alike. What
 * they share is handed in; where several threads do, the caller holds its lock. */
#ifndef PRECIS_SUMMARY_GUARD_H
#define PRECIS_SUMMARY_GUARD_H

#include "summary/run.h"
#include "summary/task.h"

/* Whether the model may not be asked about the task now, which has passed and failed then, with its
 * error. */
bool guard_refuses(const struct breaker *b, const struct policy_options *o, struct task *t);
/* Whether it may, and then it is; else as guard_refuses. */
bool guard_ask(struct breaker *b, const struct policy_options *o, struct task *t);

/* What came of it: for the breaker, and in the statistics. Nothing, of one that was not asked. */
void guard_tell(struct breaker *b, const struct policy_options *o, struct task *t,
                struct run_stats *stats);

/* Whether a task that failed, of something that may be gone then, is to be tried again from t->due
 * on. It is counted. */
bool guard_retries(const struct policy_options *o, struct task *t, struct run_stats *stats);

/* Whether a lane of the engine hangs (NULL: has none); then that is said, and stats->hung is set.
 * To be called a few times a second. */
bool guard_hangs(struct engine *en, const struct policy_options *o, struct watchdog *w,
                 struct run_stats *stats);

#endif

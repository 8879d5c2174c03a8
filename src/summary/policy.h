/* What a run does about failures: which of them are tried again and when, when a model that keeps
 * failing is left alone (a circuit breaker: Nygard, Release It!, 2007), and when a lane counts as
 * hanging. All of it is arithmetic on times that are handed in (clock_seconds, or any other clock);
 * nothing here is locked. */
#ifndef PRECIS_SUMMARY_POLICY_H
#define PRECIS_SUMMARY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* All zeros: nothing is tried again, no breaker opens, nothing counts as hanging. */
struct policy_options {
    int retries;                      /* further attempts after a transient failure */
    double backoff, most_backoff;     /* seconds before the first of them at most; before any */
    int breaker_after;                /* failures of the model in a row; 0: the breaker is off */
    double breaker_pause, most_pause; /* seconds that it is open: at first, and at most */
    double hang;                      /* seconds in one layer; 0: any */
};

extern const struct policy_options policy_usual; /* what --help says */

/* Whether a failure may be gone next time: memory, the operating system; and, by_model (a lane
 * reported it), whatever the model's run failed of but what it can never do. Not a deadline: what
 * it is charged is its own, so it would be the same again. */
bool policy_is_transient(int code, bool by_model);

/* Seconds to wait before further attempt n (from 1): uniform in 0 .. backoff * 2^(n - 1), at most
 * most_backoff ("full jitter": Brooker, Exponential Backoff and Jitter, 2015). Follows from key, a
 * hash of the content, and n. */
double policy_backoff(const struct policy_options *o, uint64_t key, int n);

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
enum breaker_outcome { BREAKER_WORKED, BREAKER_FAILED, BREAKER_UNKNOWN };

/* Zeroed at birth: closed. */
struct breaker {
    enum breaker_state state;
    int failures;        /* in a row, while closed */
    double pause, until; /* of the time that it is or was open */
    size_t opened;       /* times */
    double failed_at;    /* when the last failure was told */
};

const char *breaker_state_name(enum breaker_state s); /* "closed", "open", "half-open" */

/* Whether the model may not be asked now. */
bool breaker_refuses(const struct breaker *b, const struct policy_options *o, double now);
/* Whether it may, and then it is. *probe: this is the one question whose outcome decides
 * whether it closes. */
bool breaker_ask(struct breaker *b, const struct policy_options *o, double now, bool *probe);
/* What came of a question that breaker_ask allowed. Those from before it opened change nothing. */
void breaker_tell(struct breaker *b, const struct policy_options *o, double now, bool probe,
                  enum breaker_outcome outcome);

/* Zeroed at birth. */
struct watchdog {
    double last, stuck;
};

/* To be called a few times a second with the age of the oldest step (engine_stats.oldest_step).
 * True once a step has run for o->hang. Time in which nobody looked hardly counts: then the process
 * was stopped, not the lane. */
bool watchdog_look(struct watchdog *w, const struct policy_options *o, double now, double age);

#endif

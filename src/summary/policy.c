#include "summary/policy.h"

#include <math.h>

#include "base/hash.h"
#include "base/rng.h"

/* The most that one look at a step may add to its time, in seconds. */
static const double MOST_BETWEEN_LOOKS = 1;

const struct policy_options policy_usual = {.retries = 2,
                                            .backoff = 0.25,
                                            .most_backoff = 8,
                                            .breaker_after = 5,
                                            .breaker_pause = 1,
                                            .most_pause = 30,
                                            .hang = 30};

bool policy_is_transient(int code, bool by_model) {
    switch (code) {
    case PRECIS_ENOMEM:
    case PRECIS_EIO:
        return true;
    case PRECIS_EINPUT:
        return by_model;
    default:
        return false;
    }
}

double policy_backoff(const struct policy_options *o, uint64_t key, int n) {
    struct rng rng = {hash_mix(key, (uint64_t)n)};
    return rng_uniform(&rng) * fmin(o->most_backoff, ldexp(o->backoff, n - 1));
}

const char *breaker_state_name(enum breaker_state s) {
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[s];
}

bool breaker_refuses(const struct breaker *b, const struct policy_options *o, double now) {
    return o->breaker_after > 0 &&
           (b->state == BREAKER_HALF_OPEN || (b->state == BREAKER_OPEN && now < b->until));
}

bool breaker_ask(struct breaker *b, const struct policy_options *o, double now, bool *probe) {
    *probe = false;
    if (breaker_refuses(b, o, now))
        return false;
    *probe = o->breaker_after > 0 && b->state == BREAKER_OPEN;
    if (*probe)
        b->state = BREAKER_HALF_OPEN;
    return true;
}

static void open_for(struct breaker *b, double now, double pause) {
    b->state = BREAKER_OPEN;
    b->failures = 0;
    b->pause = pause;
    b->until = now + pause;
    b->opened++;
}

void breaker_tell(struct breaker *b, const struct policy_options *o, double now, bool probe,
                  enum breaker_outcome outcome) {
    if (outcome == BREAKER_FAILED)
        b->failed_at = now;
    if (probe && outcome == BREAKER_WORKED)
        b->state = BREAKER_CLOSED;
    else if (probe && outcome == BREAKER_FAILED)
        open_for(b, now, fmin(2 * b->pause, o->most_pause));
    else if (probe)
        b->state = BREAKER_OPEN; /* its time is over: the next one decides */
    else if (b->state == BREAKER_CLOSED && outcome == BREAKER_WORKED)
        b->failures = 0;
    else if (b->state == BREAKER_CLOSED && outcome == BREAKER_FAILED && o->breaker_after > 0 &&
             ++b->failures >= o->breaker_after)
        open_for(b, now, o->breaker_pause);
}

bool watchdog_look(struct watchdog *w, const struct policy_options *o, double now, double age) {
    double since = w->last > 0 ? now - w->last : 0;
    w->last = now;
    w->stuck = fmin(w->stuck + fmin(since, MOST_BETWEEN_LOOKS), age);
    return o->hang > 0 && w->stuck >= o->hang;
}

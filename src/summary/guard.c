#include "summary/guard.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/pool.h"

bool guard_refuses(const struct breaker *b, const struct policy_options *o, struct task *t) {
    t->passed = breaker_refuses(b, o, clock_seconds());
    if (!t->passed)
        return false;
    if (!t->err.code)
        err_set(&t->err, PRECIS_EUNSUPPORTED,
                "not asked: the model failed %d times in a row just before", o->breaker_after);
    t->finish = FINISH_FAILED;
    return true;
}

bool guard_ask(struct breaker *b, const struct policy_options *o, struct task *t) {
    if (guard_refuses(b, o, t))
        return false;
    t->begun = clock_seconds();
    t->asked = breaker_ask(b, o, t->begun, &t->probe);
    return t->asked;
}

static enum breaker_outcome outcome_of(const struct breaker *b, const struct task *t) {
    if (t->finish != FINISH_FAILED && t->finish != FINISH_CANCELLED)
        return BREAKER_WORKED;
    if (!t->by_model)
        return BREAKER_UNKNOWN;
    if (t->err.code == PRECIS_ETIMEOUT)
        return BREAKER_FAILED;
    /* What runs together fails together: a step that found no memory is one failure. */
    bool counted = !t->probe && t->begun < b->failed_at;
    return policy_is_transient(t->err.code, true) && !counted ? BREAKER_FAILED : BREAKER_UNKNOWN;
}

void guard_tell(struct breaker *b, const struct policy_options *o, struct task *t,
                struct run_stats *stats) {
    size_t opened = b->opened;
    if (!t->asked)
        return;
    stats->timeouts += t->err.code == PRECIS_ETIMEOUT;
    breaker_tell(b, o, clock_seconds(), t->probe, outcome_of(b, t));
    t->asked = t->probe = false;
    stats->breaker = b->state;
    stats->breaker_opened = b->opened;
    if (b->opened > opened)
        log_say(LOG_INFO, "the model keeps failing (%s): it is left alone for a while",
                t->err.text);
}

bool guard_retries(const struct policy_options *o, struct task *t, struct run_stats *stats) {
    if (t->passed || t->retries >= o->retries || !policy_is_transient(t->err.code, t->by_model))
        return false;
    t->retries++;
    stats->retries++;
    uint64_t place = hash_mix(t->index, t->start_line);
    t->due = clock_seconds() + policy_backoff(o, t->key ? t->key : place, t->retries);
    return true;
}

bool guard_hangs(struct engine *en, const struct policy_options *o, struct watchdog *w,
                 struct run_stats *stats) {
    struct engine_stats s;
    if (!en || stats->hung || o->hang <= 0)
        return false;
    engine_get_stats(en, &s);
    if (!watchdog_look(w, o, clock_seconds(), s.oldest_step))
        return false;
    log_say(LOG_WARN, "lane %d hangs: it has not got on for %.0f s; the run ends with what is done",
            s.oldest_lane, s.oldest_step);
    stats->hung = true;
    return true;
}

#include "engine/step_clock.h"

#include <stdatomic.h>

#include "base/pool.h"

static double now(const struct step_clock *c) {
    return c->all_time ? clock_seconds() : clock_thread_seconds();
}

void step_clock_start(struct step_clock *c) {
    c->before = now(c);
    atomic_store(&c->since, clock_seconds());
}

void step_clock_touch(struct step_clock *c) {
    atomic_store_explicit(&c->since, clock_seconds(), memory_order_relaxed);
}

double step_clock_stop(struct step_clock *c) {
    double seconds = now(c) - c->before;
    atomic_store(&c->since, 0.0);
    return seconds > 0 ? seconds : 0;
}

void step_clock_tell(const struct step_clock *c, int lane, struct engine_stats *s) {
    double since = atomic_load(&c->since), age = since > 0 ? clock_seconds() - since : 0;
    age = c->whole ? age / 10 : age;
    if (age <= s->oldest_step)
        return;
    s->oldest_step = age;
    s->oldest_lane = lane;
}

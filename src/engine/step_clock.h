/* What a lane's steps cost, and since when it is in one: jobs have limits of the former
 * (engine_job.time_limit), who waits for a lane asks for the latter (engine_stats.oldest_step).
 * One for each lane, which alone starts and stops it. */
#ifndef PRECIS_ENGINE_STEP_CLOCK_H
#define PRECIS_ENGINE_STEP_CLOCK_H

#include <stdbool.h>

#include "engine/engine.h"

struct step_clock {
    /* Count all time: of a device that computes while the lane waits. Else the lane's processor
     * time counts, which stands still while the process is stopped or others have the core. */
    bool all_time;
    bool whole; /* a step is one piece, in which nobody can touch: a tenth of its age counts */
    _Atomic double since; /* clock_seconds: begun, or got on, then; 0: it is in no step */
    double before;
};

void step_clock_start(struct step_clock *c);
void step_clock_touch(struct step_clock *c);  /* it gets on: its age is 0 again */
double step_clock_stop(struct step_clock *c); /* seconds that the step took; >= 0 */

/* Puts the lane's step into s where that is the oldest so far. Any thread. */
void step_clock_tell(const struct step_clock *c, int lane, struct engine_stats *s);

#endif

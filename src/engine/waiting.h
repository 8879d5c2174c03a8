/* The unfinished jobs of an engine: those that wait for a lane, in order of submission, and all of
 * them by ticket. The engine's lock guards every call. */
#ifndef PRECIS_ENGINE_WAITING_H
#define PRECIS_ENGINE_WAITING_H

#include "engine/sequence.h"

struct waiting {
    struct sequence *first, **end;
    struct sequence *live; /* waiting or running */
    int n;
    uint64_t tickets; /* given so far */
};

void waiting_init(struct waiting *w);
void waiting_add(struct waiting *w, struct sequence *s); /* gives it its ticket */
/* Who is next, as the place that points to it: cancelled ones only have to be reported; the oldest
 * once `most_passed` others went before it; else the longest prompt, so that short ones are left to
 * fill the lanes at the end. The place of NULL when none waits. */
struct sequence **waiting_choose(struct waiting *w, int most_passed);
void waiting_take(struct waiting *w, struct sequence **at);
void waiting_forget(struct sequence *s); /* it is over: no ticket finds it any more */
void waiting_cancel(struct waiting *w, uint64_t ticket); /* 0: all */

#endif

/* How far a run is, on standard error: one live line on a terminal, else a plain line now and then.
 */
#ifndef PRECIS_CLI_PROGRESS_H
#define PRECIS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "summary/run.h"

struct progress_view {
    size_t done, failed, total; /* chunks */
    size_t known;               /* of done: with a line of the store */
    size_t rolled, to_roll;     /* roll-ups that are over, of at most so many; 0: not begun */
    double tokens_per_second;   /* 0: not known yet */
    double seconds;             /* so far */
    double left;                /* seconds to go; negative: not known yet */
};

struct progress {
    struct engine *engine;  /* borrowed; its counters are the live figures; NULL: none yet */
    uint64_t tokens_before; /* of its counters, when this run began */
    uint64_t lines_done, tokens_done; /* of finished chunks that the model was asked about */
    double next;                      /* when to show again, by stats->seconds */
    bool quiet, live;
};

void progress_start(struct progress *p, struct engine *engine);
void progress_finished(struct progress *p, const struct summary *s);
void progress_show(struct progress *p, const struct run_stats *stats);
void progress_end(struct progress *p, const struct run_stats *stats);

/* Tokens still to come are those of all lines but known ones, at the finished chunks' tokens a line
 * (until there is one: at so many bytes a token), less what has been computed; the rate is that of
 * the whole run so far. Never less than a second while chunks are left. */
struct progress_view progress_view(const struct progress *p, const struct run_stats *stats,
                                   uint64_t tokens_live);

/* One line of at most `width` columns, ASCII, no newline. What does not fit is left out, the bar
 * first shrinking. Returns its length. */
size_t progress_bar(const struct progress_view *v, int width, char *out, size_t size);
size_t progress_plain(const struct progress_view *v, char *out, size_t size);

#endif

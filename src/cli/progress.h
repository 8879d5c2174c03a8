/* How far a run is, on standard error: one live line on a terminal, else a plain line now and then,
 * or lines of JSON for programs (docs/progress.md). What finishes goes to the log, too. */
#ifndef PRECIS_CLI_PROGRESS_H
#define PRECIS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "summary/run.h"

/* As --progress has them; AUTO is a bar on a terminal and plain lines elsewhere. */
enum progress_mode { PROGRESS_AUTO, PROGRESS_JSON, PROGRESS_PLAIN, PROGRESS_NONE };

struct progress_view {
    size_t done, failed, total; /* chunks */
    size_t known;               /* of done: with a line of the store */
    size_t rolled, to_roll;     /* roll-ups that are over, of at most so many; 0: not begun */
    double tokens_per_second;   /* 0: not known yet */
    double seconds;             /* so far */
    double left;                /* seconds to go; negative: not known yet */
    size_t memory;              /* bytes resident now; 0: not known */
    const char *slowest;        /* "FILE:FIRST-LAST" of the chunk that took longest, "chunk N"
                                   where that is long; NULL: none */
    double slowest_ms;
};

struct progress {
    struct engine *engine;  /* borrowed; its counters are the live figures; NULL: none yet */
    uint64_t tokens_before; /* of its counters, when this run began */
    /* Of finished chunks that the model was asked about: how many, their lines and tokens, and the
     * sums of squared lines and of lines times tokens. */
    double asked, lines_done, tokens_done, squares, products;
    double idle;       /* seconds until the model had its first token */
    double next;       /* when to show again, by stats->seconds */
    double slowest_ms; /* of a chunk that the model was asked about */
    char slowest[256];
    enum progress_mode mode;
    bool quiet, live, began;
};

void progress_start(struct progress *p, struct engine *engine, enum progress_mode mode);
void progress_finished(struct progress *p, const struct summary *s);
void progress_show(struct progress *p, const struct run_stats *stats);
void progress_end(struct progress *p, const struct run_stats *stats);

/* Tokens still to come are those of all chunks but known ones, less what has been computed: so many
 * for a chunk and so many for each of its lines, as a least-squares line through the finished
 * chunks has it (until there are a few: at so many bytes a token). The rate is that since the model
 * had its first token, so that a store's lines, which come at once, do not count as slow ones. A
 * line that the store turns out to have was counted as still to come, so the time left is rather
 * too long than too short. Never less than a second while chunks are left. */
struct progress_view progress_view(const struct progress *p, const struct run_stats *stats,
                                   uint64_t tokens_live);

/* One line of at most `width` columns, ASCII, no newline. What does not fit is left out, the bar
 * first shrinking. Returns its length. */
size_t progress_bar(const struct progress_view *v, int width, char *out, size_t size);
size_t progress_plain(const struct progress_view *v, char *out, size_t size);

/* Members of a JSON object, from "event" on, with no braces around: of a view, with this event; of
 * a line as it finished. Values are valid UTF-8 where s's are. */
void progress_put_view(struct buf *b, const char *event, const struct progress_view *v);
void progress_put_summary(struct buf *b, const struct summary *s);

#endif

/* How far a download is, on standard error: one live line on a terminal, else a plain line now and
 * then. */
#ifndef PRECIS_CLI_TRANSFER_H
#define PRECIS_CLI_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transfer_view {
    const char *name;     /* of the file at hand */
    uint64_t done, total; /* bytes */
    double rate;          /* bytes a second; 0: not known yet */
};

struct transfer {
    double next; /* clock_seconds */
    bool quiet, live;
    /* The rate is that since the first mark; every some seconds the second takes its place. */
    struct {
        double at;
        uint64_t bytes;
    } marks[2];
};

void transfer_start(struct transfer *t);
/* had: of done, what no time was spent on. */
void transfer_show(struct transfer *t, const char *name, uint64_t done, uint64_t total,
                   uint64_t had);
void transfer_end(struct transfer *t); /* takes the live line away */

/* "98.4 MB", "612 B" (powers of 1,000) */
size_t transfer_bytes(char *out, size_t size, double bytes);
/* One line of at most `width` columns, ASCII, no newline: what does not fit is left out, the bar
 * first shrinking. Returns its length. */
size_t transfer_bar(const struct transfer_view *v, int width, char *out, size_t size);
size_t transfer_plain(const struct transfer_view *v, char *out, size_t size);

#endif

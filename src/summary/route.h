/* Routing: a small model says a line of every chunk, and a larger one says it again where the small
 * one was not sure. The lines of the first run are kept here; the second asks for them (known.h).
 *
 *   route_new -> the first run, route_keep its on_summary -> route_choose -> the second run, whose
 *   known.find is route_find -> route_free */
#ifndef PRECIS_SUMMARY_ROUTE_H
#define PRECIS_SUMMARY_ROUTE_H

#include "summary/known.h"
#include "summary/run.h"

/* Below it a line is said again: more likely wrong than right. */
#define ROUTE_SURE 0.5

struct route;

/* made: of the lines of the first run; borrowed until nobody uses what route_find gave. */
int route_new(const struct provenance *made, struct route **out, struct err *e);
void route_free(struct route *r); /* NULL is fine */

/* For struct run_events: user is the route. Keeps a copy. PRECIS_ENOMEM. */
int route_keep(void *user, const struct summary *s, struct err *e);

/* Decides which chunks are said again: those without a line of the model, and those less sure than
 * ROUTE_SURE, of all these the least sure, at most `most`. *n: how many. PRECIS_ENOMEM. */
int route_choose(struct route *r, size_t most, size_t *n, struct err *e);

/* The first run's line of a chunk (by index, file and hash) that is not to be said again; all: of
 * any chunk with a line of the model. */
bool route_find(const struct route *r, const struct summary *about, bool all,
                struct known_line *out);

#endif

/* Routing: a small model says a line of every chunk, a larger one says it again of those that the
 * small one was least sure of, and the line with more confidence stays. The lines of the first pass
 * are kept until then.
 *
 *   route_new -> route_keep as the on_summary of the first run, without roll-ups -> route_choose ->
 *   a second run over run_options.only, with route_keep -> route_deliver -> route_free */
#ifndef PRECIS_SUMMARY_ROUTE_H
#define PRECIS_SUMMARY_ROUTE_H

#include "summary/run.h"

/* Below it a line is said again: more likely wrong than right. */
#define ROUTE_SURE 0.5

struct route;

int route_new(struct route **out, struct err *e);
void route_free(struct route *r); /* NULL is fine */

/* made: how the lines that route_keep is given from now on are made; borrowed until route_free. */
void route_set_made(struct route *r, const struct provenance *made);

/* For struct run_events: user is the route. Keeps a copy; of two of a chunk the one with a line of
 * the model and more confidence. PRECIS_ENOMEM. */
int route_keep(void *user, const struct summary *s, struct err *e);

/* Marks the chunks to say again: those without a line of the model, and those less sure than
 * ROUTE_SURE, the least sure first and at most `most`. *only: a byte for each chunk, the caller's;
 * *n: how many are marked. Call after the first run. PRECIS_ENOMEM. */
int route_choose(const struct route *r, size_t chunks, size_t most, unsigned char **only, size_t *n,
                 struct err *e);

/* Gives out all lines in the order of the chunks, as a run does; stats (chunks_*, confidence_sum,
 * distinct is left as it is) counts them. Stops at the first failure of on_summary. */
int route_deliver(struct route *r, const struct run_events *events, struct run_stats *stats,
                  struct err *e);

#endif

/* How the lines of a store were made, as reports say it. There are few ways: one for each model,
 * prompt and set of parameters that the store has seen. */
#ifndef PRECIS_REPORT_ORIGINS_H
#define PRECIS_REPORT_ORIGINS_H

#include "base/err.h"
#include "store/store.h"
#include "summary/summary.h"

struct origin; /* one way, with its strings */

struct origins {
    struct origin **v; /* owned */
    size_t n, cap;
};

/* *out stays until origins_free. PRECIS_ENOMEM. */
int origins_find(struct origins *o, const struct store_origin *made, const struct provenance **out,
                 struct err *e);
int origins_count(struct origins *o, const struct store_origin *made, struct err *e);
/* That which was counted most often, of several the one that was found first; NULL: none is here.
 */
const struct provenance *origins_most(const struct origins *o);
void origins_free(struct origins *o);

#endif

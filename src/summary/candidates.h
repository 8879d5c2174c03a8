/* Several answers to one prompt. */
#ifndef PRECIS_SUMMARY_CANDIDATES_H
#define PRECIS_SUMMARY_CANDIDATES_H

#include "engine/engine.h"

/* How further answers to a prompt are drawn whose first is chosen as `base` says: with its
 * penalties and its seed, of the likeliest tokens, at a temperature of their own. */
#define CANDIDATES_TEMPERATURE 0.7f
enum { CANDIDATES_TOP = 20 };
struct sampling candidates_sampling(const struct sampling *base);

#endif

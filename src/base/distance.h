/* How far apart two names are, to suggest what was meant. */
#ifndef PRECIS_BASE_DISTANCE_H
#define PRECIS_BASE_DISTANCE_H

#include <stddef.h>

enum { DISTANCE_FAR = 64 };

/* Levenshtein's distance in bytes; DISTANCE_FAR when either is longer than that. */
size_t distance_between(const char *a, const char *b);

#endif

/* JSON values as text. */
#ifndef PRECIS_BASE_JSON_H
#define PRECIS_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* Appends a value of any type; flags are Jansson's. What cannot be written makes the buffer failed.
 * Jansson 2.14 leaves the name of a member out, and goes on, when its own buffer cannot grow, so
 * that json_dumps gives text that is no JSON when there is no memory. */
void json_append(struct buf *b, const json_t *value, size_t flags);

/* Whether loading gave NULL for lack of memory, as far as can be told: Jansson 2.14 says so in some
 * places, leaves `why` without a text in others, and calls a string bad that it has no room for. */
bool json_lacked_memory(const json_t *loaded, const json_error_t *why);

#endif

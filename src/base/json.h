/* JSON values from text and as text, where Jansson 2.14 has no memory. */
#ifndef PRECIS_BASE_JSON_H
#define PRECIS_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* Jansson takes a token that it has no room for to be a bad one, or ends the process (an
 * assertion). After this call json_read ends well when an allocation fails. For programs, at their
 * beginning: Jansson's allocator is that of the whole process. */
void json_guard(void);

/* json_loadb. The caller's to json_decref; NULL with *why, which may be NULL. */
json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *why);

/* Whether json_read gave NULL for lack of memory, which why->text then says; unguarded as far as
 * can be told: Jansson says so in some places and leaves `why` without a text in others. */
bool json_lacked_memory(const json_t *loaded, const json_error_t *why);

/* Appends a value of any type; flags are Jansson's. What cannot be written makes the buffer failed.
 * Jansson leaves the name of a member out, and goes on, when its own buffer cannot grow, so that
 * json_dumps gives text that is no JSON when there is no memory. */
void json_append(struct buf *b, const json_t *value, size_t flags);

#endif

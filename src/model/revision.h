/* Which model file it is: the SHA-256 of its bytes. */
#ifndef PRECIS_MODEL_REVISION_H
#define PRECIS_MODEL_REVISION_H

#include <stddef.h>

#include "base/hash.h"

/* SHA-256 of a model file, remembered in $XDG_CACHE_HOME/precis/hashes by path, size and time of
 * change, so that a start does not read the whole file again. */
int revision_of(const char *path, const void *data, size_t size, char out[HASH_HEX_SIZE],
                struct err *e);

#endif

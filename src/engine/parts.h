/* The buffers of a workspace, in one table, so that their sum is known and one loop makes them. */
#ifndef PRECIS_ENGINE_PARTS_H
#define PRECIS_ENGINE_PARTS_H

#include <stddef.h>

#include "base/err.h"

struct part {
    size_t offset, bytes; /* of the pointer in the workspace; of what it points to */
};

size_t parts_bytes(const struct part *parts, int n);
/* Makes the buffers, all zeros and aligned to 64 bytes; 0 bytes: the pointer stays NULL. After a
 * failure, too, the workspace's pointers are NULL or the caller's to free with parts_free. */
int parts_new(const struct part *parts, int n, void *workspace, struct err *e);
void parts_free(const struct part *parts, int n, void *workspace);

#endif

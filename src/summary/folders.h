/* The folders that a list of paths lies in. */
#ifndef PRECIS_SUMMARY_FOLDERS_H
#define PRECIS_SUMMARY_FOLDERS_H

#include <stddef.h>

#include "base/err.h"

struct folder {
    const char *path; /* without '/' at its end; "" for the top */
    size_t parent;    /* of the top: itself */
    size_t depth;     /* of the top: 0 */
};

/* A folder comes after its parent, and after what is in its siblings before it. */
struct folders {
    struct folder *v; /* owned, with the paths; v[0] is the top */
    size_t n, cap;
    size_t *of; /* [paths] owned: the folder that each path lies in */
};

/* paths: n of them in byte order, as strcmp has it. Equal ones and doubled slashes are fine.
 * Errors: PRECIS_ENOMEM; *out is zeroed then. */
int folders_make(const char *const *paths, size_t n, struct folders *out, struct err *e);
void folders_free(struct folders *f); /* safe on a zeroed one */

/* What comes after the last '/'. Borrows from path. */
const char *folders_base(const char *path);

#endif

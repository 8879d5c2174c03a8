/* The store that a command line asks for. */
#ifndef PRECIS_CLI_ASKED_STORE_H
#define PRECIS_CLI_ASKED_STORE_H

#include "base/err.h"
#include "cli/args.h"
#include "store/store.h"

/* Opens a->store; without it the store that belongs to `path` (store_find_root), where that is
 * given and exists, else the one that belongs to the current folder. *out is the caller's, NULL on
 * failure. PRECIS_ENOTFOUND: there is none; and the errors of store_open. */
int asked_store_open(const struct args *a, const char *path, enum store_mode mode,
                     struct store **out, struct err *e);

#endif

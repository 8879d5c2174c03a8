#include "cli/asked_store.h"

#include <stdlib.h>
#include <sys/stat.h>

static int find_root(const char *path, enum store_mode mode, char **found, struct err *e) {
    struct stat st;
    int rc = path && stat(path, &st) == 0 ? store_find_root(path, found, e) : PRECIS_ENOTFOUND;
    if (rc == PRECIS_ENOTFOUND)
        rc = store_find_root(".", found, e);
    return rc == PRECIS_ENOTFOUND
               ? err_set(e, rc, "there is no store here (%s makes one)",
                         mode == STORE_CREATE ? "--store DIR" : "precis summarize --store .")
               : rc;
}

int asked_store_open(const struct args *a, const char *path, enum store_mode mode,
                     struct store **out, struct err *e) {
    char *found = NULL;
    *out = NULL;
    int rc = a->store ? 0 : find_root(path, mode, &found, e);
    if (rc == 0)
        rc = store_open(a->store ? a->store : found, mode, out, e);
    free(found);
    return rc;
}

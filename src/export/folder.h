/* An output folder of files that is whole or as it was: they are written into a temporary folder
 * beside it, which takes its name on commit. */
#ifndef PRECIS_EXPORT_FOLDER_H
#define PRECIS_EXPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct folder { /* zeroed at birth */
    char *path; /* owned; without a slash at its end */
    char *temp; /* owned; NULL: none was made */
    bool replaces;
};

/* The folder must be empty or not there; with `force` it may also be one that has the file `mark`
 * and no folders in it. Errors: PRECIS_EUSAGE, PRECIS_EIO, PRECIS_ENOMEM. */
int folder_begin(struct folder *f, const char *path, bool force, const char *mark, struct err *e);
/* Writes and syncs a file. */
int folder_put(const struct folder *f, const char *name, const void *data, size_t size,
               struct err *e);
/* Where a file is to be written by the caller, who frees the text. NULL: out of memory. */
char *folder_file(const struct folder *f, const char *name);
/* Nothing of the new folder remains when it fails. *f is as after folder_abort. */
int folder_commit(struct folder *f, struct err *e);
void folder_abort(struct folder *f); /* drops the temporary folder; safe on a zeroed one */

#endif

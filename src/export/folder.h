/* An output folder of files that is whole or as it was: they are written into a temporary folder
 * beside it, which takes its name on commit. */
#ifndef PRECIS_EXPORT_FOLDER_H
#define PRECIS_EXPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct out_folder { /* zeroed at birth */
    char *path;     /* owned; without a slash at its end */
    char *temp;     /* owned; NULL: none was made */
    bool replaces;
};

/* What an earlier output is, which a new one may replace. */
struct out_folder_kind {
    bool (*has)(const char *name); /* whether such a file may be in it */
    /* Looks into a folder that has no others. Errors: PRECIS_ENOMEM. */
    int (*is_one)(const char *folder, bool *yes, struct err *e);
};

/* The folder must be empty or not there; with `force` it may also be an earlier output. Errors:
 * PRECIS_EUSAGE, PRECIS_EIO, PRECIS_ENOMEM. */
int out_folder_begin(struct out_folder *f, const char *path, bool force,
                     const struct out_folder_kind *kind, struct err *e);
/* Writes and syncs a file. */
int out_folder_put(const struct out_folder *f, const char *name, const void *data, size_t size,
                   struct err *e);
/* Where a file is to be written by the caller, who frees the text. NULL: out of memory. */
char *out_folder_file(const struct out_folder *f, const char *name);
/* Nothing of the new folder remains when it fails. *f is as after out_folder_abort. */
int out_folder_commit(struct out_folder *f, struct err *e);
void out_folder_abort(struct out_folder *f); /* drops the temporary folder; safe on a zeroed one */

#endif

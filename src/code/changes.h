/* Which files of a git work tree differ from a commit, and in which lines: as git says, which is
 * run for it.
 *
 * A repository may be a stranger's. Its configuration is not to run programs: only commands that
 * read are called, with arguments that leave out external diffs, text conversions, submodules and
 * the file system monitor; filters of the configuration are replaced by none; and objects that are
 * missing are not fetched. */
#ifndef PRECIS_CODE_CHANGES_H
#define PRECIS_CODE_CHANGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "code/patch.h"

struct changed_file {
    char *path;         /* absolute, without symbolic links; owned */
    bool whole;         /* it is new to git: all of its lines count */
    struct hunk *hunks; /* owned */
    size_t n, cap;
};

/* Zeroed at birth. */
struct changes {
    struct changed_file *files; /* owned */
    size_t n, cap;
};

struct changes_options {
    /* A revision: what differs from it in the work tree, committed since, staged or not, and files
     * that git does not know and does not ignore. NULL: what the index has and HEAD has not; where
     * the file has changed again since, at the lines where that is now. */
    const char *since;
    const atomic_bool *stop; /* ends it with PRECIS_ECANCELLED; may be NULL */
};

/* Adds what has changed at or below path, a file or folder that exists. Errors, as one line:
 * PRECIS_EINPUT (it is in no work tree; git fails, with what it says), PRECIS_EUSAGE (since is no
 * commit), PRECIS_ENOTFOUND (there is no git), those of base/program.h. */
int changes_add(struct changes *c, const char *path, const struct changes_options *o,
                struct err *e);

/* After the last changes_add, before the first changes_of. */
void changes_sort(struct changes *c);
const struct changed_file *changes_of(const struct changes *c, const char *path); /* NULL: none */

/* Whether one of the lines first .. last, counted from 1, was changed. Lines that went count where
 * they were: at the one before and the one after. */
bool changes_touch(const struct changed_file *f, uint64_t first, uint64_t last);

void changes_free(struct changes *c);

#endif

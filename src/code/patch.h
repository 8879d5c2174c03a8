/* Reads a patch as git prints it with -U0 (git-diff(1), "Generating patch text with -p"), piece by
 * piece: which files it makes, and which of their lines. What the lines say is passed over by their
 * number, so that no text can be taken for a header. */
#ifndef PRECIS_CODE_PATCH_H
#define PRECIS_CODE_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* old_lines lines from old_first on became new_lines from new_first on. Of no lines, `first` is the
 * line before them. */
struct hunk {
    uint64_t old_first, old_lines, new_first, new_lines;
};

struct patch {
    /* A file begins, its path as it is after the patch: bytes without NUL, not empty. Files that
     * are gone, binary or have another mode alone are left out. Not 0: patch_read returns it. */
    int (*on_file)(void *user, const char *path, struct err *e);
    int (*on_hunk)(void *user, const struct hunk *h, struct err *e); /* of that file; likewise */
    void *user;

    /* the reader's own, zeroed at birth */
    struct buf line, path;
    bool has_path;
    uint64_t left;      /* lines to pass over */
    bool begun, remark; /* such a line; it counts as none */
};

/* Errors: PRECIS_EINPUT (no patch as git prints it), PRECIS_ENOMEM, those of on_file and on_hunk.
 */
int patch_read(struct patch *p, const char *data, size_t size, struct err *e);
int patch_end(const struct patch *p, struct err *e); /* PRECIS_EINPUT: it breaks off */
void patch_free(struct patch *p);

#endif

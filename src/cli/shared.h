/* Lines of a store in a file, for other worktrees, CI and a team.
 *
 * JSON Lines, because such a file comes from elsewhere: one reader checks every field, where an
 * SQLite database would be read with all that may hide in one; it can be read, compared and
 * compressed by anything, and it does not depend on the version of the store.
 *
 *   {"precis_lines": 1}
 *   {"key": ..., "level": ..., "path": ..., ...}      a line at a place, as in struct store_line
 *   {"lines": N, "sha256": ...}                       of all bytes before
 *
 * Paths are relative to the root of the store; what lies outside of it is not written, nor are
 * lines whose key cannot be checked (made before version 3 of the store). */
#ifndef PRECIS_CLI_SHARED_H
#define PRECIS_CLI_SHARED_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

struct shared_count {
    size_t lines; /* written, or read */
    size_t left;  /* not written */
    size_t added; /* that were new to the store */
};

/* Writes all lines of s. A failure of f is for its owner to see. */
int shared_write(struct store *s, FILE *f, struct shared_count *count, struct err *e);

/* Puts the lines of such a file (text; path begins the messages) into s, all or none. Every field
 * is checked, the keys and the digest at the end, too. PRECIS_EINPUT: "PATH:LINE: FIELD: VALUE:
 * why".
 */
int shared_read(struct store *s, const char *path, const struct buf *text,
                struct shared_count *count, struct err *e);

#endif

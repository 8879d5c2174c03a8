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
 * lines whose key cannot be checked: made before version 5 of the store, or set aside with their
 * ratings (store_line.replace). */
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

struct shared_row {
    struct store_line line; /* but made and context, which are: */
    struct store_origin made;
    uint8_t context[HASH_SHA256_SIZE];
    char *texts; /* owned; of both */
};

struct shared_lines {
    struct shared_row *v; /* owned */
    size_t n, cap;
};

/* The lines of such a file (text; path begins the messages), before any store is touched. Every
 * field is checked, the keys and the digest at the end, too. PRECIS_EINPUT: "PATH:LINE: FIELD:
 * VALUE: why"; PRECIS_ENOMEM; then *out is empty. */
int shared_parse(const char *path, const struct buf *text, struct shared_lines *out, struct err *e);
void shared_lines_free(struct shared_lines *lines);

/* Puts them into s, all or none. */
int shared_put(struct store *s, const struct shared_lines *lines, struct shared_count *count,
               struct err *e);

#endif

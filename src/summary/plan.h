/* What there is to do: every file with its number of lines and chunks, and what its bytes were. */
#ifndef PRECIS_SUMMARY_PLAN_H
#define PRECIS_SUMMARY_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "code/chunk.h"
#include "code/walk.h"

struct plan_file {
    const struct walk_file *file; /* borrowed */
    const char *name;             /* as reports show it; valid UTF-8 */
    char *valid_name;             /* owned; NULL where the file's own name is valid */
    char *error;                  /* owned; why it cannot be read; NULL: it can */
    size_t first_chunk, n_chunks; /* a file that cannot be read has one chunk, of no lines */
    uint64_t lines, hash;
};

struct plan {
    struct plan_file *files; /* owned */
    size_t n, n_chunks;
    uint64_t lines, bytes, loc;
};

/* Reads every file once. w is borrowed until plan_free. */
int plan_make(const struct walk *w, uint64_t loc, struct plan *out, struct err *e);
void plan_free(struct plan *p);

/* Opens a file again and cuts it. Errors: PRECIS_EIO; PRECIS_EINPUT: it is no longer what it was.
 * On failure *m and *chunks are zeroed. */
int plan_open(const struct plan *p, const struct plan_file *f, struct mapping *m,
              struct chunks *chunks, struct err *e);

/* The lines of chunk k (0 ..) of a file, without looking at it. */
void plan_lines(const struct plan *p, const struct plan_file *f, size_t k, uint64_t *first,
                uint64_t *last);

#endif

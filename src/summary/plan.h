/* What there is to do: every file with its number of lines and chunks, and what its bytes were. */
#ifndef PRECIS_SUMMARY_PLAN_H
#define PRECIS_SUMMARY_PLAN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "code/chunk.h"
#include "code/walk.h"

struct plan_file {
    const struct walk_file *file; /* borrowed */
    const char *name;             /* as reports show it; valid UTF-8 */
    char *valid_name;             /* owned; NULL where the file's own name is valid */
    char *error;                  /* owned; why it cannot be read; NULL: it can */
    size_t first_chunk, n_chunks; /* a file that cannot be read has one chunk, of no lines */
    uint64_t lines, hash;
    uint8_t sha256[HASH_SHA256_SIZE]; /* of its bytes, where plan_options.hashes; else zeros */
    uint32_t *last_lines; /* [n_chunks] of its chunks; owned; NULL: they have `loc` lines each */
};

struct plan {
    struct plan_file *files; /* owned */
    size_t n, n_chunks;
    size_t n_asked;  /* of n_chunks: those that plan_asks about */
    size_t by_lines; /* files that are cut by lines though they were to be by structure */
    uint64_t lines, bytes, loc;
};

struct plan_options {
    uint64_t loc;            /* lines in a chunk at most, >= 1 */
    enum chunk_mode mode;    /* CHUNK_STRUCTURE also parses every file */
    bool hashes;             /* wanted: sha256 of each file */
    const atomic_bool *stop; /* ends it with PRECIS_ECANCELLED; may be NULL */
};

/* Reads every file once. w is borrowed until plan_free. Says at LOG_INFO which files are cut by
 * lines for want of a structure. */
int plan_make(const struct walk *w, const struct plan_options *options, struct plan *out,
              struct err *e);
void plan_free(struct plan *p);

/* Opens a file again and cuts it. Errors: PRECIS_EIO; PRECIS_EINPUT: it is no longer what it was.
 * On failure *m and *chunks are zeroed. */
int plan_open(const struct plan *p, const struct plan_file *f, struct mapping *m,
              struct chunks *chunks, struct err *e);

/* Whether chunk k of a file is asked about: else none of its lines is among those that changed. */
bool plan_asks(const struct plan *p, const struct plan_file *f, size_t k);

/* The lines of chunk k (0 ..) of a file, without looking at it. */
void plan_lines(const struct plan *p, const struct plan_file *f, size_t k, uint64_t *first,
                uint64_t *last);

#endif

/* Brings the index of a store up to date with a file or a folder.
 *
 * A file is as the index knows it when size, time of change and inode are the same, else when its
 * bytes are; only others are cut again, and of their entries only those whose text is new are
 * embedded. Files below the path that are not in the tree any more leave the index. Each batch of
 * files is one transaction, so a run that was killed keeps what it had committed, and the next run
 * does the rest. */
#ifndef PRECIS_INDEX_BUILD_H
#define PRECIS_INDEX_BUILD_H

#include <stdatomic.h>

#include "code/walk.h"
#include "search/embed.h"
#include "store/store.h"

struct index_stats {
    size_t files;     /* in the tree */
    size_t unchanged; /* of them, known by size and time, or by their bytes */
    size_t removed;   /* files that left */
    size_t lost;      /* that could not be read, or changed meanwhile; said at LOG_WARN */
    size_t entries;   /* of files that entered */
    size_t embedded;  /* of those entries, with a new vector */
    size_t known;     /* with a vector that was there */
    size_t summaries; /* entries whose lines of summaries are others than before */
    int64_t dropped;  /* vectors that nothing refers to */
    double seconds;
};

struct index_options {
    struct embedder *em;     /* NULL: words alone */
    const atomic_bool *stop; /* ends it with PRECIS_ECANCELLED; may be NULL */
    int threads;             /* 0: one for each core */
    size_t batch_bytes;      /* of files in a transaction, about; 0: 48 KiB */
    /* On the caller's thread, after each batch: files done, of how many that are not unchanged. May
     * be NULL. */
    void (*on_progress)(void *user, const struct index_stats *s, size_t done, size_t n);
    void *user;
};

/* path: what was walked. s: opened to be written. Errors: those of the store and the encoder; what
 * was committed stays. */
int index_build(struct store *s, const char *path, const struct walk *w,
                const struct index_options *o, struct index_stats *out, struct err *e);

#endif

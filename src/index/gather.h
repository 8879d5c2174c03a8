/* Reads files and prepares them for the index, a batch at a time, on several threads. */
#ifndef PRECIS_INDEX_GATHER_H
#define PRECIS_INDEX_GATHER_H

#include "code/walk.h"
#include "index/batch.h"

/* A file that may enter the index. */
struct gather_file {
    const struct walk_file *file;      /* borrowed */
    char *name;                        /* in the store */
    const struct store_indexed *known; /* as the index has it; NULL: not at all */
};

/* A batch with the bytes that its strings come from. */
struct gathered {
    struct batch batch;
    struct cut *cuts; /* owned; of the files */
    size_t n_cuts;
    size_t lost; /* files that cannot be read, or that changed while they were */
};

struct gather_options {
    struct batch_encoder encoder;
    const atomic_bool *stop; /* may be NULL */
    size_t batch_bytes;      /* 0: 48 KiB */
    const char *root;        /* of the store, which each thread opens to read */
    int threads;             /* >= 1 */
};

/* Reads files (in batches of about so many bytes), cuts and embeds them, and hands the batches
 * to `take` in the order of the files, on the caller's thread; *done is how many files have been. A
 * file whose bytes are what its entries were cut from, and whose entries have vectors, is
 * `touched`. A failure, also of take, ends all. */
int gather(struct gather_file *files, size_t n, const struct gather_options *o,
           int (*take)(void *user, struct gathered *g, size_t done, struct err *e), void *user,
           struct err *e);

#endif

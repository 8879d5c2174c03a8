/* Files that enter the index together: their entries are prepared on any thread and written on one,
 * as one transaction. */
#ifndef PRECIS_INDEX_BATCH_H
#define PRECIS_INDEX_BATCH_H

#include <stdatomic.h>

#include "base/buf.h"
#include "search/embed.h"
#include "store/entries.h"

struct batch_item {
    struct store_entry e; /* text is filled in by batch_prepare */
    const char *head;     /* how it begins */
    size_t head_len;
};

struct batch_file {
    struct store_indexed f;
    size_t first, n; /* in items */
    bool touched;    /* it enters no entries: only f.file is other than before */
};

/* The caller fills in files and items, whose strings are the caller's until batch_free. */
struct batch {
    struct batch_file *files; /* owned */
    size_t n_files, cap_files;
    struct batch_item *items; /* owned */
    size_t n_items, cap_items;

    struct store_vector *vectors; /* owned; new ones */
    size_t n_vectors;
    int8_t *numbers; /* owned; of the vectors */
    size_t known;    /* items whose vector was there, or is that of another item */
};

/* Where vectors come from, and which are there already. em NULL: there are none. */
struct batch_encoder {
    struct embedder *em;
    int64_t id; /* store_embedder */
    size_t width;
};

/* Says what each item's text is, and embeds those that `known` (a handle of the caller's thread)
 * has no vector of. Errors: those of embedder_embed (PRECIS_ECANCELLED: stop) and of the store. */
int batch_prepare(struct batch *b, const struct batch_encoder *x, struct store *known,
                  const atomic_bool *stop, struct err *e);

/* Puts all of it. ids: [n_items] the numbers of the entries, or NULL. */
int batch_write(const struct batch *b, const struct batch_encoder *x, struct store *s, int64_t *ids,
                struct err *e);
void batch_free(struct batch *b); /* safe on a zeroed one; leaves it zeroed */

#endif

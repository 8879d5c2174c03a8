/* What a run may know without opening a model or reading a tree: what the same command line came to
 * before, the lines of files that are as they were then, and what the model had no line for.
 *
 * `how` is a digest of all that an answer depends on and that can be had without opening the model
 * (cli/asked.h). Errors: as in store/store.h. */
#ifndef PRECIS_STORE_SETTLED_H
#define PRECIS_STORE_SETTLED_H

#include "base/buf.h"
#include "store/store.h"

/* What is known of a model once it was opened. Strings are borrowed. */
struct store_asked {
    struct store_origin made;
    const char *judged_by; /* the encoder's name; "words": none */
    bool seq2seq;
    uint64_t context, sequences, lanes; /* as the engine's info has them */
};

int store_put_asked(struct store *s, const uint8_t how[HASH_SHA256_SIZE],
                    const struct store_asked *asked, struct err *e);

/* The strings given to each live until it returns. PRECIS_ENOTFOUND: that was never asked. */
int store_asked(struct store *s, const uint8_t how[HASH_SHA256_SIZE],
                int (*each)(void *user, const struct store_asked *asked, struct err *e), void *user,
                struct err *e);

/* Notes that these keys, n * 32 bytes, are those of all chunks of a file as it was put last, in
 * order: of a line, or of what store_put_nothing noted. A file that was not put has none. To be
 * called by every run that has them, for store_gc goes by it. */
int store_settle(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                 const uint8_t *keys, size_t n, struct err *e);

/* A key has no line that can be used, for the reason `why` (one line). */
struct store_nothing {
    const char *why;     /* borrowed, as all of it */
    const char *symbol;  /* as in struct store_line */
    const uint8_t *text; /* [32] likewise */
    uint64_t tokens_in, tokens_out;
    bool cut;
    bool replace; /* where it is put: a line of that key gives way, as to store_line.replace */
};

/* Unless the key has a line. To be called by every run that has it, as store_settle. */
int store_put_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE],
                      const struct store_nothing *nothing, struct err *e);

/* All that is given lives until it returns. */
typedef int store_each_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                               const struct store_nothing *nothing, struct err *e);

/* PRECIS_ENOTFOUND: nothing of the kind is known of the key. */
int store_find_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE],
                       store_each_nothing *each, void *user, struct err *e);

/* All chunks of a file with that hash, in order, if they are known: `line` has those with a line,
 * `nothing` the others. PRECIS_ENOTFOUND: they are not; then some may have been handed out. */
int store_settled(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                  const uint8_t version[HASH_SHA256_SIZE], store_each *line,
                  store_each_nothing *nothing, void *user, struct err *e);

#endif

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

/* Notes that the lines of these keys, n * 32 bytes, are those of all chunks of a file as it was put
 * last, in order. A file that was not put has none. */
int store_settle(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                 const uint8_t *keys, size_t n, struct err *e);

/* The lines of all chunks of a file with that hash, in order, if they are known.
 * PRECIS_ENOTFOUND: they are not; then some may have been handed out. */
int store_settled(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                  const uint8_t version[HASH_SHA256_SIZE], store_each *each, void *user,
                  struct err *e);

/* The answer to a key was no line that can be used, for the reason `why` (one line). */
struct store_nothing {
    const char *why; /* borrowed */
    uint64_t tokens_in, tokens_out;
    bool cut;
};

int store_put_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE],
                      const struct store_nothing *nothing, struct err *e);

/* why is appended to the buffer, NUL-terminated; *out has the counts. PRECIS_ENOTFOUND. */
int store_find_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE], struct buf *why,
                       struct store_nothing *out, struct err *e);

#endif

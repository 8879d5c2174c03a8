/* Lines that earlier runs made, which a run asks for before it asks the model. */
#ifndef PRECIS_SUMMARY_KNOWN_H
#define PRECIS_SUMMARY_KNOWN_H

#include <stdbool.h>

#include "base/buf.h"
#include "summary/summary.h"

enum { KNOWN_SOURCE_SIZE = 8 };

/* Zeroed at birth; its buffers are the asker's to free. */
struct known_line {
    struct buf line; /* NUL-terminated, one line of valid UTF-8 */
    double confidence;
    char source[KNOWN_SOURCE_SIZE]; /* "model", "doc", "rule" */
    uint64_t tokens_in, tokens_out; /* that it took when it was made */
    bool cut;
    bool nothing; /* the model was asked and gave no line that can be used; `line` says why */
    const struct provenance *made; /* how it was made; NULL: as the lines of the run that asks */
    /* The path of the same file when the line was made, as in struct summary; empty: as it is. Then
     * it is kept under `key`. */
    struct buf renamed_from;
    uint8_t key[HASH_SHA256_SIZE];
};

void known_line_free(struct known_line *k); /* safe on a zeroed one */

/* Whether the line is one that a run could have made itself: whoever kept it is not trusted, and
 * lines that took the place of the model's are made again. */
bool known_is_usable(const struct known_line *k, int max_chars);

/* The line of a chunk of a file that is as it was, or that it has none. */
struct known_chunk {
    struct known_line line;
    uint64_t start_line, end_line; /* both 0: not known, of one without a line */
    struct buf symbol;             /* empty: unknown */
    char sha256[HASH_HEX_SIZE];
    uint8_t key[HASH_SHA256_SIZE]; /* as in struct summary */
};

/* Zeroed at birth. */
struct known_chunks {
    struct known_chunk *v; /* owned */
    size_t n, cap;
};

void known_chunks_free(struct known_chunks *c); /* safe on a zeroed one; leaves it zeroed */

/* The same of a line that may be a doc comment's or a rule's, too, or none. */
bool known_chunk_is_usable(const struct known_chunk *c, int max_chars);

struct known {
    /* Whether a line was made before from the same level, file_path, lines, lang, sha256 and
     * context_sha256 of *about, with the same model, prompt and parameters. Fills in *out then.
     * Called on one thread at a time: the run's reading thread, then, of roll-ups, the caller's. A
     * failure is a miss. */
    bool (*find)(void *user, const struct summary *about, struct known_line *out);
    void *user;
    /* Whether the lines of all chunks of a file with that hash were made before, or asked for in
     * vain, by a run that was asked for the same: then neither file nor model need be looked at.
     * Fills in *out, in order. May be NULL: no file is known. Called as find is. */
    bool (*file)(void *user, const char *file_path, const uint8_t sha256[HASH_SHA256_SIZE],
                 struct known_chunks *out);
};

#endif

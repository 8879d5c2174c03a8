/* Lines that earlier runs made, which a run asks for before it asks the model. */
#ifndef PRECIS_SUMMARY_KNOWN_H
#define PRECIS_SUMMARY_KNOWN_H

#include <stdbool.h>

#include "base/buf.h"
#include "summary/summary.h"

enum { KNOWN_SOURCE_SIZE = 8 };

/* Zeroed at birth; known_line.line is the asker's to free. */
struct known_line {
    struct buf line; /* NUL-terminated, one line of valid UTF-8 */
    double confidence;
    char source[KNOWN_SOURCE_SIZE]; /* "model", "doc", "rule" */
    uint64_t tokens_in, tokens_out; /* that it took when it was made */
    bool cut;
    const struct provenance *made; /* how it was made; NULL: as the lines of the run that asks */
};

/* Whether the line is one that a run could have made itself: whoever kept it is not trusted, and
 * lines that took the place of the model's are made again. */
bool known_is_usable(const struct known_line *k, int max_chars);

struct known {
    /* Whether a line was made before from the same level, file_path, lines, lang, sha256 and
     * context_sha256 of *about, with the same model, prompt and parameters. Fills in *out then.
     * Called on one thread at a time: the run's reading thread, then, of roll-ups, the caller's. A
     * failure is a miss. */
    bool (*find)(void *user, const struct summary *about, struct known_line *out);
    void *user;
};

#endif

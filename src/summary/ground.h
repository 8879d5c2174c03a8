/* Whether a sentence about code names only what is there: identifiers and numbers that occur
 * neither in the code nor in what else the model saw of it are inventions.
 *
 * An identifier is a word of the sentence that is written as code is: inner capitals, underscores,
 * digits after letters, parts joined by "." "::" "->" or "#", a "(" right behind it, "@", "$" or
 * "--" before it, backticks around it, capitals only, or one capital at the front where no sentence
 * begins. It is grounded when each of its parts is: as a whole whatever its case and separators
 * (TaskQueue, task_queue, taskqueue), or by its words side by side on a line ("task queue"), its
 * plural counted. Initialisms of everyday use (HTTP, JSON) and names of languages and systems are
 * no identifiers. A number is grounded when it occurs by its value (0x20, 32, 1_000, 1,000), also
 * within an identifier (u64); 0, 1 and 2 always are. */
#ifndef PRECIS_SUMMARY_GROUND_H
#define PRECIS_SUMMARY_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { GROUND_FIRST_SIZE = 64 };

/* What a sentence may be about; any bytes. path, symbol and context may be NULL. */
struct ground_source {
    const char *text;
    size_t len;
    const char *path;
    const char *symbol;
    const char *context; /* what the model saw beside the text: its outline; grounds names and
                            numbers, but does not count for the overlap */
};

/* The words of a source, as hashes. Zeroed at birth; immutable once open. */
struct ground_words {
    uint64_t *v; /* owned; open addressing, 0 is free, a power of two of slots */
    size_t n, cap;
};

struct grounding {
    bool grounded; /* nothing invented */
    unsigned identifiers, invented_identifiers;
    unsigned numbers, invented_numbers;
    char first[GROUND_FIRST_SIZE]; /* the first invention as it stands in the sentence, cut to fit
                                      at a character; "": none */
    double overlap; /* share of the sentence's words with a meaning of their own (identifiers by
                       their parts, endings left out) that occur in text, path or symbol; 0 when it
                       has none */
};

/* Takes time and memory linear in the source's size; borrows nothing. Errors: PRECIS_ENOMEM. On
 * failure *w is zeroed. */
int ground_open(struct ground_words *w, const struct ground_source *source, struct err *e);
void ground_close(struct ground_words *w); /* safe on zeroed ones; leaves them zeroed */

/* The sentence is one line, any bytes. Allocates nothing. */
void ground_check(const struct ground_words *w, const char *sentence, size_t len,
                  struct grounding *out);

#endif

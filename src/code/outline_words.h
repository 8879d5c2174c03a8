/* What a range of code calls, says and imports: for outline.c. */
#ifndef PRECIS_CODE_OUTLINE_WORDS_H
#define PRECIS_CODE_OUTLINE_WORDS_H

#include "base/buf.h"
#include "code/symbols.h"

enum { OUTLINE_WORDS = 96 };

struct outline_word {
    struct span text;
    uint32_t score;
};

/* Different texts, in the order in which they were met; what comes after the room is full is left
 * out. */
struct outline_words {
    struct outline_word v[OUTLINE_WORDS];
    uint32_t n;
};

/* What stands in rows first..last (0-based): names of what is called and is not defined there,
 * string literals that say something, imported paths. Scores are higher for what is more telling.
 */
void outline_gather(const struct tree *t, const struct symbols *s, uint32_t first, uint32_t last,
                    struct outline_words *calls, struct outline_words *strings,
                    struct outline_words *imports);

/* Orders words by score, the same in their order. */
void outline_sort(struct outline_words *w);

#endif

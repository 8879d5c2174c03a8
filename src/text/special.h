/* The added tokens of a vocabulary (special ones and the user's): found in text as they are
 * spelled, leftmost, then longest, as Hugging Face `tokenizers` does. */
#ifndef PRECIS_TEXT_SPECIAL_H
#define PRECIS_TEXT_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct special_token {
    const char *s; /* borrowed */
    size_t len;    /* > 0 */
    uint32_t id;
};

struct special {
    struct special_token *v; /* sorted by bytes, a prefix before what it begins */
    size_t n;
    bool starts[256]; /* some token begins with this byte */
};

/* Sorts and indexes v (owned from now on; freed by special_free), spellings all different. */
void special_init(struct special *sp, struct special_token *v, size_t n);
void special_free(struct special *sp);

/* The first place in [s, end) where a token is spelled, the longest there; NULL: none. */
const uint8_t *special_find(const struct special *sp, const uint8_t *s, const uint8_t *end,
                            const struct special_token **token);
/* The token spelled exactly s; NULL: none. */
const struct special_token *special_get(const struct special *sp, const char *s, size_t len);

#endif

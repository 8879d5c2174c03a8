/* The added tokens of a vocabulary (special ones and the user's): found in text as they are
 * spelled, leftmost, then longest, with their flags, as Hugging Face `tokenizers` does
 * (tokenizer/added_vocabulary.rs). */
#ifndef PRECIS_TEXT_SPECIAL_H
#define PRECIS_TEXT_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct special_token {
    const char *s; /* borrowed */
    size_t len;    /* > 0 */
    uint32_t id;
    bool single_word;    /* only where no letter, digit or underscore touches it */
    bool lstrip, rstrip; /* takes the white space before, after it along */
    bool special;        /* the tokenizer says so */
    bool control;        /* not found in plain text: special, or a model may read it as such */
};

struct special {
    struct special_token *v; /* sorted by bytes, a prefix before what it begins */
    size_t n;
    bool starts[256]; /* some token begins with this byte */
};

/* Sorts and indexes v (owned from now on; freed by special_free), spellings all different. */
void special_init(struct special *sp, struct special_token *v, size_t n);
void special_free(struct special *sp);

/* A walk over the tokens in one text of valid UTF-8. */
struct special_walk {
    const struct special *sp;
    const uint8_t *begin, *end;
    const uint8_t *from;              /* where the search goes on */
    const uint8_t *done;              /* all before it was given out */
    bool plain;                       /* control tokens are text */
    const uint8_t *white, *white_end; /* white space that a token took along */
};
void special_start(struct special_walk *w, const struct special *sp, const uint8_t *s, size_t n,
                   bool plain);
/* The text before the next token, [*text, *text + *len), and the token; NULL: the rest of the text.
 * Not to be called again after that. */
const struct special_token *special_next(struct special_walk *w, const uint8_t **text, size_t *len);

/* The token spelled exactly s; NULL: none. */
const struct special_token *special_get(const struct special *sp, const char *s, size_t len);

#endif

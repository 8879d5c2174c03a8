/* Small GGUF files with a tokenizer, sound or hostile, for tests. */
#ifndef PRECIS_TESTS_TINY_TOK_H
#define PRECIS_TESTS_TINY_TOK_H

#include "base/buf.h"
#include "text/tok.h"

struct tiny_tok {
    const char *pre;           /* NULL: "smollm" */
    const char *lack;          /* ASCII characters that are no tokens; or NULL */
    const char *const *merges; /* "a b", ends with NULL; what they give become tokens; or NULL */
    const char *const *control, *const *user; /* added tokens, end with NULL; or NULL */
    const char *chat_template;                /* or NULL */
    const char *drop;                         /* one key to leave out, without "tokenizer.ggml." */
    void (*more)(struct buf *b);              /* writes more_keys keys; or NULL */
    unsigned more_keys;
};

/* Tokens: 256 bytes (less `lack`) in their order, then the merged, then control, then user. */
void put_tiny_tok(struct buf *b, const struct tiny_tok *t);

/* Opens t; fails the test (aborts) when that fails. */
struct tok *open_tiny_tok(const struct tiny_tok *t);
/* The code of opening t, and its error. */
int refuse_tiny_tok(const struct tiny_tok *t, struct err *e);

#endif

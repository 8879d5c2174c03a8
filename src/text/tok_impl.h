/* Inside of struct tok, for the files that make one and use one. */
#ifndef PRECIS_TEXT_TOK_IMPL_H
#define PRECIS_TEXT_TOK_IMPL_H

#include "text/bpe.h"
#include "text/encoder.h"
#include "text/special.h"
#include "text/split.h"
#include "text/tok.h"

enum { TOK_MAX_STOPS = 16 };

struct tok {
    uint32_t n;    /* ids are 0 .. n-1 */
    char *bytes;   /* what they stand for, one after the other */
    uint32_t *at;  /* [n + 1] places in bytes */
    uint8_t *type; /* [n] enum tok_type */
    struct bpe bpe;
    struct special special; /* borrows from bytes */
    split_fn *split;
    bool nfc; /* normalise first */
    bool add_bos, add_eos;
    int64_t bos, eos;
    uint32_t stops[TOK_MAX_STOPS];
    size_t n_stops;
    char *chat_template;
    struct encoder_pool *pool; /* the one thing that changes; has its own lock */
};

enum tok_type { /* tokenizer.ggml.token_type */
                TOK_TYPE_NORMAL = 1,
                TOK_TYPE_UNKNOWN,
                TOK_TYPE_CONTROL,
                TOK_TYPE_USER,
                TOK_TYPE_UNUSED,
                TOK_TYPE_BYTE
};

#endif

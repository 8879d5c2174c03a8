/* Inside of struct tok, for the files that make one and use one. */
#ifndef PRECIS_TEXT_TOK_IMPL_H
#define PRECIS_TEXT_TOK_IMPL_H

#include "text/decode.h"
#include "text/encoder.h"
#include "text/normalise.h"
#include "text/postprocess.h"
#include "text/pretokenise.h"
#include "text/special.h"
#include "text/tok.h"
#include "text/word_model.h"

enum { TOK_MAX_STOPS = 16 };

struct tok {
    uint32_t n;    /* ids are 0 .. n-1 */
    char *bytes;   /* what they stand for, one after the other */
    uint32_t *at;  /* [n + 1] places in bytes */
    uint8_t *type; /* [n] enum tok_type */
    /* The tokens as they are spelled, for a decoder that works on them and for models of
     * characters; NULL when both are of bytes. Behind the n tokens those that the decoder sees in
     * the place of others: alias[id], NULL: none. */
    char *piece;
    uint32_t *piece_at, *alias;
    struct word_model model;   /* borrows from bytes or piece */
    struct special special[2]; /* found in the text as it is; after normalising */
    char *special_text;        /* their spellings */
    struct normalisers normalisers;
    struct pre_stages pre;
    bool ask_origin; /* pre does */
    split_fn *split; /* does what pre does; NULL: none */
    struct postprocess post;
    struct decoder decoder;
    int64_t bos, eos;
    uint32_t stops[TOK_MAX_STOPS];
    size_t n_stops;
    char *chat_template;
    struct encoder_pool *pool; /* the one thing that changes; has its own lock */
};

/* The added token of that spelling; NULL: none. */
const struct special_token *tok_added(const struct tok *t, const char *spelling, size_t len);

enum tok_type {                /* tokenizer.ggml.token_type */
                TOK_TYPE_NONE, /* no such token */
                TOK_TYPE_NORMAL,
                TOK_TYPE_UNKNOWN,
                TOK_TYPE_CONTROL,
                TOK_TYPE_USER,
                TOK_TYPE_UNUSED,
                TOK_TYPE_BYTE
};

#endif

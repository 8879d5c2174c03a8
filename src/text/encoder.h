/* What one call of tok_encode works with: buffers and a cache of words, kept for the next call. A
 * pool hands each to one thread at a time, so that a tokenizer can be shared. */
#ifndef PRECIS_TEXT_ENCODER_H
#define PRECIS_TEXT_ENCODER_H

#include <pthread.h>

#include "base/buf.h"
#include "text/bpe.h"
#include "text/split.h"
#include "text/unicode.h"

struct encoder {
    struct encoder *next;       /* in the pool */
    struct encoder_word *words; /* the cache */
    struct bpe_work work;
    struct nfc_work nfc;
    struct buf clean; /* the text with its ill-formed bytes replaced */
};

struct encoder_pool {
    pthread_mutex_t mutex;
    struct encoder *idle;
};

struct encoder_pool *encoder_pool_new(void);             /* NULL: out of memory */
void encoder_pool_free(struct encoder_pool *pool);       /* all are back */
struct encoder *encoder_take(struct encoder_pool *pool); /* NULL: out of memory */
void encoder_give(struct encoder_pool *pool, struct encoder *enc);

/* Appends the ids of valid UTF-8 that holds no special tokens. False: out of memory. All calls with
 * one encoder have the same b. */
bool encoder_words(struct encoder *enc, const struct bpe *b, split_fn *split, const uint8_t *s,
                   size_t n, struct ids *out);

#endif

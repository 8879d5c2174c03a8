/* What one call of tok_encode works with: buffers and a cache of words, kept for the next call. A
 * pool hands each to one thread at a time, so that a tokenizer can be shared. */
#ifndef PRECIS_TEXT_ENCODER_H
#define PRECIS_TEXT_ENCODER_H

#include <pthread.h>

#include "base/buf.h"
#include "text/normalise.h"
#include "text/pretokenise.h"
#include "text/word_model.h"

struct encoder {
    struct encoder *next;       /* in the pool */
    struct encoder_word *words; /* the cache */
    struct word_work work;
    struct normalise_work normal;
    struct pre_work pre;
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

/* Appends the ids of valid UTF-8 that holds no added tokens. All calls with one encoder have the
 * same m. 0, PRECIS_ENOMEM, or PRECIS_EINPUT: an unknown word, and no unknown token. */
int encoder_words(struct encoder *enc, const struct word_model *m, split_fn *split,
                  const uint8_t *s, size_t n, struct ids *out);
/* The same for the spans of enc->pre. */
int encoder_spans(struct encoder *enc, const struct word_model *m, struct ids *out);

#endif

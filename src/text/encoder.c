#include "text/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define CACHE_BITS 14

enum { KEY_SIZE = 24, KEEP_IDS = 9 };

/* A word of up to 24 bytes and its ids, in one cache line. Longer ones are merged each time. */
struct encoder_word {
    uint64_t key[KEY_SIZE / 8]; /* the bytes, then zeros */
    uint32_t ids[KEEP_IDS];
    uint8_t len; /* 0: empty */
    uint8_t n;
};
_Static_assert(sizeof(struct encoder_word) == 64, "a cache line");

struct encoder_pool *encoder_pool_new(void) {
    struct encoder_pool *pool = calloc(1, sizeof *pool);
    if (pool && pthread_mutex_init(&pool->mutex, NULL) != 0) {
        free(pool);
        return NULL;
    }
    return pool;
}

static void encoder_free(struct encoder *enc) {
    free(enc->words);
    word_work_free(&enc->work);
    normalise_work_free(&enc->normal);
    pre_work_free(&enc->pre);
    buf_free(&enc->clean);
    free(enc);
}

void encoder_pool_free(struct encoder_pool *pool) {
    if (!pool)
        return;
    for (struct encoder *enc = pool->idle, *next; enc; enc = next) {
        next = enc->next;
        encoder_free(enc);
    }
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

struct encoder *encoder_take(struct encoder_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    struct encoder *enc = pool->idle;
    if (enc)
        pool->idle = enc->next;
    pthread_mutex_unlock(&pool->mutex);
    if (enc)
        return enc;
    enc = calloc(1, sizeof *enc);
    if (!enc)
        return NULL;
    enc->words = aligned_alloc(sizeof *enc->words, sizeof *enc->words << CACHE_BITS);
    if (!enc->words) {
        free(enc);
        return NULL;
    }
    memset(enc->words, 0, sizeof *enc->words << CACHE_BITS);
    return enc;
}

void encoder_give(struct encoder_pool *pool, struct encoder *enc) {
    pthread_mutex_lock(&pool->mutex);
    enc->next = pool->idle;
    pool->idle = enc;
    pthread_mutex_unlock(&pool->mutex);
}

/* The n <= 24 bytes at s, zeros behind them. */
static inline void load_key(const uint8_t *s, size_t n, const uint8_t *end, uint64_t key[3]) {
    static const uint8_t ones[2 * KEY_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (end - s < KEY_SIZE) {
        memset(key, 0, KEY_SIZE);
        memcpy(key, s, n);
        return;
    }
    uint64_t mask[3];
    memcpy(mask, ones + KEY_SIZE - n, KEY_SIZE);
    memcpy(key, s, KEY_SIZE);
    for (int i = 0; i < 3; i++)
        key[i] &= mask[i];
}

static inline size_t place(const uint64_t key[3], size_t n) {
    uint64_t h = (key[0] ^ n) * 0x9e3779b97f4a7c15u ^ key[1] * 0xd1b54a32d192ed03u ^
                 key[2] * 0x8cb92ba72f3d8dd7u;
    return (size_t)((h ^ h >> 32) * 0x9e3779b97f4a7c15u >> (64 - CACHE_BITS));
}

/* Out of line, so that the hot loop stays small. */
static __attribute__((noinline)) int merge_word(struct encoder *enc, const struct word_model *m,
                                                const uint8_t *s, size_t n, const uint64_t *key,
                                                struct encoder_word *word, struct ids *out) {
    size_t before = out->n;
    int rc = word_model_ids(m, &enc->work, s, n, out);
    if (rc)
        return rc;
    size_t n_ids = out->n - before;
    if (word && n_ids <= KEEP_IDS) {
        memcpy(word->key, key, KEY_SIZE);
        memcpy(word->ids, out->v + before, n_ids * sizeof *word->ids);
        word->len = (uint8_t)n;
        word->n = (uint8_t)n_ids;
    }
    return 0;
}

/* One word of a text that ends at `end`. */
static inline int put_word(struct encoder *enc, const struct word_model *m, const uint8_t *s,
                           size_t n, const uint8_t *end, struct ids *out) {
    /* a cached word is copied whole */
    if (out->cap - out->n < KEEP_IDS && !ids_reserve(out, KEEP_IDS))
        return PRECIS_ENOMEM;
    if (n == 1 && m->single[*s] != SINGLE_ASK) {
        out->v[out->n] = (uint32_t)m->single[*s];
        out->n += m->single[*s] >= 0;
        return 0;
    }
    if (n > KEY_SIZE)
        return merge_word(enc, m, s, n, NULL, NULL, out);
    uint64_t key[3];
    load_key(s, n, end, key);
    struct encoder_word *word = &enc->words[place(key, n)];
    if (word->len != n || word->key[0] != key[0] || word->key[1] != key[1] ||
        word->key[2] != key[2])
        return merge_word(enc, m, s, n, key, word, out);
    memcpy(out->v + out->n, word->ids, sizeof word->ids);
    out->n += word->n;
    return 0;
}

int encoder_words(struct encoder *enc, const struct word_model *m, split_fn *split,
                  const uint8_t *s, size_t len, struct ids *out) {
    const uint8_t *end = s + len;
    int rc = 0;
    for (size_t n; s < end && rc == 0; s += n) {
        n = split(s, (size_t)(end - s));
        rc = put_word(enc, m, s, n, end, out);
    }
    return rc;
}

int encoder_spans(struct encoder *enc, const struct word_model *m, struct ids *out) {
    const struct pre_work *w = &enc->pre;
    const uint8_t *end = w->s + w->len;
    int rc = 0;
    for (size_t i = 0; i < w->n && rc == 0; i++) {
        const uint8_t *s = w->s + w->spans[i].at;
        size_t n = w->spans[i].len;
        if (!m->joined) {
            rc = put_word(enc, m, s, n, end, out);
            continue;
        }
        for (size_t k; n && rc == 0; s += k, n -= k) {
            k = word_model_cut(m, s, n);
            rc = put_word(enc, m, s, k, end, out);
        }
    }
    return rc;
}

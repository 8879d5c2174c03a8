/* Vectors of the sentences that lines are compared with: made when they are asked for, since few of
 * a large pool ever are, and some thousands of them kept. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "summary/examples_pool.h"

enum { SLOTS = 4096 };

struct examples_sentences {
    pthread_mutex_t lock;
    size_t slots;
    size_t *of;     /* [slots] the example, counted from 1, whose vector it is; 0: none */
    float *vectors; /* [slots, width] */
};

int examples_sentences_open(struct examples *x, struct err *e) {
    struct examples_sentences *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e, "vectors of sentences");
    pthread_mutex_init(&s->lock, NULL);
    x->sentences = s;
    s->slots = x->n < SLOTS ? x->n : SLOTS;
    s->of = calloc(s->slots + 1, sizeof *s->of);
    s->vectors = calloc(s->slots + 1, x->width * sizeof *s->vectors);
    return s->of && s->vectors ? 0 : err_nomem(e, "vectors of sentences");
}

void examples_sentences_free(struct examples_sentences *s) {
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s->of);
    free(s->vectors);
    free(s);
}

/* *missing: the places in `of` of those that are not kept. */
static size_t take(const struct examples *x, const size_t *of, size_t n, float *out,
                   size_t *missing) {
    struct examples_sentences *s = x->sentences;
    const size_t bytes = x->width * sizeof *out;
    size_t n_missing = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        size_t slot = of[i] % s->slots;
        if (s->of[slot] == of[i] + 1)
            memcpy(out + i * x->width, s->vectors + slot * x->width, bytes);
        else
            missing[n_missing++] = i;
    }
    pthread_mutex_unlock(&s->lock);
    return n_missing;
}

static void put(const struct examples *x, size_t index, const float *vector) {
    struct examples_sentences *s = x->sentences;
    size_t slot = index % s->slots;
    pthread_mutex_lock(&s->lock);
    s->of[slot] = index + 1;
    memcpy(s->vectors + slot * x->width, vector, x->width * sizeof *vector);
    pthread_mutex_unlock(&s->lock);
}

int examples_sentence_vectors(const struct examples *x, const size_t *of, size_t n, float *out,
                              struct err *e) {
    size_t missing[EXAMPLES_MOST_NEAREST];
    struct embed_text texts[EXAMPLES_MOST_NEAREST];
    if (!x->sentences || n > EXAMPLES_MOST_NEAREST)
        return err_set(e, PRECIS_EUSAGE, "vectors of %zu sentences cannot be had", n);
    size_t n_missing = take(x, of, n, out, missing);
    if (n_missing == 0)
        return 0;
    for (size_t i = 0; i < n_missing; i++) {
        const char *sentence = x->v[of[missing[i]]].x.sentence;
        texts[i] = (struct embed_text){sentence, strlen(sentence)};
    }
    float *made = malloc(n_missing * x->width * sizeof *made);
    int rc = made ? embedder_embed(x->em, texts, n_missing, NULL, made, NULL, e)
                  : err_nomem(e, "vectors of sentences");
    for (size_t i = 0; rc == 0 && i < n_missing; i++) {
        memcpy(out + missing[i] * x->width, made + i * x->width, x->width * sizeof *made);
        put(x, of[missing[i]], made + i * x->width);
    }
    free(made);
    return rc;
}

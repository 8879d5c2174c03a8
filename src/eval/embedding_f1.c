#include "eval/embedding_f1.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 32, SPECIAL = 2 };

/* [n, width], each row to length 1. The caller's; NULL: out of memory. */
static float *normalised(const float *v, size_t n, size_t width) {
    float *out = malloc(n * width * sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        const float *row = v + i * width;
        const double length = sqrt((double)embed_dot(row, row, width));
        const float scale = length > 0 ? (float)(1 / length) : 0;
        for (size_t k = 0; k < width; k++)
            out[i * width + k] = row[k] * scale;
    }
    return out;
}

int embedding_f1(const float *a, size_t a_tokens, const float *b, size_t b_tokens, size_t width,
                 double *out, struct err *e) {
    *out = 0;
    if (a_tokens <= SPECIAL || b_tokens <= SPECIAL)
        return 0;
    const size_t na = a_tokens - SPECIAL, nb = b_tokens - SPECIAL;
    float *x = normalised(a + width, na, width), *y = normalised(b + width, nb, width);
    double *nearest = malloc(nb * sizeof *nearest), precision = 0, recall = 0;
    int rc = 0;
    if (!x || !y || !nearest) {
        rc = err_nomem(e, "states of tokens");
        goto done;
    }
    for (size_t j = 0; j < nb; j++)
        nearest[j] = -1;
    for (size_t i = 0; i < na; i++) {
        double best = -1;
        for (size_t j = 0; j < nb; j++) {
            const double near = (double)embed_dot(x + i * width, y + j * width, width);
            best = fmax(best, near);
            nearest[j] = fmax(nearest[j], near);
        }
        precision += best / (double)na;
    }
    for (size_t j = 0; j < nb; j++)
        recall += nearest[j] / (double)nb;
    if (precision + recall > 0)
        *out = 2 * precision * recall / (precision + recall);
done:
    free(x);
    free(y);
    free(nearest);
    return rc;
}

/* The pairs begin .. begin + n, n at most AT_ONCE: the texts of both sides in one call. */
static int score_some(struct embedder *em, const atomic_bool *stop, const char *const *candidates,
                      const char *const *references, size_t n, double *cosine, double *f1,
                      struct err *e) {
    const size_t width = embedder_info(em)->width;
    struct embed_text texts[2 * AT_ONCE];
    struct embed_states states[2 * AT_ONCE];
    float *vectors = malloc(2 * n * width * sizeof *vectors);
    if (!vectors)
        return err_nomem(e, "vectors");
    for (size_t i = 0; i < n; i++) {
        texts[i] = (struct embed_text){candidates[i], strlen(candidates[i])};
        texts[n + i] = (struct embed_text){references[i], strlen(references[i])};
    }
    int rc = embedder_states(em, texts, 2 * n, &(struct embed_call){.stop = stop}, states, e);
    if (rc)
        goto done;
    for (size_t i = 0; i < 2 * n; i++)
        pooling_apply(&embedder_info(em)->pooling, states[i].v, states[i].n, width,
                      vectors + i * width);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        cosine[i] = f1[i] = 0;
        if (!texts[i].len || !texts[n + i].len)
            continue;
        cosine[i] = (double)embed_dot(vectors + i * width, vectors + (n + i) * width, width);
        rc = embedding_f1(states[i].v, states[i].n, states[n + i].v, states[n + i].n, width, &f1[i],
                          e);
    }
    for (size_t i = 0; i < 2 * n; i++)
        embed_states_free(&states[i]);
done:
    free(vectors);
    return rc;
}

int embedding_scores(struct embedder *em, const atomic_bool *stop, const char *const *candidates,
                     const char *const *references, size_t n, double *cosine, double *f1,
                     struct err *e) {
    const struct embedder_info *info = embedder_info(em);
    if (!info->pooling.normalise)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: its vectors are not normalised, so they have no cosine", info->name);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i += AT_ONCE) {
        const size_t some = n - i < AT_ONCE ? n - i : AT_ONCE;
        rc = score_some(em, stop, candidates + i, references + i, some, cosine + i, f1 + i, e);
    }
    return rc;
}

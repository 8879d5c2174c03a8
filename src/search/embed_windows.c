/* Texts longer than a model reads: windows of their tokens, and the mean of the windows' vectors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/embed_impl.h"

enum { WINDOWS = 256 /* that are embedded together */ };

struct windows {
    struct embedder *em;
    const struct embed_call *call;
    float *out; /* the call's */
    struct embed_note *notes;
    size_t before, after; /* special tokens around a text */
    struct ids ids;       /* of the windows that wait, one after the other */
    struct embed_ids v[WINDOWS];
    size_t starts[WINDOWS]; /* in ids */
    size_t n;
    float *vectors; /* [WINDOWS, width] */
};

/* The special tokens that a text begins with are those that an empty one and another have in
 * common. */
static int count_special(struct windows *w, struct err *e) {
    struct ids none = {0}, some = {0};
    struct tok *tok = embedder_tok(w->em);
    int rc = tok_encode(tok, "", 0, TOK_DEFAULT, &none, e);
    if (rc == 0)
        rc = tok_encode(tok, "a", 1, TOK_DEFAULT, &some, e);
    while (rc == 0 && w->before < none.n && w->before < some.n &&
           none.v[w->before] == some.v[w->before])
        w->before++;
    w->after = none.n - w->before;
    ids_free(&none);
    ids_free(&some);
    return rc;
}

/* Embeds the windows that wait. Each of several adds its vector times its tokens to its text's. */
static int flush(struct windows *w, struct err *e) {
    size_t width = embedder_info(w->em)->width;
    for (size_t i = 0; i < w->n; i++)
        w->v[i].v = w->ids.v + w->starts[i];
    int rc = embedder_embed_ids(w->em, w->v, w->n, w->call, w->vectors, e);
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        bool alone = w->notes[w->v[i].text].windows == 1;
        float *to = w->out + w->v[i].text * width, weight = alone ? 1 : (float)w->v[i].n;
        for (size_t k = 0; k < width; k++)
            to[k] += w->vectors[i * width + k] * weight;
    }
    w->n = w->ids.n = 0;
    return rc;
}

/* A window of `n` of a text's own tokens, with its special tokens around. */
static int add_window(struct windows *w, size_t text, const struct ids *all, size_t at, size_t n,
                      struct err *e) {
    w->starts[w->n] = w->ids.n;
    ids_append(&w->ids, all->v, w->before);
    ids_append(&w->ids, all->v + at, n);
    ids_append(&w->ids, all->v + all->n - w->after, w->after);
    if (w->ids.failed)
        return err_nomem(e, "tokens of a text");
    w->v[w->n] = (struct embed_ids){.n = w->ids.n - w->starts[w->n], .text = text};
    return ++w->n == WINDOWS ? flush(w, e) : 0;
}

static int add_text(struct windows *w, size_t text, const struct ids *all, struct err *e) {
    struct embed_note *note = &w->notes[text];
    size_t special = w->before + w->after, most = embedder_info(w->em)->max_tokens - special;
    size_t own = all->n > special ? all->n - special : 0;
    *note = (struct embed_note){.tokens = all->n, .all = all->n, .windows = all->n > 0};
    if (own > most)
        note->windows = (own + most - 1) / most;
    for (size_t i = 0, at = 0; i < note->windows; i++) { /* alike in length */
        size_t left = note->windows - i, n = (own - at + left - 1) / left;
        int rc = add_window(w, text, all, w->before + at, n, e);
        if (rc)
            return rc;
        at += n;
    }
    return 0;
}

/* Sums become means. */
static void finish(const struct windows *w, size_t n) {
    const struct embedder_info *info = embedder_info(w->em);
    for (size_t i = 0; i < n; i++) {
        const struct embed_note *note = &w->notes[i];
        float *v = w->out + i * info->width;
        float tokens = (float)(note->all + (note->windows - 1) * (w->before + w->after));
        if (note->windows < 2)
            continue;
        for (size_t k = 0; k < info->width; k++)
            v[k] /= tokens;
        if (info->pooling.normalise)
            pooling_normalise(v, info->width);
    }
}

int embedder_embed_windows(struct embedder *em, const struct embed_text *texts, size_t n,
                           const struct embed_call *call, float *out, struct embed_note *notes,
                           struct err *e) {
    struct windows *w = calloc(1, sizeof *w);
    struct ids all = {0};
    size_t width = embedder_info(em)->width;
    if (!w || !(w->vectors = malloc(WINDOWS * width * sizeof *w->vectors))) {
        free(w);
        return err_nomem(e, "windows");
    }
    w->em = em;
    w->call = call;
    w->out = out;
    w->notes = notes;
    memset(out, 0, n * width * sizeof *out);
    int rc = count_special(w, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        all.n = 0;
        size_t tokens;
        rc = tok_encode_within(embedder_tok(em), texts[i].s, texts[i].len, TOK_DEFAULT, SIZE_MAX,
                               &tokens, &all, e);
        if (rc) {
            char which[48];
            snprintf(which, sizeof which, "text %zu", i);
            err_prefix(e, which);
        } else {
            rc = add_text(w, i, &all, e);
        }
    }
    if (rc == 0 && w->n)
        rc = flush(w, e);
    if (rc == 0)
        finish(w, n);
    ids_free(&all);
    ids_free(&w->ids);
    free(w->vectors);
    free(w);
    return rc;
}

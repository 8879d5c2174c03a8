#include "eval/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/embedding_f1.h"
#include "eval/meteor.h"
#include "eval/rouge.h"

const char *eval_metric_name(enum eval_metric m) {
    static const char *const names[EVAL_METRICS] = {"bleu4",  "sentence_bleu", "bleu_cxg",
                                                    "rouge1", "rouge2",        "rougeL",
                                                    "meteor", "cosine",        "embedding_f1"};
    return names[m];
}

static const char *sentence(const struct eval_predictions *p, size_t i) {
    return p->v[i].summary ? p->v[i].summary : "";
}

static int score_words(const struct eval_items *items, const struct eval_predictions *predictions,
                       const struct wordnet *wordnet, size_t i, struct eval_scores *out,
                       struct err *e) {
    const char *c = sentence(predictions, i), *r = items->v[i].reference;
    const size_t nc = strlen(c), nr = strlen(r);
    struct rouge rouge = {0};
    int rc = bleu_count(c, nc, r, nr, &out->bleu[i], e);
    if (rc == 0)
        rc = bleu_codexglue(c, nc, r, nr, &out->values[EVAL_BLEU_CXG][i], e);
    if (rc == 0)
        rc = rouge_score(c, nc, r, nr, true, &rouge, e);
    if (rc == 0 && wordnet)
        rc = meteor_score(wordnet, c, nc, r, nr, &out->values[EVAL_METEOR][i], e);
    out->values[EVAL_SENTENCE_BLEU][i] = bleu_sentence(&out->bleu[i]);
    out->values[EVAL_ROUGE1][i] = rouge.rouge1;
    out->values[EVAL_ROUGE2][i] = rouge.rouge2;
    out->values[EVAL_ROUGEL][i] = rouge.rougeL;
    out->said[i] = c[0] && python_rstrip(c, nc) > 0;
    return rc;
}

static int make_room(size_t n, const struct eval_options *o, struct eval_scores *out,
                     struct err *e) {
    const size_t room = n ? n : 1;
    *out = (struct eval_scores){.n = n};
    out->bleu = calloc(room, sizeof *out->bleu);
    out->said = calloc(room, sizeof *out->said);
    bool whole = out->bleu && out->said;
    for (int m = EVAL_SENTENCE_BLEU; m < EVAL_METRICS; m++) {
        if ((m == EVAL_METEOR && !o->wordnet) ||
            ((m == EVAL_COSINE || m == EVAL_EMBEDDING_F1) && !o->embedder))
            continue;
        out->values[m] = calloc(room, sizeof *out->values[m]);
        whole &= out->values[m] != NULL;
    }
    if (o->embedder) {
        out->acceptable = calloc(room, sizeof *out->acceptable);
        whole &= out->acceptable != NULL;
    }
    return whole ? 0 : err_nomem(e, "scores");
}

static int score_meaning(const struct eval_items *items, const struct eval_predictions *predictions,
                         const struct eval_options *o, struct eval_scores *out, struct err *e) {
    const size_t n = items->n;
    const char **c = malloc((n ? n : 1) * sizeof *c), **r = malloc((n ? n : 1) * sizeof *r);
    int rc = 0;
    if (!c || !r) {
        rc = err_nomem(e, "sentences");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        c[i] = out->said[i] ? sentence(predictions, i) : "";
        r[i] = items->v[i].reference;
    }
    rc = embedding_scores(o->embedder, o->stop, c, r, n, out->values[EVAL_COSINE],
                          out->values[EVAL_EMBEDDING_F1], e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        out->acceptable[i] = out->said[i] &&
                             out->values[EVAL_COSINE][i] >= EVAL_ACCEPTABLE_COSINE &&
                             predictions->v[i].grounded != EVAL_GROUNDED_NO;
done:
    free(c);
    free(r);
    return rc;
}

int eval_score(const struct eval_items *items, const struct eval_predictions *predictions,
               const struct eval_options *o, struct eval_scores *out, struct err *e) {
    int rc = make_room(items->n, o, out, e);
    for (size_t i = 0; rc == 0 && i < items->n; i++)
        rc = o->stop && atomic_load(o->stop)
                 ? err_set(e, PRECIS_ECANCELLED, "stopped at item %zu", i)
                 : score_words(items, predictions, o->wordnet, i, out, e);
    out->grounded_known = true;
    for (size_t i = 0; rc == 0 && i < items->n; i++)
        if (out->said[i] && predictions->v[i].grounded == EVAL_GROUNDED_UNKNOWN)
            out->grounded_known = false;
    if (rc == 0 && o->embedder)
        rc = score_meaning(items, predictions, o, out, e);
    if (rc)
        eval_scores_free(out);
    return rc;
}

void eval_scores_free(struct eval_scores *s) {
    free(s->bleu);
    free(s->said);
    free(s->acceptable);
    for (int m = 0; m < EVAL_METRICS; m++)
        free(s->values[m]);
    *s = (struct eval_scores){0};
}

double eval_statistic(void *user, const size_t *sample, size_t n) {
    const struct eval_measure *m = user;
    struct bleu_counts counts = {0};
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        const size_t i = m->items ? m->items[sample[k]] : sample[k];
        if (m->metric == EVAL_BLEU4)
            bleu_add(&counts, &m->scores->bleu[i]);
        else
            sum += m->scores->values[m->metric][i];
    }
    if (m->metric == EVAL_BLEU4)
        return bleu_corpus(&counts);
    return n ? sum / (double)n : NAN;
}

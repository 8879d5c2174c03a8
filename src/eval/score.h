/* The scores of a system's sentences against the authors': all items, and each language and kind
 * apart. Items and predictions in, a report out; who made the predictions does not matter here.
 *
 * An item without a prediction counts as an empty sentence: it scores what an empty one scores, and
 * is no success. */
#ifndef PRECIS_EVAL_SCORE_H
#define PRECIS_EVAL_SCORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "eval/bleu.h"
#include "eval/bootstrap.h"
#include "eval/calibration.h"
#include "eval/items.h"

struct wordnet;
struct embedder;

enum eval_metric {
    EVAL_BLEU4,         /* 0..100, over all words of a group: bleu_corpus */
    EVAL_SENTENCE_BLEU, /* 0..100; this and all below: the mean over items */
    EVAL_BLEU_CXG,      /* 0..100 */
    EVAL_ROUGE1,        /* 0..1, with stemmer */
    EVAL_ROUGE2,
    EVAL_ROUGEL,
    EVAL_METEOR,       /* 0..1 */
    EVAL_COSINE,       /* of sentence embeddings, -1..1; an empty sentence has 0 */
    EVAL_EMBEDDING_F1, /* see embedding_f1.h; an empty sentence has 0 */
    EVAL_METRICS
};

const char *eval_metric_name(enum eval_metric m); /* as in the JSON: "bleu4" */

/* E6: a sentence is acceptable when its cosine is at least this and it is grounded. */
#define EVAL_ACCEPTABLE_COSINE 0.5

struct eval_options {
    const struct wordnet *wordnet; /* NULL: no METEOR */
    struct embedder *embedder;     /* NULL: no cosine, no embedding F1, nothing is acceptable */
    const atomic_bool *stop;       /* may be NULL; set by anyone: PRECIS_ECANCELLED */
    struct bootstrap bootstrap;
};

/* Values of each item, in the items' order; what two systems are compared by. */
struct eval_scores {
    size_t n;
    struct bleu_counts *bleu;     /* owned, [n] */
    double *values[EVAL_METRICS]; /* owned, [n] each; NULL: not measured, and EVAL_BLEU4's */
    bool *said;                   /* owned, [n]: there is a sentence with a character in it */
    /* owned, [n]: cosine enough and not known to be ungrounded. NULL: no embedder */
    bool *acceptable;
    bool grounded_known; /* every sentence says whether it is grounded */
};

/* Errors: PRECIS_ENOMEM, PRECIS_ECANCELLED, those of WordNet and of the embedder. */
int eval_score(const struct eval_items *items, const struct eval_predictions *predictions,
               const struct eval_options *o, struct eval_scores *out, struct err *e);
void eval_scores_free(struct eval_scores *s); /* safe on zeroed ones; leaves them zeroed */

struct eval_value {
    bool there;
    double value;
    struct interval interval;
};

struct eval_group {
    const char *name; /* a language or kind, borrowed from the items; "all" */
    size_t n;
    struct eval_value metrics[EVAL_METRICS];
    double success_rate;
    /* Of the items with a sentence and a confidence, n_confident of them. */
    size_t n_confident;
    double mean_confidence; /* NaN: none */
    bool calibrated;        /* calibration is filled in: there are confidences and cosines */
    struct calibration calibration;
};

enum { EVAL_MOST_GROUPS = 256 };

struct eval_report {
    struct eval_group all;
    struct eval_group *languages, *kinds; /* owned, in alphabetical order */
    size_t n_languages, n_kinds;
    bool grounded_known;
};

/* Borrows names from the items. Errors: PRECIS_ENOMEM, PRECIS_ELIMIT (languages, kinds),
 * bootstrap_interval's. */
int eval_report_make(const struct eval_items *items, const struct eval_predictions *predictions,
                     const struct eval_scores *scores, const struct bootstrap *b,
                     struct eval_report *out, struct err *e);
void eval_report_free(struct eval_report *r); /* safe on a zeroed one; leaves it zeroed */

/* Of the items in `sample` (see bootstrap.h), for comparing two systems: user is an eval_measure.
 */
struct eval_measure {
    const struct eval_scores *scores;
    enum eval_metric metric;
    const size_t *items; /* the group's; NULL: all */
};
double eval_statistic(void *user, const size_t *sample, size_t n);

#endif

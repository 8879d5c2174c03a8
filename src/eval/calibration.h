/* How far confidences are probabilities: of n summaries, confidence[i] in 0..1 and whether it was
 * acceptable. And the fit that makes probabilities of features. */
#ifndef PRECIS_EVAL_CALIBRATION_H
#define PRECIS_EVAL_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "eval/bootstrap.h"

enum { CALIBRATION_BINS = 10, CALIBRATION_MOST_FEATURES = 64 };

struct calibration_bin {
    size_t n;
    double low, high;       /* the least and the greatest confidence in it */
    double mean_confidence; /* of its items */
    double acceptable;      /* share of its items */
};

struct calibration {
    size_t n;
    double mean_confidence, base_rate; /* base_rate: the share that is acceptable */
    /* Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015) over bins of equal
     * mass: the mean over items of |mean confidence - share acceptable| of their bin. */
    double ece;
    struct interval ece_interval; /* by resampling the items */
    double auroc;                 /* that an acceptable one has more confidence than another, ties
                                     counting half (Mann and Whitney 1947); NaN: all are alike */
    struct interval auroc_interval;
    double brier;      /* mean squared difference of confidence and 0 or 1 (Brier 1950) */
    double base_brier; /* that of the base rate as a constant confidence */
    /* Reliability, from little to much confidence. Items with the same confidence are always in the
     * same bin, so that the order of items does not matter; hence there may be fewer bins. */
    struct calibration_bin bins[CALIBRATION_BINS];
    size_t n_bins;
};

/* n 0: all values NaN. Errors: PRECIS_EUSAGE (a confidence out of 0..1, with its index),
 * PRECIS_ENOMEM, bootstrap_interval's. */
int calibration_measure(const double *confidence, const bool *acceptable, size_t n,
                        const struct bootstrap *b, struct calibration *out, struct err *e);

/* Logistic regression: p = 1 / (1 + exp(-(weights[0] + sum weights[1 + k] * feature k))). */
struct logistic {
    double weights[1 + CALIBRATION_MOST_FEATURES]; /* the constant first */
    size_t features;
};

/* Minimises the sum over items of -log p(what it is) + l2 / 2 * sum of squared weights (not the
 * constant), by Newton's method with halved steps, to a gradient below 1e-9 for each item: what
 * scikit-learn's LogisticRegression(C = 1 / l2) finds. x: [n, features], rows one after another;
 * one feature is Platt's scaling (Platt 1999, without his priors). Features should be of like
 * scale, since l2 weighs them alike. Errors: PRECIS_EUSAGE (no items, too many features, l2 not
 * above 0, a feature that is not finite, all items acceptable or none), PRECIS_ENOMEM. */
int calibration_fit_logistic(const double *x, const bool *acceptable, size_t n, size_t features,
                             double l2, struct logistic *out, struct err *e);
double calibration_predict(const struct logistic *m, const double *x); /* x: [features] */

#endif

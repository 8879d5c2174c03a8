/* Made by tools/eval/fit_confidence.py. */
#ifndef PRECIS_SUMMARY_JUDGE_WEIGHTS_H
#define PRECIS_SUMMARY_JUDGE_WEIGHTS_H

#include "summary/judge.h"

struct judge_weights {
    double constant, of[JUDGE_FEATURES];
};

static const struct judge_weights judge_by_vectors = {0, {0}};
static const struct judge_weights judge_by_words = {0, {0}};

#endif

/* Made by tools/eval/fit_confidence.py. */
#ifndef PRECIS_SUMMARY_JUDGE_WEIGHTS_H
#define PRECIS_SUMMARY_JUDGE_WEIGHTS_H

#include "summary/judge.h"

struct judge_weights {
    double constant, of[JUDGE_FEATURES];
};

/* clang-format off */
static const struct {
    const char *model; /* in the catalogue; the last: any other */
    struct judge_weights by_vectors, by_words;
} judge_tables[] = {
    {"default", {0, {0}}, {0, {0}}},
};
/* clang-format on */

#endif

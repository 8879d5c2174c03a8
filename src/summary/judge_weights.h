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
    {"smollm2",
     {
        -5.91443,
        {
            [JUDGE_AGREEMENT] = 2.43512,
            [JUDGE_WORDS] = -0.415993,
            [JUDGE_ALL] = 2.41102,
            [JUDGE_MEAN] = -0.0508845,
            [JUDGE_LEAST] = -0.00534398,
            [JUDGE_KEY] = 1.45444,
            [JUDGE_NAME] = 1.44695,
            [JUDGE_TEXT] = 1.91339,
            [JUDGE_EXAMPLE] = -0.203958,
            [JUDGE_EXAMPLES] = 0.153426,
            [JUDGE_NEAREST] = 0.647079,
            [JUDGE_OVERLAP] = 0.904338,
            [JUDGE_LENGTH] = -0.170471,
            [JUDGE_END] = -0.0236502,
            [JUDGE_SIZE] = 0.0513667,
            [JUDGE_OUTLINED] = 0.0376921,
        }},
     {
        -0.399851,
        {
            [JUDGE_WORDS] = 1.05577,
            [JUDGE_MEAN] = 0.140818,
            [JUDGE_LEAST] = 0.0134457,
            [JUDGE_OVERLAP] = 1.96571,
            [JUDGE_LENGTH] = -0.210948,
            [JUDGE_END] = 0.043667,
            [JUDGE_SIZE] = -0.0801099,
            [JUDGE_OUTLINED] = -0.0540623,
        }}},
    {"default",
     {
        -3.44571,
        {
            [JUDGE_AGREEMENT] = 1.67626,
            [JUDGE_WORDS] = 0.290605,
            [JUDGE_ALL] = 1.55109,
            [JUDGE_MEAN] = -0.00754843,
            [JUDGE_LEAST] = -0.00630903,
            [JUDGE_KEY] = 1.61503,
            [JUDGE_NAME] = 0.801436,
            [JUDGE_TEXT] = 1.17386,
            [JUDGE_EXAMPLE] = -0.389965,
            [JUDGE_EXAMPLES] = 0.710318,
            [JUDGE_NEAREST] = 0.0218763,
            [JUDGE_OVERLAP] = -0.00679795,
            [JUDGE_LENGTH] = 0.0383146,
            [JUDGE_END] = 0.0802768,
            [JUDGE_SIZE] = -0.0181317,
            [JUDGE_OUTLINED] = -0.154993,
        }},
     {
        0.747894,
        {
            [JUDGE_WORDS] = 1.08502,
            [JUDGE_MEAN] = 0.0953308,
            [JUDGE_LEAST] = 0.00213995,
            [JUDGE_OVERLAP] = 0.39501,
            [JUDGE_LENGTH] = -0.011371,
            [JUDGE_END] = 0.0955483,
            [JUDGE_SIZE] = -0.0697954,
            [JUDGE_OUTLINED] = -0.22288,
        }}},
};
/* clang-format on */

#endif

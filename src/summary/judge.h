/* Which of several lines about a chunk is taken, and how likely it is acceptable.
 *
 * The line taken is the one that the others agree with most (minimum Bayes risk decoding: Kumar and
 * Byrne, HLT-NAACL 2004; Eikema and Aziz, COLING 2020), weighed with how likely the model found it
 * and how near it is to the code; weights in judge.c. The confidence is a logistic regression over
 * features of the line (judge_weights.h), fitted by tools/eval/fit_confidence.py on repositories
 * that no figure of docs/summaries.md is of: the probability that the sentence of the code's author
 * is near (cosine >= 0.50) and that nothing in the line is invented. */
#ifndef PRECIS_SUMMARY_JUDGE_H
#define PRECIS_SUMMARY_JUDGE_H

#include <stddef.h>

#include "base/err.h"
#include "search/embed.h"
#include "summary/evidence.h"

enum judge_feature {
    JUDGE_AGREEMENT, /* mean cosine to all lines, itself among them */
    JUDGE_WORDS,     /* the same of words and pairs of words (F1) */
    JUDGE_ALL,       /* mean cosine of all lines to each other */
    JUDGE_MEAN,      /* mean log-probability */
    JUDGE_LEAST,     /* the least of them */
    JUDGE_KEY,       /* cosine to the chunk's key */
    JUDGE_NAME,      /* to its names */
    JUDGE_TEXT,      /* to its text */
    JUDGE_EXAMPLE,   /* the greatest to the sentence of an example */
    JUDGE_EXAMPLES,  /* mean over the nearest four */
    JUDGE_NEAREST,   /* cosine of the chunk to the nearest example's code */
    JUDGE_OVERLAP,   /* share of its words that the chunk has */
    JUDGE_INVENTED,  /* 1: it names what is not there */
    JUDGE_LENGTH,    /* logarithm of its words */
    JUDGE_END,       /* log-probability of ending where it does */
    JUDGE_SIZE,      /* logarithm of the chunk's bytes */
    JUDGE_OUTLINED,  /* 1: the model saw an outline */
    JUDGE_FEATURES
};

const char *judge_feature_name(enum judge_feature f);

struct judge_line {
    const char *text;   /* borrowed */
    double mean, least; /* of its tokens' probabilities, as confidence_from_logprobs */
    double end_logprob;
};

struct verdict {
    size_t best; /* of the lines */
    double confidence;
    bool grounded;
    double features[JUDGE_FEATURES]; /* of the best */
};

/* What the evidence was made with. Borrowed. */
struct judge_tools {
    struct embedder *em; /* NULL: by words and likelihood alone, and the confidence says less */
    const struct examples *pool; /* NULL: none */
    const char *model; /* that said the lines: its name in the catalogue, for the confidence */
};

/* n in 1 .. ENGINE_MAX_BEAMS. Errors: the embedder's, PRECIS_ENOMEM. */
int judge(const struct judge_line *lines, size_t n, const struct evidence *evidence,
          const struct judge_tools *tools, struct verdict *out, struct err *e);

#endif

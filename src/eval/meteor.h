/* METEOR (Lavie and Agarwal, "METEOR: An Automatic Metric for MT Evaluation with High Levels of
 * Correlation with Human Judgments", WMT 2007) as nltk 3.10's single_meteor_score computes it with
 * its defaults: words in lower case, matched exactly, then by Porter's stem, then by WordNet's
 * synonyms, each from the end; alpha 0.9, beta 3, gamma 0.5. As there, the third step compares
 * stems with the synonyms of stems, so that a word which its stem is not ("alway") has none.
 *
 * nltk wants words. Ours are those of sacrebleu's tokenizer 13a (bleu_words): marks stand alone and
 * count, as with nltk's own word_tokenize. */
#ifndef PRECIS_EVAL_METEOR_H
#define PRECIS_EVAL_METEOR_H

#include <stddef.h>

#include "base/err.h"
#include "eval/wordnet.h"

/* out: 0..1. Texts are valid UTF-8. Errors: wordnet_synonyms's, PRECIS_ENOMEM. */
int meteor_score(const struct wordnet *w, const char *candidate, size_t candidate_len,
                 const char *reference, size_t reference_len, double *out, struct err *e);

#endif

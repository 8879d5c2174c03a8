/* BLEU (Papineni et al., ACL 2002) of one candidate against one reference, as three programs count
 * it. All scores are 0..100. Texts are valid UTF-8; case matters but in CodeXGLUE's. */
#ifndef PRECIS_EVAL_BLEU_H
#define PRECIS_EVAL_BLEU_H

#include <stddef.h>

#include "base/err.h"
#include "eval/ngram.h"

/* What sacrebleu adds up over a corpus. */
struct bleu_counts {
    size_t candidate_words, reference_words;
    size_t matched[NGRAM_MOST], total[NGRAM_MOST]; /* total: of the candidate */
};

/* Words of sacrebleu's tokenizer "13a" (that of mteval-v13a). Appends to out. Errors:
 * PRECIS_ENOMEM. */
int bleu_words(const char *text, size_t len, struct words *out, struct err *e);

/* Errors of both: PRECIS_ENOMEM. */
int bleu_count(const char *candidate, size_t candidate_len, const char *reference,
               size_t reference_len, struct bleu_counts *out, struct err *e);
void bleu_add(struct bleu_counts *sum, const struct bleu_counts *one);

/* sacrebleu.corpus_bleu(candidates, [references]).score: tokenizer 13a, mixed case, smoothing
 * "exp". */
double bleu_corpus(const struct bleu_counts *sum);

/* sacrebleu.sentence_bleu(candidate, [reference], smooth_method="add-k", smooth_value=1).score. */
double bleu_sentence(const struct bleu_counts *one);

/* What CodeXGLUE's evaluator.py of code-to-text gives for one item (its bleuFromMaps()[0] is the
 * mean over items): lower case, words and marks apart, add-one above unigrams, and a brevity
 * penalty from lengths plus one, so that an empty candidate has exp(-reference words) * 100. A tab
 * or newline, which its files could not hold, is a space. */
int bleu_codexglue(const char *candidate, size_t candidate_len, const char *reference,
                   size_t reference_len, double *out, struct err *e);

#endif

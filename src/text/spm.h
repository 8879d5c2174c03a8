/* SentencePiece's BPE, which has scores, as BPE that has ranked merges: what transformers'
 * conversion writes into tokenizer.json. */
#ifndef PRECIS_TEXT_SPM_H
#define PRECIS_TEXT_SPM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct spm_piece {
    const char *s; /* len bytes of valid UTF-8, borrowed during the call */
    uint32_t len;
    double score;
};

struct spm_merge {
    uint32_t left, right, merged; /* ids: places in the array of pieces */
};

/* All cuts of a piece into two pieces, by falling score of the whole, then by falling lengths (in
 * characters) of left and right, then in the order of the pieces. *out (the caller's to free,
 * NULL when there are none) holds *n_out merges in the order of their ranks. Of equal pieces the
 * last counts. For Gemma a piece's score is minus its place, for others what the file says.
 * Errors: PRECIS_EINPUT (a score that is no number), PRECIS_ELIMIT, PRECIS_ENOMEM. */
int spm_merges(const struct spm_piece *pieces, size_t n, struct spm_merge **out, size_t *n_out,
               struct err *e);

#endif

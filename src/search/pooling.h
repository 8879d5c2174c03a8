/* How an encoder's states become one vector: what sentence-transformers' files in a model's folder
 * say, and the arithmetic of it.
 *
 * modules.json lists the steps: a Transformer, a Pooling (its own folder's config.json names the
 * mode) and perhaps a Normalize. sentence_bert_config.json, tokenizer_config.json and the model's
 * context bound the length. Without modules.json: mean and normalise, which is said. */
#ifndef PRECIS_SEARCH_POOLING_H
#define PRECIS_SEARCH_POOLING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum pooling_mode { POOLING_MEAN, POOLING_CLS, POOLING_MODES };

struct pooling {
    enum pooling_mode mode;
    bool normalise;    /* to length 1 */
    bool assumed;      /* no modules.json said so */
    bool lower;        /* texts are lower-cased first: a tokenizer that does not do it is refused */
    size_t max_tokens; /* in a text, special tokens included; 0: nothing says it */
};

const char *pooling_mode_name(enum pooling_mode m); /* "mean", "cls" */

/* model: the path of a folder, or of a file in one. Errors name the file: PRECIS_EUNSUPPORTED
 * (other modules and modes, several modes at once, a default prompt, truncation from the left, all
 * by name), PRECIS_EINPUT (not the JSON that it should be), PRECIS_EIO, PRECIS_ENOMEM. */
int pooling_read(const char *model, struct pooling *out, struct err *e);

/* states: [n, width] f32 of all tokens of a text, special ones too; out: [width]. Sums are added up
 * in the order of the tokens; n 0 gives zeros. */
void pooling_apply(const struct pooling *p, const float *states, size_t n, size_t width,
                   float *out);

/* v[width] to length 1; zeros stay. */
void pooling_normalise(float *v, size_t width);

#endif

/* Which tensors a model consists of: their names in a GGUF and in a Hugging Face folder, and the
 * shapes that follow from its configuration. */
#ifndef PRECIS_MODEL_LAYOUT_H
#define PRECIS_MODEL_LAYOUT_H

#include "model/config.h"
#include "model/tensor_set.h"

enum { LAYOUT_PREFIX_SIZE = 40 };

/* How the names of a folder's tensors begin; NULL stands for the names of a GGUF. */
struct layout_names {
    char prefix[LAYOUT_PREFIX_SIZE]; /* "model.", "" */
    char output[LAYOUT_PREFIX_SIZE]; /* "lm_head.weight" */
    bool gains_less_one;             /* gains are stored as what they exceed 1 by */
};

/* Binds everything, checking that it is there with its type and shape. c is complete but for
 * `parameters`, which is filled in. Errors as tensor_set_bind. */
int layout_bind_decoder(struct tensor_set *s, struct decoder_config *c,
                        const struct layout_names *names, struct err *e);
int layout_bind_encoder(struct tensor_set *s, struct encoder_config *c,
                        const struct layout_names *names, struct err *e);

/* A stored tensor that nobody asked for would change the result, so it is an option by another
 * name: PRECIS_EUNSUPPORTED, unless `ignored` says that it does not count. */
int layout_check_unused(const struct tensor_set *s, const char *architecture,
                        bool (*ignored)(struct str name), struct err *e);
/* The type of all used matrices as files say it ("F16"), or "mixed". */
const char *layout_file_type(const struct tensor_set *s);

#endif

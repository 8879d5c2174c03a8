/* What the native engine's encoders (Devlin et al. 2018) are made of: weights packed for the
 * kernels, and a pass over rows (tokens) packed from several jobs without padding. */
#ifndef PRECIS_ENGINE_ENCODER_H
#define PRECIS_ENGINE_ENCODER_H

#include <stdatomic.h>

#include "kernel/encoder.h"
#include "kernel/matmul.h"
#include "model/checkpoint.h"
#include "model/rotate.h"

struct encoder_linear {
    struct weight *packed; /* f32, bf16 */
    struct weight8 int8;   /* in `memory` */
    void *memory;
    float *bias; /* [n] */
};

struct encoder_layer {
    struct encoder_linear qkv; /* rows: q heads, k heads, v heads, each of `dim` rows */
    struct encoder_linear attention_out, up, down;
    float *attention_gain, *attention_shift, *output_gain, *output_shift; /* [hidden] */
};

/* Immutable once packed. */
struct encoder_weights {
    struct encoder_config config; /* the checkpoint's */
    enum dtype type;              /* f32, bf16, int8 */
    int dim; /* of a head as it is computed: head_dim and zeros up to a multiple of 16 */
    struct checkpoint *checkpoint;
    const struct tensor *tokens, *positions; /* rows are dequantised as they are looked up */
    float *first_type;                       /* [hidden]: that of every token */
    float *embedding_gain, *embedding_shift; /* [hidden] */
    struct encoder_layer *layers;
    struct matmul *matmul; /* NULL with int8 */
    /* int8 only: how hidden states, each head's values and what the feed-forward's second layer
     * reads are turned. */
    struct rotation hidden, head, inner;
    size_t bytes; /* of everything packed */
};

/* Whether int8 can be had of the model: PRECIS_EUNSUPPORTED says what it cannot take. */
int encoder_weights_check8(const struct encoder_config *c, struct err *e);
/* w (zeroed but for type) takes over an encoder's checkpoint. */
void encoder_weights_init(struct encoder_weights *w, struct checkpoint *c);
/* Bytes that packing will need, about. */
size_t encoder_weights_estimate(const struct encoder_weights *w);
int encoder_weights_pack(struct encoder_weights *w, const struct kernel *kernel, int threads,
                         struct err *e);
void encoder_weights_free(struct encoder_weights *w);

enum {
    PASS_ROWS = 512, /* most rows that several jobs fill; one alone may have more */
    PASS_SPANS = 16  /* most jobs in a pass */
};

/* A job in a pass. */
struct encoder_span {
    const uint32_t *ids; /* [n], each below the vocabulary */
    int row, n;          /* n 0: it takes no part */
    const atomic_bool *cancelled;
};

/* What a lane owns. */
struct encoder_workspace;
int encoder_workspace_new(const struct encoder_weights *w, struct encoder_workspace **out,
                          struct err *e); /* in its thread */
void encoder_workspace_free(struct encoder_workspace *ws);
/* Needs the configuration, the type and dim only. */
size_t encoder_workspace_bytes(const struct encoder_weights *w);

struct encoder_pass {
    const struct encoder_weights *w;
    const struct kernel *kernel;
    struct encoder_span spans[PASS_SPANS];
    int n_spans, rows; /* rows <= PASS_ROWS, or one span of up to the context */
};

/* The last hidden states of all rows, [rows, hidden] f32, borrowed from ws until its next pass.
 * PRECIS_ECANCELLED: all spans were cancelled on the way. Errors: PRECIS_ENOMEM. */
int encoder_pass_run(const struct encoder_pass *p, struct encoder_workspace *ws,
                     const float **states, struct err *e);

#endif

/* A decoder's weights, packed for the kernels. Immutable once loaded. */
#ifndef PRECIS_ENGINE_WEIGHTS_H
#define PRECIS_ENGINE_WEIGHTS_H

#include "kernel/matmul.h"
#include "model/config.h"
#include "model/gguf.h"

struct layer {
    float *attention_norm, *ffn_norm; /* [hidden] */
    float *qkv_bias;                  /* [(heads + 2 kv_heads) * head_dim], or NULL */
    struct weight *qkv;               /* rows: q heads, k heads, v heads */
    struct weight *attention_out;     /* [hidden, heads * head_dim] */
    struct weight *gate_up;           /* [2 intermediate, hidden]: gate, then up */
    struct weight *down;              /* [hidden, intermediate] */
};

struct weights {
    struct decoder_config config;
    enum dtype type;
    struct gguf *gguf;
    const struct gguf_tensor *embedding; /* rows are dequantised as they are looked up */
    size_t embedding_row;                /* bytes */
    float *output_norm;                  /* [hidden] */
    struct weight *output;               /* [vocab, hidden] */
    struct layer *layers;
    struct matmul *matmul;
    size_t bytes; /* of everything packed */
};

/* Opens the file and reads its configuration; w is zeroed by the caller, who frees it also after
 * failure. */
int weights_open(struct weights *w, const char *path, struct err *e);
/* Bytes that packing will need, known from the configuration. */
size_t weights_estimate(const struct decoder_config *c, enum dtype type);
/* Dequantises and packs on `threads` threads. */
int weights_pack(struct weights *w, const struct kernel *kernel, enum dtype type, int threads,
                 struct err *e);
void weights_free(struct weights *w);

/* x[hidden] = the embedding of a token (id < vocab). */
void weights_embed(const struct weights *w, uint32_t id, float *x);

#endif

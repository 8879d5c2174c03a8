/* A decoder's weights, packed for the kernels. Immutable once loaded. */
#ifndef PRECIS_ENGINE_WEIGHTS_H
#define PRECIS_ENGINE_WEIGHTS_H

#include "kernel/matmul.h"
#include "model/checkpoint.h"
#include "model/packed.h"
#include "model/rotate.h"

/* The Hadamard blocks before down have at most so many values. */
enum { MOST_DOWN_BLOCK = 256 };

/* A layer's linear layers in int8. The residual stream is rotated (and the norms' gains are folded
 * in), so are each head's values, and what down multiplies by the kernel's Hadamard blocks. */
struct layer8 {
    struct weight8 qkv, attention_out, down;
    struct weight8 gate_up; /* [2 intermediate, hidden]: panels of 16 gates and 16 values in turn */
    const float *qkv_bias;  /* borrowed from the packed file; NULL: none */
};

struct layer {
    float *attention_norm, *ffn_norm;           /* [hidden] */
    float *post_attention_norm, *post_ffn_norm; /* [hidden]; NULL: outputs are not normed */
    float *qkv_bias;                            /* [(heads + 2 kv_heads) * dim], or NULL */
    struct weight *qkv;                         /* rows: q heads, k heads, v heads */
    struct weight *attention_out;               /* [hidden, heads * dim] */
    struct weight *gate_up;                     /* [2 intermediate, hidden]: gate, then up */
    struct weight *down;                        /* [hidden, intermediate] */
};

struct weights {
    struct decoder_config config; /* the checkpoint's */
    enum dtype type;              /* of the linear layers: f32, bf16, int8 */
    enum dtype kv_type;           /* of keys and values */
    unsigned dim;    /* of a head as it is packed: head_dim rounded up to 16, the rest zeros */
    bool local_rope; /* sliding layers rotate by config.rope_local */
    struct checkpoint *checkpoint;
    const struct tensor *embedding; /* rows are dequantised as they are looked up */
    size_t embedding_row;           /* bytes */
    float *output_norm;             /* [hidden] */
    float *qk_norms;                /* [layers][2][head_dim]: of q and of k; NULL: none */
    struct weight *output;          /* [vocab, hidden] */
    struct layer *layers;
    struct matmul *matmul;
    size_t bytes; /* of everything packed */

    /* int8 only. */
    bool fours; /* the layers' weights are kept in 4 bits; set before packing */
    struct packed *packed;
    struct layer8 *layers8;
    struct weight8 output8;
    struct rotation residual; /* of the embedding's rows as they are looked up */
    int down_block;           /* size of the Hadamard blocks before down */
};

/* w (zeroed) takes over a decoder's checkpoint. */
void weights_init(struct weights *w, struct checkpoint *c);
/* Bytes that packing will need, known from the configuration, the type and fours (int8: exactly).
 */
size_t weights_estimate(const struct weights *w);
/* Dequantises and packs on `threads` threads. f32 and bf16 are packed in memory; int8 comes from a
 * file in the cache that is made when it is not there. w->type, kv_type and fours are set before.
 */
int weights_pack(struct weights *w, const struct kernel *kernel, int threads, struct err *e);
void weights_free(struct weights *w);

/* x becomes [groups][to][width] from [groups][from][width]; what is new is zeros. */
void weights_spread(float *x, size_t groups, size_t from, size_t to, size_t width);

/* What both ways of packing read: the tensor "blk.LAYER.NAME.SUFFIX" (checked to be there
 * when the checkpoint was opened), and all values of a tensor (the caller frees; NULL: out of
 * memory). */
const struct tensor *weights_tensor(const struct weights *w, int layer, const char *name,
                                    const char *suffix);
float *weights_values(const struct tensor *t);
/* GGUF files of the llama architecture interleave the halves that rotary pairs (trap 3): row 2i + j
 * of a head there is row j * dim / 2 + i here. rows: [heads * dim, width]; temp: [dim, width]. */
void weights_undo_interleave(float *rows, size_t heads, size_t dim, size_t width, float *temp);

/* weights8.c: the same for int8. */
int weights8_pack(struct weights *w, int threads, struct err *e);
/* What int8 cannot take, said of the model: PRECIS_EUNSUPPORTED. */
int weights8_check(const struct decoder_config *c, struct err *e);
size_t weights8_estimate(const struct weights *w);

/* x[hidden] = the embedding of a token (id < vocab). */
void weights_embed(const struct weights *w, uint32_t id, float *x);

#endif

/* What the parts of a forward pass share: its buffers, and the two ways of computing a block of
 * rows. */
#ifndef PRECIS_ENGINE_FORWARD_IMPL_H
#define PRECIS_ENGINE_FORWARD_IMPL_H

#include "engine/forward.h"

/* Queries against one group of key/value heads: a unit of attention work, without the head. */
struct query_block {
    int span, first, tokens;
};

struct workspace {
    struct matmul_lane *matmul; /* NULL with int8 */
    /* For a block of MATMUL_ROWS rows. Float layers: */
    void *normed, *gate_up, *gated;
    /* int8 layers: rows as they go into a product, and gated values, f32. */
    struct rows8 rows8;
    uint8_t *bytes8;
    float *scales8, *gated8;
    int8_t *unpacked; /* of weights in 4 bits, those of the outputs that are being computed */
    float *y;
    float *logits; /* [LOGIT_ROWS, vocab] */
    void *attention;
    /* The tile: [TILE_ROWS + MATMUL_ROWS] rows, since products read padded rows. */
    float *x;           /* the residual stream */
    void *q, *attended; /* of the type that attention takes */
    void *wanted;       /* rows for the output layer, as it takes them */
    float *wanted_scales;
    float *rope;       /* [TILE_ROWS, rope.dims] */
    float *rope_local; /* the same of sliding layers, where they have their own */
    uint8_t **blocks;
    int *positions;
    int *wanted_of; /* [TILE_ROWS] index among the rows whose logits are wanted, or -1 */
    struct query_block *queries;
    int n_queries;
    atomic_int *next_item;
};

struct sizes {
    size_t hidden, heads, qkv, intermediate, vocab, dim, layers;
    size_t rope, rope_local;          /* dimensions; local 0: the layers have one table */
    enum dtype type, kv_type, q_type; /* of linear layers, keys and values, queries */
    size_t head_block;                /* bytes of one head's keys of KV_BLOCK positions */
    bool fours;
};

/* A lane's share of a step: rows [from, to). With columns, the lanes of the team split the outputs
 * of every layer instead, all for the same rows in the leader's buffers, and meet after each. */
struct share {
    struct step *s;
    struct workspace *own;
    void *own_user;
    struct sizes z;
    int rank, from, to;
    bool columns;
    struct err err;
};

/* One way to compute; each function takes rows [row, row + m), m <= MATMUL_ROWS. */
struct block_ops {
    /* x (+ what feed_forward left to add) -> norm -> q, k, v of layer l. */
    void (*queries_keys_values)(struct share *p, int l, int row, int m);
    /* Attention output of layer l -> residual -> norm -> gated feed-forward. */
    void (*feed_forward)(struct share *p, int l, int row, int m);
    /* The final norm of the rows whose logits are wanted. */
    void (*final_norm)(struct share *p, int row, int m);
};
extern const struct block_ops block_float, block_int8;

void forward_meet(struct step *s); /* waits for the whole team */
/* Where keys and values of layer l go, for rows [row, row + m); y and bias are left to the caller.
 */
struct split_qkv forward_split(const struct share *p, int l, int row, int m);
void forward_attend(struct share *p, int l);
/* Logits of all wanted rows, handed on in order by the leader. */
void forward_output_float(struct share *p);
void forward_output8(struct share *p);

static inline char *row_of(void *base, int row, size_t width, size_t size) {
    return (char *)base + (size_t)row * width * size;
}

#endif

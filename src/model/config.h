/* What a decoder model is, read from its configuration and checked against its tensors. One
 * description with options serves every family; a family is a way of filling it in. */
#ifndef PRECIS_MODEL_CONFIG_H
#define PRECIS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* No model comes near these; within them no product of two of the sizes overflows 64 bits. */
enum {
    CONFIG_MAX_DIM = 256, /* of a head */
    CONFIG_MAX_LAYERS = 1 << 12,
    CONFIG_MAX_HEADS = 1 << 14,
    CONFIG_MAX_SIZE = 1 << 30
};

/* Rotary embedding (Su et al. 2021): element i of a head is paired with i + dims / 2. */
struct rope {
    unsigned dims; /* of each head that are rotated: the first ones, an even number */
    float base;
    /* Radians for each position, of pair i; and what cosines and sines are multiplied by. Sequences
     * of more than `original` tokens take the second row (Phi-3's long rope); 0: all take the
     * first. */
    float frequencies[2][CONFIG_MAX_DIM / 2];
    float scale[2];
    unsigned original;
};

enum activation {
    ACTIVATION_SILU,
    ACTIVATION_GELU_TANH,
    ACTIVATION_GELU /* erf */,
    ACTIVATION_RELU
};

struct decoder_config {
    char architecture[32]; /* "llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3" */
    char name[128];        /* general.name, _name_or_path, or the file's base name */
    char file_type[32];    /* the weights as they are in the file: "Q4_1", "BF16", ...; "mixed" */
    unsigned layers, heads, kv_heads, head_dim, hidden, intermediate, vocab, context;
    float norm_eps;
    struct rope rope, rope_local; /* rope_local: of the sliding layers */
    unsigned window;              /* of positions that a sliding layer sees; 0: no layer slides */
    uint8_t sliding[CONFIG_MAX_LAYERS / 8]; /* bit l % 8 of byte l / 8: layer l slides */
    float embedding_scale;                  /* of the embedding's rows; Gemma: sqrt(hidden) */
    float attention_scale;                  /* of scores; usually 1 / sqrt(head_dim) */
    float attention_cap, logit_cap; /* x -> cap * tanh(x / cap) of scores, logits; 0: none */
    enum activation activation;     /* of the gates */
    bool qk_norm;    /* each head of q and k goes through an RMSNorm before its rotation */
    bool post_norms; /* outputs of attention and feed-forward are normed before they are added */
    bool qk_interleaved; /* q/k rows are stored for interleaved rotary (trap 3: GGUF of llama) */
    bool qkv_bias;
    bool tied;           /* the embedding is the output layer */
    uint64_t parameters; /* elements of all tensors */
};

static inline bool config_slides(const struct decoder_config *c, unsigned layer) {
    return c->window && (c->sliding[layer / 8] >> layer % 8 & 1);
}

/* What a BERT or RoBERTa encoder is. Post-norm, learned positions. */
struct encoder_config {
    char architecture[32]; /* "bert", "roberta" */
    char name[128];
    char file_type[32];
    unsigned layers, heads, head_dim, hidden, intermediate, vocab, types;
    unsigned context;  /* tokens */
    unsigned position; /* the row of the position table that the first token takes (RoBERTa: 2) */
    float norm_eps;
    enum activation activation; /* GELU, GELU_TANH or RELU */
    uint64_t parameters;
};

struct model_config {
    bool is_encoder; /* which of the two is filled in */
    struct decoder_config decoder;
    struct encoder_config encoder;
};

/* What holds wherever a configuration comes from: heads share keys evenly, heads can be rotated in
 * pairs, the rotated part fits. `path` begins the message (PRECIS_EINPUT, PRECIS_EUNSUPPORTED). */
int config_check_decoder(const struct decoder_config *c, const char *path, struct err *e);
int config_check_encoder(const struct encoder_config *c, const char *path, struct err *e);

static inline void config_slide(struct decoder_config *c, unsigned layer) {
    c->sliding[layer / 8] |= (uint8_t)(1u << layer % 8);
}

/* Copies text for people: valid UTF-8 without control characters, cut between code points. */
void config_copy_text(char *out, size_t size, const char *s, size_t len);
/* The last part of a path, as a name; for "." and ".." that of the folder they are; for a snapshot
 * in the Hugging Face cache (models--ORG--NAME/snapshots/COMMIT) ORG/NAME. */
void config_name_from_path(char *out, size_t size, const char *path);

#endif

/* ONNX models on disk: which graphs a path stands for, and what the configuration beside them says
 * that the graphs do not.
 *
 * A path is a .onnx file; a folder of them, or one with a subfolder onnx/, as optimum and
 * onnx-community write them; or an ONNX Runtime GenAI folder (genai_config.json). config.json and
 * generation_config.json are looked for beside the graphs, then in the folder above. */
#ifndef PRECIS_MODEL_GRAPH_H
#define PRECIS_MODEL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

enum graph_role {
    GRAPH_MAIN,    /* a decoder, with or without past, or a lone encoder: its inputs tell */
    GRAPH_PAST,    /* the decoder that takes past, where GRAPH_MAIN takes none */
    GRAPH_ENCODER, /* of an encoder-decoder; then GRAPH_MAIN is its decoder */
    GRAPH_ROLES
};

enum { GRAPH_NAME_SIZE = 128, GRAPH_PAIRS = 8 };

/* An input of keys or values and the output that continues it; %d is the layer. */
struct graph_pair {
    char past[GRAPH_NAME_SIZE], present[GRAPH_NAME_SIZE];
    bool cross; /* of the source: computed once for each sequence */
};

struct graph_model {
    char *files[GRAPH_ROLES]; /* owned paths; NULL: there is none */
    char *folder;             /* owned; of config.json: where the tokenizer is, too */
    char architecture[32];    /* model_type; "" when nothing says it */
    char name[128];
    /* 0: not said. heads: of keys and values; head_dim: of one of them. */
    unsigned layers, heads, head_dim, hidden, vocab, context, query_heads;
    int64_t decoder_start, forced_bos; /* ids; -1: none */
    char input_ids[GRAPH_NAME_SIZE], attention_mask[GRAPH_NAME_SIZE], position_ids[GRAPH_NAME_SIZE],
        logits[GRAPH_NAME_SIZE];
    struct graph_pair pairs[GRAPH_PAIRS];
    int n_pairs;
    char weights[16]; /* how most of them are kept: "f32", "f16", "int8", "q4", ... */
    uint64_t bytes;   /* of all constants */
    char **external;  /* [n_external] owned paths of the graphs' external data */
    size_t n_external;
};

/* Errors: PRECIS_ENOTFOUND (also external data that is missing), PRECIS_EIO, PRECIS_EINPUT (several
 * graphs and none has a usual name; a configuration that is not JSON or has a value out of range),
 * PRECIS_EUNSUPPORTED (a GenAI model with other parts than a decoder). On failure *m is zeroed. */
int graph_model_find(const char *path, struct graph_model *m, struct err *e);
void graph_model_free(struct graph_model *m); /* safe on a zeroed one */

/* SHA-256 that says which model it is: of the graph where it is one file, else of the list of the
 * digests and names of the graphs and their external data. */
int graph_model_revision(const struct graph_model *m, char out[HASH_HEX_SIZE], struct err *e);

#endif

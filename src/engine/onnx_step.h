/* A model made of ONNX graphs, and one step of a sequence through it. */
#ifndef PRECIS_ENGINE_ONNX_STEP_H
#define PRECIS_ENGINE_ONNX_STEP_H

#include <stdint.h>

#include "engine/onnx_graph.h"

/* Immutable once opened: any number of lanes take steps at the same time. */
struct onnx_model {
    const struct onnx_library *library;
    struct graph_model files;
    struct onnx_slots slots;
    struct onnx_graph graphs[GRAPH_ROLES]; /* session NULL: there is none */
    enum device device;
    OrtMemoryInfo *place; /* where keys and values stay between steps */
    size_t vocab, width;  /* of logits; of hidden states. 0: it has none */
    size_t rows; /* tokens in a step at most; 0: any number (it has no past to go on from) */
    size_t slot_bytes, cross_bytes; /* of all slots, for each token of the target, of the source */
};

/* Errors: the library's, and what onnx_graph.h says. On failure *m is closed. */
int onnx_model_open(const char *path, enum device device, struct onnx_model *m, struct err *e);
void onnx_model_close(struct onnx_model *m);

/* Keys and values after `length` tokens. Never changed: branches share one. */
struct onnx_state {
    int references; /* of one lane */
    size_t length;
    OrtValue *values[]; /* [slots] */
};
struct onnx_state *onnx_state_share(struct onnx_state *s); /* NULL is fine */
void onnx_state_drop(const struct onnx_model *m, struct onnx_state *s);

/* What belongs to the source of a sequence. */
struct onnx_source {
    size_t n;
    OrtValue *states; /* [1, n, width] */
    OrtValue **cross; /* [slots] of the first step; NULL where a slot is not cross */
};
void onnx_source_free(const struct onnx_model *m, struct onnx_source *s); /* leaves it zeroed */

/* Scratch of a lane. */
struct onnx_lane;
int onnx_lane_new(const struct onnx_model *m, struct onnx_lane **out, struct err *e);
void onnx_lane_free(struct onnx_lane *lane);

struct onnx_rows {
    const float *v;  /* [n, width], until the lane's next step */
    size_t first, n; /* of which token the first row is */
    size_t width;
};

/* Feeds n ids after `in` (NULL: they are the first). all: the logits of all of them are wanted,
 * else of the last. *out (NULL when the model keeps no past) is the caller's. source: NULL for
 * decoders.
 */
int onnx_step(struct onnx_lane *lane, struct onnx_source *source, const struct onnx_state *in,
              const uint32_t *ids, size_t n, bool all, struct onnx_state **out,
              struct onnx_rows *rows, struct err *e);
/* Runs the encoder: fills source (zeroed). */
int onnx_encode(struct onnx_lane *lane, const uint32_t *ids, size_t n, struct onnx_source *source,
                struct err *e);

#endif

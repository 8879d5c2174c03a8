/* A decoder as an ONNX graph, with ONNX Runtime's contrib operators for attention
 * (GroupQueryAttention, rotary inside), for sums with norms (SkipSimplifiedLayerNormalization) and
 * for products with quantised weights (MatMulNBits):
 *
 *   input_ids, attention_mask [batch, tokens so far], past_key_values.N.key|value
 *     -> logits [batch, tokens, vocab] f32, present.N.key|value
 *
 * Caches are [batch, kv heads, positions, head_dim], f32, or f16 in an f16 export. */
#ifndef PRECIS_EXPORT_DECODER_H
#define PRECIS_EXPORT_DECODER_H

#include "export/export.h"
#include "export/onnx_graph.h"
#include "export/blob.h"

/* Adds nodes to g and weights to p; data_file is the name that constants are to be found under.
 * Errors: PRECIS_EUNSUPPORTED (what the operators cannot express, by name), PRECIS_ENOMEM. */
int export_decoder(const struct checkpoint *c, enum export_precision precision,
                   const char *data_file, struct onnx_graph *g, struct blob *p, struct err *e);

/* Positions the graph can tell apart: the model's context, or what it was before a long rope. */
unsigned export_context(const struct decoder_config *d);

#endif

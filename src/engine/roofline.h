/* How near the kernels come to the peak of the instruction they are made of, in the shapes that a
 * decoder gives them and on one thread: the linear layers and attention in operations a second, the
 * element-wise kernels in seconds a row. Operands are random, and in the caches as far as they fit.
 */
#ifndef PRECIS_ENGINE_ROOFLINE_H
#define PRECIS_ENGINE_ROOFLINE_H

#include "kernel/peak.h"
#include "model/config.h"

struct roofline;

/* One kernel in one shape. */
struct roofline_case {
    const char *kernel; /* "product", "attention", "rmsnorm", "quantize", "hadamard", "split_qkv" */
    const char *layer;  /* of a product: "qkv", "attention_out", "gate_up", "down", "output" */
    enum dtype type;
    int rows;          /* attention: tokens of one causal prompt */
    int n, k;          /* product: outputs, inputs; attention: heads, their size; else: n = 0 */
    double operations; /* useful ones in one call, two to a product that is added up; 0: not counted
                        */
    const char *instruction; /* NULL: none that the peak is known of */
};

/* What one measurement gave, in operations a second; 0 where they are not counted. peak is the mean
 * of one before and one after. */
struct roofline_figure {
    double seconds; /* of one call */
    double speed, peak;
};

/* Of the class that isa_detect names. c: heads, kv_heads, head_dim, hidden, intermediate and vocab
 * are read. Prompts for attention are 512, 1,024 and 3,000 tokens, as far as most_tokens allows (at
 * least one, of 512). Errors: PRECIS_ENOMEM, PRECIS_EUSAGE (PRECIS_ISA), PRECIS_EUNSUPPORTED
 * (shapes that int8 kernels cannot take). */
int roofline_new(const struct decoder_config *c, size_t most_tokens, struct roofline **out,
                 struct err *e);
void roofline_free(struct roofline *r); /* NULL is fine */

enum isa roofline_isa(const struct roofline *r);
size_t roofline_count(const struct roofline *r);
const struct roofline_case *roofline_at(const struct roofline *r, size_t i);
/* Measures case i for some milliseconds, or for one call when that takes longer. */
void roofline_measure(struct roofline *r, size_t i, struct roofline_figure *out);

#endif

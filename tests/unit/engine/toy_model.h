/* Writes small GGUF models with random weights, of any shape, for tests. */
#ifndef PRECIS_TESTS_TOY_MODEL_H
#define PRECIS_TESTS_TOY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct toy {
    const char *architecture; /* llama (interleaved rotary) or qwen2 (not) */
    unsigned hidden, intermediate, layers, heads, kv_heads, head_dim, vocab;
    bool bias; /* of q, k and v; qwen2 needs them */
    bool tied; /* no output layer of its own */
    uint64_t seed;
};

/* Matrices are bf16 with a standard deviation of 1 / sqrt(inputs), biases uniform in -0.5 .. 0.5.
 * Norm gains lie between 1/8 and 8, so that a layer without its own gains computes something else.
 * Fails the test when the file cannot be written. */
void toy_write(const struct toy *t, const char *path);

#endif

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/vector.h"

enum { PANEL = 16, FOUR = 4 };

static size_t padded(int n, size_t to) {
    return ((size_t)n + to - 1) / to * to;
}

struct layout {
    size_t k, sum, scale, bytes; /* k rounded up; offsets */
};

static struct layout layout_of(int n, int k) {
    struct layout l = {.k = padded(k, FOUR)};
    size_t outputs = padded(n, PANEL);
    l.sum = (outputs * l.k + 63) & ~(size_t)63;
    l.scale = (l.sum + outputs * sizeof(int32_t) + 63) & ~(size_t)63;
    l.bytes = (l.scale + outputs * sizeof(float) + 63) & ~(size_t)63;
    return l;
}

size_t weight8_bytes(int n, int k) {
    return layout_of(n, k).bytes;
}

void weight8_view(const void *packed, int n, int k, struct weight8 *out) {
    const char *base = packed;
    struct layout l = layout_of(n, k);
    *out = (struct weight8){.n = n,
                            .k = k,
                            .panels = packed,
                            .sum = (const void *)(base + l.sum),
                            .scale = (const void *)(base + l.scale)};
}

/* What is not finite becomes the scale and shows in the output. */
static void pack_output(const float *w, int k, size_t padded_k, int8_t *to, int32_t *sum,
                        float *scale) {
    float most = largest_of(w, k);
    bool finite = most <= FLT_MAX;
    float inverse = most > 0 && finite ? 127.0f / most : 0.0f;
    int32_t total = 0;
    for (size_t i = 0; i < padded_k; i++) {
        int32_t q = i < (size_t)k && finite ? (int32_t)lrintf(w[i] * inverse) : 0;
        to[i / FOUR * FOUR * PANEL + i % FOUR] = (int8_t)q;
        total += q;
    }
    *sum = -128 * total;
    *scale = most / 127.0f;
}

void weight8_pack(const float *w, int first, int count, int n, int k, void *packed) {
    struct layout l = layout_of(n, k);
    char *base = packed;
    int end = first + count == n ? (int)padded(n, PANEL) : first + count;
    for (int j = first; j < end; j++) {
        int8_t *panel = (int8_t *)packed + (size_t)(j / PANEL * PANEL) * l.k;
        int32_t *sum = (int32_t *)(void *)(base + l.sum) + j;
        float *scale = (float *)(void *)(base + l.scale) + j;
        bool beyond = j >= first + count;
        pack_output(beyond ? NULL : w + (size_t)(j - first) * (size_t)k, beyond ? 0 : k, l.k,
                    panel + j % PANEL * FOUR, sum, scale);
    }
}

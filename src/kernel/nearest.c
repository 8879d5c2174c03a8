#include "kernel/nearest.h"

static void dots(const int8_t *const *rows, size_t n, const struct nearest_query *q, int32_t *out) {
    for (size_t r = 0; r < n; r++) {
        int32_t sum = 0;
        for (size_t i = 0; i < q->stride; i++)
            sum += rows[r][i] * q->wide[i];
        out[r] = sum;
    }
}

static int32_t dot(const int8_t *a, const int8_t *b, size_t stride) {
    int32_t sum = 0;
    for (size_t i = 0; i < stride; i++)
        sum += a[i] * b[i];
    return sum;
}

static const struct nearest_kernel plain = {.dots = dots, .dot = dot};

const struct nearest_kernel *nearest_kernel(enum isa isa) {
#ifdef __x86_64__
    if (isa >= ISA_AVX512_VNNI)
        return &nearest_vnni;
    if (isa >= ISA_AVX2)
        return &nearest_avx2;
#endif
    (void)isa;
    return &plain;
}

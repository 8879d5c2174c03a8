#include "kernel/kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/encoder.h"
#include "kernel/ops.h"

static const char *const isa_names[] = {"plain", "avx2", "avx512", "avx512-vnni", "avx512-bf16"};

const char *isa_name(enum isa isa) {
    return isa_names[isa];
}

/* The levels are those of the x86-64 psABI; each is told by the features its kernels are compiled
 * for. */
static enum isa isa_best(void) {
#ifdef __x86_64__
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (!v3)
        return ISA_PLAIN;
    bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
    if (!v4)
        return ISA_AVX2;
    if (!__builtin_cpu_supports("avx512vnni"))
        return ISA_AVX512;
    return __builtin_cpu_supports("avx512bf16") ? ISA_AVX512_BF16 : ISA_AVX512_VNNI;
#else
    return ISA_PLAIN;
#endif
}

int isa_detect(enum isa *out, struct err *e) {
    enum isa best = isa_best();
    *out = best;
    const char *forced = getenv("PRECIS_ISA");
    if (!forced || !*forced)
        return 0;
    for (int i = ISA_PLAIN; i <= ISA_AVX512_BF16; i++) {
        if (strcmp(forced, isa_names[i]) != 0)
            continue;
        *out = (enum isa)i;
        if (*out > best)
            return err_set(e, PRECIS_EUSAGE, "PRECIS_ISA=%s: this CPU's best is %s", forced,
                           isa_names[best]);
        return 0;
    }
    return err_set(e, PRECIS_EUSAGE,
                   "PRECIS_ISA=%s: must be plain, avx2, avx512, avx512-vnni or avx512-bf16",
                   forced);
}

int kernel_select(enum isa isa, enum dtype type, struct kernel *out, struct err *e) {
    *out = kernel_plain;
#ifdef __x86_64__
    if (isa >= ISA_AVX2)
        *out = isa == ISA_AVX2 ? kernel_avx2 : kernel_avx512;
    if (isa == ISA_AVX512_BF16 && type == DTYPE_BF16)
        out->attention = attention_bf16;
    else
        out->attention_capped = out->attention;
    if (isa >= ISA_AVX2) {
        bool vnni = isa >= ISA_AVX512_VNNI;
        out->int8.product = vnni ? product8_vnni : product8_maddwd;
        out->int8.attention = vnni ? attention8_vnni : attention8_maddwd;
    }
#endif
    out->isa = isa;
    if (type == DTYPE_BF16 && isa < ISA_AVX512_BF16)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "bf16 needs AVX-512 BF16, and this is %s: use --precision f32",
                       isa_name(isa));
    return 0;
}

const struct encoder_kernel *encoder_kernel(enum isa isa) {
#ifdef __x86_64__
    if (isa >= ISA_AVX2)
        return isa == ISA_AVX2 ? &encoder_kernel_avx2 : &encoder_kernel_avx512;
#endif
    return &encoder_kernel_plain;
}

/* The bf16 kernel's: queries, scores, weights and sums of ATTENTION_ROWS rows. It is more than the
 * capped one needs: a block's keys and values as f32. */
size_t attention_scratch_size(int head_dim) {
    size_t dim = (size_t)head_dim, rows = ATTENTION_ROWS + 8;
    return rows * (dim * 2 + KV_BLOCK * 4 + KV_BLOCK * 2 + dim * 4 + 64);
}

size_t pack_f32_size(int n, int k) {
    return ((size_t)n + 15) / 16 * 16 * (size_t)k * sizeof(float);
}

void pack_f32(const float *w, int n, int k, float *packed) {
    for (int c = 0; c < n; c += 16)
        for (int i = 0; i < k; i++)
            for (int j = 0; j < 16; j++)
                *packed++ = c + j < n ? w[(size_t)(c + j) * (size_t)k + (size_t)i] : 0.0f;
}

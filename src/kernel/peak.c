#include "kernel/peak.h"

#include "base/pool.h"

/* `run` repeats SUMS instructions that do not depend on one another: more than any processor has in
 * flight (latency times instructions begun in a cycle). */
enum { SUMS = 12, SLICE = 4096 /* repetitions between looks at the clock */ };

struct peak {
    const char *instruction;
    void (*run)(uint64_t repetitions);
    int operations; /* of one instruction */
};

#ifdef __x86_64__

#define TWELVE(with)                                                                               \
    with(0) with(1) with(2) with(3) with(4) with(5) with(6) with(7) with(8) with(9) with(10)       \
        with(11)
#define CLEAR(i) "vpxor %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n\t"

/* Sums in registers 0 .. 11, both operands filled with the 32 bits of `value`. In assembly as a
 * whole, so that no compiler keeps a sum in memory. The clobbered names stand for the registers
 * whole. */
#define DEFINE_RUN(name, width, step, value)                                                       \
    static void name(uint64_t repetitions) {                                                       \
        __asm__ volatile(TWELVE(CLEAR) "vmovd %1, %%xmm12\n\t"                                     \
                                       "vpbroadcastd %%xmm12, %%" width "12\n\t"                   \
                                       "vpbroadcastd %%xmm12, %%" width "13\n"                     \
                                       "1:\n\t" TWELVE(step) "dec %0\n\t"                          \
                                                             "jnz 1b\n\t"                          \
                                                             "vzeroupper"                          \
                         : "+r"(repetitions)                                                       \
                         : "r"(value)                                                              \
                         : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",   \
                           "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14");           \
    }

#define DOT_BYTES(i) "vpdpbusd %%zmm13, %%zmm12, %%zmm" #i "\n\t"
#define DOT_HALVES(i) "vdpbf16ps %%zmm13, %%zmm12, %%zmm" #i "\n\t"
#define FMA_16(i) "vfmadd231ps %%zmm13, %%zmm12, %%zmm" #i "\n\t"
#define FMA_8(i) "vfmadd231ps %%ymm13, %%ymm12, %%ymm" #i "\n\t"
#define DOT_PAIRS(i)                                                                               \
    "vpmaddwd %%ymm13, %%ymm12, %%ymm14\n\t"                                                       \
    "vpaddd %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"

/* Ones, whose sums stay finite. */
DEFINE_RUN(run_vpdpbusd, "zmm", DOT_BYTES, 0x01010101)
DEFINE_RUN(run_vdpbf16ps, "zmm", DOT_HALVES, 0x3f803f80)
DEFINE_RUN(run_vfmadd_zmm, "zmm", FMA_16, 0x3f800000)
DEFINE_RUN(run_vfmadd_ymm, "ymm", FMA_8, 0x3f800000)
DEFINE_RUN(run_vpmaddwd, "ymm", DOT_PAIRS, 0x00010001)

static struct peak peak_of(enum isa isa, enum dtype type) {
    if (type == DTYPE_INT8 && isa >= ISA_AVX512_VNNI)
        return (struct peak){"vpdpbusd zmm", run_vpdpbusd, 2 * 64};
    if (type == DTYPE_INT8 && isa >= ISA_AVX2)
        return (struct peak){"vpmaddwd + vpaddd ymm", run_vpmaddwd, 2 * 16};
    if (type == DTYPE_BF16 && isa >= ISA_AVX512_BF16)
        return (struct peak){"vdpbf16ps zmm", run_vdpbf16ps, 2 * 32};
    if (type == DTYPE_F32 && isa >= ISA_AVX512)
        return (struct peak){"vfmadd231ps zmm", run_vfmadd_zmm, 2 * 16};
    if (type == DTYPE_F32 && isa >= ISA_AVX2)
        return (struct peak){"vfmadd231ps ymm", run_vfmadd_ymm, 2 * 8};
    return (struct peak){0};
}

#else

static struct peak peak_of(enum isa isa, enum dtype type) {
    (void)isa;
    (void)type;
    return (struct peak){0};
}

#endif

const char *kernel_peak_instruction(enum isa isa, enum dtype type) {
    return peak_of(isa, type).instruction;
}

double kernel_peak(enum isa isa, enum dtype type, double seconds) {
    struct peak p = peak_of(isa, type);
    if (!p.run)
        return 0;
    double started = clock_thread_seconds(), elapsed = 0, slices = 0;
    do {
        p.run(SLICE);
        slices++;
        elapsed = clock_thread_seconds() - started;
    } while (elapsed < seconds);
    return slices * SLICE * SUMS * p.operations / elapsed;
}

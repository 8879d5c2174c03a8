/* Tiles of rows whose sums stay in registers: 6 rows of 4 vectors leave 8 of AVX-512's 32 for
 * operands. */
#ifndef PRECIS_KERNEL_TILE_H
#define PRECIS_KERNEL_TILE_H

enum { TILE_ROWS = 6 };

#define INLINE static inline __attribute__((always_inline))

/* Before a loop with constant bounds whose arrays must become registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#ifdef ONE_ROW_TILES /* fuzzing: no target computes, and clang takes minutes for instrumented      \
                        tiles */
#define EACH_TILE(rows, call)                                                                      \
    do {                                                                                           \
        for (int r = 0; r < (rows); r++)                                                           \
            call(1);                                                                               \
    } while (0)
#else
/* The remainder runs with a constant row count too, so that the accumulators stay in registers. */
#define EACH_TILE(rows, call)                                                                      \
    do {                                                                                           \
        int r = 0;                                                                                 \
        for (; r + TILE_ROWS <= (rows); r += TILE_ROWS)                                            \
            call(TILE_ROWS);                                                                       \
        switch ((rows)-r) {                                                                        \
        case 5:                                                                                    \
            call(5);                                                                               \
            break;                                                                                 \
        case 4:                                                                                    \
            call(4);                                                                               \
            break;                                                                                 \
        case 3:                                                                                    \
            call(3);                                                                               \
            break;                                                                                 \
        case 2:                                                                                    \
            call(2);                                                                               \
            break;                                                                                 \
        case 1:                                                                                    \
            call(1);                                                                               \
            break;                                                                                 \
        default:                                                                                   \
            break;                                                                                 \
        }                                                                                          \
    } while (0)
#endif

#endif

/* The int8 product and flash attention (Dao et al. 2022) with AVX2: both operands are widened to 16
 * bits, for the products of bytes saturate when pairs are added. Each row's arithmetic is the same
 * whatever rows are beside it; the integer sums are exact. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernel/ops.h"
#include "kernel/tile.h"
#include "kernel/vector.h"

enum {
    LANES = 8,
    FOUR = 4,
    KEY_VECTORS = KV_BLOCK / LANES,
    DEPTH = 640,  /* most of k widened at once: it and a panel stay in the first cache */
    OUTPUTS = 512 /* of a tile at once */
};

INLINE __m256i widened(const void *p, int is_signed) {
    __m128i bytes = _mm_loadu_si128(p);
    return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

/* sum + the products of 16-bit values, added in pairs. As one piece of assembly, for otherwise
 * compilers move the products together and run out of registers. */
INLINE __m256i dot_pairs(__m256i sum, __m256i a, __m256i b) {
    __m256i pairs;
    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(pairs) : "x"(a), "x"(b));
    return sum;
}

/* Sums over `fours` fours of x [fours][rows][4] times 8 columns of bytes, [fours], `step` apart, of
 * [8][4], into out [rows][8], rows `stride` apart; added to what is there if `more`. rows and
 * is_signed are constants where it is called. */
INLINE void dot_tile(int rows, const int16_t *x, const void *columns, size_t step, int is_signed,
                     int fours, int more, int32_t *out, size_t stride) {
    const char *w = columns;
    __m256i acc[TILE_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++)
        acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (int g = 0; g < fours; g++, w += step, x += rows * FOUR) {
        __m256i low = widened(w, is_signed), high = widened(w + 16, is_signed);
        UNROLL
        for (int r = 0; r < rows; r++) {
            int64_t four;
            memcpy(&four, x + r * FOUR, sizeof four);
            __m256i a = _mm256_set1_epi64x(four);
            acc[r][0] = dot_pairs(acc[r][0], a, low);
            acc[r][1] = dot_pairs(acc[r][1], a, high);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        __m256i *to = (__m256i *)(out + (size_t)r * stride);
        __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[r][0], acc[r][1]), 0xd8);
        if (more)
            sum = _mm256_add_epi32(sum, _mm256_loadu_si256(to));
        _mm256_storeu_si256(to, sum);
    }
}

/* 16 values as the fours g .. g + 3 of row r in [fours][rows][4]. */
INLINE void put_fours(__m256i v, int rows, int r, int g, int16_t *to) {
    int64_t four[4];
    _mm256_storeu_si256((__m256i *)four, v);
    for (int f = 0; f < 4; f++)
        memcpy(to + ((g + f) * rows + r) * FOUR, &four[f], sizeof four[f]);
}

/* Bytes x + 128 as x; reads up to the next multiple of 16. */
INLINE void widen_row(const uint8_t *x, int n, int rows, int r, int16_t *to) {
    for (int i = 0; i < n; i += 16)
        put_fours(_mm256_sub_epi16(widened(x + i, 0), _mm256_set1_epi16(128)), rows, r, i / FOUR,
                  to);
}

/* 2^x; relative error below 3e-6 (the best polynomial of degree 4 on [-0.5, 0.5] with p(0) = 1). 0
 * below -126, 2^127 above 127; NaN stays. */
INLINE __m256 exp2_ps(__m256 x) {
    const __m256 lowest = _mm256_set1_ps(-126.0f), highest = _mm256_set1_ps(127.0f);
    __m256 within = _mm256_min_ps(highest, _mm256_max_ps(lowest, x)); /* of NaN the second */
    __m256 n = _mm256_round_ps(within, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_sub_ps(within, n);
    __m256 p = _mm256_set1_ps(9.58285313e-3f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.5906425e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(2.40240986e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(6.93124193e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
    return _mm256_andnot_ps(_mm256_cmp_ps(x, lowest, _CMP_LT_OQ), p);
}

INLINE __m256 silu_times_ps(__m256 gate, __m256 value) {
    __m256 e = exp2_ps(_mm256_mul_ps(gate, _mm256_set1_ps(-LOG2E)));
    __m256 below = _mm256_add_ps(e, _mm256_set1_ps(1.0f));
    return _mm256_mul_ps(_mm256_div_ps(gate, below), value);
}

/* The outputs c .. c + count - 1 of a row from their sums. */
static void finish_row(const struct product8 *p, int row, int c, int count, const int32_t *sums) {
    float f[OUTPUTS], scale = p->x.scale[row];
    const float *w_scale = p->w->scale + c;
    float *y = p->y + (size_t)row * p->y_stride + c;
    for (int j = 0; j < count; j++)
        f[j] = (float)sums[j] * (scale * w_scale[j]);
    if (p->into == PRODUCT8_SWIGLU) {
        y -= c / 2;
        for (int j = 0; j < count; j += 2 * SUMS)
            for (int i = 0; i < SUMS; i += LANES)
                _mm256_storeu_ps(y + j / 2 + i, silu_times_ps(_mm256_loadu_ps(f + j + i),
                                                              _mm256_loadu_ps(f + j + SUMS + i)));
    } else if (p->into == PRODUCT8_ADD) {
        for (int j = 0; j < count; j++)
            y[j] += f[j];
    } else {
        memcpy(y, f, (size_t)count * sizeof *y);
    }
}

INLINE void product_tile(int rows, const struct product8 *p, int row) {
    int k = (p->w->k + FOUR - 1) / FOUR * FOUR, parts = (k + DEPTH - 1) / DEPTH;
    int most = ((k + parts - 1) / parts + 15) / 16 * 16;
    int16_t x[TILE_ROWS * DEPTH];
    int32_t sums[TILE_ROWS][OUTPUTS];
    for (int c = p->from; c < p->to; c += OUTPUTS) {
        int count = p->to - c < OUTPUTS ? (p->to - c + 15) / 16 * 16 : OUTPUTS;
        for (int r = 0; r < rows; r++)
            memset(sums[r], 0, (size_t)count * sizeof sums[r][0]);
        for (int i = 0; i < k; i += most) {
            int depth = k - i < most ? k - i : most;
            for (int r = 0; r < rows; r++)
                widen_row(p->x.x + (size_t)(row + r) * p->x.stride + i, depth, rows, r, x);
            for (int j = 0; j < count; j += LANES) {
                const int8_t *columns = p->w->panels + (size_t)((c + j) / 16 * 16) * (size_t)k +
                                        (size_t)i * 16 + j % 16 * FOUR;
                dot_tile(rows, x, columns, 16 * FOUR, 1, depth / FOUR, 1, &sums[0][j], OUTPUTS);
            }
        }
        for (int r = 0; r < rows; r++)
            finish_row(p, row + r, c, count, sums[r]);
    }
}

void product8_maddwd(const struct product8 *p) {
#define PRODUCT(n) product_tile(n, p, r)
    EACH_TILE(p->rows, PRODUCT);
#undef PRODUCT
}

/* What a query block keeps between blocks of keys. */
struct state {
    int16_t *q;          /* of each tile from row r on, at r * dim: [dim / 4][rows][4] */
    float *sums;         /* [rows, dim] */
    float *totals;       /* [rows, LANES] */
    float *most, *scale; /* [rows]; most: before the query's scale */
    int32_t *offset;     /* [rows]: -128 times the sum of the row's q */
};

INLINE float largest_lane(__m256 v) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

INLINE float sum_of_lanes(__m256 v) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

/* Lanes from `first` on, below `valid`. */
INLINE __m256 seen_lanes(int first, int valid) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(valid), lanes);
    __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(first), lanes);
    return _mm256_castsi256_ps(_mm256_andnot_si256(before, below));
}

/* What a row's sums are multiplied by before a block's are added, and the block's. */
struct factors {
    float shrink, grow;
};

/* Softmax weights of one block for row `row` (r of the tile's rows) times the values' scales, as
 * numbers up to 255 in [KV_BLOCK / 4][rows][4]. sums: of the products of bytes; `valid` keys are
 * seen, and the scales of the others may be anything. */
INLINE struct factors soften_row(const struct state *s, int rows, int r, int row,
                                 const int32_t *sums, const float *key_scale,
                                 const float *value_scale, int first, int valid, int16_t *weights) {
    __m256 x[KEY_VECTORS], top = _mm256_set1_ps(s->most[row]), weighed = _mm256_setzero_ps();
    __m256i offset = _mm256_set1_epi32(s->offset[row]);
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v++) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(sums + v * LANES));
        x[v] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum, offset)),
                             _mm256_loadu_ps(key_scale + v * LANES));
        if (first > 0 || valid < KV_BLOCK)
            x[v] = _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), x[v],
                                    seen_lanes(first - v * LANES, valid - v * LANES));
        top = _mm256_max_ps(x[v], top);
    }
    float most = largest_lane(top);
    __m256 scale = _mm256_set1_ps(s->scale[row]), total = _mm256_setzero_ps();
    __m256 shrink = exp2_ps(_mm256_mul_ps(_mm256_set1_ps(s->most[row] - most), scale));
    top = _mm256_set1_ps(most);
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v++) {
        x[v] = exp2_ps(_mm256_mul_ps(_mm256_sub_ps(x[v], top), scale));
        total = _mm256_add_ps(total, x[v]);
        x[v] = _mm256_mul_ps(x[v], _mm256_loadu_ps(value_scale + v * LANES));
        if (first > 0 || valid < KV_BLOCK)
            x[v] = _mm256_and_ps(x[v], seen_lanes(first - v * LANES, valid - v * LANES));
        weighed = _mm256_max_ps(x[v], weighed);
    }
    float *totals = s->totals + row * LANES, full = largest_lane(weighed);
    _mm256_store_ps(totals, _mm256_fmadd_ps(_mm256_load_ps(totals), shrink, total));
    s->most[row] = most;
    __m256 inverse = _mm256_set1_ps(full > 0 ? 255.0f / full : 0.0f);
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v += 2) {
        __m256i low = _mm256_cvtps_epi32(_mm256_mul_ps(x[v], inverse));
        __m256i high = _mm256_cvtps_epi32(_mm256_mul_ps(x[v + 1], inverse));
        put_fours(_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8), rows, r,
                  v * LANES / FOUR, weights);
    }
    return (struct factors){_mm256_cvtss_f32(shrink), full / 255.0f};
}

/* `rows` query rows from `row` on and one block of keys and values. */
INLINE void attend_tile(int rows, const struct state *s, const struct attention_item *a, int row,
                        int block) {
    const uint8_t *keys = a->blocks[block] + a->key_offset;
    const uint8_t *values = a->blocks[block] + a->value_offset;
    int dim = a->head_dim;
    const float *key_scale = (const float *)(const void *)(keys + dim * KV_BLOCK);
    const float *value_scale = (const float *)(const void *)(values + dim * KV_BLOCK);
    int32_t sums[TILE_ROWS][KV_BLOCK];
    int16_t weights[TILE_ROWS * KV_BLOCK];
    struct factors factors[TILE_ROWS];
    for (int j = 0; j < KV_BLOCK; j += LANES)
        dot_tile(rows, s->q + row * dim, keys + j * FOUR, KV_BLOCK * FOUR, 0, dim / FOUR, 0,
                 &sums[0][j], KV_BLOCK);
    for (int r = 0; r < rows; r++) {
        int last = last_key(a, row + r), from = block * KV_BLOCK;
        factors[r] = soften_row(s, rows, r, row + r, sums[r], key_scale, value_scale,
                                first_key(last, a->window) - from, last + 1 - from, weights);
    }
    for (int c = 0; c < dim; c += LANES) {
        dot_tile(rows, weights, values + c * FOUR, (size_t)dim * FOUR, 1, KV_BLOCK / FOUR, 0,
                 sums[0], LANES);
        for (int r = 0; r < rows; r++) {
            float *to = s->sums + (row + r) * dim + c;
            __m256 old = _mm256_mul_ps(_mm256_load_ps(to), _mm256_set1_ps(factors[r].shrink));
            __m256i add = _mm256_loadu_si256((const __m256i *)(sums[0] + r * LANES));
            _mm256_store_ps(
                to, _mm256_fmadd_ps(_mm256_cvtepi32_ps(add), _mm256_set1_ps(factors[r].grow), old));
        }
    }
}

INLINE void begin_tile(int rows, const struct state *s, const struct attention_item *a, int row) {
    int dim = a->head_dim;
    uint8_t q[KERNEL_MAX_DIM];
    for (int r = 0; r < rows; r++) {
        float *scale = &s->scale[row + r];
        quantize8_avx2((const float *)a->q + attention_row(a, row + r), 1, dim,
                       &(struct rows8){q, scale, (size_t)dim});
        widen_row(q, dim, rows, r, s->q + row * dim);
        int32_t sum = 0;
        for (int i = 0; i < dim; i++)
            sum += q[i] - 128;
        s->offset[row + r] = -128 * sum;
        s->most[row + r] = -1e30f;
        if (*scale == 0) /* all scores are 0 then; times the -inf of unseen keys it is NaN */
            *scale = 1;
    }
}

void attention8_maddwd(const struct attention_item *a) {
    int dim = a->head_dim;
    struct state s = {.sums = a->scratch};
    s.totals = s.sums + ATTENTION_ROWS * dim;
    s.most = s.totals + ATTENTION_ROWS * LANES;
    s.scale = s.most + ATTENTION_ROWS;
    s.offset = (int32_t *)(s.scale + ATTENTION_ROWS);
    s.q = (int16_t *)(s.offset + ATTENTION_ROWS);
    memset(s.sums, 0, (size_t)(a->rows * dim) * sizeof *s.sums);
    memset(s.totals, 0, (size_t)a->rows * LANES * sizeof *s.totals);
#define BEGIN(n) begin_tile(n, &s, a, r)
    EACH_TILE(a->rows, BEGIN);
#undef BEGIN
    int last = last_key(a, a->rows - 1);
    for (int b = first_key(a->position, a->window) / KV_BLOCK; b * KV_BLOCK <= last; b++) {
#define ATTEND(n) attend_tile(n, &s, a, r, b)
        EACH_TILE(a->rows, ATTEND);
#undef ATTEND
    }
    for (int r = 0; r < a->rows; r++) {
        float *out = (float *)a->out + attention_row(a, r);
        __m256 scale = _mm256_set1_ps(1.0f / sum_of_lanes(_mm256_load_ps(s.totals + r * LANES)));
        for (int d = 0; d < dim; d += LANES)
            _mm256_storeu_ps(out + d, _mm256_mul_ps(_mm256_load_ps(s.sums + r * dim + d), scale));
    }
}

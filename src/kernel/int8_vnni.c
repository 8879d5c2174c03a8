/* The int8 product and flash attention (Dao et al. 2022) with AVX-512 VNNI. Each row's arithmetic
 * is the same whatever rows are beside it; the integer sums are exact. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernel/avx512.h"
#include "kernel/ops.h"

enum { KEY_VECTORS = KV_BLOCK / LANES, PANELS = 4 };
/* Rows whose scores, then weights, then sums are computed together: the weights of one tile wait
 * for its largest scores, while there is work of the other. */
enum { GROUP_ROWS = 2 * TILE_ROWS };

INLINE __m512i four_at(const void *p) {
    int four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

/* sum plus the products of fours of unsigned and signed bytes. In assembly, since gcc 12 copies and
 * spills the sums of many intrinsics. */
INLINE __m512i dot_four(__m512i sum, __m512i u8, __m512i s8) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u8), "v"(s8));
    return sum;
}

INLINE __m512 silu_times_ps(__m512 gate, __m512 value) {
    __m512 e = exp2_ps(_mm512_mul_ps(gate, _mm512_set1_ps(-1.44269504f)));
    __m512 below = _mm512_add_ps(e, _mm512_set1_ps(1.0f));
    return _mm512_mul_ps(_mm512_div_ps(gate, below), value);
}

/* Rows r .. r + rows - 1 and the outputs c .. c + 16 * panels - 1; both counts are constants where
 * it is called. */
INLINE void product_tile(int rows, int panels, const struct product8 *p, int row, int c) {
    const struct weight8 *w = p->w;
    size_t k = ((size_t)w->k + 3) / 4 * 4, stride = p->x.stride;
    const uint8_t *x = p->x.x + (size_t)row * stride;
    const int8_t *panel = w->panels + (size_t)c * k;
    __m512i acc[TILE_ROWS][PANELS];
    UNROLL
    for (int v = 0; v < panels; v++)
        UNROLL
    for (int r = 0; r < rows; r++)
        acc[r][v] = _mm512_loadu_si512(w->sum + c + v * LANES);
    /* Each tile of rows fetches its part of the next panels, which the hardware, stopping at every
     * page, does not in time. */
    const int8_t *next = panel + PANELS * k * LANES;
    bool more = panels == PANELS && c + 2 * PANELS * LANES <= p->to;
    size_t ahead = k / 4 * (size_t)row / (size_t)p->rows;
    size_t ahead_end = more ? k / 4 * (size_t)(row + rows) / (size_t)p->rows : 0;
    for (size_t i = 0; i < k; i += 4) {
        __m512i b[PANELS];
        if (ahead < ahead_end) {
            UNROLL
            for (int v = 0; v < PANELS; v++)
                _mm_prefetch((const char *)next + (ahead * PANELS + (size_t)v) * 64, _MM_HINT_T1);
            ahead++;
        }
        UNROLL
        for (int v = 0; v < panels; v++)
            b[v] = _mm512_load_si512(panel + (size_t)v * k * LANES + i * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i a = four_at(x + (size_t)r * stride + i);
            UNROLL
            for (int v = 0; v < panels; v++)
                acc[r][v] = dot_four(acc[r][v], a, b[v]);
        }
    }
    __m512 scale[PANELS];
    UNROLL
    for (int v = 0; v < panels; v++)
        scale[v] = _mm512_loadu_ps(w->scale + c + v * LANES);
    UNROLL
    for (int r = 0; r < rows; r++) {
        float *y = p->y + (size_t)(row + r) * p->y_stride;
        __m512 x_scale = _mm512_set1_ps(p->x.scale[row + r]), f[PANELS];
        UNROLL
        for (int v = 0; v < panels; v++)
            f[v] = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[r][v]), _mm512_mul_ps(x_scale, scale[v]));
        if (p->into == PRODUCT8_SWIGLU)
            UNROLL
        for (int v = 0; v + 1 < panels; v += 2)
            _mm512_storeu_ps(y + (c + v * LANES) / 2, silu_times_ps(f[v], f[v + 1]));
        else UNROLL for (int v = 0; v < panels; v++) {
            float *to = y + c + v * LANES;
            if (p->into == PRODUCT8_ADD)
                f[v] = _mm512_add_ps(f[v], _mm512_loadu_ps(to));
            _mm512_storeu_ps(to, f[v]);
        }
    }
}

void product8_vnni(const struct product8 *p) {
#define PRODUCT4(n) product_tile(n, 4, p, r, c)
#define PRODUCT2(n) product_tile(n, 2, p, r, c)
#define PRODUCT1(n) product_tile(n, 1, p, r, c)
    int c = p->from;
    for (; c + 4 * LANES <= p->to; c += 4 * LANES)
        EACH_TILE(p->rows, PRODUCT4);
    for (; c + LANES < p->to; c += 2 * LANES)
        EACH_TILE(p->rows, PRODUCT2);
    if (c < p->to)
        EACH_TILE(p->rows, PRODUCT1);
#undef PRODUCT1
#undef PRODUCT2
#undef PRODUCT4
}

/* What a query block keeps between blocks of keys; arrays of rows have room for a vector more. */
struct state {
    int8_t *q;           /* [rows, dim] */
    float *scores;       /* [GROUP_ROWS, KV_BLOCK]: plus the logarithms of the values' scales */
    uint8_t *weights;    /* [GROUP_ROWS, KV_BLOCK], the fours of keys in the order of weight_four */
    float *sums;         /* [rows, dim] */
    float *most, *scale; /* [rows]: the largest score so far, the query's scale */
    int32_t *offset;     /* [rows]: -128 times the sum of the row's q */
    int32_t *first;      /* [rows]: the first key that the row sees */
    int32_t *sees;       /* [rows]: and the one after the last */
    float *totals;       /* [rows, LANES]: sums of the weights, less the values' scales */
    float *log_scale;    /* [KV_BLOCK] of the block's values */
    float *inverse_scale;
    /* Of the group's rows, for one block. */
    float shrink[GROUP_ROWS + LANES], grow[GROUP_ROWS + LANES], bias[GROUP_ROWS + LANES];
};

/* log2(x) of positive x; error below 1e-6. With m = (1 + z) / (1 - z), ln(m) = 2 (z + z^3 / 3 +
 * ...). */
INLINE __m512 log2_ps(__m512 x) {
    __m512 one = _mm512_set1_ps(1.0f);
    __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
    __m512 n = _mm512_getexp_ps(_mm512_div_ps(x, m));
    __m512 z = _mm512_div_ps(_mm512_sub_ps(m, one), _mm512_add_ps(m, one));
    __m512 zz = _mm512_mul_ps(z, z), p = _mm512_set1_ps(0.32059890f);
    p = _mm512_fmadd_ps(p, zz, _mm512_set1_ps(0.41219859f));
    p = _mm512_fmadd_ps(p, zz, _mm512_set1_ps(0.57707802f));
    p = _mm512_fmadd_ps(p, zz, _mm512_set1_ps(0.96179669f));
    p = _mm512_fmadd_ps(p, zz, _mm512_set1_ps(2.88539008f));
    return _mm512_fmadd_ps(p, z, n);
}

/* The values' scales enter the scores as logarithms, so that the largest weight of a block is known
 * before the weights are. Scales below 1e-20 are taken for that: the values are zeros. */
INLINE void begin_block(const struct state *s, const float *value_scale) {
    for (int v = 0; v < KV_BLOCK; v += LANES) {
        __m512 x = _mm512_max_ps(_mm512_set1_ps(1e-20f), _mm512_load_ps(value_scale + v));
        _mm512_store_ps(s->log_scale + v, log2_ps(x));
        /* Stale scales may be NaN: that of a value seen shows in its score, so it need not here. */
        x = _mm512_min_ps(x, _mm512_set1_ps(1e30f));
        _mm512_store_ps(s->inverse_scale + v, _mm512_div_ps(_mm512_set1_ps(1.0f), x));
    }
}

/* The largest element of each of 8 vectors, in lanes 0 .. 7. */
INLINE __m512 largest_of_each(const __m512 v[8]) {
    __m512 half[4], quarter[2];
    UNROLL
    for (int i = 0; i < 4; i++)
        half[i] = _mm512_max_ps(_mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0x44),
                                _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0xee));
    UNROLL
    for (int i = 0; i < 2; i++)
        quarter[i] = _mm512_max_ps(_mm512_shuffle_f32x4(half[2 * i], half[2 * i + 1], 0x88),
                                   _mm512_shuffle_f32x4(half[2 * i], half[2 * i + 1], 0xdd));
    __m512 x = _mm512_max_ps(_mm512_unpacklo_ps(quarter[0], quarter[1]),
                             _mm512_unpackhi_ps(quarter[0], quarter[1]));
    x = _mm512_max_ps(x, _mm512_permute_ps(x, 0x4e));
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13), x);
}

/* A block of keys and values, whose first position is `from`. */
struct block {
    const uint8_t *keys, *values;
    int from;
};

/* Scores of rows row .. row + rows - 1, the group's from `at` on. They see the first 16 * vectors
 * keys at most, and all of the block's if `whole`. Returns each row's largest. */
INLINE __m512 score_tile(int rows, int vectors, bool whole, int dim, const struct state *s, int row,
                         int at, const struct block *b) {
    const uint8_t *keys = b->keys;
    const int8_t *q = s->q + row * dim;
    const float *key_scale = (const float *)(const void *)(keys + dim * KV_BLOCK);
    const float *log_scale = s->log_scale;
    float *scores = s->scores + at * KV_BLOCK;
    __m512i acc[TILE_ROWS][KEY_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        acc[r][v] = _mm512_set1_epi32(s->offset[row + r]);
    for (int d = 0; d < dim; d += 4, keys += 4 * KV_BLOCK) {
        __m512i k[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            k[v] = _mm512_load_si512(keys + v * 4 * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i four = four_at(q + r * dim + d);
            UNROLL
            for (int v = 0; v < vectors; v++)
                acc[r][v] = dot_four(acc[r][v], k[v], four);
        }
    }
    __m512 top[8];
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    UNROLL
    for (int r = 0; r < rows; r++) {
        __m512 q_scale = _mm512_set1_ps(s->scale[row + r]), x[KEY_VECTORS];
        __m512i sees, first;
        if (!whole) {
            sees = _mm512_set1_epi32(s->sees[row + r] - b->from);
            first = _mm512_set1_epi32(s->first[row + r] - b->from);
        }
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            x[v] = _mm512_set1_ps(-1e30f);
            if (v < vectors) {
                __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[r][v]),
                                         _mm512_load_ps(key_scale + v * LANES));
                y = _mm512_fmadd_ps(y, q_scale, _mm512_load_ps(log_scale + v * LANES));
                if (whole) {
                    x[v] = y;
                } else {
                    __m512i key = _mm512_add_epi32(iota, _mm512_set1_epi32(v * LANES));
                    x[v] = _mm512_mask_mov_ps(x[v],
                                              _mm512_mask_cmplt_epi32_mask(
                                                  _mm512_cmple_epi32_mask(first, key), key, sees),
                                              y);
                }
            }
            _mm512_store_ps(scores + r * KV_BLOCK + v * LANES, x[v]);
        }
        top[r] = vectors <= 2 ? _mm512_max_ps(x[0], x[1])
                              : _mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3]));
    }
    UNROLL
    for (int r = rows; r < 8; r++)
        top[r] = top[0];
    return largest_of_each(top);
}

/* Packing 16-bit and then 8-bit halves within quarters of vectors leaves the four of keys g here.
 */
INLINE int weight_four(int g) {
    return g % 4 * 4 + g / 4;
}

/* Softmax weights of one block times the values' scales, as bytes: 255 is the largest of the row
 * and block. top: the rows' largest scores. */
/* The rows' largest scores so far, and what that makes of their sums. top: those of the block. */
INLINE void rescale(int rows, struct state *s, int row, int at, __m512 top) {
    const __m512 full = _mm512_set1_ps(7.99435344f); /* log2(255) */
    __mmask16 mine = (__mmask16)((1u << rows) - 1);
    __m512 before = _mm512_loadu_ps(s->most + row), most = _mm512_max_ps(before, top);
    _mm512_mask_storeu_ps(s->most + row, mine, most);
    _mm512_storeu_ps(s->shrink + at, exp2_ps(_mm512_sub_ps(before, most)));
    _mm512_storeu_ps(s->grow + at, exp2_ps(_mm512_sub_ps(_mm512_sub_ps(top, most), full)));
    _mm512_storeu_ps(s->bias + at, _mm512_sub_ps(top, full));
}

/* Softmax weights of one block times the values' scales, as bytes: 255 is the largest of the row
 * and block. */
INLINE void soften_tile(int rows, const struct state *s, int row, int at) {
    const float *inverse_scale = s->inverse_scale, *bias_of = s->bias + at,
                *shrink = s->shrink + at, *grow = s->grow + at;
    uint8_t *weights = s->weights + at * KV_BLOCK;
    const float *scores = s->scores + at * KV_BLOCK;
    UNROLL
    for (int r = 0; r < rows; r++) {
        const float *score = scores + r * KV_BLOCK;
        float *totals = s->totals + (row + r) * LANES;
        __m512 bias = _mm512_set1_ps(bias_of[r]), total[2], x[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++)
            x[v] = exp2_ps(_mm512_sub_ps(_mm512_load_ps(score + v * LANES), bias));
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            __m512 inverse = _mm512_load_ps(inverse_scale + v * LANES);
            total[v % 2] =
                v < 2 ? _mm512_mul_ps(x[v], inverse) : _mm512_fmadd_ps(x[v], inverse, total[v % 2]);
        }
        __m512 old = _mm512_mul_ps(_mm512_load_ps(totals), _mm512_set1_ps(shrink[r]));
        _mm512_store_ps(totals, _mm512_fmadd_ps(_mm512_add_ps(total[0], total[1]),
                                                _mm512_set1_ps(grow[r]), old));
        __m512i u[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++)
            u[v] = _mm512_cvtps_epi32(x[v]);
        _mm512_store_si512(
            weights + r * KV_BLOCK,
            _mm512_packus_epi16(_mm512_packs_epi32(u[0], u[1]), _mm512_packs_epi32(u[2], u[3])));
    }
}

/* sums = sums * shrink + grow * weights . values, for columns c .. c + 16 * vectors - 1 and the
 * first 4 * fours keys. */
INLINE void value_tile(int rows, int vectors, const struct state *s, int row, int at, int c,
                       const uint8_t *values, int dim, int fours) {
    const float *shrink = s->shrink + at, *grow = s->grow + at;
    const uint8_t *weights = s->weights + at * KV_BLOCK;
    float *sums = s->sums + row * dim + c;
    __m512i acc[TILE_ROWS][4];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        acc[r][v] = _mm512_setzero_si512();
    for (int g = 0; g < fours; g++) {
        __m512i x[4];
        UNROLL
        for (int v = 0; v < vectors; v++)
            x[v] = _mm512_load_si512(values + (g * dim + c + v * LANES) * 4);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i four = four_at(weights + r * KV_BLOCK + weight_four(g) * 4);
            UNROLL
            for (int v = 0; v < vectors; v++)
                acc[r][v] = dot_four(acc[r][v], four, x[v]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < vectors; v++) {
        float *sum = sums + r * dim + v * LANES;
        __m512 old = _mm512_mul_ps(_mm512_load_ps(sum), _mm512_set1_ps(shrink[r]));
        _mm512_store_ps(
            sum, _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][v]), _mm512_set1_ps(grow[r]), old));
    }
}

struct fetching {
    const uint8_t *at, *end;
    int lines;
};

INLINE void score_rows(int rows, int dim, struct state *s, int row, int at, const struct block *b) {
    int seen = s->sees[row + rows - 1] - b->from;
    bool whole = s->sees[row] - b->from >= KV_BLOCK && s->first[row + rows - 1] <= b->from;
    __m512 top = whole              ? score_tile(rows, KEY_VECTORS, true, dim, s, row, at, b)
                 : seen > 2 * LANES ? score_tile(rows, KEY_VECTORS, false, dim, s, row, at, b)
                                    : score_tile(rows, 2, false, dim, s, row, at, b);
    rescale(rows, s, row, at, top);
}

INLINE void add_values(int rows, int dim, struct state *s, int row, int at, const struct block *b) {
    int c = 0, seen = s->sees[row + rows - 1] - b->from;
    int fours = seen < KV_BLOCK ? (seen + 3) / 4 : KV_BLOCK / 4;
    for (; c + 64 <= dim; c += 64)
        value_tile(rows, 4, s, row, at, c, b->values, dim, fours);
    for (; c + 2 * LANES <= dim; c += 2 * LANES)
        value_tile(rows, 2, s, row, at, c, b->values, dim, fours);
    for (; c < dim; c += LANES)
        value_tile(rows, 1, s, row, at, c, b->values, dim, fours);
}

/* `rows` query rows from `row` on, each of which sees some of the block. */
INLINE void attend_group(int dim, struct state *s, int row, int rows, const struct block *b) {
#define SCORE(n) score_rows(n, dim, s, row + r, r, b)
#define SOFTEN(n) soften_tile(n, s, row + r, r)
#define ADD(n) add_values(n, dim, s, row + r, r, b)
    EACH_TILE(rows, SCORE);
    EACH_TILE(rows, SOFTEN);
    EACH_TILE(rows, ADD);
#undef ADD
#undef SOFTEN
#undef SCORE
}

/* One query as signed bytes; returns their sum. The arithmetic is ops8.c's. */
INLINE int quantize_query(const float *x, int dim, int8_t *q, float *scale) {
    __m512i most = _mm512_setzero_si512(), sum = most;
    for (int i = 0; i < dim; i += LANES)
        most = _mm512_max_epi32(
            most, _mm512_and_si512(_mm512_loadu_si512(x + i), _mm512_set1_epi32(0x7fffffff)));
    union {
        int i;
        float f;
    } largest = {.i = _mm512_reduce_max_epi32(most)};
    bool finite = largest.f <= 3.4e38f;
    __m512 inverse = _mm512_set1_ps(largest.f > 0 && finite ? 127.0f / largest.f : 0.0f);
    for (int i = 0; i < dim; i += LANES) {
        __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), inverse));
        sum = _mm512_add_epi32(sum, v);
        _mm_storeu_si128((__m128i *)(void *)(q + i), _mm512_cvtepi32_epi8(v));
    }
    *scale = finite ? largest.f / 127.0f : NAN;
    return _mm512_reduce_add_epi32(sum);
}

static void begin(struct state *s, const struct attention_item *a) {
    int dim = a->head_dim;
    for (int r = 0; r < a->rows; r++) {
        int last = last_key(a, r);
        int sum = quantize_query((const float *)a->q + attention_row(a, r), dim, s->q + r * dim,
                                 &s->scale[r]);
        s->offset[r] = (int32_t)(-128u * (uint32_t)sum); /* wraps where a query is no number */
        if (s->scale[r] == 0) /* all scores are 0 then; times the -inf of unseen keys it is NaN */
            s->scale[r] = 1;
        s->most[r] = -1e30f;
        s->sees[r] = last + 1;
        s->first[r] = first_key(last, a->window);
    }
    memset(s->totals, 0, (size_t)a->rows * LANES * sizeof *s->totals);
    memset(s->sums, 0, (size_t)(a->rows * dim) * sizeof *s->sums);
}

/* dim is the item's head_dim, a constant where that pays. */
INLINE void attend(const struct attention_item *a, int dim) {
    size_t most_rows = ATTENTION_ROWS + LANES;
    struct state s = {.sums = a->scratch};
    s.totals = s.sums + most_rows * (size_t)dim;
    s.scores = s.totals + most_rows * LANES;
    s.weights = (uint8_t *)(s.scores + GROUP_ROWS * KV_BLOCK);
    s.q = (int8_t *)(s.weights + GROUP_ROWS * KV_BLOCK);
    s.most = (float *)(void *)(s.q + most_rows * (size_t)dim);
    s.scale = s.most + most_rows;
    s.offset = (int32_t *)(s.scale + most_rows);
    s.sees = s.offset + most_rows;
    s.first = s.sees + most_rows;
    s.log_scale = (float *)(s.first + most_rows);
    s.inverse_scale = s.log_scale + KV_BLOCK;
    begin(&s, a);
    int last = last_key(a, a->rows - 1);
    int lines = (2 * dim * KV_BLOCK + (int)sizeof(float) * KV_BLOCK) / 64;
    int groups = (a->rows + GROUP_ROWS - 1) / GROUP_ROWS, each = (lines + groups - 1) / groups;
    for (int i = first_key(a->position, a->window) / KV_BLOCK; i * KV_BLOCK <= last; i++) {
        struct block b = {a->blocks[i] + a->key_offset, a->blocks[i] + a->value_offset,
                          i * KV_BLOCK};
        begin_block(&s, (const float *)(const void *)(b.values + dim * KV_BLOCK));
        bool more = (i + 1) * KV_BLOCK <= last;
        const char *next = more ? (const char *)a->blocks[i + 1] + a->key_offset : NULL;
        int r = 0;
        while (s.sees[r] <= b.from)
            r++;
        for (; r < a->rows; r += GROUP_ROWS) {
            for (int line = 0; more && line < each; line++, next += 64)
                _mm_prefetch(next, _MM_HINT_T1);
            attend_group(dim, &s, r, a->rows - r < GROUP_ROWS ? a->rows - r : GROUP_ROWS, &b);
        }
    }
    for (int r = 0; r < a->rows; r++) {
        float *out = (float *)a->out + attention_row(a, r);
        __m512 scale =
            _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(_mm512_load_ps(s.totals + r * LANES)));
        for (int d = 0; d < dim; d += LANES)
            _mm512_storeu_ps(out + d, _mm512_mul_ps(_mm512_load_ps(s.sums + r * dim + d), scale));
    }
}

void attention8_vnni(const struct attention_item *a) {
    if (a->head_dim == 64)
        attend(a, 64);
    else if (a->head_dim == 32)
        attend(a, 32);
    else
        attend(a, a->head_dim);
}

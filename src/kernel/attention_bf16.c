/* Flash attention (Dao et al. 2022) with AVX-512 BF16 dot products. Query rows are gathered so that
 * the heads that share a key/value head are rows of one product; scores, weights and sums of a
 * block of keys stay in the first-level caches. Each row's arithmetic is the same whatever rows are
 * beside it. */
#include <immintrin.h>
#include <string.h>

#include "kernel/avx512.h"
#include "kernel/ops.h"

enum { KEY_VECTORS = KV_BLOCK / LANES };

struct state {
    uint16_t *q;                  /* [rows, dim] */
    float *scores;                /* [rows, KV_BLOCK] */
    uint16_t *weights;            /* [rows, KV_BLOCK] */
    float *sums;                  /* [rows, dim] */
    float *most, *total, *shrink; /* [rows] */
};

/* sum plus the products of pairs. In assembly, since gcc 12 copies and spills the sums of many
 * intrinsics. */
INLINE __m512 dot_pair(__m512 sum, __m512bh a, __m512bh b) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

INLINE __m512bh pair_at(const uint16_t *p) {
    int pair;
    memcpy(&pair, p, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

INLINE __m512bh vector_at(const uint16_t *p) {
    return (__m512bh)_mm512_load_si512(p);
}

/* scores[r][0..63] = q[r] . keys, for `rows` rows (a constant where it is called). */
INLINE void score_tile(int rows, const uint16_t *q, const uint16_t *keys, int dim, float *scores) {
    __m512 acc[TILE_ROWS][KEY_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < KEY_VECTORS; v++)
        acc[r][v] = _mm512_setzero_ps();
    for (int d = 0; d < dim; d += 2, keys += 2 * KV_BLOCK) {
        __m512bh k[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++)
            k[v] = vector_at(keys + v * 2 * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512bh pair = pair_at(q + r * dim + d);
            UNROLL
            for (int v = 0; v < KEY_VECTORS; v++)
                acc[r][v] = dot_pair(acc[r][v], k[v], pair);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < KEY_VECTORS; v++)
        _mm512_store_ps(scores + r * KV_BLOCK + v * LANES, acc[r][v]);
}

/* sums[r] = sums[r] * shrink[r] + weights[r] . values, for `vectors` x 16 columns of `dim`. */
INLINE void value_tile(int rows, int vectors, const uint16_t *weights, const uint16_t *values,
                       int dim, const float *shrink, float *sums) {
    __m512 acc[TILE_ROWS][4];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        acc[r][v] =
            _mm512_mul_ps(_mm512_load_ps(sums + r * dim + v * LANES), _mm512_set1_ps(shrink[r]));
    for (int i = 0; i < KV_BLOCK; i += 2, values += 2 * dim) {
        __m512bh x[4];
        UNROLL
        for (int v = 0; v < vectors; v++)
            x[v] = vector_at(values + v * 2 * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512bh pair = pair_at(weights + r * KV_BLOCK + i);
            UNROLL
            for (int v = 0; v < vectors; v++)
                acc[r][v] = dot_pair(acc[r][v], x[v], pair);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        _mm512_store_ps(sums + r * dim + v * LANES, acc[r][v]);
}

static void score_block(const struct state *s, int rows, const uint16_t *keys, int dim) {
#define SCORE(n) score_tile(n, s->q + r * dim, keys, dim, s->scores + r * KV_BLOCK)
    EACH_TILE(rows, SCORE);
#undef SCORE
}

static void value_block(const struct state *s, int rows, const uint16_t *values, int dim) {
#define VALUE(n, vectors)                                                                          \
    value_tile(n, vectors, s->weights + r * KV_BLOCK, values + 2 * c, dim, s->shrink + r,          \
               s->sums + r * dim + c)
#define VALUE4(n) VALUE(n, 4)
#define VALUE1(n) VALUE(n, 1)
    int c = 0;
    for (; c + 64 <= dim; c += 64)
        EACH_TILE(rows, VALUE4);
    for (; c < dim; c += LANES)
        EACH_TILE(rows, VALUE1);
#undef VALUE1
#undef VALUE4
#undef VALUE
}

/* Softmax weights of one block for one row; `valid` keys are seen (the others weigh nothing). */
INLINE void soften_row(const struct state *s, int r, int first, int valid) {
    const float *score = s->scores + r * KV_BLOCK;
    const __m512 none = _mm512_set1_ps(-1e30f);
    __m512 x[KEY_VECTORS];
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v++) {
        __mmask16 seen =
            lanes_below(valid - v * LANES) & (__mmask16)~lanes_below(first - v * LANES);
        x[v] = _mm512_mask_mov_ps(none, seen, _mm512_load_ps(score + v * LANES));
    }
    __m512 top = _mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3]));
    float before = s->most[r];
    float most = _mm512_reduce_max_ps(top);
    most = most > before ? most : before;
    __m512 m = _mm512_set1_ps(most), sum = _mm512_setzero_ps();
    __m512 w[KEY_VECTORS];
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v++) {
        w[v] = exp2_ps(_mm512_sub_ps(x[v], m));
        sum = _mm512_add_ps(sum, w[v]);
    }
    UNROLL
    for (int v = 0; v < KEY_VECTORS; v += 2)
        _mm512_store_si512(s->weights + r * KV_BLOCK + v * LANES,
                           (__m512i)_mm512_cvtne2ps_pbh(w[v + 1], w[v]));
    float shrink = _mm512_cvtss_f32(exp2_ps(_mm512_set1_ps(before - most)));
    s->shrink[r] = shrink;
    s->most[r] = most;
    s->total[r] = s->total[r] * shrink + _mm512_reduce_add_ps(sum);
}

static void soften_block(const struct state *s, const struct attention_item *a, int block) {
    for (int r = 0; r < a->rows; r++) {
        int last = last_key(a, r);
        soften_row(s, r, first_key(last, a->window) - block * KV_BLOCK,
                   last + 1 - block * KV_BLOCK);
    }
}

static void finish(const struct state *s, const struct attention_item *a) {
    for (int r = 0; r < a->rows; r++) {
        uint16_t *out = (uint16_t *)a->out + attention_row(a, r);
        __m512 scale = _mm512_set1_ps(1.0f / s->total[r]);
        for (int d = 0; d < a->head_dim; d += LANES) {
            __m512 x = _mm512_mul_ps(_mm512_load_ps(s->sums + r * a->head_dim + d), scale);
            _mm256_storeu_si256((__m256i *)(void *)(out + d), (__m256i)_mm512_cvtneps_pbh(x));
        }
    }
}

void attention_bf16(const struct attention_item *a) {
    int dim = a->head_dim;
    size_t rows = ATTENTION_ROWS + 8;
    struct state s = {.q = a->scratch};
    s.weights = s.q + rows * (size_t)dim;
    s.scores = (float *)(void *)(s.weights + rows * KV_BLOCK);
    s.sums = s.scores + rows * KV_BLOCK;
    s.most = s.sums + rows * (size_t)dim;
    s.total = s.most + rows;
    s.shrink = s.total + rows;
    for (int r = 0; r < a->rows; r++) {
        memcpy(s.q + r * dim, (const uint16_t *)a->q + attention_row(a, r), (size_t)dim * 2);
        s.most[r] = -1e30f;
        s.total[r] = 0;
    }
    memset(s.sums, 0, (size_t)a->rows * (size_t)dim * sizeof *s.sums);
    int last = last_key(a, a->rows - 1);
    for (int b = first_key(a->position, a->window) / KV_BLOCK; b * KV_BLOCK <= last; b++) {
        score_block(&s, a->rows, (const uint16_t *)(a->blocks[b] + a->key_offset), dim);
        soften_block(&s, a, b);
        value_block(&s, a->rows, (const uint16_t *)(a->blocks[b] + a->value_offset), dim);
    }
    finish(&s, a);
}

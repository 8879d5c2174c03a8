#include "search/vectors_fixed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The largest magnitude of 256 * high + low with high in -127 .. 127 and low in -128 .. 127. */
enum { MOST16 = 127 * 256, MOST31 = 1 << 30 };

/* Sums in double: the length of 8192 values is then right to far more digits than f32 has. */
static bool normalise(const float *v, size_t width, float *unit) {
    double most = 0, sum = 0;
    for (size_t i = 0; i < width; i++) {
        if (!isfinite(v[i]))
            return false;
        most = fmax(most, fabs((double)v[i]));
    }
    for (size_t i = 0; i < width; i++)
        sum += (v[i] / (most > 0 ? most : 1)) * (v[i] / (most > 0 ? most : 1));
    double by = sum > 0 ? 1 / (most * sqrt(sum)) : 0;
    for (size_t i = 0; i < width; i++)
        unit[i] = (float)(v[i] * by);
    return true;
}

static float largest(const float *unit, size_t width) {
    float most = 0;
    for (size_t i = 0; i < width; i++)
        most = fmaxf(most, fabsf(unit[i]));
    return most;
}

static int32_t high_of(int32_t wide) {
    return (wide + 128 + (1 << 20)) / 256 -
           (1 << 20) / 256; /* rounds down, wide being negative too */
}

bool vectors_fix_row(const float *v, size_t width, float *unit, const struct vectors_block *block,
                     size_t r) {
    if (!normalise(v, width, unit))
        return false;
    size_t stride = nearest_stride(width);
    int8_t *high = block->high + r * stride, *low = block->low + r * stride;
    float scale = largest(unit, width) / (float)MOST16;
    double loss = 0;
    memset(high, 0, stride);
    memset(low, 0, stride);
    for (size_t i = 0; scale > 0 && i < width; i++) {
        int32_t wide = (int32_t)lrint((double)unit[i] / (double)scale);
        wide = wide > MOST16 ? MOST16 : wide < -MOST16 ? -MOST16 : wide;
        high[i] = (int8_t)high_of(wide);
        low[i] = (int8_t)(wide - 256 * high[i]);
        loss += (double)low[i] * low[i];
    }
    block->scale[r] = scale;
    block->loss[r] = (float)(sqrt(loss) * (double)scale * 1.0001);
    return true;
}

/* Cauchy-Schwarz: |row . query - high . wide| <= |low part of row| |query| + |high part of row|
 * |rounding of query|; the lengths of row and query are 1, that of the high part at most 1.03. */
static void fix(const float *unit, size_t width, int16_t *wide, int8_t *high, int8_t *low,
                int32_t *exact, struct vectors_fixed *out) {
    double most = (double)largest(unit, width), rounding = 0;
    double step = most / nearest_range(out->q.stride), fine = most / MOST31;
    for (size_t i = 0; most > 0 && i < width; i++) {
        wide[i] = (int16_t)lrint((double)unit[i] / step);
        high[i] = (int8_t)high_of(wide[i]);
        low[i] = (int8_t)(wide[i] - 256 * high[i]);
        exact[i] = (int32_t)lrint((double)unit[i] / fine);
        rounding += pow((double)unit[i] - wide[i] * step, 2);
    }
    out->exact_scale = fine;
    out->scale = (float)(step * 256);
    out->slack = (float)(sqrt(rounding) * 1.05 + 4e-6);
}

int vectors_fix_query(const float *v, size_t width, struct vectors_fixed *out, struct err *e) {
    size_t stride = nearest_stride(width);
    size_t each = sizeof(int32_t) + sizeof(int16_t) + 2;
    *out = (struct vectors_fixed){.q = {.stride = stride}};
    float *unit = malloc(width * sizeof *unit);
    uint8_t *memory = aligned_alloc(VECTORS_ALIGN, stride * each);
    int rc = 0;
    if (!unit || !memory) {
        rc = err_nomem(e, "query");
    } else if (!normalise(v, width, unit)) {
        rc = err_set(e, PRECIS_EINPUT, "the query's vector has values that are not finite");
    } else {
        memset(memory, 0, stride * each);
        int32_t *exact = (void *)memory;
        int16_t *wide = (void *)(exact + stride);
        int8_t *high = (void *)(wide + stride), *low = high + stride;
        fix(unit, width, wide, high, low, exact, out);
        out->q.wide = wide;
        out->q.high = high;
        out->q.low = low;
        out->exact = exact;
        out->memory = memory;
        memory = NULL;
    }
    free(unit);
    free(memory);
    return rc;
}

void vectors_fixed_free(struct vectors_fixed *f) {
    free(f->memory);
    *f = (struct vectors_fixed){0};
}

/* 2^15 * 2^30 * 2^13 products: the sum fits. */
float vectors_score(const struct vectors_fixed *f, const struct vectors_block *block, size_t r) {
    size_t stride = f->q.stride;
    const int8_t *high = block->high + r * stride, *low = block->low + r * stride;
    int64_t sum = 0;
    for (size_t i = 0; i < stride; i++)
        sum += (int64_t)(256 * high[i] + low[i]) * f->exact[i];
    return (float)((double)sum * f->exact_scale * (double)block->scale[r]);
}

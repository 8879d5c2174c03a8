#include "model/rotate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

size_t rotation_block(size_t n, size_t most) {
    size_t block = 1;
    while (block * 2 <= most && n % (block * 2) == 0)
        block *= 2;
    return block;
}

static double normal(struct rng *rng) { /* Box and Muller 1958 */
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(6.283185307179586 * rng_uniform(rng));
}

/* Rows drawn from the normal distribution and made orthonormal one after the other (modified Gram
 * and Schmidt) are uniform among orthogonal matrices. */
static void random_orthogonal(size_t m, struct rng *rng, double *a, float *out) {
    for (size_t i = 0; i < m; i++) {
        double *row = a + i * m, norm = 0;
        for (size_t j = 0; j < m; j++)
            row[j] = normal(rng);
        for (size_t p = 0; p < i; p++) {
            double dot = 0;
            for (size_t j = 0; j < m; j++)
                dot += row[j] * a[p * m + j];
            for (size_t j = 0; j < m; j++)
                row[j] -= dot * a[p * m + j];
        }
        for (size_t j = 0; j < m; j++)
            norm += row[j] * row[j];
        norm = 1 / sqrt(norm);
        for (size_t j = 0; j < m; j++) {
            row[j] *= norm;
            out[i * m + j] = (float)row[j];
        }
    }
}

int rotation_new(size_t n, size_t most_block, int mix, uint64_t seed, struct rotation *r,
                 struct err *e) {
    size_t block = rotation_block(n, most_block), m = mix ? n / block : 1;
    *r = (struct rotation){.n = n, .block = block};
    if (m > ROTATION_MOST_MIXTURE)
        return err_set(e, PRECIS_EUNSUPPORTED, "a width of %zu: its odd part is beyond %d", n,
                       ROTATION_MOST_MIXTURE);
    struct rng rng = {seed};
    double *work = malloc(m * m * sizeof *work);
    r->signs = malloc(n * sizeof *r->signs);
    r->mixture = mix ? malloc(m * m * sizeof *r->mixture) : NULL;
    if (!work || !r->signs || (mix && !r->mixture)) {
        free(work);
        rotation_free(r);
        return err_nomem(e, "rotation");
    }
    for (size_t i = 0; i < n; i++)
        r->signs[i] = rng_uniform(&rng) < 0.5 ? -1.0f : 1.0f;
    if (mix)
        random_orthogonal(m, &rng, work, r->mixture);
    free(work);
    return 0;
}

void rotation_free(struct rotation *r) {
    free(r->signs);
    free(r->mixture);
    *r = (struct rotation){0};
}

/* a, b become a + b, a - b. */
static void butterfly(float *restrict a, float *restrict b, size_t width) {
    for (size_t i = 0; i < width; i++) {
        float sum = a[i] + b[i], difference = a[i] - b[i];
        a[i] = sum;
        b[i] = difference;
    }
}

/* The fast Walsh-Hadamard transform over `block` elements, each `width` wide. */
static void hadamard(float *x, size_t block, size_t width) {
    for (size_t h = 1; h < block; h *= 2)
        for (size_t i = 0; i < block; i += 2 * h)
            butterfly(x + i * width, x + (i + h) * width, h * width);
}

enum { STRIP = 64 };

/* Element (i, p) of x[m][span] becomes the sum over j of x(j, p) * mixture(j, i), a strip of p at a
 * time. */
static void mix_blocks(const struct rotation *r, float *x, size_t m, size_t span) {
    float strip[STRIP], from[ROTATION_MOST_MIXTURE];
    if (m <= 16) { /* the usual case: m rows of a strip at once */
        float rows[16][STRIP];
        for (size_t p = 0; p < span; p += STRIP) {
            size_t n = span - p < STRIP ? span - p : STRIP;
            for (size_t j = 0; j < m; j++)
                memcpy(rows[j], x + j * span + p, n * sizeof *x);
            for (size_t i = 0; i < m; i++) {
                memset(strip, 0, sizeof strip);
                for (size_t j = 0; j < m; j++)
                    for (size_t k = 0; k < n; k++)
                        strip[k] += rows[j][k] * r->mixture[j * m + i];
                memcpy(x + i * span + p, strip, n * sizeof *x);
            }
        }
        return;
    }
    for (size_t p = 0; p < span; p++) {
        for (size_t j = 0; j < m; j++)
            from[j] = x[j * span + p];
        for (size_t i = 0; i < m; i++) {
            float sum = 0;
            for (size_t j = 0; j < m; j++)
                sum += from[j] * r->mixture[j * m + i];
            x[i * span + p] = sum;
        }
    }
}

void rotation_columns(const struct rotation *r, float *x, size_t width) {
    float norm = 1 / sqrtf((float)r->block);
    size_t m = r->n / r->block;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < width; j++)
            x[i * width + j] *= r->signs[i] * norm;
    for (size_t b = 0; b < m; b++)
        hadamard(x + b * r->block * width, r->block, width);
    if (r->mixture && m > 1)
        mix_blocks(r, x, m, r->block * width);
}

void rotation_rows(const struct rotation *r, float *x, size_t rows) {
    for (size_t i = 0; i < rows; i++)
        rotation_columns(r, x + i * r->n, 1);
}

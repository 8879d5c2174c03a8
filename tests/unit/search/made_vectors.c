#include "made_vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

const uint8_t made_generation[VECTORS_GENERATION_SIZE] = "generation of the tests' vectors";

static float value(struct rng *r) {
    uint64_t z = rng_next(r);
    return (float)((int)(z & 0xffff) + (int)(z >> 16 & 0xffff) - 0xffff) / 65536;
}

float *made_vectors(size_t n, size_t width, uint64_t seed) {
    float *v = malloc((n * width + 1) * sizeof *v), *centre = malloc(width * sizeof *centre);
    assert_non_null(v);
    assert_non_null(centre);
    struct rng r = {seed};
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            for (size_t j = 0; j < width; j++)
                centre[j] = value(&r);
        for (size_t j = 0; j < width; j++)
            v[i * width + j] = centre[j] + value(&r);
    }
    free(centre);
    return v;
}

int64_t made_id(size_t row) {
    return (int64_t)row * 3 - 40;
}

void made_file(const char *path, const float *v, size_t n, size_t width) {
    struct vectors_writer *w;
    struct err e = {0};
    assert_int_equal(vectors_writer_new(path, width, made_generation, &w, &e), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(vectors_writer_add(w, made_id(i), v + i * width, &e), 0);
    if (vectors_writer_commit(w, &e) != 0)
        fail_msg("%s", e.text);
}

struct vectors *made_open(const char *path) {
    struct vectors *m;
    struct err e = {0};
    if (vectors_open(path, made_generation, 1, &m, &e) != 0)
        fail_msg("%s", e.text);
    return m;
}

double made_cosine(const float *a, const float *b, size_t width) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < width; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static const struct vectors_hit *hit_of(const struct vectors_hit *hits, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (hits[i].id == id)
            return &hits[i];
    return NULL;
}

void made_check(const struct made_row *rows, size_t n, size_t width, const float *query, size_t k,
                const struct vectors_hit *hits, size_t found, double loss) {
    size_t seen = 0;
    assert_int_equal(found, n < k ? n : k);
    for (size_t i = 1; i < found; i++)
        if (hits[i].score > hits[i - 1].score ||
            (hits[i].score == hits[i - 1].score && hits[i].id <= hits[i - 1].id))
            fail_msg("hit %zu is out of order", i);
    for (size_t i = 0; i < n; i++) {
        double cosine = made_cosine(rows[i].v, query, width);
        const struct vectors_hit *hit = hit_of(hits, found, rows[i].id);
        seen += hit != NULL;
        if (hit && fabs((double)hit->score - cosine) > loss)
            fail_msg("id %lld: score %.9g, cosine %.9g", (long long)hit->id, (double)hit->score,
                     cosine);
        if (!hit && found && cosine > (double)hits[found - 1].score + loss)
            fail_msg("id %lld with cosine %.9g is missing; the last hit has %.9g",
                     (long long)rows[i].id, cosine, (double)hits[found - 1].score);
    }
    assert_int_equal(seen, found);
}

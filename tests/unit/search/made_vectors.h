/* Vectors for tests, and a search that compares all of them in double precision. */
#ifndef PRECIS_TESTS_MADE_VECTORS_H
#define PRECIS_TESTS_MADE_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "search/vectors.h"

extern const uint8_t made_generation[VECTORS_GENERATION_SIZE];

/* [n][width], the caller's; the same for the same seed. Every 8 or so lie near one another. */
float *made_vectors(size_t n, size_t width, uint64_t seed);
/* Ids of rows, ascending, with gaps, from below 0 on. */
int64_t made_id(size_t row);
/* Writes rows [0, n) with made_id into the file; the test fails when that fails. */
void made_file(const char *path, const float *v, size_t n, size_t width);
struct vectors *made_open(const char *path); /* the same */

double made_cosine(const float *a, const float *b, size_t width);

/* A row that may be found. */
struct made_row {
    int64_t id;
    const float *v;
};
/* Whether the hits are k of the rows' best for the query: as many as there are, best first with
 * ties by id, scores within `loss` of the cosines, and no other row better by more than twice that.
 * The test fails when not. */
void made_check(const struct made_row *rows, size_t n, size_t width, const float *query, size_t k,
                const struct vectors_hit *hits, size_t found, double loss);

#endif

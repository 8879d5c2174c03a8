/* The newline scan: one function for each instruction set, all with the same result. */
#ifndef PRECIS_CODE_SCAN_H
#define PRECIS_CODE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks for the k-th '\n' (k >= 1) in [text, text + size). Returns the offset just after it, with
 * *seen = k; or size, with *seen the number of '\n' there are, when there are fewer than k. */
typedef size_t scan_fn(const uint8_t *text, size_t size, uint64_t k, uint64_t *seen);

struct scan {
    const char *name; /* "plain", "avx2", "avx512" */
    scan_fn *find;
};

/* Those that this processor can run, slowest ("plain") first; returns how many. */
enum { SCAN_MAX = 3 };
size_t scan_list(struct scan out[SCAN_MAX]);
scan_fn *scan_best(void);

#endif

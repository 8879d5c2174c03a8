#include "code/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/scan.h"

struct cutter {
    const uint8_t *text;
    size_t size, at, cap;
    scan_fn *find;
};

/* Adds the next `loc` lines, or what is left. */
static int add(struct cutter *c, uint64_t loc, struct chunks *out, struct err *e) {
    uint64_t seen = 0;
    size_t len = c->find(c->text + c->at, c->size - c->at, loc, &seen);
    /* Fewer newlines than asked for: the text ended, perhaps in a line without one. */
    uint64_t lines = seen + (c->text[c->at + len - 1] != '\n');
    if (!array_grow((void **)&out->v, out->n, &c->cap, sizeof *out->v)) {
        chunks_free(out);
        return err_nomem(e, "chunks");
    }
    out->v[out->n++] = (struct chunk){.offset = c->at,
                                      .length = len,
                                      .start_line = out->lines + 1,
                                      .end_line = out->lines + lines};
    out->lines += lines;
    c->at += len;
    return 0;
}

int chunk_lines(const void *text, size_t size, uint64_t loc, struct chunks *out, struct err *e) {
    struct cutter c = {.text = text, .size = size, .find = scan_best()};
    *out = (struct chunks){0};
    if (loc == 0)
        return err_set(e, PRECIS_EUSAGE, "lines in a chunk: 0 is not at least 1");
    int rc = 0;
    while (rc == 0 && c.at < size)
        rc = add(&c, loc, out, e);
    return rc;
}

int chunk_at(const void *text, size_t size, const uint32_t *last_line, size_t n, struct chunks *out,
             struct err *e) {
    struct cutter c = {.text = text, .size = size, .find = scan_best()};
    *out = (struct chunks){0};
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < n && c.at < size; k++)
        rc = add(&c, last_line[k] - out->lines, out, e);
    if (rc == 0 && (c.at < size || out->n != n || (n && out->lines != last_line[n - 1]))) {
        rc = err_set(e, PRECIS_EINPUT, "%zu lines in %zu chunks are not those of the text",
                     n ? (size_t)last_line[n - 1] : 0, n);
        chunks_free(out);
    }
    return rc;
}

void chunks_free(struct chunks *c) {
    free(c->v);
    *c = (struct chunks){0};
}

uint64_t chunk_count_newlines(const void *text, size_t size) {
    uint64_t seen = 0;
    if (size)
        scan_best()(text, size, UINT64_MAX, &seen);
    return seen;
}

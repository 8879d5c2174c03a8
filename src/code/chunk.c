#include "code/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/scan.h"

int chunk_lines(const void *text, size_t size, uint64_t loc, struct chunks *out, struct err *e) {
    const uint8_t *s = text;
    scan_fn *find = scan_best();
    size_t cap = 0;
    size_t at = 0;
    *out = (struct chunks){0};
    if (loc == 0)
        return err_set(e, PRECIS_EUSAGE, "lines in a chunk: 0 is not at least 1");
    while (at < size) {
        uint64_t seen = 0;
        size_t len = find(s + at, size - at, loc, &seen);
        /* Fewer newlines than asked for: the text ended, perhaps in a line without one. */
        uint64_t lines = seen + (s[at + len - 1] != '\n');
        if (!array_grow((void **)&out->v, out->n, &cap, sizeof *out->v)) {
            chunks_free(out);
            return err_nomem(e, "chunks");
        }
        out->v[out->n++] = (struct chunk){.offset = at,
                                          .length = len,
                                          .start_line = out->lines + 1,
                                          .end_line = out->lines + lines};
        out->lines += lines;
        at += len;
    }
    return 0;
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

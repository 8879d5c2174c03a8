/* A growable byte buffer. Failure is sticky: after a failed allocation every append does nothing
 * and buf_failed() is true, so a run of appends is checked once, at its end. data is NUL-terminated
 * whenever it is not NULL; the NUL is not counted in len. */
#ifndef PRECIS_BASE_BUF_H
#define PRECIS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* owned; NULL while nothing was appended */
    size_t len;
    size_t cap;
    bool failed;
};

void buf_free(struct buf *b);  /* safe on a zeroed or freed buffer; leaves it zeroed */
void buf_clear(struct buf *b); /* len = 0, failed = false; the memory is kept */
bool buf_reserve(struct buf *b, size_t more); /* room for `more` bytes beyond len */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool buf_failed(const struct buf *b) {
    return b->failed;
}

/* A growable array of token ids, with the same sticky failure. */
struct ids {
    uint32_t *v; /* owned */
    size_t n;
    size_t cap;
    bool failed;
};

void ids_free(struct ids *ids);
bool ids_reserve(struct ids *ids, size_t more); /* room for `more` ids beyond n */
void ids_push(struct ids *ids, uint32_t id);
void ids_append(struct ids *ids, const uint32_t *v, size_t n);

/* Makes room for one more element in an array that grows by doubling: *array holds n elements of
 * `size` bytes with room for *cap. Returns false, leaving everything as it was, when out of memory.
 */
bool array_grow(void **array, size_t n, size_t *cap, size_t size);

#endif

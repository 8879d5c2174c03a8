/* Any bytes as a packed file: as they are, and again with the lengths and checksums made right, so
 * that what lies behind those is reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/packed_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void expect(bool holds) {
    if (!holds)
        abort();
}

static void seal(uint8_t *bytes, size_t size) {
    struct packed_header *h = (void *)bytes;
    if (size < sizeof *h || h->key_size > PACKED_MOST_KEY || h->sections > PACKED_MOST_SECTIONS)
        return;
    struct packed_layout l = packed_lay_out(h->key_size, h->sections, 1);
    if (l.data >= size || size - l.data > PACKED_PIECE)
        return;
    memcpy(h->magic, PACKED_MAGIC, sizeof h->magic);
    h->order = PACKED_ORDER;
    h->version = PACKED_VERSION;
    h->file_size = size;
    h->data = l.data;
    h->pieces = 1;
    packed_sum_data(bytes, h, 1, (void *)(bytes + l.sums));
    h->sum = packed_sum_head(bytes, h);
}

static void read_all(const struct packed *p) {
    const struct packed_header *h = (const void *)p->bytes;
    const struct packed_entry *entries =
        (const void *)(p->bytes + packed_lay_out(h->key_size, 0, 0).entries);
    const uint8_t *end = p->bytes + h->data;
    for (size_t i = 0; i < h->sections; i++) {
        size_t size;
        const uint8_t *at = packed_find(p, entries[i].name, &size);
        expect(at && size == entries[i].size && at >= end && (uintptr_t)at % PACKED_ALIGN == 0);
        end = at + size;
        expect(end <= p->bytes + p->size);
        for (size_t j = 0; j < size; j++)
            sink += at[j];
    }
}

static void open_and_read(const uint8_t *bytes, size_t size) {
    struct packed *p;
    struct err e = {0};
    const struct packed_header *h = (const void *)bytes;
    char key[PACKED_MOST_KEY + 1] = "key";
    if (size >= sizeof *h && h->key_size <= PACKED_MOST_KEY && h->key_size <= size - sizeof *h)
        memcpy(key, bytes + sizeof *h, h->key_size);
    int rc = packed_open_memory("fuzz", key, bytes, size, &p, &e);
    expect(rc == 0 || (rc == PRECIS_ENOTFOUND && e.text[0] && !p));
    if (rc == 0)
        read_all(p);
    packed_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* The end of the bytes is the end of the allocation, or a read beyond it would not show. */
    uint8_t *bytes = NULL;
    if (posix_memalign((void **)&bytes, PACKED_ALIGN, size ? size : 1) != 0)
        return 0;
    memcpy(bytes, data, size);
    open_and_read(bytes, size);
    seal(bytes, size);
    open_and_read(bytes, size);
    free(bytes);
    return 0;
}

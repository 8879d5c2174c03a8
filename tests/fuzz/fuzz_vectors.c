/* Any bytes as a matrix and, after its end, as a graph: as they are, and again with lengths and
 * checksums made right, so that what lies behind those is reached. Then they are searched. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kernel/nearest.h"
#include "search/vectors_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { K = 7 };

static void expect(bool holds) {
    if (!holds)
        abort();
}

/* The end of the bytes is the end of the allocation, or a read beyond it would not show. */
static uint8_t *copy_of(const uint8_t *data, size_t size) {
    void *bytes = NULL;
    expect(posix_memalign(&bytes, VECTORS_ALIGN, size ? size : 1) == 0);
    if (size)
        memcpy(bytes, data, size);
    return bytes;
}

/* The header's count and width stay, if the bytes can hold so many rows. Returns the file's size,
 * or 0: they cannot. */
static size_t seal_matrix(uint8_t *bytes, size_t size) {
    struct vectors_header *h = (void *)bytes;
    if (size < VECTORS_PAGE || h->width == 0 || h->width > VECTORS_MOST_WIDTH ||
        h->count > VECTORS_BLOCK)
        return 0;
    size_t rows = vectors_block_bytes(h->count, nearest_stride(h->width)), n = h->count > 0;
    if (size - VECTORS_PAGE < rows + n * sizeof(uint64_t))
        return 0;
    uint64_t sum = hash_bulk(bytes + VECTORS_PAGE, rows, 0);
    memcpy(h->magic, VECTORS_MAGIC, sizeof h->magic);
    h->order = VECTORS_ORDER;
    h->version = VECTORS_VERSION;
    h->element = VECTORS_FIXED16;
    h->file_size = VECTORS_PAGE + rows + n * sizeof sum;
    memcpy(bytes + VECTORS_PAGE + rows, &sum, n * sizeof sum);
    h->sum = vectors_sum_head(bytes, offsetof(struct vectors_header, sum), &sum, n);
    return h->file_size;
}

static size_t seal_graph(uint8_t *bytes, size_t size, const struct vectors_header *matrix) {
    struct vectors_graph_header *h = (void *)bytes;
    if (size < VECTORS_PAGE || h->levels == 0 || h->levels > VECTORS_LEVELS)
        return 0;
    size_t levels = 0;
    h->n[0] = (uint32_t)matrix->count;
    for (size_t i = 0; i < VECTORS_LEVELS; i++) {
        h->n[i] = i < h->levels ? h->n[i] : 0;
        levels += vectors_level_bytes(i, h->n[i]);
    }
    if (levels == 0 || levels > VECTORS_PIECE || size - VECTORS_PAGE < levels + sizeof(uint64_t))
        return 0;
    uint64_t sum = hash_bulk(bytes + VECTORS_PAGE, levels, 0);
    memcpy(h->magic, VECTORS_GRAPH_MAGIC, sizeof h->magic);
    memcpy(h->generation, matrix->generation, sizeof h->generation);
    h->matrix = matrix->sum;
    h->order = VECTORS_ORDER;
    h->version = VECTORS_VERSION;
    h->file_size = VECTORS_PAGE + levels + sizeof sum;
    memcpy(bytes + VECTORS_PAGE + levels, &sum, sizeof sum);
    h->sum = vectors_sum_head(bytes, offsetof(struct vectors_graph_header, sum), &sum, 1);
    return h->file_size;
}

static void search(const struct vectors *m, const struct vectors_overlay *o, bool exact) {
    static float query[VECTORS_MOST_WIDTH];
    struct vectors_hit hits[K];
    struct vectors_query q = {.v = query, .k = K, .exact = exact};
    struct err e = {0};
    size_t n;
    for (size_t i = 0; i < vectors_width(m); i++)
        query[i] = (float)(i % 7) - 2.5f;
    expect(vectors_search(m, o, &q, hits, &n, &e) == 0 && n <= K);
    if (exact && !o)
        expect(n == (vectors_count(m) < K ? vectors_count(m) : K));
    for (size_t i = 1; i < n; i++)
        expect(hits[i - 1].score >= hits[i].score);
}

static void use(struct vectors *m) {
    struct vectors_overlay *o;
    struct err e = {0};
    float *row = malloc(vectors_width(m) * sizeof *row);
    expect(row && vectors_overlay_new(m, 0, &o, &e) == 0);
    for (size_t i = 0; i < vectors_count(m); i++) {
        size_t at;
        expect(vectors_find(m, vectors_id(m, i), &at) && at == i);
        vectors_row(m, i, row);
        if (i % 3 == 0)
            expect(vectors_overlay_remove(o, vectors_id(m, i), &e) == 0);
        if (i % 5 == 0)
            expect(vectors_overlay_put(o, vectors_id(m, i), row, &e) == 0);
    }
    for (int i = 0; i < 4; i++)
        search(m, i / 2 ? o : NULL, i % 2);
    vectors_overlay_free(o);
    free(row);
}

static void open_and_use(const uint8_t *bytes, size_t size, const uint8_t *graph,
                         size_t graph_size) {
    struct vectors *m;
    struct err e = {0};
    uint8_t generation[VECTORS_GENERATION_SIZE] = {0};
    if (size >= sizeof(struct vectors_header))
        memcpy(generation, bytes + offsetof(struct vectors_header, generation), sizeof generation);
    int rc = vectors_open_memory("fuzz", generation, bytes, size, &m, &e);
    expect(rc == 0 ? m != NULL : rc == PRECIS_ENOTFOUND && e.text[0] && !m);
    if (rc)
        return;
    use(m);
    rc = vectors_graph_open_memory(m, "fuzz", graph, graph_size, &e);
    expect(rc == 0 || (rc == PRECIS_ENOTFOUND && e.text[0]));
    if (rc == 0)
        use(m);
    vectors_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = copy_of(data, size);
    open_and_use(bytes, size, NULL, 0);
    size_t matrix = seal_matrix(bytes, size);
    if (matrix) {
        uint8_t *rows = copy_of(bytes, matrix), *graph = copy_of(bytes + matrix, size - matrix);
        open_and_use(rows, matrix, graph, size - matrix);
        size_t graph_size = seal_graph(graph, size - matrix, (void *)rows);
        uint8_t *cut = copy_of(graph, graph_size);
        open_and_use(rows, matrix, cut, graph_size);
        free(cut);
        free(graph);
        free(rows);
    }
    free(bytes);
    return 0;
}

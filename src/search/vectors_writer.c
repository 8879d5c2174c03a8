/* Rows go out a block at a time; the header, which has their number, is written last over the zeros
 * that hold its place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "search/vectors_fixed.h"

struct vectors_writer {
    struct outfile out;
    struct vectors_header header;
    size_t stride;
    uint8_t *bytes; /* owned: the block that is filled, whole */
    struct vectors_block block;
    size_t n; /* rows in it */
    int64_t last;
    float *unit;    /* [width] */
    uint64_t *sums; /* owned, [n_sums] */
    size_t n_sums, cap_sums;
    int failed; /* the first failure's code; 0: none */
};

static int write_all(struct vectors_writer *w, const void *data, size_t size, struct err *e) {
    if (size == 0 || fwrite(data, 1, size, w->out.f) == size)
        return 0;
    w->failed = PRECIS_EIO;
    return err_errno(e, w->out.path, "write");
}

void vectors_writer_free(struct vectors_writer *w) {
    if (!w)
        return;
    outfile_abort(&w->out);
    free(w->bytes);
    free(w->unit);
    free(w->sums);
    free(w);
}

int vectors_writer_new(const char *path, size_t width, const uint8_t *generation,
                       struct vectors_writer **out, struct err *e) {
    static const uint8_t page[VECTORS_PAGE];
    *out = NULL;
    if (width == 0 || width > VECTORS_MOST_WIDTH)
        return err_set(e, PRECIS_EUSAGE, "%s: vectors of %zu numbers: must be 1 .. %d", path, width,
                       VECTORS_MOST_WIDTH);
    struct vectors_writer *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(e, path);
    w->header = (struct vectors_header){.order = VECTORS_ORDER,
                                        .version = VECTORS_VERSION,
                                        .width = (uint32_t)width,
                                        .element = VECTORS_FIXED16};
    memcpy(w->header.magic, VECTORS_MAGIC, sizeof w->header.magic);
    memcpy(w->header.generation, generation, sizeof w->header.generation);
    w->stride = nearest_stride(width);
    size_t size = vectors_block_bytes(VECTORS_BLOCK, w->stride);
    w->bytes = aligned_alloc(VECTORS_ALIGN, size);
    w->unit = malloc(width * sizeof *w->unit);
    int rc = w->bytes && w->unit ? outfile_open(&w->out, path, e) : err_nomem(e, path);
    if (rc == 0) {
        memset(w->bytes, 0, size);
        vectors_block_view(w->bytes, VECTORS_BLOCK, w->stride, &w->block);
        rc = write_all(w, page, sizeof page, e);
    }
    if (rc) {
        vectors_writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* The parts of a block that is not full move together. */
static size_t close_up(struct vectors_writer *w) {
    struct vectors_block to;
    size_t size = vectors_block_bytes(w->n, w->stride);
    if (w->n == VECTORS_BLOCK)
        return size;
    vectors_block_view(w->bytes, w->n, w->stride, &to);
    memmove(to.low, w->block.low, w->n * w->stride);
    memmove(to.scale, w->block.scale, w->n * sizeof *to.scale);
    memset(to.scale + w->n, 0, (size_t)((uint8_t *)to.loss - (uint8_t *)(to.scale + w->n)));
    memmove(to.loss, w->block.loss, w->n * sizeof *to.loss);
    memset(to.loss + w->n, 0, (size_t)((uint8_t *)to.ids - (uint8_t *)(to.loss + w->n)));
    memmove(to.ids, w->block.ids, w->n * sizeof *to.ids);
    memset(to.ids + w->n, 0, (size_t)(w->bytes + size - (uint8_t *)(to.ids + w->n)));
    return size;
}

static int flush_block(struct vectors_writer *w, struct err *e) {
    if (w->n == 0)
        return 0;
    if (w->n_sums == w->cap_sums) {
        size_t cap = w->cap_sums ? w->cap_sums * 2 : 64;
        uint64_t *more = realloc(w->sums, cap * sizeof *more);
        if (!more) {
            w->failed = PRECIS_ENOMEM;
            return err_nomem(e, w->out.path);
        }
        w->sums = more;
        w->cap_sums = cap;
    }
    size_t size = close_up(w);
    w->sums[w->n_sums] = hash_bulk(w->bytes, size, w->n_sums);
    w->n_sums++;
    w->n = 0;
    return write_all(w, w->bytes, size, e);
}

int vectors_writer_add(struct vectors_writer *w, int64_t id, const float *v, struct err *e) {
    if (w->failed)
        return err_set(e, w->failed, "%s: failed before", w->out.path);
    if (w->header.count && id <= w->last)
        return err_set(e, PRECIS_EUSAGE, "%s: id %lld after %lld: they must ascend", w->out.path,
                       (long long)id, (long long)w->last);
    if (w->header.count == UINT32_MAX - 1)
        return err_set(e, PRECIS_ELIMIT, "%s: more than %llu vectors", w->out.path,
                       (unsigned long long)w->header.count);
    if (!vectors_fix_row(v, w->header.width, w->unit, &w->block, w->n))
        return err_set(e, PRECIS_EINPUT, "%s: the vector of id %lld has values that are not finite",
                       w->out.path, (long long)id);
    w->block.ids[w->n++] = id;
    w->last = id;
    w->header.count++;
    return w->n == VECTORS_BLOCK ? flush_block(w, e) : 0;
}

static int write_head(struct vectors_writer *w, struct err *e) {
    _Alignas(struct vectors_header) uint8_t page[VECTORS_PAGE] = {0};
    int rc = write_all(w, w->sums, w->n_sums * sizeof *w->sums, e);
    off_t size = rc == 0 ? ftello(w->out.f) : 0;
    if (rc == 0 && (size < 0 || fseeko(w->out.f, 0, SEEK_SET) != 0))
        rc = err_errno(e, w->out.path, "write");
    if (rc)
        return rc;
    w->header.file_size = (uint64_t)size;
    memcpy(page, &w->header, sizeof w->header);
    w->header.sum =
        vectors_sum_head(page, offsetof(struct vectors_header, sum), w->sums, w->n_sums);
    return write_all(w, &w->header, sizeof w->header, e);
}

int vectors_writer_commit(struct vectors_writer *w, struct err *e) {
    int rc = w->failed ? err_set(e, w->failed, "%s: failed before", w->out.path) : 0;
    if (rc == 0)
        rc = flush_block(w, e);
    if (rc == 0)
        rc = write_head(w, e);
    if (rc == 0)
        rc = outfile_commit(&w->out, e);
    vectors_writer_free(w);
    return rc;
}

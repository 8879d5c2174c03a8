#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/pool.h"
#include "search/vectors_impl.h"

size_t vectors_block_bytes(size_t n, size_t stride) {
    return 2 * n * stride + 2 * vectors_round(n * sizeof(float)) +
           vectors_round(n * sizeof(int64_t));
}

void vectors_block_view(const uint8_t *bytes, size_t n, size_t stride, struct vectors_block *out) {
    uint8_t *at = (uint8_t *)(uintptr_t)bytes;
    size_t floats = vectors_round(n * sizeof(float));
    out->high = (int8_t *)at;
    out->low = out->high + n * stride;
    out->scale = (float *)(void *)(at + 2 * n * stride);
    out->loss = (float *)(void *)(at + 2 * n * stride + floats);
    out->ids = (int64_t *)(void *)(at + 2 * n * stride + 2 * floats);
    out->n = n;
}

uint64_t vectors_sum_head(const uint8_t *page, size_t sum_at, const uint64_t *sums, size_t n) {
    uint8_t without[VECTORS_PAGE];
    memcpy(without, page, sizeof without);
    memset(without + sum_at, 0, sizeof(uint64_t));
    return hash_bulk(n ? (const void *)sums : page, n * sizeof *sums,
                     hash_bulk(without, sizeof without, 0));
}

int vectors_map(const char *path, struct vectors_bytes *out, struct err *e) {
    *out = (struct vectors_bytes){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, PRECIS_ENOTFOUND, "%s: no such file", path);
    if (fd < 0)
        return err_errno(e, path, "open");
    int rc = 0;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        rc = err_errno(e, path, "stat");
    } else if (!S_ISREG(st.st_mode) || st.st_size < VECTORS_PAGE) {
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: is not a file of vectors", path);
    } else {
        size_t size = (size_t)st.st_size;
        void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) {
            rc = err_errno(e, path, "map");
        } else { /* all of it is read now: what is not in memory may come in large reads */
            madvise(data, size, MADV_WILLNEED);
            *out = (struct vectors_bytes){.data = data, .size = size, .mapped = true};
        }
    }
    close(fd);
    return rc;
}

void vectors_unmap(struct vectors_bytes *b) {
    if (b->mapped)
        munmap((void *)(uintptr_t)b->data, b->size);
    *b = (struct vectors_bytes){0};
}

/* Bytes of the blocks of so many rows. Counts are below 2^32 and widths at most VECTORS_MOST_WIDTH,
 * so nothing here overflows. */
static size_t bytes_of_blocks(size_t count, size_t stride) {
    size_t rest = count % VECTORS_BLOCK;
    return count / VECTORS_BLOCK * vectors_block_bytes(VECTORS_BLOCK, stride) +
           vectors_block_bytes(rest, stride);
}

static const char *fault_of_header(const struct vectors_header *h, size_t size) {
    if (memcmp(h->magic, VECTORS_MAGIC, sizeof h->magic) != 0)
        return "is not a file of vectors";
    if (h->order != VECTORS_ORDER)
        return "was written on a machine of another byte order";
    if (h->version != VECTORS_VERSION || h->element != VECTORS_FIXED16)
        return "is of another version of the format";
    if (h->file_size != size)
        return "has not the length that it says";
    if (h->width == 0 || h->width > VECTORS_MOST_WIDTH || h->count >= UINT32_MAX)
        return "has a damaged header";
    size_t blocks = (h->count + VECTORS_BLOCK - 1) / VECTORS_BLOCK;
    if (size - VECTORS_PAGE !=
        bytes_of_blocks(h->count, nearest_stride(h->width)) + blocks * sizeof(uint64_t))
        return "has not the length of its rows";
    return NULL;
}

struct checking {
    const struct vectors *m;
    const uint64_t *sums;
    const char *name;
};

/* Scales are finite and ids ascend, across blocks too. */
static bool block_is_sound(const struct vectors *m, size_t at) {
    struct vectors_block b, before;
    vectors_block_of(m, at, &b);
    for (size_t i = 0; i < b.n; i++)
        if (!(b.scale[i] >= 0 && b.scale[i] <= 1 && b.loss[i] >= 0 && b.loss[i] <= 1) ||
            (i && b.ids[i] <= b.ids[i - 1]))
            return false;
    if (at == 0)
        return true;
    vectors_block_of(m, at - 1, &before);
    return before.ids[before.n - 1] < b.ids[0];
}

static int check_blocks(void *user, struct pool_items *items, struct err *e) {
    const struct checking *c = user;
    const struct vectors *m = c->m;
    for (int i; (i = pool_next(items)) >= 0;) {
        size_t at = (size_t)i, size = vectors_block_bytes(vectors_rows_in(m, at), m->stride);
        if (hash_bulk(m->data + at * m->block_bytes, size, at) != c->sums[at])
            return err_set(e, PRECIS_ENOTFOUND, "%s: is damaged after byte %zu", c->name,
                           (size_t)(m->data - m->bytes.data) + at * m->block_bytes);
        if (!block_is_sound(m, at))
            return err_set(e, PRECIS_ENOTFOUND, "%s: has damaged rows", c->name);
    }
    return 0;
}

static int check(struct vectors *m, const char *name, const uint8_t *generation, int threads,
                 struct err *e) {
    const struct vectors_header *h = (const void *)m->bytes.data;
    const char *fault = m->bytes.size < VECTORS_PAGE ? "is not a file of vectors"
                                                     : fault_of_header(h, m->bytes.size);
    if (fault)
        return err_set(e, PRECIS_ENOTFOUND, "%s: %s", name, fault);
    m->width = h->width;
    m->stride = nearest_stride(h->width);
    m->count = h->count;
    m->blocks = (m->count + VECTORS_BLOCK - 1) / VECTORS_BLOCK;
    m->block_bytes = vectors_block_bytes(VECTORS_BLOCK, m->stride);
    m->data = m->bytes.data + VECTORS_PAGE;
    m->sum = h->sum;
    memcpy(m->generation, h->generation, sizeof m->generation);
    const uint64_t *sums = (const void *)(m->data + bytes_of_blocks(m->count, m->stride));
    if (vectors_sum_head(m->bytes.data, offsetof(struct vectors_header, sum), sums, m->blocks) !=
        h->sum)
        return err_set(e, PRECIS_ENOTFOUND, "%s: has a damaged header", name);
    if (memcmp(generation, m->generation, sizeof m->generation) != 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: was made from another state of the index", name);
    struct checking c = {m, sums, name};
    /* a thread for each 32 MB, which take about as long as it takes to start one */
    size_t most = m->bytes.size / ((size_t)32 << 20) + 1;
    if (threads <= 0)
        threads = pool_cores();
    return pool_run((size_t)threads < most ? threads : (int)most, (int)m->blocks, check_blocks, &c,
                    e);
}

static int open_bytes(struct vectors_bytes *bytes, const char *name, const uint8_t *generation,
                      int threads, struct vectors **out, struct err *e) {
    enum isa isa;
    int rc = isa_detect(&isa, e);
    struct vectors *m = rc == 0 ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        vectors_unmap(bytes);
        return rc ? rc : err_nomem(e, name);
    }
    m->bytes = *bytes;
    m->kernel = nearest_kernel(isa);
    rc = check(m, name, generation, threads, e);
    if (rc == 0)
        *out = m;
    else
        vectors_close(m);
    return rc;
}

int vectors_open(const char *path, const uint8_t *generation, int threads, struct vectors **out,
                 struct err *e) {
    struct vectors_bytes bytes;
    *out = NULL;
    int rc = vectors_map(path, &bytes, e);
    return rc ? rc : open_bytes(&bytes, path, generation, threads, out, e);
}

int vectors_open_memory(const char *name, const uint8_t *generation, const uint8_t *bytes,
                        size_t size, struct vectors **out, struct err *e) {
    struct vectors_bytes b = {.data = bytes, .size = size};
    *out = NULL;
    return open_bytes(&b, name, generation, 1, out, e);
}

void vectors_close(struct vectors *m) {
    if (!m)
        return;
    vectors_graph_close(&m->graph);
    vectors_unmap(&m->bytes);
    free(m);
}

size_t vectors_width(const struct vectors *m) {
    return m->width;
}

size_t vectors_count(const struct vectors *m) {
    return m->count;
}

int64_t vectors_id(const struct vectors *m, size_t row) {
    struct vectors_block b;
    vectors_block_of(m, row / VECTORS_BLOCK, &b);
    return b.ids[row % VECTORS_BLOCK];
}

bool vectors_find(const struct vectors *m, int64_t id, size_t *row) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (vectors_id(m, at) < id)
            low = at + 1;
        else
            high = at;
    }
    *row = low;
    return low < m->count && vectors_id(m, low) == id;
}

void vectors_row(const struct vectors *m, size_t row, float *out) {
    struct vectors_block b;
    size_t r = row % VECTORS_BLOCK;
    vectors_block_of(m, row / VECTORS_BLOCK, &b);
    for (size_t i = 0; i < m->width; i++)
        out[i] = (float)(256 * b.high[r * m->stride + i] + b.low[r * m->stride + i]) * b.scale[r];
}

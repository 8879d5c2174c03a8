#include "model/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "model/packed_format.h"

int packed_path(const char *key, char *out, size_t size, struct err *e) {
    char folder[4000], hex[HASH_HEX_SIZE];
    int rc = file_xdg_dir("XDG_CACHE_HOME", ".cache", folder, sizeof folder, e);
    if (rc == 0)
        rc = hash_sha256_hex(key, strlen(key), hex, e);
    if (rc)
        return rc;
    int n = snprintf(out, size, "%s/packed/%s", folder, hex);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, PRECIS_EINPUT, "%s: path too long", folder);
    return 0;
}

struct packed_layout packed_lay_out(size_t key_size, size_t sections, size_t pieces) {
    struct packed_layout l;
    l.entries = packed_round(sizeof(struct packed_header) + key_size, 8);
    l.sums = l.entries + sections * sizeof(struct packed_entry);
    l.data = packed_round(l.sums + pieces * sizeof(uint64_t), PACKED_PAGE);
    return l;
}

uint64_t packed_sum_head(const uint8_t *bytes, const struct packed_header *h) {
    struct packed_header without = *h;
    without.sum = 0;
    uint64_t sum = hash_bulk(&without, sizeof without, 0);
    return hash_bulk(bytes + sizeof without, h->data - sizeof without, sum);
}

struct summing {
    const uint8_t *bytes;
    const struct packed_header *head;
    uint64_t *sums;
    atomic_size_t next;
};

static void sum_pieces(void *user, int index) {
    (void)index;
    struct summing *s = user;
    for (;;) {
        size_t i = atomic_fetch_add(&s->next, 1);
        if (i >= s->head->pieces)
            return;
        size_t begin = s->head->data + i * PACKED_PIECE;
        size_t left = s->head->file_size - begin;
        s->sums[i] = hash_bulk(s->bytes + begin, left < PACKED_PIECE ? left : PACKED_PIECE, i);
    }
}

void packed_sum_data(const uint8_t *bytes, const struct packed_header *h, int threads,
                     uint64_t *sums) {
    struct summing s = {.bytes = bytes, .head = h, .sums = sums};
    struct pool *pool = NULL;
    if ((uint64_t)threads > h->pieces)
        threads = (int)h->pieces;
    /* Threads that cannot be started leave their pieces to the others. */
    if (threads > 1)
        (void)pool_start(&pool, threads - 1, sum_pieces, &s, NULL);
    sum_pieces(&s, 0);
    pool_join(pool);
}

static const struct packed_entry *entries_of(const uint8_t *bytes) {
    const struct packed_header *h = (const void *)bytes;
    return (const void *)(bytes + packed_lay_out(h->key_size, 0, 0).entries);
}

const struct packed_entry *packed_entry_of(const uint8_t *bytes, const char *name) {
    const struct packed_header *h = (const void *)bytes;
    const struct packed_entry *entries = entries_of(bytes);
    size_t low = 0, high = h->sections;
    while (low < high) {
        size_t i = low + (high - low) / 2;
        int order = strcmp(name, entries[i].name);
        if (order == 0)
            return &entries[i];
        if (order < 0)
            high = i;
        else
            low = i + 1;
    }
    return NULL;
}

static const char *fault_of_header(const struct packed_header *h, size_t size) {
    if (memcmp(h->magic, PACKED_MAGIC, sizeof h->magic) != 0)
        return "is not a packed file";
    if (h->order != PACKED_ORDER)
        return "was packed on a machine of another byte order";
    if (h->version != PACKED_VERSION)
        return "is of another version of the format";
    if (h->file_size != size)
        return "has not the length that it says";
    if (h->key_size == 0 || h->key_size > PACKED_MOST_KEY || h->sections > PACKED_MOST_SECTIONS ||
        h->pieces > size / PACKED_PIECE + 1 ||
        h->data != packed_lay_out(h->key_size, h->sections, h->pieces).data || h->data > size ||
        h->pieces != packed_round(size - h->data, PACKED_PIECE) / PACKED_PIECE)
        return "has a damaged header";
    return NULL;
}

static bool is_name(const char *name) {
    size_t n = strnlen(name, PACKED_NAME_SIZE);
    for (size_t i = n; i < PACKED_NAME_SIZE; i++)
        if (name[i] != 0)
            return false;
    return n > 0 && n < PACKED_NAME_SIZE;
}

static const char *fault_of_entries(const uint8_t *bytes, const struct packed_header *h) {
    const struct packed_entry *entries = entries_of(bytes);
    size_t at = h->data;
    for (size_t i = 0; i < h->sections; i++) {
        const struct packed_entry *s = &entries[i];
        if (!is_name(s->name) || (i && strcmp(s[-1].name, s->name) >= 0))
            return "has damaged names";
        if (s->offset != at || s->size > h->file_size - at)
            return "has damaged sections";
        at = packed_round(at + s->size, PACKED_ALIGN);
        if (at > h->file_size)
            return "has damaged sections";
    }
    return at == h->file_size ? NULL : "has bytes that belong to no section";
}

static int check(const char *path, const char *key, const uint8_t *bytes, size_t size, int threads,
                 struct err *e) {
    struct packed_header h;
    if (size < sizeof h)
        return err_set(e, PRECIS_ENOTFOUND, "%s: is not a packed file", path);
    memcpy(&h, bytes, sizeof h);
    const char *fault = fault_of_header(&h, size);
    if (!fault && packed_sum_head(bytes, &h) != h.sum)
        fault = "is damaged before its data";
    if (!fault && bytes[sizeof h + h.key_size - 1] != 0)
        fault = "has a damaged key";
    if (!fault && (strlen(key) + 1 != h.key_size || memcmp(bytes + sizeof h, key, h.key_size) != 0))
        fault = "was packed from something else";
    if (!fault)
        fault = fault_of_entries(bytes, &h);
    if (fault)
        return err_set(e, PRECIS_ENOTFOUND, "%s: %s", path, fault);
    uint64_t *sums = calloc(h.pieces + 1, sizeof *sums);
    if (!sums)
        return err_nomem(e, path);
    packed_sum_data(bytes, &h, threads, sums);
    const uint64_t *expected =
        (const void *)(bytes + packed_lay_out(h.key_size, h.sections, h.pieces).sums);
    int rc = 0;
    for (size_t i = 0; i < h.pieces && rc == 0; i++)
        if (sums[i] != expected[i])
            rc = err_set(e, PRECIS_ENOTFOUND, "%s: is damaged after byte %zu", path,
                         (size_t)h.data + i * PACKED_PIECE);
    free(sums);
    return rc;
}

static int map(const char *path, struct packed *p, struct err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, PRECIS_ENOTFOUND, "%s: no such file", path);
    if (fd < 0)
        return err_errno(e, path, "open");
    int rc = 0;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        rc = err_errno(e, path, "stat");
    } else if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: is not a packed file", path);
    } else {
        p->size = (size_t)st.st_size;
        void *bytes = mmap(NULL, p->size, PROT_READ, MAP_SHARED, fd, 0);
        p->mapped = bytes != MAP_FAILED;
        p->bytes = bytes;
        if (!p->mapped)
            rc = err_errno(e, path, "map");
        else /* all of it is read now: what is not in memory may come in large reads */
            madvise(bytes, p->size, MADV_WILLNEED);
    }
    close(fd);
    return rc;
}

static int open_mapped(struct packed *p, const char *path, const char *key, int threads,
                       struct packed **out, struct err *e) {
    int rc = check(path, key, p->bytes, p->size, threads, e);
    if (rc == 0)
        *out = p;
    else
        packed_close(p);
    return rc;
}

int packed_open(const char *path, const char *key, int threads, struct packed **out,
                struct err *e) {
    *out = NULL;
    struct packed *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e, path);
    int rc = map(path, p, e);
    if (rc) {
        packed_close(p);
        return rc;
    }
    return open_mapped(p, path, key, threads, out, e);
}

int packed_open_memory(const char *name, const char *key, const uint8_t *bytes, size_t size,
                       struct packed **out, struct err *e) {
    *out = NULL;
    if ((uintptr_t)bytes % PACKED_ALIGN != 0)
        return err_set(e, PRECIS_EUSAGE, "%s: bytes are not aligned", name);
    struct packed *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e, name);
    *p = (struct packed){.bytes = bytes, .size = size};
    return open_mapped(p, name, key, 1, out, e);
}

void packed_close(struct packed *p) {
    if (p && p->mapped)
        munmap((void *)(uintptr_t)p->bytes, p->size);
    free(p);
}

const void *packed_find(const struct packed *p, const char *name, size_t *size) {
    const struct packed_entry *s = packed_entry_of(p->bytes, name);
    *size = s ? s->size : 0;
    return s ? p->bytes + s->offset : NULL;
}

size_t packed_size(const struct packed *p) {
    return p->size;
}

int packed_sha256(const struct packed *p, char out[HASH_HEX_SIZE], struct err *e) {
    return hash_sha256_hex(p->bytes, p->size, out, e);
}

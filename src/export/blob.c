#include "export/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/pool.h"

enum {
    UNIT_ROWS = 32, /* that a thread takes at once */
    PAD = 16,       /* values between rows, so that a column's do not share one cache set */
    SMALL = 4096,   /* bytes: larger constants begin on a page */
    SMALL_ALIGN = 64,
    RELEASE = 64 << 20 /* bytes written between two calls that drop what was read and written */
};
static const uint64_t MOST_BYTES = UINT64_C(1) << 48;

struct writing {
    const struct blob *blob;
    const struct checkpoint *checkpoint;
    uint64_t *first_unit; /* [items + 1] */
    uint8_t *bytes;       /* the mapped file */
    size_t row_size;      /* values of the longest row, with PAD */
    blob_progress *progress;
    void *user;
    atomic_uint_fast64_t next_unit;
    atomic_bool failed;
    pthread_mutex_t lock; /* of all below */
    uint64_t done, released;
    struct err err;
};

void blob_free(struct blob *p) {
    free(p->items);
    *p = (struct blob){0};
}

static uint64_t place(struct blob *p, uint64_t size) {
    uint64_t align = size > SMALL ? SMALL : SMALL_ALIGN;
    uint64_t at = (p->size + align - 1) / align * align;
    p->size = at + size;
    return at;
}

static bool is_coded(enum blob_form form) {
    return form == BLOB_4_BITS || form == BLOB_8_BITS;
}

static size_t code_bytes(enum blob_form form) {
    return form == BLOB_4_BITS ? BLOB_BLOCK / 2 : BLOB_BLOCK;
}

int blob_add(struct blob *p, const struct blob_item *item, struct blob_item *out, struct err *e) {
    struct blob_item x = *item;
    uint64_t values;
    if (__builtin_mul_overflow(x.rows, x.columns, &values) || values > MOST_BYTES / 4 ||
        p->size > MOST_BYTES - 5 * values)
        return err_set(e, PRECIS_ELIMIT, "an export of more than 2^48 bytes");
    if (!array_grow((void **)&p->items, p->n, &p->cap, sizeof *p->items))
        return err_nomem(e, "the data file of an export");
    if (is_coded(x.form)) {
        uint64_t blocks = x.rows * ((x.columns + BLOB_BLOCK - 1) / BLOB_BLOCK);
        x.size = blocks * code_bytes(x.form);
        x.offset = place(p, x.size);
        x.scales_size = blocks * sizeof(float);
        x.scales_offset = place(p, x.scales_size);
        x.shifts_size = x.form == BLOB_4_BITS ? blocks * sizeof(uint16_t) : 0;
        x.shifts_offset = place(p, x.shifts_size);
    } else {
        x.size = values * (x.type == ONNX_F16 ? 2 : 4);
        x.offset = place(p, x.size);
    }
    p->items[p->n++] = x;
    if (out)
        *out = x;
    return 0;
}

uint16_t blob_f16(float f) {
    union {
        float f;
        uint32_t u;
    } v = {.f = f};
    uint32_t sign = v.u >> 16 & 0x8000u, x = v.u & 0x7fffffffu;
    if (x >= 0x47800000u) /* 65,536 and beyond, and what is no number */
        return (uint16_t)(sign | (x > 0x7f800000u ? 0x7e00u : 0x7c00u));
    if (x < 0x38800000u) { /* subnormal: the sum's last bit is worth 2^-24, as a subnormal's is */
        v.u = x;
        v.f += 0.5f;
        return (uint16_t)(sign | (v.u - 0x3f000000u));
    }
    x += 0xfffu + (x >> 13 & 1u);
    return (uint16_t)(sign | (x - (112u << 23)) >> 13);
}

/* Nearest whole number, ties to even, of a magnitude below 2^22. */
static float nearest(float x) {
    const float shift = 12582912.0f;
    return (x + shift) - shift;
}

float blob_quantize8(const float x[BLOB_BLOCK], uint8_t codes[BLOB_BLOCK]) {
    float largest = 0;
    for (int i = 0; i < BLOB_BLOCK; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    bool zero = largest < 1e-30f;
    for (int i = 0; i < BLOB_BLOCK; i++)
        codes[i] = (uint8_t)(128 + (zero ? 0 : (int)nearest(x[i] * (127 / largest))));
    return zero ? 1 : largest / 127;
}

struct grid {
    float q[BLOB_BLOCK]; /* whole numbers from 0 to 15 */
    float step, start;   /* x is about start + step * q */
    float error;         /* square, of all */
};

/* Steps from `from` on, n of which (at most 15) span `width`, and the line that fits them best. */
static void try_grid(const float *x, float from, float width, float n, struct grid *g) {
    float inverse = n / width, sum_q = 0, sum_qq = 0, sum_x = 0, sum_xq = 0, error = 0;
    for (int i = 0; i < BLOB_BLOCK; i++) {
        float v = (x[i] - from) * inverse;
        g->q[i] = nearest(v < 0 ? 0 : v > n ? n : v);
    }
    for (int i = 0; i < BLOB_BLOCK; i++) {
        float off = x[i] - from; /* near 0: sums of them lose less */
        sum_q += g->q[i];
        sum_qq += g->q[i] * g->q[i];
        sum_x += off;
        sum_xq += off * g->q[i];
    }
    float spread = (float)BLOB_BLOCK * sum_qq - sum_q * sum_q;
    g->step = spread > 0 ? ((float)BLOB_BLOCK * sum_xq - sum_x * sum_q) / spread : 0;
    g->start = from + (sum_x - g->step * sum_q) / (float)BLOB_BLOCK;
    for (int i = 0; i < BLOB_BLOCK; i++) {
        float off = x[i] - g->start - g->step * g->q[i];
        error += off * off;
    }
    g->error = error;
}

float blob_quantize4(const float x[BLOB_BLOCK], uint8_t codes[BLOB_BLOCK / 2], float *offset) {
    float low = x[0], high = x[0];
    for (int i = 1; i < BLOB_BLOCK; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    struct grid best = {.start = low}, g;
    if (high - low > 1e-30f) {
        try_grid(x, low, high - low, 15, &best);
        /* One of 8 to 15 is a multiple of any number of steps that a block may span. */
        for (int n = 14; n >= 8; n--) {
            try_grid(x, low, high - low, (float)n, &g);
            best = g.error < best.error ? g : best;
        }
        for (int cut = 1; cut <= 4; cut++) { /* the ends are cut off, the rest gets finer steps */
            float off = 0.02f * (float)cut * (high - low);
            try_grid(x, low + off, high - low - 2 * off, 15, &g);
            best = g.error < best.error ? g : best;
        }
    }
    for (int i = 0; i < BLOB_BLOCK / 2; i++)
        codes[i] = (uint8_t)((unsigned)best.q[2 * i] | (unsigned)best.q[2 * i + 1] << 4);
    *offset = best.start + 8 * best.step;
    return best.step;
}

/* Where row r (of heads * dim) of weights for rotary over two halves lies in weights for
 * interleaved rotary: there pairs are neighbours. */
static uint64_t interleaved_row(uint64_t r, uint64_t dim) {
    uint64_t at = r % dim, half = dim / 2;
    return r - at + (at < half ? 2 * at : 2 * (at - half) + 1);
}

static void read_values(const struct tensor *t, uint64_t from, uint64_t n, float *out) {
    const struct quant_format *f = quant_format((uint32_t)t->type);
    quant_to_f32(t->type, t->data + from / f->block * f->block_size, (size_t)n, out);
}

/* All of the vectors, one after the other, to out. scratch: as long as out. */
static void read_vectors(const struct blob_item *x, float *scratch, float *out) {
    for (unsigned i = 0; i < x->n_parts; i++) {
        const struct tensor *t = x->parts[i].tensor;
        unsigned heads = x->parts[i].heads;
        read_values(t, 0, t->elements, heads ? scratch : out);
        for (uint64_t r = 0; heads && r < t->elements; r++)
            out[r] = scratch[interleaved_row(r, t->elements / heads)];
        out += t->elements;
    }
}

static void read_row(const struct blob_item *x, uint64_t row, float *out) {
    unsigned i = 0;
    while (row >= x->parts[i].tensor->dims[1])
        row -= x->parts[i++].tensor->dims[1];
    const struct tensor *t = x->parts[i].tensor;
    if (x->parts[i].heads)
        row = interleaved_row(row, t->dims[1] / x->parts[i].heads);
    read_values(t, row * x->columns, x->columns, out);
}

static void turn_row(const struct blob_item *x, uint64_t position, float *out) {
    for (uint64_t i = 0; i < x->columns; i++) {
        float angle = (float)position * x->rope->frequencies[0][i];
        out[i] = (x->form == BLOB_COS ? cosf(angle) : sinf(angle)) * x->rope->scale[0];
    }
}

static int check_values(const struct blob_item *x, const float *v, struct err *e) {
    float most = x->type == ONNX_F16 && !is_coded(x->form) ? 65504.0f : 3.4028235e38f;
    float sum = 0;
    for (uint64_t i = 0; i < x->columns; i++)
        sum += fabsf(v[i]) <= most ? 0.0f : 1.0f;
    if (sum == 0)
        return 0;
    struct str name = x->n_parts ? x->parts[0].tensor->name : (struct str){"rope", 4};
    return err_set(e, PRECIS_EINPUT, "tensor '%.*s' has values that %s", (int)name.len, name.s,
                   most > 65504.0f ? "are not finite" : "f16 cannot hold");
}

static void store(const struct blob_item *x, float v, uint64_t at, uint8_t *bytes) {
    if (x->type == ONNX_F16) {
        uint16_t h = blob_f16(v);
        memcpy(bytes + x->offset + at * sizeof h, &h, sizeof h);
    } else {
        memcpy(bytes + x->offset + at * sizeof v, &v, sizeof v);
    }
}

static void store_codes(const struct blob_item *x, const float *v, uint64_t row, uint8_t *bytes) {
    const size_t width = code_bytes(x->form);
    const uint64_t blocks = (x->columns + BLOB_BLOCK - 1) / BLOB_BLOCK;
    for (uint64_t i = 0; i < blocks; i++) {
        float block[BLOB_BLOCK] = {0};
        uint64_t n = x->columns - i * BLOB_BLOCK, at = row * blocks + i;
        memcpy(block, v + i * BLOB_BLOCK, (n < BLOB_BLOCK ? n : BLOB_BLOCK) * sizeof *v);
        uint8_t *codes = bytes + x->offset + at * width;
        float shift = 0, scale = x->form == BLOB_4_BITS ? blob_quantize4(block, codes, &shift)
                                                        : blob_quantize8(block, codes);
        uint16_t half = blob_f16(shift);
        if (x->form == BLOB_4_BITS)
            memcpy(bytes + x->shifts_offset + (i * x->rows + row) * sizeof half, &half,
                   sizeof half);
        memcpy(bytes + x->scales_offset + at * sizeof scale, &scale, sizeof scale);
    }
}

/* rows: [n][row_size], rows first .. first + n - 1 of the item. */
static void store_rows(const struct writing *w, const struct blob_item *x, const float *rows,
                       uint64_t first, uint64_t n) {
    if (x->form == BLOB_TRANSPOSED) {
        for (uint64_t c = 0; c < x->columns; c++)
            for (uint64_t r = 0; r < n; r++)
                store(x, rows[r * w->row_size + c], c * x->rows + first + r, w->bytes);
        return;
    }
    for (uint64_t r = 0; r < n; r++) {
        const float *v = rows + r * w->row_size;
        if (is_coded(x->form))
            store_codes(x, v, first + r, w->bytes);
        else
            for (uint64_t c = 0; c < x->columns; c++)
                store(x, v[c], (first + r) * x->columns + c, w->bytes);
    }
}

/* buffer: [UNIT_ROWS + 1][row_size]. */
static int write_unit(const struct writing *w, const struct blob_item *x, uint64_t first,
                      uint64_t n, float *buffer, struct err *e) {
    int rc = 0;
    for (uint64_t r = 0; rc == 0 && r < n; r++) {
        float *row = buffer + r * w->row_size;
        if (x->rope)
            turn_row(x, first + r, row);
        else if (x->rows == 1)
            read_vectors(x, buffer + UNIT_ROWS * w->row_size, row);
        else
            read_row(x, first + r, row);
        rc = check_values(x, row, e);
        if (rc)
            err_prefix(e, checkpoint_path(w->checkpoint));
    }
    if (rc == 0)
        store_rows(w, x, buffer, first, n);
    return rc;
}

static void fail(struct writing *w, const struct err *e) {
    pthread_mutex_lock(&w->lock);
    if (!atomic_exchange(&w->failed, true))
        w->err = *e;
    pthread_mutex_unlock(&w->lock);
}

static void note_progress(struct writing *w, uint64_t bytes) {
    pthread_mutex_lock(&w->lock);
    w->done += bytes;
    bool go_on =
        atomic_load(&w->failed) || !w->progress || w->progress(w->user, w->done, w->blob->size);
    if (w->done - w->released > RELEASE) {
        w->released = w->done;
        madvise(w->bytes, w->blob->size, MADV_DONTNEED); /* shared: what was written stays */
        checkpoint_release(w->checkpoint);
    }
    pthread_mutex_unlock(&w->lock);
    struct err e = {0};
    if (!go_on) {
        err_set(&e, PRECIS_ECANCELLED, "interrupted");
        fail(w, &e);
    }
}

/* The item that a unit belongs to. */
static size_t item_of(const struct writing *w, uint64_t unit) {
    size_t low = 0, high = w->blob->n;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        *(w->first_unit[mid] <= unit ? &low : &high) = mid;
    }
    return low;
}

static void work(void *user, int index) {
    (void)index;
    struct writing *w = user;
    struct err e = {0};
    float *buffer = calloc((UNIT_ROWS + 1) * w->row_size, sizeof *buffer);
    if (!buffer) {
        err_nomem(&e, "rows of weights");
        fail(w, &e);
        return;
    }
    const uint64_t units = w->first_unit[w->blob->n];
    while (!atomic_load(&w->failed)) {
        uint64_t unit = atomic_fetch_add(&w->next_unit, 1);
        if (unit >= units)
            break;
        size_t i = item_of(w, unit);
        const struct blob_item *x = &w->blob->items[i];
        uint64_t first = (unit - w->first_unit[i]) * UNIT_ROWS, n = x->rows - first;
        n = n < UNIT_ROWS ? n : UNIT_ROWS;
        if (write_unit(w, x, first, n, buffer, &e))
            fail(w, &e);
        note_progress(w, (x->size + x->scales_size + x->shifts_size) / x->rows * n);
    }
    free(buffer);
}

static int prepare(struct writing *w, const struct blob *p, struct err *e) {
    w->first_unit = calloc(p->n + 1, sizeof *w->first_unit);
    if (!w->first_unit)
        return err_nomem(e, "the data file of an export");
    uint64_t longest = 0;
    for (size_t i = 0; i < p->n; i++) {
        uint64_t units = (p->items[i].rows + UNIT_ROWS - 1) / UNIT_ROWS;
        w->first_unit[i + 1] = w->first_unit[i] + units;
        longest = p->items[i].columns > longest ? p->items[i].columns : longest;
    }
    w->row_size = (size_t)longest + PAD;
    return 0;
}

static int run_threads(struct writing *w, int threads, struct err *e) {
    struct pool *pool = NULL;
    int rc = pthread_mutex_init(&w->lock, NULL) ? err_nomem(e, "a lock") : 0;
    if (rc)
        return rc;
    rc = pool_start(&pool, threads, work, w, e);
    if (rc)
        atomic_store(&w->failed, true); /* those that started end early */
    pool_join(pool);
    if (rc == 0 && atomic_load(&w->failed)) {
        if (e)
            *e = w->err;
        rc = w->err.code;
    }
    pthread_mutex_destroy(&w->lock);
    return rc;
}

int blob_write(const struct blob *p, const struct checkpoint *c, const char *path, int threads,
               blob_progress *progress, void *user, struct err *e) {
    struct writing w = {.blob = p, .checkpoint = c, .progress = progress, .user = user};
    void *bytes = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int rc = fd < 0 ? err_errno(e, path, "write") : 0;
    if (rc == 0 && (errno = posix_fallocate(fd, 0, (off_t)p->size)) != 0)
        rc = err_errno(e, path, "write");
    if (rc)
        goto done;
    bytes = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        rc = err_errno(e, path, "map");
        goto done;
    }
    w.bytes = bytes;
    rc = prepare(&w, p, e);
    if (rc == 0)
        rc = run_threads(&w, threads, e);
    if (rc == 0 && fsync(fd) != 0)
        rc = err_errno(e, path, "write");
done:
    free(w.first_unit);
    if (bytes != MAP_FAILED)
        munmap(bytes, p->size);
    if (fd >= 0)
        close(fd);
    return rc;
}

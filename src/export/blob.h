/* The weights of an export: which tensors become which constants of the data file, and the bytes
 * themselves. The layout is known before a byte is written, so the file is allocated once, mapped
 * and filled a few rows at a time: memory stays at some rows, whatever the model's size. */
#ifndef PRECIS_EXPORT_BLOB_H
#define PRECIS_EXPORT_BLOB_H

#include <stdbool.h>

#include "base/err.h"
#include "export/onnx_graph.h"
#include "model/checkpoint.h"

enum blob_form {
    BLOB_ROWS,       /* [rows, columns] as the checkpoint has them */
    BLOB_TRANSPOSED, /* [columns, rows] */
    /* MatMulNBits (ONNX Runtime's contrib operators): u8 codes [rows, columns / 32, 32 * bits / 8],
     * low half first, zero in the middle; f32 scales [rows, columns / 32] behind them. 4 bits have
     * f16 offsets [columns / 32, rows] behind those: a weight is scale * (code - 8) + offset. */
    BLOB_4_BITS,
    BLOB_8_BITS,
    BLOB_COS, /* [rows, columns] of angles position * frequency, times the scale */
    BLOB_SIN
};
enum { BLOB_BLOCK = 32, BLOB_MOST_PARTS = 3 };

struct blob_item {
    /* Rows of one after those of the other. heads > 0: rows are stored for interleaved rotary of so
     * many heads, and are written for rotary over two halves. */
    struct {
        const struct tensor *tensor; /* borrowed from the checkpoint */
        unsigned heads;
    } parts[BLOB_MOST_PARTS];
    unsigned n_parts;
    const struct rope *rope; /* of cosines and sines; borrowed */
    enum blob_form form;
    enum onnx_type type; /* F32 or F16; with codes, nothing */
    uint64_t rows, columns;
    uint64_t offset, size;               /* in the data file */
    uint64_t scales_offset, scales_size; /* of codes */
    uint64_t shifts_offset, shifts_size; /* of 4-bit codes: their offsets */
};

struct blob { /* zeroed at birth */
    struct blob_item *items;
    size_t n, cap;
    uint64_t size; /* of the data file */
};

void blob_free(struct blob *p);
/* Adds a copy of the item with its offsets and sizes filled in, which *out (may be NULL) gets too.
 * Offsets are multiples of 4,096 bytes for what is larger than that (so that it can be mapped),
 * else of 64. PRECIS_ENOMEM; PRECIS_ELIMIT beyond 2^48 bytes. */
int blob_add(struct blob *p, const struct blob_item *item, struct blob_item *out, struct err *e);

/* Called now and then with the bytes written so far; false ends the work (PRECIS_ECANCELLED). */
typedef bool blob_progress(void *user, uint64_t done, uint64_t total);

/* Makes the file `path` (which must not exist), of p->size bytes, and fills it on `threads`
 * threads; the progress is called from one at a time. Errors: PRECIS_EIO (no space, ...),
 * PRECIS_EINPUT (a weight that is not finite, or that f16 cannot hold), PRECIS_ENOMEM,
 * PRECIS_ECANCELLED. The file stays when it fails: its folder is dropped as a whole. */
int blob_write(const struct blob *p, const struct checkpoint *c, const char *path, int threads,
               blob_progress *progress, void *user, struct err *e);

/* Nearest, ties to even; beyond the range: infinity. */
uint16_t blob_f16(float f);
/* One block to codes of 8 bits around 128. Returns the scale. */
float blob_quantize8(const float x[BLOB_BLOCK], uint8_t codes[BLOB_BLOCK]);
/* The same with 4 bits around 8 and an offset: of several grids the one with the least square error
 * after a fit of line to codes. Exact for blocks on a grid of up to 16 steps, as those of Q4_0,
 * Q4_1 and Q4_K are. */
float blob_quantize4(const float x[BLOB_BLOCK], uint8_t codes[BLOB_BLOCK / 2], float *offset);

#endif

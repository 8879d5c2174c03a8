/* Linear layers: packed weights and y = x W^T, by oneDNN where its rows do not depend on the number
 * of rows (AVX-512 classes), else by an own product. */
#ifndef PRECIS_KERNEL_MATMUL_H
#define PRECIS_KERNEL_MATMUL_H

#include "kernel/kernel.h"

struct matmul;      /* what is shared: oneDNN's engine, and its primitives by shape */
struct matmul_lane; /* what a thread needs: a stream and scratch */
struct weight;      /* one packed [n, k] matrix, immutable */

/* Rows are computed in blocks of at most this many; x and y must have room for m rounded up to
 * matmul_padded(m) (what lies there is read and written but means nothing). */
enum { MATMUL_ROWS = 128 };
int matmul_padded(int m); /* 1 <= m <= MATMUL_ROWS */

int matmul_new(const struct kernel *kernel, struct matmul **out, struct err *e);
void matmul_free(struct matmul *mm);

/* In the thread that will use it: oneDNN's own threads are switched off for that thread. */
int matmul_lane_new(struct matmul *mm, struct matmul_lane **out, struct err *e);
void matmul_lane_free(struct matmul_lane *lane);

/* Packs w ([n, k] f32, row-major) as type. Any thread that has a lane. mm must outlive the weight.
 */
int weight_pack(struct matmul_lane *lane, const float *w, int n, int k, enum dtype type,
                struct weight **out, struct err *e);
void weight_free(struct weight *w);
size_t weight_bytes(const struct weight *w);

/* y[m, n] (out type) = x[m, k] (the weight's type) . W^T, m <= MATMUL_ROWS. Errors: PRECIS_ENOMEM.
 */
int matmul_run(struct matmul_lane *lane, const struct weight *w, int m, const void *x,
               enum dtype out, void *y, struct err *e);

#endif

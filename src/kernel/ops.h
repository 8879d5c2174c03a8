/* The versions of the kernels in C, one table for each instruction set they are compiled for, and
 * those written for one set. */
#ifndef PRECIS_KERNEL_OPS_H
#define PRECIS_KERNEL_OPS_H

#include "kernel/kernel.h"

/* ops8.c, of the same instruction set as the table that names them. */
#define DECLARE_INT8(isa)                                                                          \
    void rmsnorm8_##isa(const float *x, float eps, int rows, int n, const struct rows8 *out);      \
    void quantize8_##isa(const float *x, int rows, int n, const struct rows8 *out);                \
    void hadamard8_##isa(float *x, int rows, int n, int block, const struct rows8 *out);           \
    void split_qkv8_##isa(const struct split_qkv *s);                                              \
    void keep_key8_##isa(const float *v, int dim, uint8_t *block, int slot);                       \
    void keep_value8_##isa(const float *v, int dim, uint8_t *block, int slot);                     \
    void product8_##isa(const struct product8 *p);                                                 \
    void unpack4_##isa(const struct weight8 *w, int c, int8_t *panel);                             \
    void attention8_##isa(const struct attention_item *item)

DECLARE_INT8(plain);
extern const struct kernel kernel_plain;
#ifdef __x86_64__
DECLARE_INT8(avx2);
DECLARE_INT8(avx512);
extern const struct kernel kernel_avx2, kernel_avx512;
void attention_bf16(const struct attention_item *item); /* attention_bf16.c: AVX-512 BF16 */
void product8_maddwd(const struct product8 *p);         /* int8_avx2.c: AVX2 */
void attention8_maddwd(const struct attention_item *item);
void product8_vnni(const struct product8 *p); /* int8_vnni.c: AVX-512 VNNI */
void attention8_vnni(const struct attention_item *item);
#endif

#endif

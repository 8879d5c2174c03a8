/* The versions of the kernels in C, one table for each instruction set they are compiled for. */
#ifndef PRECIS_KERNEL_OPS_H
#define PRECIS_KERNEL_OPS_H

#include "kernel/kernel.h"

extern const struct kernel kernel_plain;
#ifdef __x86_64__
extern const struct kernel kernel_avx2, kernel_avx512;
/* attention_bf16.c: AVX-512 with BF16 dot products. */
void attention_bf16(const struct attention_item *item);
#endif

#endif

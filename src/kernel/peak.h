/* The most operations a second that one core does with the instruction a kernel is made of: what
 * the kernels' own figures are compared with. */
#ifndef PRECIS_KERNEL_PEAK_H
#define PRECIS_KERNEL_PEAK_H

#include "kernel/kernel.h"

/* The instruction that sums products of values of this type in the class's kernels, such as
 * "vpdpbusd zmm". NULL: compilers choose it (ISA_PLAIN, processors other than x86-64), or the class
 * has none. */
const char *kernel_peak_instruction(enum isa isa, enum dtype type);

/* Runs nothing but that instruction, on registers, for about `seconds` of the calling thread.
 * Returns operations a second, two for each product that is added up; 0 without an instruction. */
double kernel_peak(enum isa isa, enum dtype type, double seconds);

#endif

/* Products in bf16x3: two numbers of bf16 for a float, three products for one. */
#include "convolution/split_kernels.cuh"

DUET_SPLIT_KERNELS(bf16x3, 2)

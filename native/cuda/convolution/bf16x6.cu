/* Products in bf16x6: three numbers of bf16 for a float, six products for one. */
#include "convolution/split_kernels.cuh"

DUET_SPLIT_KERNELS(bf16x6, 3)

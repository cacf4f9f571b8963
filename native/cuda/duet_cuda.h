/* What the host passes to the kernels: each kernel takes one structure by value. Plain C, so that jextract binds it for the engine and
   nvcc reads the same text. Addresses are device addresses; sizes are counted in elements.

   Layouts. Activations: [batch][height][width][channels], no padding. Filters: [groups][kernel height][kernel width]
   [channels of a group][filters of a group]; a fully connected layer is one group whose kernel covers its whole input. Winners: one
   byte for each output element in the order of the activations. Everything else in canonical order. */
#ifndef DUET_CUDA_H
#define DUET_CUDA_H
#include <stdint.h>

typedef uint64_t duet_address;

/* Division of n in 0 .. 2^31 - 1 by a number known to the host: n / divisor = (mulhi(n, multiplier) + n) >> shift, with
   shift = ceil(log2(divisor)) and multiplier = floor(2^32 * (2^shift - divisor) / divisor) + 1. */
typedef struct {
  uint32_t divisor, multiplier, shift;
} duet_divisor;

/* In device memory, so that a captured graph need not change: written before each run. */
typedef struct {
  uint64_t seed, step;
  float momentum;
  uint32_t reserved[3];
  struct {
    float learning_rate, weight_decay;
  } rates[128];
} duet_run;

#endif

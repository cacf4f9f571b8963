/* Combines a value of every thread of a block, always in the same order: within warps by butterflies, then the warps' results. */
#pragma once
#include <stdint.h>

namespace duet {

struct Sum {
  template <typename T> __device__ __forceinline__ T operator()(T a, T b) const { return a + b; }
};
/* Leaves out NaN. */
struct Largest {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

template <typename T, typename Combine> __device__ __forceinline__ T warp_reduce(T value, Combine combine) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value = combine(value, __shfl_xor_sync(0xFFFFFFFFu, value, distance));
  return value;
}

/* The result is in every thread. All THREADS threads of the block take part; `scratch` (a value a warp) may be used again at once. */
template <int THREADS, typename T, typename Combine> __device__ __forceinline__ T block_reduce(T value, Combine combine, T *scratch) {
  static_assert(THREADS % 32 == 0 && THREADS <= 1024);
  value = warp_reduce(value, combine);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  T result = scratch[0];
#pragma unroll
  for (int warp = 1; warp < THREADS / 32; warp++) result = combine(result, scratch[warp]);
  __syncthreads();
  return result;
}

}  // namespace duet

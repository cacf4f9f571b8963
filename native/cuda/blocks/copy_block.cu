/* Copies a range along an axis between two tensors, or adds it to the other one: parts of a gather, slices. On either side it is runs of
   `width` neighbours (channels of a pixel, rows of an image, or all images). A thread an element (or vector); they go through one run, then
   the next, so that both sides move whole sectors where runs are multiples of 8. */
#include "common/access.cuh"

namespace duet::blocks {

template <int N, bool ADDS> __device__ __forceinline__ void copy(const duet_copy_block &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  uint32_t run = i;
  const uint32_t at = split(run, p.width);
  const uint64_t from = static_cast<uint64_t>(run) * p.from_pitch + p.from_first;
  const uint64_t to = static_cast<uint64_t>(run) * p.to_pitch + p.to_first;
  float *result = global<float>(p.to) + to * N;
  Values<N> values = load<N>(global<const float>(p.from) + from * N, at);
  if constexpr (ADDS) {
    const Values<N> before = load<N>(result, at);
#pragma unroll
    for (int j = 0; j < N; j++) values.v[j] = before.v[j] + values.v[j];
  }
  store<N>(result, at, values);
}

}  // namespace duet::blocks

extern "C" {

__global__ void __launch_bounds__(256) copy_block(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<1, false>(p); }
__global__ void __launch_bounds__(256) copy_block_x4(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<4, false>(p); }
__global__ void __launch_bounds__(256) add_block(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<1, true>(p); }
__global__ void __launch_bounds__(256) add_block_x4(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<4, true>(p); }
}

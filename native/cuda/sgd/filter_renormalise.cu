/* Filters whose root mean square is above a radius are scaled back to it (Zeiler and Fergus 2013, section 3). With filters innermost a
   group is a matrix [terms][filters]: a block takes 32 columns, its 8 warps every eighth row, and the eight sums are added in order. */
#include "common/bf16.cuh"

namespace duet::sgd {

template <typename Weights> __device__ __forceinline__ void renormalise(const duet_filter_renormalise &p, Weights weights) {
  constexpr int kColumns = 32, kRows = 8;
  __shared__ float sums[kRows][kColumns];
  const int lane = threadIdx.x % kColumns, warp = threadIdx.x / kColumns;
  const int column = static_cast<int>(blockIdx.x) * kColumns + lane;
  const bool active = column < p.filters;
  const Weights filter = weights + (static_cast<uint64_t>(blockIdx.y) * p.terms * p.filters + column);
  float sum = 0;
#pragma unroll 4
  for (int row = warp; active && row < p.terms; row += kRows) {
    const float w = load<1>(filter, row * p.filters).v[0];
    sum = fmaf(w, w, sum);
  }
  sums[warp][lane] = sum;
  __syncthreads();
  sum = sums[0][lane];
#pragma unroll
  for (int other = 1; other < kRows; other++) sum += sums[other][lane];
  const float rms = sqrtf(sum / static_cast<float>(p.terms));
  if (!active || !(rms > p.radius)) return;
  const float factor = p.radius / rms;
#pragma unroll 4
  for (int row = warp; row < p.terms; row += kRows) {
    store<1>(filter, row * p.filters, Values<1>{{load<1>(filter, row * p.filters).v[0] * factor}});
  }
}

}  // namespace duet::sgd

extern "C" {

__global__ void __launch_bounds__(256) filter_renormalise(const __grid_constant__ duet_filter_renormalise p) {
  duet::sgd::renormalise(p, duet::global<float>(p.weight));
}
__global__ void __launch_bounds__(256) filter_renormalise_planes(const __grid_constant__ duet_filter_renormalise p) {
  duet::sgd::renormalise(p, duet::Planes(p.weight, static_cast<uint64_t>(gridDim.y) * p.terms * p.filters));
}
}

/* Whether a tensor holds a NaN or an infinity. Threads gather what they see, each block combines its threads' findings, and a block that
   found something sets the flag, all to the same value. Once a run finite_reset clears the flags of all layers. */
#include "common/bf16.cuh"
#include "common/finite.cuh"
#include "common/block_reduce.cuh"

namespace duet::finite {

constexpr int kThreads = 256;

struct Either {
  __device__ __forceinline__ uint32_t operator()(uint32_t a, uint32_t b) const { return a | b; }
};

/* N numbers at a time. */
template <int N, typename Source> __device__ __forceinline__ void check(const duet_finite &p, Source values) {
  __shared__ uint32_t scratch[kThreads / 32];
  const uint32_t vectors = static_cast<uint32_t>(p.count / N), first = blockIdx.x * kThreads + threadIdx.x;
  uint32_t found = 0;
#pragma unroll 4
  for (uint32_t i = first; i < vectors; i += gridDim.x * kThreads) {
    const Values<N> x = load<N>(values, i);
#pragma unroll
    for (int j = 0; j < N; j++) found |= fault(x.v[j]);
  }
  if (first < p.count % N) found |= fault(load<1>(values, N * vectors + first).v[0]);
  found = block_reduce<kThreads>(found, Either(), scratch);
  if (threadIdx.x == 0 && found) *global<uint32_t>(p.status) = 1;
}

}  // namespace duet::finite

extern "C" {

__global__ void __launch_bounds__(256) finite_reset(const __grid_constant__ duet_finite p) {
  for (uint32_t i = threadIdx.x; i < p.count; i += 256) duet::global<uint32_t>(p.status)[i] = 0;
}
__global__ void __launch_bounds__(256) finite_check(const __grid_constant__ duet_finite p) {
  duet::finite::check<4>(p, duet::global<const float>(p.values));
}
__global__ void __launch_bounds__(256) finite_check_bf16(const __grid_constant__ duet_finite p) {
  duet::finite::check<8>(p, duet::global<const duet::bf16>(p.values));
}
__global__ void __launch_bounds__(256) finite_check_planes(const __grid_constant__ duet_finite p) {
  duet::finite::check<8>(p, duet::Planes(p.values, p.count));
}
}

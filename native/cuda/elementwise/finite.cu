/* Whether a tensor holds a NaN or an infinity. Threads gather what they see, each block combines its threads' findings, and a block that
   found something sets the flag, all to the same value. Once a run finite_reset clears the flags of all layers. */
#include "common/finite.cuh"
#include "common/block_reduce.cuh"

namespace duet::finite {

constexpr int kThreads = 256;

struct Either {
  __device__ __forceinline__ uint32_t operator()(uint32_t a, uint32_t b) const { return a | b; }
};

}  // namespace duet::finite

extern "C" {

__global__ void __launch_bounds__(256) finite_reset(const __grid_constant__ duet_finite p) {
  for (uint32_t i = threadIdx.x; i < p.count; i += 256) duet::global<uint32_t>(p.status)[i] = 0;
}

__global__ void __launch_bounds__(256) finite_check(const __grid_constant__ duet_finite p) {
  using namespace duet;
  using namespace duet::finite;
  __shared__ uint32_t scratch[kThreads / 32];
  const float *values = global<const float>(p.values);
  const uint32_t vectors = static_cast<uint32_t>(p.count / 4), first = blockIdx.x * kThreads + threadIdx.x;
  uint32_t found = 0;
#pragma unroll 4
  for (uint32_t i = first; i < vectors; i += gridDim.x * kThreads) {
    const Values<4> x = load<4>(values, i);
    found |= fault(x.v[0]) | fault(x.v[1]) | fault(x.v[2]) | fault(x.v[3]);
  }
  if (first < p.count % 4) found |= fault(values[4 * static_cast<uint64_t>(vectors) + first]);
  found = block_reduce<kThreads>(found, Either(), scratch);
  if (threadIdx.x == 0 && found) *global<uint32_t>(p.status) = 1;
}
}

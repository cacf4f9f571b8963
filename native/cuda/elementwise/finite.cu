/* Whether a tensor holds a NaN or an infinity. Threads gather what they see, each block combines its threads' findings, and a block that
   found something sets the flag, all to the same value. Once a run finite_reset, or prepare_input, clears the flags of all
   layers. */
#include "common/bf16.cuh"
#include "common/finite.cuh"
#include "common/block_reduce.cuh"

namespace duet::finite {

constexpr int kThreads = 256;

struct Either {
  __device__ __forceinline__ uint32_t operator()(uint32_t a, uint32_t b) const { return a | b; }
};

/* Whether one of N numbers is faulty, in any bits. */
template <int N, typename Source> __device__ __forceinline__ uint32_t faults(Source values, uint32_t vector) {
  const Values<N> x = load<N>(values, vector);
  uint32_t found = 0;
#pragma unroll
  for (int j = 0; j < N; j++) found |= fault(x.v[j]);
  return found;
}
/* Two exponents of nothing but ones at a time: one more in their last place carries into the signs. */
template <int N> __device__ __forceinline__ uint32_t faults(const bf16 *values, uint32_t vector) {
  if constexpr (N == 1) {
    return fault(load<1>(values, vector).v[0]);
  } else {
    const Pairs<N> x = load_pairs<N>(values, vector);
    uint32_t found = 0;
#pragma unroll
    for (int j = 0; j < N / 2; j++) found |= (x.word[j] & 0x7f807f80u) + 0x00800080u;
    return found & 0x80008000u;
  }
}

template <int N, typename Source> __device__ __forceinline__ void check(const duet_finite &p, Source values) {
  __shared__ uint32_t scratch[kThreads / 32];
  const uint32_t vectors = static_cast<uint32_t>(p.count / N), first = blockIdx.x * kThreads + threadIdx.x;
  uint32_t found = 0;
#pragma unroll 4
  for (uint32_t i = first; i < vectors; i += gridDim.x * kThreads) {
    found |= faults<N>(values, i);
  }
  if (first < p.count % N) found |= faults<1>(values, N * vectors + first);
  found = block_reduce<kThreads>(found, Either(), scratch);
  if (threadIdx.x == 0 && found) *global<uint32_t>(p.status) = 1;
}

}  // namespace duet::finite

extern "C" {

__global__ void __launch_bounds__(256) finite_reset(const __grid_constant__ duet_finite p) { duet::clear_flags(p.status, p.count); }
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

/* The paper's update (section 5). 20 bytes a parameter are moved, four parameters a thread and step. Weights are floats, or two planes of
   16 bits, which together are the same float. */
#include "common/bf16.cuh"
#include "common/update.cuh"

namespace duet::sgd {

template <typename Weights> __device__ __forceinline__ void run(const duet_sgd &p, Weights weight) {
  const Rates r = rates(p.run, p.rate_index);
  const float *gradient = global<const float>(p.gradient);
  float *momentum = global<float>(p.momentum);
  const uint32_t vectors = static_cast<uint32_t>(p.count / 4), first = blockIdx.x * 256 + threadIdx.x;
  for (uint32_t i = first; i < vectors; i += gridDim.x * 256) update<4>(weight, momentum, i, load<4>(gradient, i), r);
  const uint64_t tail = 4 * static_cast<uint64_t>(vectors);
  if (first < p.count % 4) update<1>(weight + tail, momentum + tail, first, load<1>(gradient + tail, first), r);
}

}  // namespace duet::sgd

extern "C" {

__global__ void __launch_bounds__(256) sgd_update(const __grid_constant__ duet_sgd p) { duet::sgd::run(p, duet::global<float>(p.weight)); }
__global__ void __launch_bounds__(256) sgd_update_planes(const __grid_constant__ duet_sgd p) {
  duet::sgd::run(p, duet::Planes(p.weight, p.count));
}
}

/* The paper's update (section 5). 20 bytes a parameter are moved, four parameters a thread and step. */
#include "common/update.cuh"

extern "C" __global__ void __launch_bounds__(256) sgd_update(const __grid_constant__ duet_sgd p) {
  using namespace duet;
  const Rates r = rates(p.run, p.rate_index);
  const float *gradient = global<const float>(p.gradient);
  float *weight = global<float>(p.weight), *momentum = global<float>(p.momentum);
  const uint32_t vectors = static_cast<uint32_t>(p.count / 4), first = blockIdx.x * 256 + threadIdx.x;
  for (uint32_t i = first; i < vectors; i += gridDim.x * 256) update<4>(weight, momentum, i, load<4>(gradient, i), r);
  const uint64_t tail = 4 * static_cast<uint64_t>(vectors);
  if (first < p.count % 4) update<1>(weight + tail, momentum + tail, first, load<1>(gradient + tail, first), r);
}

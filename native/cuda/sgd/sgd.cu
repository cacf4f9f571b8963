/* The paper's update (section 5). 20 bytes a parameter are moved, four parameters a thread and step. Weights are floats, or two planes of
   16 bits, which together are the same float. */
#include "common/bf16.cuh"

namespace duet::sgd {

struct Rates {
  float rate, shrink, mu;
};

template <int N, typename Weights>
__device__ __forceinline__ void update(const float *gradient, Weights weight, float *momentum, uint32_t i, Rates r) {
  const Values<N> g = load<N>(gradient, i);
  Values<N> w = load<N>(weight, i), v = load<N>(momentum, i);
#pragma unroll
  for (int j = 0; j < N; j++) {
    v.v[j] = r.mu * v.v[j] - r.shrink * w.v[j] - r.rate * g.v[j];
    w.v[j] += v.v[j];
  }
  store<N>(momentum, i, v);
  store<N>(weight, i, w);
}

template <typename Weights> __device__ __forceinline__ void run(const duet_sgd &p, Weights weight) {
  const duet_run *run = global<const duet_run>(p.run);
  const float rate = run->rates[p.rate_index].learning_rate;
  const Rates rates = {rate, run->rates[p.rate_index].weight_decay * rate, run->momentum};
  const float *gradient = global<const float>(p.gradient);
  float *momentum = global<float>(p.momentum);
  const uint32_t vectors = static_cast<uint32_t>(p.count / 4), first = blockIdx.x * 256 + threadIdx.x;
  for (uint32_t i = first; i < vectors; i += gridDim.x * 256) update<4>(gradient, weight, momentum, i, rates);
  const uint64_t tail = 4 * static_cast<uint64_t>(vectors);
  if (first < p.count % 4) update<1>(gradient + tail, weight + tail, momentum + tail, first, rates);
}

}  // namespace duet::sgd

extern "C" {

__global__ void __launch_bounds__(256) sgd_update(const __grid_constant__ duet_sgd p) { duet::sgd::run(p, duet::global<float>(p.weight)); }
__global__ void __launch_bounds__(256) sgd_update_planes(const __grid_constant__ duet_sgd p) {
  duet::sgd::run(p, duet::Planes(p.weight, p.count));
}
}

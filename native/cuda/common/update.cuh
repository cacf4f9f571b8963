/* The update of parameters (sgd/), where a gradient has just been made. */
#pragma once
#include "common/access.cuh"

namespace duet {

struct Rates {
  float rate, shrink, mu;
};

__device__ __forceinline__ Rates rates(duet_address run_address, uint32_t index) {
  /* Not global<>: beside the addresses of the products, which are generic, nvcc 13.0 would never end. */
  const duet_run *run = reinterpret_cast<const duet_run *>(run_address);
  const float rate = run->rates[index].learning_rate;
  return {rate, run->rates[index].weight_decay * rate, run->momentum};
}

__device__ __forceinline__ Values<4> values(float4 x) { return {{x.x, x.y, x.z, x.w}}; }

/* Momentum v, then weight w. */
template <int N> __device__ __forceinline__ void change_by(Values<N> &w, Values<N> &v, Values<N> gradient, Rates r) {
#pragma unroll
  for (int j = 0; j < N; j++) {
    v.v[j] = r.mu * v.v[j] - r.shrink * w.v[j] - r.rate * gradient.v[j];
    w.v[j] += v.v[j];
  }
}

/* N neighbouring parameters: floats, or planes (bf16.cuh, included before). */
template <int N, typename Weights>
__device__ __forceinline__ void update(Weights weight, float *momentum, uint32_t vector, Values<N> gradient, Rates r) {
  Values<N> w = load<N>(weight, vector), v = load<N>(momentum, vector);
  change_by(w, v, gradient, r);
  store<N>(momentum, vector, v);
  store<N>(weight, vector, w);
}

}  // namespace duet

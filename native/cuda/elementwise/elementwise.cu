/* Activations, scale, add. A thread takes four floats at a time, the grid strides over the tensor; the last count % 4 floats go to
   threads of the first block. Inputs and output may be the same memory: each element is read before it is written, by one thread. */
#include "common/access.cuh"

namespace duet::elementwise {

constexpr int kThreads = 256;

struct ReluForward {
  static constexpr bool kBinary = false;
  __device__ __forceinline__ float operator()(float x, float, float) const { return x < 0 ? 0 : x; }
};
struct TanhForward {
  static constexpr bool kBinary = false;
  __device__ __forceinline__ float operator()(float x, float, float) const { return tanhf(x); }
};
struct Scale {
  static constexpr bool kBinary = false;
  __device__ __forceinline__ float operator()(float x, float, float factor) const { return x * factor; }
};
struct ReluBackward {
  static constexpr bool kBinary = true;
  __device__ __forceinline__ float operator()(float y, float gradient, float) const { return y > 0 ? gradient : 0; }
};
struct TanhBackward {
  static constexpr bool kBinary = true;
  __device__ __forceinline__ float operator()(float y, float gradient, float) const { return gradient * (1 - y * y); }
};
struct Add {
  static constexpr bool kBinary = true;
  __device__ __forceinline__ float operator()(float x, float y, float) const { return x + y; }
};

template <int N, typename Function>
__device__ __forceinline__ void apply(const float *left, const float *right, float *output, uint32_t i, float factor, Function function) {
  Values<N> x = load<N>(left, i), y = {};
  if constexpr (Function::kBinary) y = load<N>(right, i);
#pragma unroll
  for (int j = 0; j < N; j++) x.v[j] = function(x.v[j], y.v[j], factor);
  store<N>(output, i, x);
}

template <typename Function> __device__ __forceinline__ void run(const duet_elementwise &p, Function function) {
  const float *left = global<const float>(p.left), *right = global<const float>(p.right);
  float *output = global<float>(p.output);
  const uint32_t vectors = static_cast<uint32_t>(p.count / 4);
  const uint32_t first = blockIdx.x * kThreads + threadIdx.x;
  for (uint32_t i = first; i < vectors; i += gridDim.x * kThreads) apply<4>(left, right, output, i, p.factor, function);
  if (first < p.count % 4)
    apply<1>(left + 4 * static_cast<uint64_t>(vectors), right + 4 * static_cast<uint64_t>(vectors),
             output + 4 * static_cast<uint64_t>(vectors), first, p.factor, function);
}

}  // namespace duet::elementwise

extern "C" {

__global__ void __launch_bounds__(256) relu_forward(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::ReluForward());
}
__global__ void __launch_bounds__(256) relu_backward(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::ReluBackward());
}
__global__ void __launch_bounds__(256) tanh_forward(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::TanhForward());
}
__global__ void __launch_bounds__(256) tanh_backward(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::TanhBackward());
}
__global__ void __launch_bounds__(256) elementwise_scale(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::Scale());
}
__global__ void __launch_bounds__(256) elementwise_add(const __grid_constant__ duet_elementwise p) {
  duet::elementwise::run(p, duet::elementwise::Add());
}
}

/* Activations, scale, add. A thread takes 16 bytes at a time (four floats or eight bf16 numbers), the grid strides over the tensor; what is
   left goes to threads of the first block. Inputs and output may be the same memory: each element is read before it is written, by one
   thread. Scale also goes from one kind of number to the other: what the host gives or gets is float. */
#include "common/bf16.cuh"

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

template <int N, typename From, typename To, typename Function>
__device__ __forceinline__ void apply(const From *left, const From *right, To *output, uint32_t i, float factor, Function function) {
  Values<N> x = load<N>(left, i), y = {};
  if constexpr (Function::kBinary) y = load<N>(right, i);
#pragma unroll
  for (int j = 0; j < N; j++) x.v[j] = function(x.v[j], y.v[j], factor);
  store<N>(output, i, x);
}

template <typename From, typename To, typename Function> __device__ __forceinline__ void run(const duet_elementwise &p, Function function) {
  constexpr int kVector = 16 / (sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));
  const From *left = global<const From>(p.left), *right = global<const From>(p.right);
  To *output = global<To>(p.output);
  const uint32_t vectors = static_cast<uint32_t>(p.count / kVector);
  const uint32_t first = blockIdx.x * kThreads + threadIdx.x;
  for (uint32_t i = first; i < vectors; i += gridDim.x * kThreads) apply<kVector>(left, right, output, i, p.factor, function);
  const uint64_t tail = kVector * static_cast<uint64_t>(vectors);
  if (first < p.count % kVector) apply<1>(left + tail, right + tail, output + tail, first, p.factor, function);
}

}  // namespace duet::elementwise

#define DUET_ELEMENTWISE(name, From, To, Function) \
  extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ duet_elementwise p) { \
    duet::elementwise::run<From, To>(p, duet::elementwise::Function()); \
  }

DUET_ELEMENTWISE(relu_forward, float, float, ReluForward)
DUET_ELEMENTWISE(relu_backward, float, float, ReluBackward)
DUET_ELEMENTWISE(tanh_forward, float, float, TanhForward)
DUET_ELEMENTWISE(tanh_backward, float, float, TanhBackward)
DUET_ELEMENTWISE(elementwise_scale, float, float, Scale)
DUET_ELEMENTWISE(elementwise_add, float, float, Add)

DUET_ELEMENTWISE(relu_forward_bf16, duet::bf16, duet::bf16, ReluForward)
DUET_ELEMENTWISE(relu_backward_bf16, duet::bf16, duet::bf16, ReluBackward)
DUET_ELEMENTWISE(tanh_forward_bf16, duet::bf16, duet::bf16, TanhForward)
DUET_ELEMENTWISE(tanh_backward_bf16, duet::bf16, duet::bf16, TanhBackward)
DUET_ELEMENTWISE(elementwise_scale_bf16, duet::bf16, duet::bf16, Scale)
DUET_ELEMENTWISE(elementwise_scale_to_bf16, float, duet::bf16, Scale)
DUET_ELEMENTWISE(elementwise_scale_from_bf16, duet::bf16, float, Scale)
DUET_ELEMENTWISE(elementwise_add_bf16, duet::bf16, duet::bf16, Add)

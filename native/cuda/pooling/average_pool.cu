/* Average pooling over the pixels of each window that are inside the image. Mapping as in max_pool.cu. */
#include "pooling/window.cuh"

namespace duet::pooling {

__device__ __forceinline__ float share(const InsideBoth &inside) { return 1.0f / static_cast<float>(inside.pixels()); }

template <int N, typename T> __device__ __forceinline__ void average_forward(const duet_pooling &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  const InsideBoth inside(p, place.row, place.column, p.window);
  const uint32_t channels = p.channels.divisor;
  const T *input = global<const T>(p.input);
  const uint32_t base = place.image * p.height * p.width * channels + place.channel;
  Values<N> sum = {};
  for (int y = inside.ys.first; y < inside.ys.last; y++) {
    const uint32_t row = base + y * p.width * channels;
    for (int x = inside.xs.first; x < inside.xs.last; x++) {
      const Values<N> value = load<N>(input, row + x * channels);
#pragma unroll
      for (int j = 0; j < N; j++) sum.v[j] += value.v[j];
    }
  }
  const float factor = share(inside);
#pragma unroll
  for (int j = 0; j < N; j++) sum.v[j] *= factor;
  store<N>(global<T>(p.output), i, sum);
}

template <int N, typename T> __device__ __forceinline__ void average_backward(const duet_pooling &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  const Windows ys(place.row, p, p.padding_top, p.output_height), xs(place.column, p, p.padding, p.output_width);
  const uint32_t channels = p.channels.divisor;
  const T *gradient = global<const T>(p.input);
  const uint32_t base = place.image * p.output_height * p.output_width * channels + place.channel;
  Values<N> sum = {};
  for (int oy = ys.first; oy < ys.last; oy++) {
#pragma unroll 1
    for (int ox = xs.first; ox < xs.last; ox++) {
      const float factor = share(InsideBoth(p, oy, ox, p.window));
      const Values<N> value = load<N>(gradient, base + (oy * p.output_width + ox) * channels);
#pragma unroll
      for (int j = 0; j < N; j++) sum.v[j] = fmaf(value.v[j], factor, sum.v[j]);
    }
  }
  store<N>(global<T>(p.output), i, sum);
}

}  // namespace duet::pooling

extern "C" {

__global__ void __launch_bounds__(256) average_pool_forward(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_forward<1, float>(p);
}
__global__ void __launch_bounds__(256) average_pool_forward_x4(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_forward<4, float>(p);
}
__global__ void __launch_bounds__(256) average_pool_forward_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_forward<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) average_pool_forward_x8_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_forward<8, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) average_pool_backward(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_backward<1, float>(p);
}
__global__ void __launch_bounds__(256) average_pool_backward_x4(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_backward<4, float>(p);
}
__global__ void __launch_bounds__(256) average_pool_backward_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_backward<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) average_pool_backward_x8_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::average_backward<8, duet::bf16>(p);
}
}

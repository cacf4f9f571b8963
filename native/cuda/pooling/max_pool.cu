/* Max-pooling. Forward, a thread makes a vector of channels of one output pixel. Backward, a thread makes a vector of channels of one input
   pixel and gathers from the windows that hold it, in their order, so that nothing is added twice or in another order. Neighbouring
   threads have neighbouring channels. */
#include "pooling/window.cuh"

namespace duet::pooling {

/* WINDOW is the window's size if known, so that its loads go out together, else 0. */
template <int N, typename T, int WINDOW> __device__ __forceinline__ void max_forward(const duet_pooling &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  const int size = WINDOW ? WINDOW : p.window;
  const InsideBoth inside(p, place.row, place.column, size);
  const Inside &ys = inside.ys, &xs = inside.xs;
  const uint32_t channels = p.channels.divisor;
  const T *input = global<const T>(p.input);
  const uint32_t base = place.image * p.height * p.width * channels + place.channel;
  const auto value = [&](int y, int x) { return load<N>(input, base + (y * p.width + x) * channels); };

  Values<N> best = value(ys.first, xs.first);
  int winner[N];
#pragma unroll
  for (int j = 0; j < N; j++) winner[j] = (ys.first - ys.offset) * size + xs.first - xs.offset;
  const auto compare = [&](Values<N> candidate, int position, bool counts) {
#pragma unroll
    for (int j = 0; j < N; j++) {
      const bool takes = beats(candidate.v[j], best.v[j]) && counts;
      best.v[j] = takes ? candidate.v[j] : best.v[j];
      winner[j] = takes ? position : winner[j];
    }
  };
  if constexpr (WINDOW != 0) {
    /* Outside the image a pixel inside is read, and does not count. */
#pragma unroll
    for (int row = 0; row < WINDOW; row++) {
#pragma unroll
      for (int column = 0; column < WINDOW; column++) {
        const int y = ys.offset + row, x = xs.offset + column;
        compare(value(min(max(y, 0), p.height - 1), min(max(x, 0), p.width - 1)), row * WINDOW + column,
                y >= 0 && y < p.height && x >= 0 && x < p.width);
      }
    }
  } else {
    for (int y = ys.first; y < ys.last; y++) {
      for (int x = xs.first; x < xs.last; x++) compare(value(y, x), (y - ys.offset) * size + x - xs.offset, true);
    }
  }
  store<N>(global<T>(p.output), i, best);
  if (p.winners) {
    Bytes<N> bytes = {};
#pragma unroll
    for (int j = 0; j < N; j++) bytes.word[j / 4] |= static_cast<uint32_t>(winner[j]) << 8 * (j % 4);
    store_bytes<N>(p.winners, i, bytes);
  }
}

template <int N, typename T> __device__ __forceinline__ void max_backward(const duet_pooling &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  const Windows ys(place.row, p, p.padding_top, p.output_height), xs(place.column, p, p.padding, p.output_width);
  const uint32_t channels = p.channels.divisor;
  const T *gradient = global<const T>(p.input);
  const uint32_t base = place.image * p.output_height * p.output_width * channels + place.channel;
  const int stride = p.stride.divisor;
  Values<N> sum = {};
  for (int oy = ys.first; oy < ys.last; oy++) {
    for (int ox = xs.first; ox < xs.last; ox++) {
      const uint32_t at = base + (oy * p.output_width + ox) * channels;
      const int row = place.row + p.padding_top - oy * stride, column = place.column + p.padding - ox * stride;
      const uint32_t position = row * p.window + column;
      const Bytes<N> winner = load_bytes<N>(p.winners, at);
      const Values<N> value = load<N>(gradient, at);
#pragma unroll
      for (int j = 0; j < N; j++) sum.v[j] += winner.equals(j, position) ? value.v[j] : 0;
    }
  }
  if (p.mask) sum = where_positive(load<N>(global<const T>(p.mask), i), sum);
  store<N>(global<T>(p.output), i, sum);
}

}  // namespace duet::pooling

extern "C" {

__global__ void __launch_bounds__(256) max_pool_forward(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<1, float, 0>(p);
}
__global__ void __launch_bounds__(256) max_pool_forward_x4(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<4, float, 0>(p);
}
__global__ void __launch_bounds__(256) max_pool_forward_3_x4(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<4, float, 3>(p);
}
__global__ void __launch_bounds__(256) max_pool_forward_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<1, duet::bf16, 0>(p);
}
__global__ void __launch_bounds__(256) max_pool_forward_x8_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<8, duet::bf16, 0>(p);
}
__global__ void __launch_bounds__(256) max_pool_forward_3_x8_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_forward<8, duet::bf16, 3>(p);
}
__global__ void __launch_bounds__(256) max_pool_backward(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_backward<1, float>(p);
}
__global__ void __launch_bounds__(256) max_pool_backward_x4(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_backward<4, float>(p);
}
__global__ void __launch_bounds__(256) max_pool_backward_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_backward<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) max_pool_backward_x8_bf16(const __grid_constant__ duet_pooling p) {
  duet::pooling::max_backward<8, duet::bf16>(p);
}
}

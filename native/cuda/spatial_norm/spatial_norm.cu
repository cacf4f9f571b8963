/* Response normalisation within each map (cuda-convnet's rnorm): b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the square
   window around i, cut to the image. Backward:
   da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over the window of db_j a_j t_j^(-beta - 1).

   A thread makes an element, or with _x4 (beta 0.75) four neighbouring channels; the window's pixels are read by the threads beside it
   too, from the first-level cache. Backward goes in two launches: `terms` leaves the summands in scratch memory and db_i * t_i^-beta
   in the result (of bf16: behind the summands, since it is float), `gradient` takes the sums off it. _x8_bf16 has eight channels. */
#include "response_norm/power.cuh"

namespace duet::spatial_norm {

/* A thread's element and its window: rows first_row .. last_row, columns first_column .. last_column. */
struct Window {
  uint32_t image; /* the image's first pixel */
  int channel, first_row, last_row, first_column, last_column;
  __device__ __forceinline__ Window(const duet_spatial_norm &p, uint32_t at) {
    uint32_t rest = at;
    channel = static_cast<int>(split(rest, p.channels));
    const int column = static_cast<int>(split(rest, p.width)), row = static_cast<int>(split(rest, p.height));
    image = rest * p.height.divisor * p.width.divisor;
    first_row = max(0, row - p.half);
    last_row = min(static_cast<int>(p.height.divisor) - 1, row + p.half);
    first_column = max(0, column - p.half);
    last_column = min(static_cast<int>(p.width.divisor) - 1, column + p.half);
  }
};

/* Sum over the window of x, or of x * x. */
template <int N, bool SQUARES, typename T>
__device__ __forceinline__ Values<N> window_sum(const duet_spatial_norm &p, const Window &w, const T *map) {
  Values<N> sum = {};
#pragma unroll 1
  for (int row = w.first_row; row <= w.last_row; row++) {
    uint32_t at = (w.image + row * p.width.divisor + w.first_column) * p.channels.divisor + w.channel;
#pragma unroll 1
    for (int column = w.first_column; column <= w.last_column; column++, at += p.channels.divisor) {
      const Values<N> x = load<N>(map, at);
#pragma unroll
      for (int i = 0; i < N; i++) sum.v[i] = SQUARES ? fmaf(x.v[i], x.v[i], sum.v[i]) : sum.v[i] + x.v[i];
    }
  }
  return sum;
}

template <int N> __device__ __forceinline__ response_norm::Powers powers(float t, float beta) {
  return N > 1 ? response_norm::three_quarters_powers(t) : response_norm::powers(t, beta);
}

template <int N, typename T> __device__ __forceinline__ void forward(const duet_spatial_norm &p) {
  const uint32_t at = blockIdx.x * 256 + threadIdx.x;
  if (at >= p.count) return;
  const T *input = global<const T>(p.input);
  const Values<N> a = load<N>(input, at), sum = window_sum<N, true>(p, Window(p, at), input);
  Values<N> b;
#pragma unroll
  for (int i = 0; i < N; i++) b.v[i] = a.v[i] * powers<N>(fmaf(p.alpha, sum.v[i], p.k), p.beta).power;
  store<N>(global<T>(p.output), at, b);
}

/* Where db_i * t_i^-beta is between the two launches. */
template <int N, typename T> __device__ __forceinline__ float *directs(const duet_spatial_norm &p) {
  return sizeof(T) == sizeof(float) ? global<float>(p.output) : global<float>(p.terms) + N * static_cast<uint64_t>(p.count);
}

template <int N, typename T> __device__ __forceinline__ void terms(const duet_spatial_norm &p) {
  const uint32_t at = blockIdx.x * 256 + threadIdx.x;
  if (at >= p.count) return;
  const T *input = global<const T>(p.input);
  const Values<N> a = load<N>(input, at), db = load<N>(global<const T>(p.output_gradient), at);
  const Values<N> sum = window_sum<N, true>(p, Window(p, at), input);
  Values<N> term, direct;
#pragma unroll
  for (int i = 0; i < N; i++) {
    const response_norm::Powers both = powers<N>(fmaf(p.alpha, sum.v[i], p.k), p.beta);
    term.v[i] = db.v[i] * a.v[i] * both.ratio;
    direct.v[i] = db.v[i] * both.power;
  }
  store<N>(global<float>(p.terms), at, term);
  store<N>(directs<N, T>(p), at, direct);
}

template <int N, typename T> __device__ __forceinline__ void gradient(const duet_spatial_norm &p) {
  const uint32_t at = blockIdx.x * 256 + threadIdx.x;
  if (at >= p.count) return;
  const Values<N> a = load<N>(global<const T>(p.input), at);
  const Values<N> sum = window_sum<N, false>(p, Window(p, at), global<const float>(p.terms));
  const float factor = 2 * p.alpha * p.beta;
  Values<N> da = load<N>(directs<N, T>(p), at);
#pragma unroll
  for (int i = 0; i < N; i++) da.v[i] -= factor * a.v[i] * sum.v[i];
  store<N>(global<T>(p.output), at, da);
}

}  // namespace duet::spatial_norm

extern "C" {

__global__ void __launch_bounds__(256) spatial_norm_forward(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::forward<1, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_forward_x4(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::forward<4, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_forward_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::forward<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_forward_x8_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::forward<8, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_terms(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::terms<1, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_terms_x4(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::terms<4, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_terms_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::terms<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_terms_x8_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::terms<8, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_gradient(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::gradient<1, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_gradient_x4(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::gradient<4, float>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_gradient_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::gradient<1, duet::bf16>(p);
}
__global__ void __launch_bounds__(256) spatial_norm_gradient_x8_bf16(const __grid_constant__ duet_spatial_norm p) {
  duet::spatial_norm::gradient<8, duet::bf16>(p);
}
}

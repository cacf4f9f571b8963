/* b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the neighbours of i (paper, section 3.3).
   Backward: da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over neighbours j of db_j * a_j * t_j^(-beta - 1).

   Channels are innermost, so a map is one row of floats in which element e has the neighbours e - half .. e + half, cut to its group:
   the numbers of channels and groups matter only through e mod (channels of a group), the place.

   _x4: window 5, beta 0.75, groups of whole vectors. A thread takes a vector and reads the vectors beside it, which the threads beside it
   read too, from the first-level cache. Backward, a block's threads are a multiple of a group's vectors, so that each group lies in one
   block and the terms of the sum pass through shared memory. _x8_bf16 (warp.cuh) passes everything from lane to lane;
   lanes that have no vector read another's, since nvcc 13.0 does not come to an end over loads before a shuffle that depend on one. */
#include "response_norm/warp.cuh"

namespace duet::response_norm {

constexpr int kThreads = 256;

/* How many elements before and after e are its neighbours. */
struct Reach {
  int before, after;
  __device__ __forceinline__ Reach(int e, int half, duet_divisor channels) {
    uint32_t group = static_cast<uint32_t>(e);
    const int place = static_cast<int>(split(group, channels));
    before = min(place, half);
    after = min(static_cast<int>(channels.divisor) - 1 - place, half);
  }
};

extern __shared__ float shared[];

/* Any shape: a thread an element. */
template <typename T> __device__ __forceinline__ void forward(const duet_response_norm &p) {
  const uint32_t e = blockIdx.x * kThreads + threadIdx.x;
  if (e >= p.count) return;
  const Reach reach(static_cast<int>(e), p.half, p.channels);
  const T *input = global<const T>(p.input) + e;
  float sum = 0;
  for (int j = -reach.before; j <= reach.after; j++) {
    const float x = load<1>(input + j, 0).v[0];
    sum = fmaf(x, x, sum);
  }
  store<1>(global<T>(p.output), e, same<1>(load<1>(input, 0).v[0] * power(fmaf(p.alpha, sum, p.k), p.beta)));
}

/* Any shape: a block makes 256 elements. Shared memory holds a of these and 2 * half on either side, then terms and products
   db * t^-beta of these and half on either side. */
template <typename T> __device__ __forceinline__ void backward(const duet_response_norm &p) {
  const int count = static_cast<int>(p.count), half = p.half;
  const int first = static_cast<int>(blockIdx.x) * kThreads; /* of the results; shared[i] belongs to first - 2 * half + i */
  const int inputs = kThreads + 4 * half, sums = kThreads + 2 * half;
  float *a = shared, *terms = shared + inputs, *direct = terms + sums;
  const T *input = global<const T>(p.input), *gradient = global<const T>(p.output_gradient);
  for (int i = threadIdx.x; i < inputs; i += kThreads) {
    const int e = first - 2 * half + i;
    a[i] = e >= 0 && e < count ? load<1>(input, e).v[0] : 0;
  }
  __syncthreads();
#pragma unroll 1
  for (int i = threadIdx.x; i < sums; i += kThreads) {
    const int e = first - half + i;
    float term = 0, product = 0;
    if (e >= 0 && e < count) {
      const Reach reach(e, half, p.channels);
      const float *own = a + i + half;
      float sum = 0;
#pragma unroll 1
      for (int j = -reach.before; j <= reach.after; j++) sum = fmaf(own[j], own[j], sum);
      const Powers both = powers(fmaf(p.alpha, sum, p.k), p.beta);
      const float db = load<1>(gradient, e).v[0];
      term = db * *own * both.ratio;
      product = db * both.power;
    }
    terms[i] = term;
    direct[i] = product;
  }
  __syncthreads();
  const int i = static_cast<int>(threadIdx.x), e = first + i;
  if (e >= count) return;
  const Reach reach(e, half, p.channels);
  float sum = 0;
#pragma unroll 1
  for (int j = -reach.before; j <= reach.after; j++) sum += terms[i + half + j];
  const float own = a[i + 2 * half], da = direct[i + half] - 2 * p.alpha * p.beta * own * sum;
  store<1>(global<T>(p.output), e, same<1>(p.relu && !(own > 0) ? 0 : da));
}

}  // namespace duet::response_norm

extern "C" {

__global__ void __launch_bounds__(256) response_norm_forward_x4(const __grid_constant__ duet_response_norm p) {
  using namespace duet;
  using namespace duet::response_norm;
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= p.count) return;
  uint32_t group = at;
  const uint32_t place = split(group, p.channels);
  const Neighbours n = neighbours(global<const float>(p.input), at, place, p.channels.divisor);
  const Values<4> t = bases(n, p.alpha, p.k);
  Values<4> b;
#pragma unroll
  for (int i = 0; i < 4; i++) b.v[i] = n.own.v[i] * three_quarters(t.v[i]);
  store<4>(global<float>(p.output), at, b);
}

/* blockDim.x is a multiple of the group's vectors; shared memory holds a vector a thread. */
__global__ void __launch_bounds__(256) response_norm_backward_x4(const __grid_constant__ duet_response_norm p) {
  using namespace duet;
  using namespace duet::response_norm;
  const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
  const bool active = at < p.count; /* all of a group or none of it */
  uint32_t group = at;
  const uint32_t place = split(group, p.channels);
  Values<4> a = {}, direct = {}, terms = {};
  if (active) {
    const Neighbours n = neighbours(global<const float>(p.input), at, place, p.channels.divisor);
    const Values<4> db = load<4>(global<const float>(p.output_gradient), at), t = bases(n, p.alpha, p.k);
    a = n.own;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const Powers powers = three_quarters_powers(t.v[i]);
      direct.v[i] = db.v[i] * powers.power;
      terms.v[i] = db.v[i] * a.v[i] * powers.ratio;
    }
    store<4>(shared, threadIdx.x, terms);
  }
  __syncthreads();
  if (!active) return;
  Values<4> before = {}, after = {};
  if (place > 0) before = load<4>(shared, threadIdx.x - 1);
  if (place + 1 < p.channels.divisor) after = load<4>(shared, threadIdx.x + 1);
  const Values<4> sums = window_sums(before.v[2], before.v[3], terms, after.v[0], after.v[1]);
  const float factor = 2 * p.alpha * 0.75f;
  Values<4> da;
#pragma unroll
  for (int i = 0; i < 4; i++) da.v[i] = direct.v[i] - factor * a.v[i] * sums.v[i];
  store<4>(global<float>(p.output), at, p.relu ? where_positive(a, da) : da);
}

__global__ void __launch_bounds__(256) response_norm_forward(const __grid_constant__ duet_response_norm p) {
  duet::response_norm::forward<float>(p);
}
__global__ void __launch_bounds__(256) response_norm_forward_bf16(const __grid_constant__ duet_response_norm p) {
  duet::response_norm::forward<duet::bf16>(p);
}
__global__ void __launch_bounds__(256) response_norm_backward(const __grid_constant__ duet_response_norm p) {
  duet::response_norm::backward<float>(p);
}
__global__ void __launch_bounds__(256) response_norm_backward_bf16(const __grid_constant__ duet_response_norm p) {
  duet::response_norm::backward<duet::bf16>(p);
}

__global__ void __launch_bounds__(256) response_norm_forward_x8_bf16(const __grid_constant__ duet_response_norm p) {
  using namespace duet;
  using namespace duet::response_norm;
  const Lane lane(p.channels, blockIdx.x);
  const Pairs<8> own = load_pairs<8>(global<const bf16>(p.input), min(lane.vector, p.count - 1));
  const Values<8> b = normalised(span(own, lane), p.alpha, p.k);
  if (lane.used && lane.vector < p.count) store<8>(global<bf16>(p.output), lane.vector, b);
}

__global__ void __launch_bounds__(256) response_norm_backward_x8_bf16(const __grid_constant__ duet_response_norm p) {
  using namespace duet;
  using namespace duet::response_norm;
  const Lane lane(p.channels, blockIdx.x);
  const uint32_t at = min(lane.vector, p.count - 1);
  const Pairs<8> own = load_pairs<8>(global<const bf16>(p.input), at), db = load_pairs<8>(global<const bf16>(p.output_gradient), at);
  const Values<8> da = gradient(span(own, lane), widen(db), p.alpha, p.k, p.relu, lane);
  if (lane.used && lane.vector < p.count) store<8>(global<bf16>(p.output), lane.vector, da);
}
}

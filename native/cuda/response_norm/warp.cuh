/* Response norm over five channels with beta 0.75 of bf16 maps: a thread has a vector of eight channels, and fetches two more on either
   side from the threads beside it. As many groups as fit lie in a warp, whole: the lanes behind them are idle (2 of 32 for groups of 48
   channels, none for 64, 128, 256). So there is no shared memory and no barrier; groups of over 256 channels go through the other
   kernels. */
#pragma once
#include "response_norm/power.cuh"

namespace duet::response_norm {

constexpr uint32_t kLanes = 32, kWholeWarp = 0xffffffffu;

/* The thread's vector, counted over all blocks or within its own, and its place in its group. */
struct Lane {
  uint32_t vector;
  bool used, first, last;
  __device__ __forceinline__ Lane(duet_divisor group, uint32_t block) {
    uint32_t groups = kLanes, own = threadIdx.x % kLanes;
    const uint32_t lanes = kLanes - split(groups, group);
    used = own < lanes;
    vector = (block * (blockDim.x / kLanes) + threadIdx.x / kLanes) * lanes + own;
    const uint32_t place = split(own, group);
    first = place == 0;
    last = place + 1 == group.divisor;
  }
};

/* Eight channels, v[2] to v[9], with two neighbours on either side; outside the group they are 0. All lanes of a warp take part. */
struct Span {
  float v[12];
};

__device__ __forceinline__ Span span(Pairs<8> own, const Lane &lane) {
  const uint32_t below = __shfl_up_sync(kWholeWarp, own.word[3], 1), above = __shfl_down_sync(kWholeWarp, own.word[0], 1);
  const Values<2> before = widen(lane.first ? 0 : below), after = widen(lane.last ? 0 : above);
  const Values<8> middle = widen(own);
  Span s;
#pragma unroll
  for (int i = 0; i < 8; i++) s.v[i + 2] = middle.v[i];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    s.v[i] = before.v[i];
    s.v[i + 10] = after.v[i];
  }
  return s;
}

__device__ __forceinline__ Span span(const Values<8> &own, const Lane &lane) {
  Span s;
#pragma unroll
  for (int i = 0; i < 8; i++) s.v[i + 2] = own.v[i];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const float below = __shfl_up_sync(kWholeWarp, own.v[i + 6], 1), above = __shfl_down_sync(kWholeWarp, own.v[i], 1);
    s.v[i] = lane.first ? 0 : below;
    s.v[i + 10] = lane.last ? 0 : above;
  }
  return s;
}

/* Sums of five neighbours, of values or of their squares: 19 or 25 instructions for eight channels. */
template <bool SQUARES> __device__ __forceinline__ Values<8> window_sums(const Span &s) {
  const auto plus = [](float sum, float x) { return SQUARES ? fmaf(x, x, sum) : sum + x; };
  float pairs[6], fours[5];
#pragma unroll
  for (int i = 0; i < 6; i++) pairs[i] = plus(SQUARES ? s.v[2 * i] * s.v[2 * i] : s.v[2 * i], s.v[2 * i + 1]);
#pragma unroll
  for (int i = 0; i < 5; i++) fours[i] = pairs[i] + pairs[i + 1];
  Values<8> sums;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    sums.v[2 * i] = plus(fours[i], s.v[2 * i + 4]);
    sums.v[2 * i + 1] = plus(fours[i + 1], s.v[2 * i + 1]);
  }
  return sums;
}

/* t^-1/2. A base below 2^-126 counts as 0; the function without .ftz would spend three instructions on it. */
__device__ __forceinline__ Values<8> roots(const Span &a, float alpha, float k) {
  Values<8> r = window_sums<true>(a);
#pragma unroll
  for (int i = 0; i < 8; i++) asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(r.v[i]) : "f"(fmaf(alpha, r.v[i], k)));
  return r;
}

/* b = a t^-3/4; -0 becomes 0. */
__device__ __forceinline__ Values<8> normalised(const Span &a, float alpha, float k) {
  Values<8> b = roots(a, alpha, k);
#pragma unroll
  for (int i = 0; i < 8; i++) b.v[i] = fmaf(a.v[i + 2], b.v[i] * square_root(b.v[i]), 0.0f);
  return b;
}

/* The gradient of a; with `relu` it is 0 where a is not above 0. */
__device__ __forceinline__ Values<8> gradient(const Span &a, const Values<8> &db, float alpha, float k, bool relu, const Lane &lane) {
  const Values<8> r = roots(a, alpha, k);
  Values<8> direct, terms;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    direct.v[i] = db.v[i] * (r.v[i] * square_root(r.v[i]));
    terms.v[i] = direct.v[i] * (a.v[i + 2] * (r.v[i] * r.v[i]));
  }
  const Values<8> sums = window_sums<false>(span(terms, lane));
  const float factor = -2 * alpha * 0.75f;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const float own = a.v[i + 2], da = fmaf(factor * own, sums.v[i], direct.v[i]);
    direct.v[i] = relu && !(own > 0) ? 0 : da;
  }
  return direct;
}

}  // namespace duet::response_norm

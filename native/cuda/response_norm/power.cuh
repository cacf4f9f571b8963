/* t^-beta of the response norm's base t = k + alpha * (sum of squares). */
#pragma once
#include "common/bf16.cuh"

namespace duet::response_norm {

/* Of t^-1/2, which is 0 or no smaller than 2^-64: so .ftz changes nothing but saves three instructions. Relative error below 2^-23; 0 for
   0, infinity for infinity. sqrtf would take ten instructions for half a unit in the last place. */
__device__ __forceinline__ float square_root(float x) {
  float root;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(root) : "f"(x));
  return root;
}

/* With r = t^-1/2: t^-3/4 = r * sqrt(r), t^-7/4 = t^-3/4 * r^2. Relative errors below 4e-7 and 8e-7: two approximate functions of at
   most 2^-22.9 and 2^-23, roundings. */
struct Powers {
  float power, ratio; /* t^-beta, t^(-beta - 1) */
};

__device__ __forceinline__ float three_quarters(float t) {
  const float r = rsqrtf(t);
  return r * square_root(r);
}
__device__ __forceinline__ Powers three_quarters_powers(float t) {
  const float r = rsqrtf(t), power = r * square_root(r);
  return {power, power * (r * r)};
}

/* Other exponents; r * r for 1 / t, since nvcc 13.0 does not come to an end when it compiles powf(t, -beta) / t here. */
__device__ __forceinline__ float power(float t, float beta) { return beta == 0.75f ? three_quarters(t) : powf(t, -beta); }
__device__ __forceinline__ Powers powers(float t, float beta) {
  const float r = rsqrtf(t), power = beta == 0.75f ? r * square_root(r) : powf(t, -beta);
  return {power, power * (r * r)};
}

/* Two neighbours on either side. Sums of five neighbours for four channels: own, and the two before and after them. */
__device__ __forceinline__ Values<4> window_sums(float before2, float before1, Values<4> own, float after1, float after2) {
  const float left = before1 + own.v[0], middle = own.v[1] + own.v[2], right = own.v[3] + after1;
  return {{(before2 + left) + middle, (left + middle) + own.v[3], (own.v[0] + middle) + right, middle + (right + after2)}};
}

/* Vector `at` of a map and its neighbours within the group of `group` vectors; `place` = at mod group. Neighbours outside are 0. */
struct Neighbours {
  float before2, before1;
  Values<4> own;
  float after1, after2;
};

__device__ __forceinline__ Neighbours neighbours(const float *map, uint32_t at, uint32_t place, uint32_t group) {
  Values<4> before = {}, after = {};
  if (place > 0) before = load<4>(map, at - 1);
  if (place + 1 < group) after = load<4>(map, at + 1);
  return {before.v[2], before.v[3], load<4>(map, at), after.v[0], after.v[1]};
}

__device__ __forceinline__ Values<4> bases(const Neighbours &n, float alpha, float k) {
  Values<4> squares;
#pragma unroll
  for (int i = 0; i < 4; i++) squares.v[i] = n.own.v[i] * n.own.v[i];
  Values<4> t = window_sums(n.before2 * n.before2, n.before1 * n.before1, squares, n.after1 * n.after1, n.after2 * n.after2);
#pragma unroll
  for (int i = 0; i < 4; i++) t.v[i] = fmaf(alpha, t.v[i], k);
  return t;
}

}  // namespace duet::response_norm

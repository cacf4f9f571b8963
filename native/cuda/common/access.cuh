/* Addresses, divisions and vectors of the memory-bound kernels. */
#pragma once
#include "duet_cuda.h"

namespace duet {

/* Says that the address is in device memory, so that loads and stores need not find out. */
template <typename T> __device__ __forceinline__ T *global(duet_address address) {
  return reinterpret_cast<T *>(__cvta_global_to_generic(address));
}

__device__ __forceinline__ uint32_t quotient(uint32_t n, duet_divisor d) { return (__umulhi(n, d.multiplier) + n) >> d.shift; }

/* n = quotient * d + rest; returns the rest and leaves the quotient in n. */
__device__ __forceinline__ uint32_t split(uint32_t &n, duet_divisor d) {
  const uint32_t whole = n;
  n = quotient(n, d);
  return whole - n * d.divisor;
}

/* N neighbouring channels: 4 move as one 16-byte access, 1 serves every shape. */
template <int N> struct Lanes;

template <> struct Lanes<1> {
  using Floats = float;
  using Bytes = uint8_t;
};

template <> struct Lanes<4> {
  using Floats = float4;
  using Bytes = uint32_t;
};

template <int N> struct Values { float v[N]; };

__device__ __forceinline__ Values<1> unpack(float x) { return {{x}}; }
__device__ __forceinline__ Values<4> unpack(float4 x) { return {{x.x, x.y, x.z, x.w}}; }
__device__ __forceinline__ float pack(Values<1> x) { return x.v[0]; }
__device__ __forceinline__ float4 pack(Values<4> x) { return make_float4(x.v[0], x.v[1], x.v[2], x.v[3]); }

template <int N> __device__ __forceinline__ Values<N> load(const float *base, uint32_t vector) {
  return unpack(reinterpret_cast<const typename Lanes<N>::Floats *>(base)[vector]);
}
template <int N> __device__ __forceinline__ void store(float *base, uint32_t vector, Values<N> values) {
  reinterpret_cast<typename Lanes<N>::Floats *>(base)[vector] = pack(values);
}
template <int N> __device__ __forceinline__ Values<N> same(float x) {
  Values<N> values;
#pragma unroll
  for (int i = 0; i < N; i++) values.v[i] = x;
  return values;
}

/* ReLU's gradient: of a layer's output y and the gradient for it. A NaN output gives 0. */
template <int N> __device__ __forceinline__ Values<N> where_positive(Values<N> y, Values<N> gradient) {
#pragma unroll
  for (int i = 0; i < N; i++) gradient.v[i] = y.v[i] > 0 ? gradient.v[i] : 0;
  return gradient;
}

}  // namespace duet

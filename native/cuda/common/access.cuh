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

__device__ __forceinline__ float4 plus(float4 a, float4 b) { return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w}; }

/* N neighbouring channels: 4 floats move as one 16-byte access, 8 as two, 1 serves every shape. */
template <int N> struct Values { float v[N]; };

/* As many bytes, four a word; N = 1 has one. */
template <int N> struct Bytes {
  uint32_t word[(N + 3) / 4];
  __device__ __forceinline__ bool equals(int i, uint32_t byte) const { return (word[i / 4] >> 8 * (i % 4) & 255) == byte; }
};

template <int N> __device__ __forceinline__ Bytes<N> load_bytes(duet_address base, uint32_t vector) {
  static_assert(N == 1 || N == 4 || N == 8);
  if constexpr (N == 1) {
    return {{global<const uint8_t>(base)[vector]}};
  } else if constexpr (N == 4) {
    return {{global<const uint32_t>(base)[vector]}};
  } else {
    const uint2 words = global<const uint2>(base)[vector];
    return {{words.x, words.y}};
  }
}
template <int N> __device__ __forceinline__ void store_bytes(duet_address base, uint32_t vector, Bytes<N> bytes) {
  static_assert(N == 1 || N == 4 || N == 8);
  if constexpr (N == 1) {
    global<uint8_t>(base)[vector] = static_cast<uint8_t>(bytes.word[0]);
  } else if constexpr (N == 4) {
    global<uint32_t>(base)[vector] = bytes.word[0];
  } else {
    global<uint2>(base)[vector] = make_uint2(bytes.word[0], bytes.word[1]);
  }
}

template <int N> __device__ __forceinline__ Values<N> load(const float *base, uint32_t vector) {
  static_assert(N == 1 || N == 2 || N == 4 || N == 8);
  Values<N> values;
  if constexpr (N == 1) {
    values.v[0] = base[vector];
  } else if constexpr (N == 2) {
    const float2 *pairs = reinterpret_cast<const float2 *>(base);
    values = {{pairs[vector].x, pairs[vector].y}};
  } else {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
      const float4 x = reinterpret_cast<const float4 *>(base)[N / 4 * static_cast<uint64_t>(vector) + i];
      values.v[4 * i] = x.x;
      values.v[4 * i + 1] = x.y;
      values.v[4 * i + 2] = x.z;
      values.v[4 * i + 3] = x.w;
    }
  }
  return values;
}
template <int N> __device__ __forceinline__ void store(float *base, uint32_t vector, Values<N> values) {
  static_assert(N == 1 || N == 2 || N == 4 || N == 8);
  if constexpr (N == 1) {
    base[vector] = values.v[0];
  } else if constexpr (N == 2) {
    reinterpret_cast<float2 *>(base)[vector] = make_float2(values.v[0], values.v[1]);
  } else {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
      reinterpret_cast<float4 *>(base)[N / 4 * static_cast<uint64_t>(vector) + i] = make_float4(values.v[4 * i], values.v[4 * i + 1],
                                                                                                values.v[4 * i + 2], values.v[4 * i + 3]);
    }
  }
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

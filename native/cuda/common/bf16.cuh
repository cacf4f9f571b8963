/* bf16 in memory, fp32 in registers: maps of bf16 numbers, and parameters as two planes of 16 bits (duet.device.cuda.lowering.Stored). */
#pragma once
#include "common/access.cuh"

namespace duet {

/* A number in memory: the upper half of a float. */
struct bf16 {
  uint16_t bits;
};

/* Exact. Of a word with two numbers the lower half is the first in memory. */
__device__ __forceinline__ float widen(bf16 x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }
__device__ __forceinline__ Values<2> widen(uint32_t pair) { return {{__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)}}; }

/* To nearest, ties to even; beyond the largest number infinity; NaN becomes 0x7fff. */
__device__ __forceinline__ bf16 round_bf16(float x) {
  bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
}
__device__ __forceinline__ uint32_t round_bf16(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

/* On tensor cores, 16 x 16 numbers by 16 x 8: a lane's part of each. */
__device__ __forceinline__ void multiply_add(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* N numbers of 16 bits as words: 2 move as one access of 4 bytes, 4 of 8, 8 of 16. */
template <int N> struct Pairs { uint32_t word[N / 2]; };

template <int N> __device__ __forceinline__ Pairs<N> load_pairs(const void *base, uint32_t vector) {
  static_assert(N == 2 || N == 4 || N == 8);
  if constexpr (N == 2) {
    return {{static_cast<const uint32_t *>(base)[vector]}};
  } else if constexpr (N == 4) {
    const uint2 words = static_cast<const uint2 *>(base)[vector];
    return {{words.x, words.y}};
  } else {
    const uint4 words = static_cast<const uint4 *>(base)[vector];
    return {{words.x, words.y, words.z, words.w}};
  }
}
template <int N> __device__ __forceinline__ void store_pairs(void *base, uint32_t vector, Pairs<N> pairs) {
  static_assert(N == 2 || N == 4 || N == 8);
  if constexpr (N == 2) {
    static_cast<uint32_t *>(base)[vector] = pairs.word[0];
  } else if constexpr (N == 4) {
    static_cast<uint2 *>(base)[vector] = make_uint2(pairs.word[0], pairs.word[1]);
  } else {
    static_cast<uint4 *>(base)[vector] = make_uint4(pairs.word[0], pairs.word[1], pairs.word[2], pairs.word[3]);
  }
}

template <int N> __device__ __forceinline__ Values<N> widen(Pairs<N> pairs) {
  Values<N> values;
#pragma unroll
  for (int i = 0; i < N; i += 2) {
    const Values<2> pair = widen(pairs.word[i / 2]);
    values.v[i] = pair.v[0];
    values.v[i + 1] = pair.v[1];
  }
  return values;
}
template <int N> __device__ __forceinline__ Pairs<N> round_bf16(Values<N> values) {
  Pairs<N> pairs;
#pragma unroll
  for (int i = 0; i < N; i += 2) pairs.word[i / 2] = round_bf16(values.v[i], values.v[i + 1]);
  return pairs;
}

/* As for floats (access.cuh): N neighbours, the vector's number counted in such vectors. */
template <int N> __device__ __forceinline__ Values<N> load(const bf16 *base, uint32_t vector) {
  if constexpr (N == 1) {
    return {{widen(base[vector])}};
  } else {
    return widen(load_pairs<N>(base, vector));
  }
}
template <int N> __device__ __forceinline__ void store(bf16 *base, uint32_t vector, Values<N> values) {
  if constexpr (N == 1) {
    base[vector] = round_bf16(values.v[0]);
  } else {
    store_pairs<N>(base, vector, round_bf16(values));
  }
}

/* A float as two planes: the upper number is the float rounded to bf16, ties away from zero, so that the rest of its bits always fits into
   the 16 signed bits of the lower. NaN is 0x7fff without a rest: rounding its bits like a number's would make a zero of some. */
struct Halves {
  uint32_t upper, lower; /* in the 16 bits below; above them anything */
};

__device__ __forceinline__ float join(uint32_t upper, uint32_t lower) {
  return __uint_as_float((upper << 16) + static_cast<uint32_t>(static_cast<int16_t>(lower)));
}
__device__ __forceinline__ Halves halves(float x) {
  const uint32_t bits = __float_as_uint(x);
  return x == x ? Halves{(bits + 0x8000u) >> 16, bits} : Halves{0x7fff, 0};
}

/* A parameter in memory: all upper numbers, from the next multiple of 16 bytes on all lower ones. */
struct Planes {
  uint16_t *upper, *lower;
  __device__ __forceinline__ Planes(uint16_t *upper, uint64_t elements) : upper(upper), lower(upper + (elements + 7) / 8 * 8) {}
  __device__ __forceinline__ Planes(duet_address address, uint64_t elements) : Planes(global<uint16_t>(address), elements) {}
  __device__ __forceinline__ Planes(uint16_t *upper, uint16_t *lower) : upper(upper), lower(lower) {}
  __device__ __forceinline__ Planes operator+(uint64_t elements) const { return {upper + elements, lower + elements}; }
};

template <int N> __device__ __forceinline__ Values<N> load(Planes planes, uint32_t vector) {
  Values<N> values;
  if constexpr (N == 1) {
    values.v[0] = join(planes.upper[vector], planes.lower[vector]);
  } else {
    const Pairs<N> upper = load_pairs<N>(planes.upper, vector), lower = load_pairs<N>(planes.lower, vector);
#pragma unroll
    for (int i = 0; i < N; i += 2) {
      values.v[i] = join(upper.word[i / 2], lower.word[i / 2]);
      values.v[i + 1] = join(upper.word[i / 2] >> 16, lower.word[i / 2] >> 16);
    }
  }
  return values;
}
template <int N> __device__ __forceinline__ void store(Planes planes, uint32_t vector, Values<N> values) {
  if constexpr (N == 1) {
    const Halves both = halves(values.v[0]);
    planes.upper[vector] = static_cast<uint16_t>(both.upper);
    planes.lower[vector] = static_cast<uint16_t>(both.lower);
  } else {
    Pairs<N> upper, lower;
#pragma unroll
    for (int i = 0; i < N; i += 2) {
      const Halves first = halves(values.v[i]), second = halves(values.v[i + 1]);
      upper.word[i / 2] = __byte_perm(first.upper, second.upper, 0x5410);
      lower.word[i / 2] = __byte_perm(first.lower, second.lower, 0x5410);
    }
    store_pairs<N>(planes.upper, vector, upper);
    store_pairs<N>(planes.lower, vector, lower);
  }
}

}  // namespace duet

/*
 * Vectors of floats as wide as the instruction set that this file is compiled for, by the GCC/Clang vector extension:
 * `a * b + c` on two Vectors is one instruction.
 */
#pragma once
#include <cstdint>
#include <cstring>

namespace duet {

#if defined(__AVX512F__)
constexpr int kVectorWidth = 16;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX__)
constexpr int kVectorWidth = 8;
constexpr int kVectorRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorWidth = 4;
constexpr int kVectorRegisters = 32;
#else
constexpr int kVectorWidth = 4;
constexpr int kVectorRegisters = 16;
#endif

typedef float Vector __attribute__((vector_size(kVectorWidth * 4)));
typedef int32_t IntVector __attribute__((vector_size(kVectorWidth * 4)));
typedef uint8_t ByteVector __attribute__((vector_size(kVectorWidth)));

/* In memory: no alignment asked for, aliases anything. */
typedef float VectorInMemory __attribute__((vector_size(kVectorWidth * 4), aligned(4), may_alias));

inline Vector load(const float *from) { return *reinterpret_cast<const VectorInMemory *>(from); }
inline void store(float *to, Vector value) { *reinterpret_cast<VectorInMemory *>(to) = value; }
/* x - 0 is x, also for -0, infinities and NaN. */
inline Vector broadcast(float x) { return x - Vector{}; }

/* The first `count` (0 .. width) elements; the others are 0 and their memory is not touched. */
inline Vector load_first(const float *from, int count) {
  alignas(64) float elements[kVectorWidth] = {};
  for (int i = 0; i < count; i++) elements[i] = from[i];
  return load(elements);
}
inline void store_first(float *to, Vector value, int count) {
  alignas(64) float elements[kVectorWidth];
  store(elements, value);
  for (int i = 0; i < count; i++) to[i] = elements[i];
}

#if defined(__clang__)
#define DUET_UNROLL _Pragma("unroll")
#define DUET_NO_UNROLL _Pragma("nounroll")
#else
#define DUET_UNROLL _Pragma("GCC unroll 32")
#define DUET_NO_UNROLL _Pragma("GCC unroll 1")
#endif

template <class T> constexpr T round_up(T value, T unit) { return (value + unit - 1) / unit * unit; }
template <class T> constexpr T divide_up(T value, T by) { return (value + by - 1) / by; }

}  // namespace duet

/*
 * bf16: the upper half of a float, rounded to the nearest, ties to even. Two of them make a Pair, one 32-bit word, so that sums over pairs
 * look like sums over floats of half the length: `multiply_add` takes a vector of pairs for every vector of floats.
 *
 * AVX-512 BF16 has an instruction for it. Elsewhere each half is widened to a float, which is exact, and takes a multiply-add of its own.
 */
#pragma once
#include "runtime/vector.h"
#include <cstddef>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace duet {

/* Whether pairs are multiplied faster than floats. */
#if defined(__AVX512BF16__)
constexpr bool kFastPairs = true;
#else
constexpr bool kFastPairs = false;
#endif

/* The first term in the lower half, the second in the upper one, as two bf16 lie side by side in memory. */
struct Pair {
  uint32_t bits;
};

/* Terms of a sum in a word of its operands, and words of so many terms. */
template <class Word> constexpr int kTermsOf = 1;
template <> constexpr int kTermsOf<Pair> = 2;
template <class Word> constexpr int64_t words(int64_t terms) { return divide_up<int64_t>(terms, kTermsOf<Word>); }

typedef uint32_t PairVector __attribute__((vector_size(kVectorWidth * 4)));
typedef uint32_t PairVectorInMemory __attribute__((vector_size(kVectorWidth * 4), aligned(4), may_alias));

inline PairVector load(const Pair *from) { return *reinterpret_cast<const PairVectorInMemory *>(from); }
inline void store(Pair *to, PairVector value) { *reinterpret_cast<PairVectorInMemory *>(to) = value; }
inline PairVector broadcast(Pair x) { return x.bits - PairVector{}; }

/* A cast between vectors keeps the bits. */
inline Vector as_floats(PairVector bits) { return (Vector)bits; }
inline PairVector as_bits(Vector value) { return (PairVector)value; }

inline Vector first_of(PairVector pairs) { return as_floats(pairs << 16); }
inline Vector second_of(PairVector pairs) { return as_floats(pairs & 0xffff0000u); }

inline void multiply_add(Vector &sum, Vector left, Vector right) { sum += left * right; }
/* The second products first, as the instruction has it. */
inline void multiply_add(Vector &sum, PairVector left, PairVector right) {
#if defined(__AVX512BF16__)
  sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)right);
#else
  sum += second_of(left) * second_of(right);
  sum += first_of(left) * first_of(right);
#endif
}

/* Rounded floats: bf16 in the upper halves, anything in the lower ones. A NaN stays one. */
inline PairVector rounded(Vector value) {
  const PairVector bits = as_bits(value);
  const PairVector up = bits + 0x7fffu + (bits >> 16 & 1u);
  const PairVector is_nan = (PairVector)(value != value);
  return (up & ~is_nan) | (is_nan & 0x7fc00000u);
}

inline PairVector pairs_of(Vector first, Vector second) {
#if defined(__AVX512BF16__)
  typedef uint16_t Halves __attribute__((vector_size(kVectorWidth * 2)));
  const PairVector low = __builtin_convertvector((Halves)_mm512_cvtneps_pbh((__m512)first), PairVector);
  const PairVector high = __builtin_convertvector((Halves)_mm512_cvtneps_pbh((__m512)second), PairVector);
  return low | high << 16;
#else
  return rounded(first) >> 16 | (rounded(second) & 0xffff0000u);
#endif
}

/* Pair i is floats 2 i and 2 i + 1 of the two vectors side by side. */
inline PairVector pairs_along(Vector front, Vector back) {
#if defined(__AVX512BF16__)
  return (PairVector)_mm512_cvtne2ps_pbh((__m512)back, (__m512)front);
#else
  typedef uint64_t Wide __attribute__((vector_size(kVectorWidth * 4)));
  typedef uint32_t Half __attribute__((vector_size(kVectorWidth * 2)));
  union {
    Half half[2];
    PairVector whole;
  } result;
  for (int i = 0; i < 2; i++) {
    const PairVector bits = rounded(i == 0 ? front : back);
    const Wide two = (Wide)bits;
    /* Of a little-endian machine, like all that have these vectors. */
    result.half[i] = __builtin_convertvector((two >> 16 & 0xffffu) | (two >> 32 & 0xffff0000u), Half);
  }
  return result.whole;
#endif
}

inline Pair pair_of(float first, float second) {
  const auto round = [](float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return value != value ? 0x7fc0u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  };
  return {round(first) | round(second) << 16};
}

/* `count` floats side by side as (count + 1) / 2 pairs; an odd one is paired with 0. */
inline void round_along(const float *from, ptrdiff_t count, Pair *to) {
  ptrdiff_t i = 0;
  for (; i + 2 * kVectorWidth <= count; i += 2 * kVectorWidth) store(to + i / 2, pairs_along(load(from + i), load(from + i + kVectorWidth)));
  for (; i + 2 <= count; i += 2) to[i / 2] = pair_of(from[i], from[i + 1]);
  if (i < count) to[i / 2] = pair_of(from[i], 0);
}

/* Pair i of `count` is floats i and i + distance. */
inline void round_apart(const float *from, ptrdiff_t distance, ptrdiff_t count, Pair *to) {
  ptrdiff_t i = 0;
  for (; i + kVectorWidth <= count; i += kVectorWidth) store(to + i, pairs_of(load(from + i), load(from + distance + i)));
  for (; i < count; i++) to[i] = pair_of(from[i], from[distance + i]);
}

/* `rows` rows of whole vectors, two of them side by side in the pairs of one row; an odd one is paired with zeros. */
inline void round_rows(const float *from, ptrdiff_t rows, ptrdiff_t from_step, int width, Pair *to, ptrdiff_t to_step) {
  for (; rows > 0; rows -= 2, from += 2 * from_step, to += to_step) {
    for (int column = 0; column < width; column += kVectorWidth) {
      store(to + column, pairs_of(load(from + column), rows > 1 ? load(from + from_step + column) : Vector{}));
    }
  }
}

}  // namespace duet

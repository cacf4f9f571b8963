// The operands of one product of tensor cores, and how they are added up (accumulate.cpp).
#pragma once
#include "half.h"
#include "matrix.h"

namespace vgpu {

// As floats. The exponents beside them are those of the formats, where numbers below the least exponent keep it; zeros have one far below
// all others, infinities and what is no number one far above.
constexpr int kZeroExponent = -8000, kInfiniteExponent = 32000;  // of 16 bits with saturation, so that an infinity wins over a zero
struct Product {
  alignas(32) float a[16][16], b[16][8], c[16][8];  // row, k; k, column; row, column
  alignas(32) int16_t a_exponent[16][16], b_exponent[16][8];
  int k;
  bool half;  // sums are rounded to fp16
};
// c = a * b + c, as the setting `accumulation` wants it. block: terms that a card of compute capability 8 adds at once.
void accumulate(Product &p, Worker &worker, int block);
constexpr int terms_at_once(MatrixType type) { return type == MatrixType::tf32 ? 4 : 8; }

// Sums of 32-bit integers, which are exact: modulo 2^32, or with what lies outside cut to the ends of the range.
struct IntegerProduct {
  alignas(32) int16_t a[32][32], b[32][32];  // row, k; column, k
  int32_t c[32][32];                         // row, column
  int m, n, k;
  bool saturate;
};
void accumulate(IntegerProduct &p);

// Sums of fp64, each term added as fma does: in the order of k, or in a random one if `accumulation` is adversarial.
struct DoubleProduct {
  alignas(32) double a[8][4], b[4][8], c[8][8];  // row, k; k, column; row, column
  unsigned direction;                            // as in Rounding
};
void accumulate(DoubleProduct &p, Worker &worker);

// Eight operands and their exponents.
template <MatrixType type> inline void put(float *to, int16_t *exponent, __m256 x) {
  constexpr int least = type == MatrixType::f16 ? Half::kLeastExponent : Bfloat::kLeastExponent;
  const __m256i field = _mm256_and_si256(_mm256_srli_epi32(_mm256_castps_si256(x), 23), _mm256_set1_epi32(255));
  __m256i e = _mm256_max_epi32(_mm256_sub_epi32(field, _mm256_set1_epi32(127)), _mm256_set1_epi32(least));
  e = _mm256_blendv_epi8(e, _mm256_set1_epi32(kInfiniteExponent), _mm256_cmpeq_epi32(field, _mm256_set1_epi32(255)));
  const __m256i zero = _mm256_castps_si256(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_EQ_OQ));
  _mm256_store_ps(to, x);
  e = _mm256_blendv_epi8(e, _mm256_set1_epi32(kZeroExponent), zero);
  const __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(e), _mm256_extracti128_si256(e, 1));
  _mm_store_si128(reinterpret_cast<__m128i *>(exponent), packed);
}

}  // namespace vgpu

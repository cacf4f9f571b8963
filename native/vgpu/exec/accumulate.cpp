// How tensor cores add up. PTX leaves order and rounding open, so there are three ways (setting `accumulation`):
//
// published    What was measured on cards: products are exact; a block of them and the sum so far are aligned to the largest exponent,
//              cut off (towards zero) some bits below it, added exactly, and the sum is cut to fp32 (or rounded to fp16). Compute
//              capability 8.x: 8 terms of 16 bits or 4 of tf32 at a time, 24 bits below the exponent; 9.0: 16 or 8 terms, 25 bits.
// exact        All terms in fp64, rounded once.
// adversarial  fp32 in a random order, each row of the result rounded to nearest or towards zero.
#include "product.h"
#include <limits>

namespace vgpu {
namespace {

int exponent_of(float x) {
  const int field = static_cast<int>(std::bit_cast<uint32_t>(x) >> 23 & 255);
  return x == 0 ? kZeroExponent : field == 255 ? kInfiniteExponent : std::max(field - 127, -126);
}

float cut_to_float(double x) {
  if (std::fabs(x) >= 0x1p128) return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(x));
  const float f = static_cast<float>(x);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(f) - (std::fabs(static_cast<double>(f)) > std::fabs(x)));
}

// One sum of one block, whatever its operands are.
float published_sum(const Product &p, int row, int column, int from, int block, int fraction) {
  const float c = p.c[row][column];
  int largest = std::max(exponent_of(c), -126);
  bool finite = largest < kInfiniteExponent / 2;
  double plain = c;
  for (int k = from; k < from + block; ++k) {
    const int e = p.a_exponent[row][k] + p.b_exponent[k][column];
    plain += static_cast<double>(p.a[row][k]) * p.b[k][column];
    finite &= e < kInfiniteExponent / 2;
    largest = std::max(largest, e);
  }
  if (!finite) return canonical(static_cast<float>(plain));
  auto cut = [&](double term) { return static_cast<int64_t>(std::ldexp(term, fraction - largest)); };
  int64_t sum = cut(c);
  for (int k = from; k < from + block; ++k) sum += cut(static_cast<double>(p.a[row][k]) * p.b[k][column]);
  const double result = std::ldexp(static_cast<double>(sum), largest - fraction);
  return p.half ? Half::widen(Half::narrow(odd(result))) : cut_to_float(result);
}

// Rounded to odd where x is not exact: sums are rounded to fp16 once.
inline __m256 with_last_bit(__m256 x, __m256i exact) {
  return _mm256_or_ps(x, _mm256_castsi256_ps(_mm256_andnot_si256(exact, _mm256_set1_epi32(1))));
}
// x + y in fp32, in the lower half.
template <bool half> inline __m256 both(__m128i x, __m128i y) {
  const __m256d sum = _mm256_add_pd(_mm256_cvtepi32_pd(x), _mm256_cvtepi32_pd(y));
  const __m128 f = _mm256_cvtpd_ps(sum);
  if (!half) return _mm256_castps128_ps256(f);
  const __m256d exact = _mm256_cmp_pd(_mm256_cvtps_pd(f), sum, _CMP_EQ_OQ);
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return with_last_bit(_mm256_castps128_ps256(f), _mm256_permutevar8x32_epi32(_mm256_castpd_si256(exact), even));
}

// The same for 8 columns at once, in fp32 and 32-bit integers. It is right while the largest exponent is within +-100: then nothing that
// counts overflows or loses bits. Sums of zeros alone are fine, too.
constexpr int kRows = 4;

// Of `block` terms in two rows, 8 columns of 16 bits each: the exponents of the rows, each in all columns, plus those of the columns.
template <int block> inline __m256i largest_exponents(const Product &p, int row, int from) {
  const auto load = [](const int16_t *at) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(at)); };
  __m256i largest = _mm256_set1_epi16(2 * kZeroExponent);
  constexpr int length = std::min(block, 8);
  const int word = block < 8 ? from & 7 : 0;
#pragma GCC unroll 2
  for (int part = 0; part < block; part += length) {
    const int at = from + part - word;
    const __m256i rows = _mm256_set_m128i(load(p.a_exponent[row + 1] + at), load(p.a_exponent[row] + at));
#pragma GCC unroll 8
    for (int k = 0; k < length; ++k) {
      const __m256i spread = _mm256_set1_epi16(static_cast<int16_t>(2 * (word + k) * 0x101 + 0x100));
      const __m256i b = _mm256_broadcastsi128_si256(load(p.b_exponent[from + part + k]));
      largest = _mm256_max_epi16(largest, _mm256_adds_epi16(b, _mm256_shuffle_epi8(rows, spread)));
    }
  }
  return largest;
}

template <int length> inline void add_terms(const Product &p, int row, int from, const __m256 *scale, __m256i *sum) {
  static_assert(kRows == 4);
  __m256i s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
  const __m256 scale0 = scale[0], scale1 = scale[1], scale2 = scale[2], scale3 = scale[3];
  const float *a = p.a[row] + from;
#pragma GCC unroll 8
  for (int k = 0; k < length; ++k) {
    const __m256 b = _mm256_load_ps(p.b[from + k]);
    const auto term = [&](int r, __m256 by) {
      return _mm256_cvttps_epi32(_mm256_mul_ps(_mm256_mul_ps(_mm256_broadcast_ss(a + r * 16 + k), b), by));
    };
    s0 = _mm256_add_epi32(s0, term(0, scale0));
    s1 = _mm256_add_epi32(s1, term(1, scale1));
    s2 = _mm256_add_epi32(s2, term(2, scale2));
    s3 = _mm256_add_epi32(s3, term(3, scale3));
  }
  sum[0] = s0, sum[1] = s1, sum[2] = s2, sum[3] = s3;
}

// Of sums so far.
inline __m256i exponents_of(__m256 c) {
  const __m256i bits = _mm256_castps_si256(c), field = _mm256_and_si256(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(255));
  const __m256i e = _mm256_sub_epi32(field, _mm256_set1_epi32(127));  // infinities are beyond the limit, and so are subnormals
  const __m256 zero = _mm256_cmp_ps(c, _mm256_setzero_ps(), _CMP_EQ_OQ);
  return _mm256_blendv_epi8(e, _mm256_set1_epi32(kZeroExponent), _mm256_castps_si256(zero));
}

// Rounded towards zero, or for fp16 to odd.
template <bool half> inline __m256 to_floats(__m256i sum) {
  const __m256 total = _mm256_cvtepi32_ps(sum);
  return half ? with_last_bit(total, _mm256_cmpeq_epi32(_mm256_cvttps_epi32(total), sum)) : total;
}

// Tiles reach beyond small products, and what lies there is zero: c + 0, which is +0 for any zero.
[[gnu::noinline]] void add_zeros(Product &p, int row) {
  for (int r = row; r < row + kRows; ++r) {
    const __m256 sum = _mm256_add_ps(_mm256_load_ps(p.c[r]), _mm256_setzero_ps());
    const __m256 nan = _mm256_cmp_ps(sum, sum, _CMP_UNORD_Q);
    _mm256_store_ps(p.c[r], _mm256_blendv_ps(sum, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)), nan));
  }
}

template <int block, bool half> void published(Product &p, int fraction) {
  const Rounding towards_zero(3);
  const __m256i limit = _mm256_set1_epi32(100), zero_limit = _mm256_set1_epi32(kZeroExponent / 2);
  const __m256i up = _mm256_set1_epi32(127 + fraction), one_twice = _mm256_set1_epi32(254 << 23);
  // 16 terms of up to 27 bits are more than 32 bits hold, 8 and the sum so far are not.
  constexpr int parts = block == 16 ? 2 : 1, length = block / parts;
  for (int from = 0; from < p.k; from += block) {
    for (int row = 0; row < 16; row += kRows) {
      __m256i largest[kRows], sum[kRows], rest[kRows], any = _mm256_setzero_si256(), terms = any;
      __m256 scale[kRows], total[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; r += 2) {
        const __m256i two = largest_exponents<block>(p, row + r, from);
        largest[r] = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(two));
        largest[r + 1] = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(two, 1));
        terms = _mm256_or_si256(terms, _mm256_cmpgt_epi16(two, _mm256_set1_epi16(kZeroExponent / 2)));
      }
      if (__builtin_expect(_mm256_testz_si256(terms, terms), 0)) {
        add_zeros(p, row);
        continue;
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256 c = _mm256_load_ps(p.c[row + r]);
        const __m256i e = _mm256_max_epi32(largest[r], exponents_of(c)), zeros = _mm256_cmpgt_epi32(zero_limit, e);
        any = _mm256_or_si256(any, _mm256_andnot_si256(zeros, _mm256_cmpgt_epi32(_mm256_abs_epi32(e), limit)));
        const __m256i kept = _mm256_max_epi32(e, _mm256_sub_epi32(_mm256_setzero_si256(), limit));
        scale[r] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_sub_epi32(up, kept), 23));
        sum[r] = _mm256_cvttps_epi32(_mm256_mul_ps(c, scale[r]));
        rest[r] = _mm256_setzero_si256();
      }
      add_terms<length>(p, row, from, scale, sum);
      __m256i overflow = _mm256_setzero_si256();
      if constexpr (parts == 2) {
        add_terms<length>(p, row, from + length, scale, rest);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const __m256i s = _mm256_add_epi32(sum[r], rest[r]);
          overflow = _mm256_or_si256(overflow, _mm256_and_si256(_mm256_xor_si256(s, sum[r]), _mm256_xor_si256(s, rest[r])));
          total[r] = to_floats<half>(s);
        }
        if (__builtin_expect(_mm256_movemask_ps(_mm256_castsi256_ps(overflow)), 0)) {
          for (int r = 0; r < kRows; ++r) {
            const __m256 low = both<half>(_mm256_castsi256_si128(sum[r]), _mm256_castsi256_si128(rest[r]));
            const __m256 high = both<half>(_mm256_extracti128_si256(sum[r], 1), _mm256_extracti128_si256(rest[r], 1));
            total[r] = _mm256_permute2f128_ps(low, high, 0x20);
          }
        }
      } else {
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) total[r] = to_floats<half>(sum[r]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {  // times 1 / scale
        total[r] = _mm256_mul_ps(total[r], _mm256_castsi256_ps(_mm256_sub_epi32(one_twice, _mm256_castps_si256(scale[r]))));
        if (half) total[r] = _mm256_cvtph_ps(_mm256_cvtps_ph(total[r], _MM_FROUND_TO_NEAREST_INT));
      }
      if (__builtin_expect(!_mm256_testz_si256(any, any), 0)) {
        for (int r = 0; r < kRows; ++r) {
          alignas(32) float result[8];
          for (int n = 0; n < 8; ++n) result[n] = published_sum(p, row + r, n, from, block, fraction);
          total[r] = _mm256_load_ps(result);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) _mm256_store_ps(p.c[row + r], total[r]);
    }
  }
}

void finish(Product &p, float *to, double x) { *to = p.half ? Half::widen(Half::narrow(odd(x))) : canonical(static_cast<float>(x)); }

void exact(Product &p) {
  alignas(32) double b[16][8], sum[8];
  for (int k = 0; k < p.k; ++k)
    for (int n = 0; n < 8; ++n) b[k][n] = p.b[k][n];
  for (int row = 0; row < 16; ++row) {
    __m256d low = _mm256_setzero_pd(), high = low;
    for (int k = 0; k < p.k; ++k) {
      const __m256d a = _mm256_set1_pd(p.a[row][k]);
      low = _mm256_fmadd_pd(a, _mm256_load_pd(b[k]), low);
      high = _mm256_fmadd_pd(a, _mm256_load_pd(b[k] + 4), high);
    }
    _mm256_store_pd(sum, low);
    _mm256_store_pd(sum + 4, high);
    for (int n = 0; n < 8; ++n) finish(p, &p.c[row][n], sum[n] + p.c[row][n]);
  }
}

// Terms in this order, one after the other; k stands for the sum so far.
void add_in_order(const Product &p, int row, const int *order, unsigned direction, float *result) {
  alignas(32) float sum[8];
  {
    const Rounding rounding(direction);
    auto term = [&](int k) {
      return k == p.k ? _mm256_load_ps(p.c[row]) : _mm256_mul_ps(_mm256_set1_ps(p.a[row][k]), _mm256_load_ps(p.b[k]));
    };
    __m256 s = term(order[0]);
    for (int n = 1; n <= p.k; ++n) s = _mm256_add_ps(s, term(order[n]));
    _mm256_store_ps(sum, s);
  }
  std::memcpy(result, sum, sizeof sum);
}

void adversarial(Product &p, Worker &worker) {
  for (int row = 0; row < 16; ++row) {
    int order[17] = {};
    for (int n = 0; n <= p.k; ++n) {
      const int at = static_cast<int>(worker.next_random() % static_cast<uint32_t>(n + 1));
      order[n] = order[at];
      order[at] = n;
    }
    float sum[8];
    add_in_order(p, row, order, worker.next_random() & 1 ? 3 : 0, sum);
    // Towards zero, what overflows stays finite, which no card does.
    bool large = false;
    for (float x : sum) large |= std::fabs(x) == std::numeric_limits<float>::max();
    if (large) add_in_order(p, row, order, 0, sum);
    for (int n = 0; n < 8; ++n) finish(p, &p.c[row][n], sum[n]);
  }
}

}  // namespace

void accumulate(Product &p, Worker &worker, int block) {
  const bool hopper = worker.settings.compute_major >= 9;
  const int fraction = hopper ? 25 : 24;
  block = std::min(hopper ? 2 * block : block, p.k);
  switch (worker.settings.accumulation) {
    case Accumulation::exact: return exact(p);
    case Accumulation::adversarial: return adversarial(p, worker);
    case Accumulation::published:
      if (block == 16) return p.half ? published<16, true>(p, fraction) : published<16, false>(p, fraction);
      if (block == 8) return p.half ? published<8, true>(p, fraction) : published<8, false>(p, fraction);
      return published<4, false>(p, fraction);
  }
}

}  // namespace vgpu

// The formats of 16 bits: fp16 and bf16, and how results are rounded to them once.
#pragma once
#include "numbers.h"

namespace vgpu {

// The float that lies next to x towards zero with its last bit set, unless x is a float: rounded again to a shorter format it comes
// out as if x had been rounded to that at once.
inline float odd(double x) {
  const float f = static_cast<float>(x);
  uint32_t b = std::bit_cast<uint32_t>(f);
  const double back = f;
  if (back == x) return f;
  b -= std::fabs(back) > std::fabs(x);
  return std::bit_cast<float>(b | 1);
}
// a * b + c, where a * b is a double: the same for the last bit of a double.
inline double odd_sum(double p, double c) {
  const double s = p + c, q = s - p, error = (p - (s - q)) + (c - q);
  uint64_t b = std::bit_cast<uint64_t>(s);
  if (!(error > 0 || error < 0) || b & 1) return s;  // exact, odd already, or no number
  return std::bit_cast<double>((error > 0) == (s > 0) ? b + 1 : b - 1);
}

// Rounded to nearest even; what is not a number has one pattern.
struct Half {
  static constexpr int kLeastExponent = -14;
  static float widen(uint16_t a) { return canonical(_cvtsh_ss(a)); }
  static uint16_t narrow(float x) { return x == x ? static_cast<uint16_t>(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT)) : 0x7fff; }
};
struct Bfloat {
  static constexpr int kLeastExponent = -126;
  static float widen(uint16_t a) { return std::bit_cast<float>(uint32_t(a) << 16); }
  static uint16_t narrow(float x) {
    const uint32_t b = std::bit_cast<uint32_t>(x);
    return x == x ? static_cast<uint16_t>((b + 0x7fff + (b >> 16 & 1)) >> 16) : 0x7fff;
  }
};

}  // namespace vgpu

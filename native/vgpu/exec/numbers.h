// What PTX says of floats where C++ leaves room or differs.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <immintrin.h>

namespace vgpu {

// Results that are not numbers have one pattern in fp32; fp64 keeps what the processor makes.
inline float canonical(float x) { return x == x ? x : std::bit_cast<float>(0x7fffffffu); }
inline double canonical(double x) { return x; }

// Denormals become zeros of the same sign. Per instruction: the processor's own mode belongs to the JVM's threads.
inline float flush(float x) {
  uint32_t b = std::bit_cast<uint32_t>(x);
  return (b & 0x7f800000u) ? x : std::bit_cast<float>(b & 0x80000000u);
}
template <bool ftz> inline float flushed(float x) { return ftz ? flush(x) : x; }
template <bool ftz> inline double flushed(double x) { return x; }

inline float saturate(float x) { return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f; }  // NaN becomes 0
inline double saturate(double x) { return x > 0 ? (x < 1 ? x : 1.0) : 0.0; }

// -0 < +0, and a NaN loses against a number.
template <class F, class U> inline F smaller(F a, F b) {
  F r = a < b ? a : b;
  r = a == b ? std::bit_cast<F>(static_cast<U>(std::bit_cast<U>(a) | std::bit_cast<U>(b))) : r;
  r = a != a ? b : r;
  r = b != b ? a : r;
  return canonical(r);
}
template <class F, class U> inline F larger(F a, F b) {
  F r = b < a ? a : b;
  r = a == b ? std::bit_cast<F>(static_cast<U>(std::bit_cast<U>(a) & std::bit_cast<U>(b))) : r;
  r = a != a ? b : r;
  r = b != b ? a : r;
  return canonical(r);
}

// Another rounding direction while it lives: MXCSR bits 13 and 14; 1 down, 2 up, 3 to zero. Lanes computed in between must be
// read from and stored to memory across the barriers.
class Rounding {
 public:
  explicit Rounding(unsigned direction) : saved_(_mm_getcsr()) {
    _mm_setcsr((saved_ & ~0x6000u) | direction << 13);
    asm volatile("" ::: "memory");
  }
  ~Rounding() {
    asm volatile("" ::: "memory");
    _mm_setcsr(saved_);
  }
 private:
  unsigned saved_;
};

}  // namespace vgpu

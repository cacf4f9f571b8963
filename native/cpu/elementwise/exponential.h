/* exp and tanh without a branch or a call, so that loops over them become vectors. */
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace duet {

/*
 * e^x for x <= 88 within 2 units in the last place: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial of degree 6 for e^r, times 2^n.
 * Below -87.3 the result is 0 or nearly so; NaN stays.
 */
inline float exponential(float x) {
  const float clamped = x < -104.0f ? -104.0f : (x > 88.7f ? 88.7f : x);
  /* Adding 1.5 * 2^23 rounds to an integer that can be read from the low bits. */
  const float shifted = clamped * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  /* 2^n in two halves, because n may be below -126. */
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const int32_t power = bits - 0x4B400000;
  const int32_t half = power >> 1;
  const int32_t first_bits = (half + 127) << 23, second_bits = (power - half + 127) << 23;
  float first, second;
  std::memcpy(&first, &first_bits, sizeof first);
  std::memcpy(&second, &second_bits, sizeof second);
  const float result = p * first * second;
  return x == x ? result : x;
}

/* tanh x within 4 units in the last place: its series up to |x| = 0.25, else from e^(-2 |x|). */
inline float hyperbolic_tangent(float x) {
  const float size = std::fabs(x);
  const float e = exponential(-2 * size);
  const float large = (1 - e) / (1 + e);
  const float s = x * x;
  float p = -1382.0f / 155925;
  p = p * s + 62.0f / 2835;
  p = p * s - 17.0f / 315;
  p = p * s + 2.0f / 15;
  p = p * s - 1.0f / 3;
  const float small = x + x * s * p;
  const float signed_large = x < 0 ? -large : large;
  const float result = size < 0.25f ? small : signed_large;
  return x == x ? result : x;
}

}  // namespace duet

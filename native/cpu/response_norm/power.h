/* t^-beta for many t > 0, in loops that become vectors. */
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace duet {

/*
 * t^-0.25 by Newton's method for y^-4 = t: y <- y (1.25 - 0.25 t y^4), from a guess within 3.2 %: a quarter of the exponent,
 * read as an integer. Three steps give 2.5 e^2: 3e-3, 2e-5, 1e-9. Faster than two square roots and a division, whose units are not
 * pipelined. NaN stays NaN; infinity counts as the largest number.
 */
inline float inverse_fourth_root(float t) {
  const float largest = std::numeric_limits<float>::max();
  t = t > largest ? largest : t;
  int32_t bits;
  std::memcpy(&bits, &t, sizeof bits);
  bits = 0x4F58CAE0 - (bits >> 2);
  float y;
  std::memcpy(&y, &bits, sizeof y);
  const float quarter = 0.25f * t;
  for (int step = 0; step < 3; step++) {
    const float square = y * y;
    y = y * (1.25f - quarter * square * square);
  }
  return y;
}

/* powers[i] = bases[i]^-beta; ratios[i] = bases[i]^(-beta - 1) unless ratios is null. */
inline void powers(const float *bases, float beta, int count, float *powers, float *ratios) {
  if (beta == 0.75f && ratios) {
    for (int i = 0; i < count; i++) {
      const float y = inverse_fourth_root(bases[i]), cube = y * y * y;
      powers[i] = cube;
      ratios[i] = cube * (y * y) * (y * y);
    }
  } else if (beta == 0.75f) {
    for (int i = 0; i < count; i++) {
      const float y = inverse_fourth_root(bases[i]);
      powers[i] = y * y * y;
    }
  } else {
    for (int i = 0; i < count; i++) powers[i] = std::pow(bases[i], -beta);
    for (int i = 0; ratios && i < count; i++) ratios[i] = powers[i] / bases[i];
  }
}

}  // namespace duet

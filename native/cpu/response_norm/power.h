/* t^-beta and t^(-beta - 1) of vectors, for t > 0. */
#pragma once
#include "runtime/tail.h"
#include <cmath>
#include <limits>

namespace duet {

/* N vectors go through each step together: a step waits for the step before it, and in the meantime the units work on the others. */
template <int N, class Step> inline void each_of(Step step) {
  DUET_UNROLL
  for (int i = 0; i < N; i++) step(i);
}

/*
 * t^-0.25 from a guess within 3.6 %: a quarter of the exponent, read as an integer. With e = 1 - t y^4 the right y is y (1 - e)^-0.25;
 * the first step takes the best quadratic for it on the e that the guess leaves (error 6e-5), the second is Newton's,
 * y (1.25 - 0.25 t y^4), and squares that (2.5 * (6e-5)^2 = 9e-9). Faster than two square roots and a division, whose units are not
 * pipelined. NaN stays NaN; infinity counts as the largest number.
 */
template <int N> inline void inverse_fourth_root(Vector (&t)[N], Vector (&y)[N]) {
  const Vector largest = Vector{} + std::numeric_limits<float>::max();
  Vector square[N], e[N];
  each_of<N>([&](int i) { t[i] = largest < t[i] ? largest : t[i]; });
  each_of<N>([&](int i) { y[i] = reinterpret_cast<Vector>(0x4F58CAE0 - (reinterpret_cast<IntVector>(t[i]) >> 2)); });
  each_of<N>([&](int i) { square[i] = y[i] * y[i]; });
  each_of<N>([&](int i) { e[i] = t[i] * square[i]; });
  each_of<N>([&](int i) { e[i] = 1 - e[i] * square[i]; });
  each_of<N>([&](int i) { square[i] = 0.2513391f + 0.1527163f * e[i]; });
  each_of<N>([&](int i) { square[i] = 1.0000169f + e[i] * square[i]; });
  each_of<N>([&](int i) { y[i] *= square[i]; });
  each_of<N>([&](int i) { square[i] = y[i] * y[i]; });
  each_of<N>([&](int i) { t[i] *= 0.25f * square[i]; });
  each_of<N>([&](int i) { t[i] = 1.25f - t[i] * square[i]; });
  each_of<N>([&](int i) { y[i] *= t[i]; });
}

/* The paper's exponent. */
struct ThreeQuarters {
  /* power = t^-beta; t is used up. */
  template <int N> void operator()(Vector (&t)[N], Vector (&power)[N]) const {
    inverse_fourth_root(t, power);
    each_of<N>([&](int i) { power[i] *= power[i] * power[i]; });
  }
  /* Also ratio = t^(-beta - 1). */
  template <int N> void operator()(Vector (&t)[N], Vector (&power)[N], Vector (&ratio)[N]) const {
    inverse_fourth_root(t, power);
    each_of<N>([&](int i) {
      const Vector square = power[i] * power[i];
      power[i] *= square;
      ratio[i] = power[i] * square * square;
    });
  }
};

struct AnyExponent {
  float beta;
  template <int N> void operator()(Vector (&t)[N], Vector (&power)[N]) const {
    each_of<N>([&](int i) {
      float lanes[kVectorWidth];
      store(lanes, t[i]);
      for (float &lane : lanes) lane = std::pow(lane, -beta);
      power[i] = load(lanes);
    });
  }
  template <int N> void operator()(Vector (&t)[N], Vector (&power)[N], Vector (&ratio)[N]) const {
    (*this)(t, power);
    each_of<N>([&](int i) { ratio[i] = power[i] / t[i]; });
  }
};

/* body(ThreeQuarters or AnyExponent) */
template <class Body> inline void with_exponent(float beta, Body body) {
  if (beta == 0.75f) {
    body(ThreeQuarters());
  } else {
    body(AnyExponent{beta});
  }
}

/* powers[i] = bases[i]^-beta; ratios[i] = bases[i]^(-beta - 1) unless ratios is null. */
inline void powers(const float *bases, float beta, int count, float *powers, float *ratios) {
  with_exponent(beta, [=](auto exponent) {
    each_vector(count, [&](int i, auto here) {
      Vector t[1] = {load_count(bases + i, here)}, power[1], ratio[1];
      exponent(t, power, ratio);
      store_count(powers + i, power[0], here);
      if (ratios) store_count(ratios + i, ratio[0], here);
    });
  });
}

}  // namespace duet

/*
 * b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the window of i (paper, section 3.3).
 * Backward: da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over windows j that hold i of db_j a_j t_j^(-beta - 1).
 */
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/vector.h"
#include <cmath>

using namespace duet;

namespace {

constexpr int64_t kPixelsPerTask = 256;

/* Channels of one pixel and group in buffers with zeros at both ends, so that windows need no cutting. */
struct Norm {
  int channels, groups, half;
  float alpha, beta, k;

  int in_group() const { return channels / groups; }
  int buffer() const { return round_up(in_group() + 2 * half, 16) + 16; }

  /* sums[i] = values[i] + ... + values[i + 2 * half] */
  void window_sums(const float *values, float *sums) const {
    const int n = in_group();
    if (half == 2) {
      for (int i = 0; i < n; i++) sums[i] = ((values[i] + values[i + 1]) + (values[i + 2] + values[i + 3])) + values[i + 4];
      return;
    }
    for (int i = 0; i < n; i++) sums[i] = values[i];
    for (int j = 1; j <= 2 * half; j++) {
      for (int i = 0; i < n; i++) sums[i] += values[i + j];
    }
  }

  /* powers[i] = bases[i]^-beta */
  void power(const float *bases, float *powers) const {
    const int n = in_group();
    if (beta == 0.75f) {
      for (int i = 0; i < n; i++) {
        const float root = std::sqrt(1 / bases[i]);
        powers[i] = root * std::sqrt(root);
      }
    } else {
      for (int i = 0; i < n; i++) powers[i] = std::pow(bases[i], -beta);
    }
  }

  /* bases[i] = t_i; `padded` is scratch with zeros at both ends. */
  void bases(const float *a, float *padded, float *bases) const {
    const int n = in_group();
    for (int i = 0; i < n; i++) padded[half + i] = a[i] * a[i];
    window_sums(padded, bases);
    for (int i = 0; i < n; i++) bases[i] = k + alpha * bases[i];
  }
};

struct Scratch {
  std::vector<float> padded, bases, powers, sums;
  explicit Scratch(const Norm &norm) : padded(norm.buffer()), bases(norm.buffer()), powers(norm.buffer()), sums(norm.buffer()) {}
};

void forward(const Norm &norm, Scratch &scratch, const float *a, float *b) {
  norm.bases(a, scratch.padded.data(), scratch.bases.data());
  norm.power(scratch.bases.data(), scratch.powers.data());
  for (int i = 0; i < norm.in_group(); i++) b[i] = a[i] * scratch.powers[i];
}

void backward(const Norm &norm, Scratch &scratch, const float *a, const float *db, float *da) {
  const int n = norm.in_group();
  const float *bases = scratch.bases.data(), *powers = scratch.powers.data(), *sums = scratch.sums.data();
  norm.bases(a, scratch.padded.data(), scratch.bases.data());
  norm.power(bases, scratch.powers.data());
  float *ratios = scratch.padded.data() + norm.half;
  for (int i = 0; i < n; i++) ratios[i] = db[i] * a[i] * powers[i] / bases[i];
  norm.window_sums(scratch.padded.data(), scratch.sums.data());
  const float factor = 2 * norm.alpha * norm.beta;
  for (int i = 0; i < n; i++) da[i] = db[i] * powers[i] - factor * a[i] * sums[i];
}

}  // namespace

extern "C" {

void duet_response_norm_forward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                float beta, float k, const float *input, float *output) {
  const Norm norm{channels, groups, size / 2, alpha, beta, k};
  parallel_slices(team, pixels * groups, kPixelsPerTask, [&](int64_t first, int64_t last) {
    Scratch scratch(norm);
    for (int64_t i = first; i < last; i++) forward(norm, scratch, input + i * norm.in_group(), output + i * norm.in_group());
  });
}

void duet_response_norm_backward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                 float beta, float k, const float *input, const float *output_gradient, float *input_gradient) {
  const Norm norm{channels, groups, size / 2, alpha, beta, k};
  parallel_slices(team, pixels * groups, kPixelsPerTask, [&](int64_t first, int64_t last) {
    Scratch scratch(norm);
    for (int64_t i = first; i < last; i++) {
      const int64_t at = i * norm.in_group();
      backward(norm, scratch, input + at, output_gradient + at, input_gradient + at);
    }
  });
}
}

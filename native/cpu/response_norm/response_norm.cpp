/*
 * b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the window of i (paper, section 3.3).
 * Backward: da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over windows j that hold i of db_j a_j t_j^(-beta - 1).
 *
 * Works on batches of a few pixels, step by step: what one step stores the next one loads at other offsets, which would wait
 * for the stores if it came at once.
 */
#include "response_norm/power.h"
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/tail.h"

using namespace duet;

namespace {

/* Pixels (of one group) at a time, and tasks of so many of them. */
constexpr int kPixels = 16;
constexpr int64_t kPixelsPerTask = 16 * kPixels;

/*
 * Buffers have a row a pixel: `width` floats, or, where windows are summed, `padded` ones with the channels between zeros, so that
 * windows need no cutting.
 */
struct Norm {
  int channels, half;
  float alpha, beta, k;
  int width, padded;

  Norm(int in_group, int size, float alpha, float beta, float k)
      : channels(in_group), half(size / 2), alpha(alpha), beta(beta), k(k), width(round_up(in_group, kVectorWidth)),
        padded(width + round_up(2 * half, kVectorWidth)) {}
};

struct Scratch {
  std::vector<float> squares, bases, powers, ratios;
  explicit Scratch(const Norm &norm)
      : squares(kPixels * norm.padded), bases(kPixels * norm.width), powers(bases.size()), ratios(bases.size()) {}
};

/* visit(offset in the image, in a buffer of `width`, in one of `padded`, number of channels) for every vector of `pixels` pixels. */
template <class Visit> inline void each_row_vector(const Norm &norm, int pixels, Visit visit) {
  for (int pixel = 0; pixel < pixels; pixel++) {
    each_vector(norm.channels, [&](int c, auto count) {
      visit(pixel * norm.channels + c, pixel * norm.width + c, pixel * norm.padded + c, count);
    });
  }
}

inline Vector window_sum(const float *padded, int half) {
  if (half == 2) return ((load(padded) + load(padded + 1)) + (load(padded + 2) + load(padded + 3))) + load(padded + 4);
  Vector sum = load(padded);
  for (int j = 1; j <= 2 * half; j++) sum += load(padded + j);
  return sum;
}

/* powers = t^-beta and, where asked for, ratios = t^(-beta - 1). */
void normalisers(const Norm &norm, Scratch &scratch, const float *a, int pixels, bool with_ratios) {
  float *squares = scratch.squares.data(), *bases = scratch.bases.data();
  each_row_vector(norm, pixels, [&](int at, int, int padded, auto count) {
    const Vector value = load_count(a + at, count);
    store(squares + padded + norm.half, value * value);
  });
  each_row_vector(norm, pixels, [&](int, int row, int padded, auto) {
    store(bases + row, norm.k + norm.alpha * window_sum(squares + padded, norm.half));
  });
  powers(bases, norm.beta, pixels * norm.width, scratch.powers.data(), with_ratios ? scratch.ratios.data() : nullptr);
}

void forward(const Norm &norm, Scratch &scratch, const float *a, int pixels, float *b) {
  normalisers(norm, scratch, a, pixels, false);
  const float *powers = scratch.powers.data();
  each_row_vector(norm, pixels, [&](int at, int row, int, auto count) {
    store_count(b + at, load_count(a + at, count) * load(powers + row), count);
  });
}

void backward(const Norm &norm, Scratch &scratch, const float *a, const float *db, int pixels, float *da) {
  normalisers(norm, scratch, a, pixels, true);
  const float *powers = scratch.powers.data(), *ratios = scratch.ratios.data();
  /* The squares are used up; their zeros at the ends serve again. */
  float *terms = scratch.squares.data();
  each_row_vector(norm, pixels, [&](int at, int row, int padded, auto count) {
    store(terms + padded + norm.half, load_count(db + at, count) * load_count(a + at, count) * load(ratios + row));
  });
  const float factor = 2 * norm.alpha * norm.beta;
  each_row_vector(norm, pixels, [&](int at, int row, int padded, auto count) {
    const Vector direct = load_count(db + at, count) * load(powers + row);
    store_count(da + at, direct - factor * load_count(a + at, count) * window_sum(terms + padded, norm.half), count);
  });
}

/* body(scratch, first element, pixels) for every batch of pixels. */
template <class Body> void each_batch(duet_team *team, const Norm &norm, int64_t pixels, Body body) {
  parallel_slices(team, pixels, kPixelsPerTask, [&](int64_t first, int64_t last) {
    Scratch scratch(norm);
    for (int64_t i = first; i < last; i += kPixels) body(scratch, i * norm.channels, static_cast<int>(std::min<int64_t>(kPixels, last - i)));
  });
}

}  // namespace

extern "C" {

void duet_response_norm_forward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                float beta, float k, const float *input, float *output) {
  const Norm norm(channels / groups, size, alpha, beta, k);
  each_batch(team, norm, pixels * groups,
             [&](Scratch &scratch, int64_t at, int count) { forward(norm, scratch, input + at, count, output + at); });
}

void duet_response_norm_backward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                 float beta, float k, const float *input, const float *output_gradient, float *input_gradient) {
  const Norm norm(channels / groups, size, alpha, beta, k);
  each_batch(team, norm, pixels * groups, [&](Scratch &scratch, int64_t at, int count) {
    backward(norm, scratch, input + at, output_gradient + at, count, input_gradient + at);
  });
}
}

/*
 * b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the window of i (paper, section 3.3).
 * Backward: da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over windows j that hold i of db_j a_j t_j^(-beta - 1).
 *
 * Works on batches of a few pixels in two or three loops. A window is summed from loads at other offsets than the stores before them,
 * which would have to wait for those stores if they came at once; all else stays in registers. While a batch is worked on, the next one
 * is asked for: without, arithmetic and memory would wait for each other in turns.
 */
#include "response_norm/power.h"
#include "runtime/interface.h"
#include "runtime/team.h"

using namespace duet;

namespace {

/* Pixels (of one group) at a time, and tasks of so many of them. */
constexpr int kPixels = 16;
constexpr int64_t kPixelsPerTask = 16 * kPixels;

/* A buffer has a row a pixel, `padded` floats: the channels between zeros, so that windows need no cutting. */
struct Norm {
  int channels, half;
  float alpha, beta, k;
  int padded;

  Norm(int in_group, int size, float alpha, float beta, float k)
      : channels(in_group), half(size / 2), alpha(alpha), beta(beta), k(k),
        padded(round_up(in_group, kVectorWidth) + round_up(2 * half, kVectorWidth)) {}
};

struct Scratch {
  std::vector<float> squares, terms;
  explicit Scratch(const Norm &norm) : squares(kPixels * norm.padded), terms(squares.size()) {}
};

/* Vectors that go through the power together. */
constexpr int kTogether = 2;

template <int N> using Vectors = std::integral_constant<int, N>;

/*
 * visit(offset in the image, in a buffer, number of channels, vectors) for all channels of `pixels` pixels: kMost whole vectors at a time,
 * then single ones.
 */
template <int kMost, class Visit> inline void each_row_vector(const Norm &norm, int pixels, Visit visit) {
  /* Copies, which the stores of a visit cannot change. */
  const int channels = norm.channels, padded = norm.padded;
  for (int pixel = 0, at = 0, row = 0; pixel < pixels; pixel++, at += channels, row += padded) {
    int first = 0;
    for (; first + kMost * kVectorWidth <= channels; first += kMost * kVectorWidth)
      visit(at + first, row + first, Whole(), Vectors<kMost>());
    each_vector(channels - first, [=](int c, auto count) { visit(at + first + c, row + first + c, count, Vectors<1>()); });
  }
}

inline Vector window_sum(const float *padded, int half) {
  if (half == 2) return ((load(padded) + load(padded + 1)) + (load(padded + 2) + load(padded + 3))) + load(padded + 4);
  Vector sum = load(padded);
  for (int j = 1; j <= 2 * half; j++) sum += load(padded + j);
  return sum;
}

void square(const Norm &norm, Scratch &scratch, const float *a, int pixels) {
  float *squares = scratch.squares.data() + norm.half;
  each_row_vector<1>(norm, pixels, [=](int at, int row, auto count, auto) {
    const Vector value = load_count(a + at, count);
    store(squares + row, value * value);
  });
}

template <class Exponent> void forward(const Norm &norm, Exponent exponent, Scratch &scratch, const float *a, int pixels, float *b) {
  square(norm, scratch, a, pixels);
  const float *squares = scratch.squares.data();
  const int half = norm.half, next = pixels * norm.channels;
  const float k = norm.k, alpha = norm.alpha;
  each_row_vector<kTogether>(norm, pixels, [=](int at, int row, auto count, auto vectors) {
    Vector t[vectors], power[vectors];
    each_of<vectors>([&](int i) {
      __builtin_prefetch(a + at + next + i * kVectorWidth);
      __builtin_prefetch(b + at + next + i * kVectorWidth, 1);
      t[i] = k + alpha * window_sum(squares + row + i * kVectorWidth, half);
    });
    exponent(t, power);
    each_of<vectors>([&](int i) {
      const int here = at + i * kVectorWidth;
      store_count(b + here, load_count(a + here, count) * power[i], count);
    });
  });
}

template <class Exponent>
void backward(const Norm &norm, Exponent exponent, Scratch &scratch, const float *a, const float *db, int pixels, float *da) {
  square(norm, scratch, a, pixels);
  const float *squares = scratch.squares.data();
  float *terms = scratch.terms.data();
  const int half = norm.half, next = pixels * norm.channels;
  const float k = norm.k, alpha = norm.alpha, factor = 2 * norm.alpha * norm.beta;
  each_row_vector<kTogether>(norm, pixels, [=](int at, int row, auto count, auto vectors) {
    Vector t[vectors], power[vectors], ratio[vectors];
    each_of<vectors>([&](int i) {
      __builtin_prefetch(a + at + next + i * kVectorWidth);
      __builtin_prefetch(db + at + next + i * kVectorWidth);
      __builtin_prefetch(da + at + next + i * kVectorWidth, 1);
      t[i] = k + alpha * window_sum(squares + row + i * kVectorWidth, half);
    });
    exponent(t, power, ratio);
    each_of<vectors>([&](int i) {
      const int here = at + i * kVectorWidth;
      const Vector gradient = load_count(db + here, count);
      store(terms + row + half + i * kVectorWidth, gradient * load_count(a + here, count) * ratio[i]);
      store_count(da + here, gradient * power[i], count);
    });
  });
  each_row_vector<1>(norm, pixels, [=](int at, int row, auto count, auto) {
    store_count(da + at, load_count(da + at, count) - factor * load_count(a + at, count) * window_sum(terms + row, half), count);
  });
}

/* body(scratch, first element, pixels) for every batch of pixels. */
template <class Body> void each_batch(duet_team *team, const Norm &norm, int64_t pixels, Body body) {
  parallel_slices(team, pixels, kPixelsPerTask, [&](int64_t first, int64_t last) {
    Scratch scratch(norm);
    for (int64_t i = first; i < last; i += kPixels)
      body(scratch, i * norm.channels, static_cast<int>(std::min<int64_t>(kPixels, last - i)));
  });
}

}  // namespace

extern "C" {

int32_t duet_response_norm_forward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha, float beta,
                                   float k, const float *input, float *output) noexcept {
  return guarded([&] {
    const Norm norm(channels / groups, size, alpha, beta, k);
    with_exponent(beta, [&](auto exponent) {
      each_batch(team, norm, pixels * groups,
                 [&](Scratch &scratch, int64_t at, int count) { forward(norm, exponent, scratch, input + at, count, output + at); });
    });
  });
}

int32_t duet_response_norm_backward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                    float beta, float k, const float *input, const float *output_gradient, float *input_gradient) noexcept {
  return guarded([&] {
    const Norm norm(channels / groups, size, alpha, beta, k);
    with_exponent(beta, [&](auto exponent) {
      each_batch(team, norm, pixels * groups, [&](Scratch &scratch, int64_t at, int count) {
        backward(norm, exponent, scratch, input + at, output_gradient + at, count, input_gradient + at);
      });
    });
  });
}
}

#include "pooling/pooling.h"

using namespace duet;

namespace {

/* The paper's window has code of its own, without loops, where the image does not cut it. */
constexpr int kUsual = 3;
inline bool is_usual(const duet_pooling &p, const Inside &ys, const Inside &xs) {
  return p.window == kUsual && ys.last - ys.first == kUsual && xs.last - xs.first == kUsual;
}

/*
 * One output pixel, a vector of channels: the first largest of its window and where it is. kNumbers trusts that no value is NaN,
 * which makes each step wait for one instruction of the step before instead of three; `sum` then takes in every value.
 */
template <bool kNumbers, class Count>
inline void best_of(const duet_pooling &p, const Inside &ys, const Inside &xs, const float *image, Count count, float *output,
                    uint8_t *winners, Vector &sum) {
  Vector best = load_count(image + (int64_t{ys.first} * p.width + xs.first) * p.channels, count);
  IntVector winner = IntVector{} + ((ys.first - ys.offset) * p.window + xs.first - xs.offset);
  for (int y = ys.first; y < ys.last; y++) {
    const float *from = image + (int64_t{y} * p.width + xs.first) * p.channels;
    int position = (y - ys.offset) * p.window + xs.first - xs.offset;
    for (int x = xs.first; x < xs.last; x++, position++, from += p.channels) {
      const Vector value = load_count(from, count);
      if constexpr (kNumbers) {
        winner = value > best ? IntVector{} + position : winner;
        best = value > best ? value : best;
        sum += value;
      } else {
        /* A NaN value is not <= anything and so wins, unless the best is NaN already. */
        const Vector candidate = best == best ? value : best;
        const IntVector candidate_winner = best == best ? IntVector{} + position : winner;
        winner = value <= best ? winner : candidate_winner;
        best = value <= best ? best : candidate;
      }
    }
  }
  store_count(output, best, count);
  if (winners) store_bytes(winners, __builtin_convertvector(winner, ByteVector), count);
}

/* Asks for what the window below adds to this one (with a stride of kUsual - 1); at the end of an image it is the next image. */
inline void ask_for_next(const float *window, int pixel, ptrdiff_t row) {
  DUET_UNROLL
  for (int y = kUsual; y < 2 * kUsual - 1; y++) {
    DUET_UNROLL
    for (int x = 0; x < kUsual - 1; x++) __builtin_prefetch(window + y * row + x * pixel, 0, 2);
  }
}

/* best_of for a usual window where no value is NaN. */
template <class Count>
inline void best_of_whole(const float *from, int pixel, ptrdiff_t row, Count count, float *output, uint8_t *winners, Vector &sum) {
  ask_for_next(from, pixel, row);
  Vector best = load_count(from, count), row_sums[kUsual];
  IntVector winner = {};
  DUET_UNROLL
  for (int y = 0; y < kUsual; y++) {
    DUET_UNROLL
    for (int x = 0; x < kUsual; x++) {
      const Vector value = load_count(from + y * row + x * pixel, count);
      winner = value > best ? IntVector{} + (y * kUsual + x) : winner;
      best = value > best ? value : best;
      row_sums[y] = x == 0 ? value : row_sums[y] + value;
    }
  }
  /* One addition that waits for the window before. */
  DUET_UNROLL
  for (int y = 1; y < kUsual; y++) row_sums[0] += row_sums[y];
  sum += row_sums[0];
  store_count(output, best, count);
  if (winners) store_bytes(winners, __builtin_convertvector(winner, ByteVector), count);
}

/* Returns whether the sum of all values is a number: then none of them is NaN. */
template <bool kNumbers>
bool forward_row(const duet_pooling &p, int64_t image, int oy, const float *input, float *output, uint8_t *winners) {
  input += image * p.height * p.width * p.channels;
  int64_t at = (image * p.output_height + oy) * p.output_width * p.channels;
  const Inside ys(oy, p.window, p.stride, p.padding_top, p.height);
  Vector sum = {};
  for (int ox = 0; ox < p.output_width; ox++, at += p.channels) {
    const Inside xs(ox, p.window, p.stride, p.padding, p.width);
    if (kNumbers && is_usual(p, ys, xs)) {
      const int pixel = p.channels;
      const ptrdiff_t row = ptrdiff_t{p.width} * pixel;
      const float *from = input + ys.first * row + ptrdiff_t{xs.first} * pixel;
      float *to = output + at;
      uint8_t *winners_to = winners ? winners + at : nullptr;
      Vector here = {};
      each_vector(pixel, [&](int c, auto count) {
        best_of_whole(from + c, pixel, row, count, to + c, winners_to ? winners_to + c : nullptr, here);
      });
      sum += here;
      continue;
    }
    each_vector(p.channels, [&](int c, auto count) {
      best_of<kNumbers>(p, ys, xs, input + c, count, output + at + c, winners ? winners + at + c : nullptr, sum);
    });
  }
  float total = 0;
  for (int i = 0; i < kVectorWidth; i++) total += sum[i];
  return total == total;
}

/* Adds the gradient of one output pixel, a vector of channels, to the winners. */
template <class Count>
inline void give_back(const duet_pooling &p, const Inside &ys, const Inside &xs, const uint8_t *winners, const float *gradient, Count count,
                      float *image) {
  const IntVector winner = __builtin_convertvector(load_bytes(winners, count), IntVector);
  const Vector value = load_count(gradient, count);
  for (int y = ys.first; y < ys.last; y++) {
    float *to = image + (int64_t{y} * p.width + xs.first) * p.channels;
    int position = (y - ys.offset) * p.window + xs.first - xs.offset;
    for (int x = xs.first; x < xs.last; x++, position++, to += p.channels) {
      const Vector before = load_count(to, count);
      store_count(to, winner == position ? before + value : before, count);
    }
  }
}

/* give_back for a usual window. */
template <class Count>
inline void give_back_whole(const uint8_t *winners, const float *gradient, int pixel, ptrdiff_t row, Count count, float *to) {
  const IntVector winner = __builtin_convertvector(load_bytes(winners, count), IntVector);
  const Vector value = load_count(gradient, count);
  ask_for_next(to, pixel, row);
  DUET_UNROLL
  for (int y = 0; y < kUsual; y++) {
    DUET_UNROLL
    for (int x = 0; x < kUsual; x++) {
      float *at = to + y * row + x * pixel;
      const Vector before = load_count(at, count);
      store_count(at, winner == y * kUsual + x ? before + value : before, count);
    }
  }
}

/* An image is one task: windows overlap, and the order of the sums must not depend on the threads. */
void backward_image(const duet_pooling &p, const uint8_t *winners, const float *gradient, float *image) {
  const int pixel = p.channels;
  const ptrdiff_t row = ptrdiff_t{p.width} * pixel;
  int64_t at = 0;
  /* Rows are cleared just before the first window that has them, when they are about to be in the cache anyway. */
  int clear = 0;
  for (int oy = 0; oy < p.output_height; oy++) {
    const Inside ys(oy, p.window, p.stride, p.padding_top, p.height);
    if (clear < ys.last) {
      std::fill(image + clear * row, image + ys.last * row, 0.0f);
      clear = ys.last;
    }
    for (int ox = 0; ox < p.output_width; ox++, at += pixel) {
      const Inside xs(ox, p.window, p.stride, p.padding, p.width);
      const uint8_t *from_winners = winners + at;
      const float *from = gradient + at;
      if (is_usual(p, ys, xs)) {
        float *to = image + ys.first * row + ptrdiff_t{xs.first} * pixel;
        each_vector(pixel, [=](int c, auto count) { give_back_whole(from_winners + c, from + c, pixel, row, count, to + c); });
      } else {
        each_vector(pixel, [&](int c, auto count) { give_back(p, ys, xs, from_winners + c, from + c, count, image + c); });
      }
    }
  }
  std::fill(image + clear * row, image + p.height * row, 0.0f);
}

}  // namespace

extern "C" {

int32_t duet_max_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output, uint8_t *winners) noexcept {
  return guarded([&] {
    const duet_pooling &p = *pooling;
    parallel(team, p.batch, [&](int64_t image, int) {
      for (int y = 0; y < p.output_height; y++) {
        if (!forward_row<true>(p, image, y, input, output, winners)) forward_row<false>(p, image, y, input, output, winners);
      }
    });
  });
}

int32_t duet_max_pool_backward(duet_team *team, const duet_pooling *pooling, const uint8_t *winners, const float *output_gradient,
                               float *input_gradient) noexcept {
  return guarded([&] {
    const duet_pooling &p = *pooling;
    const int64_t outputs = int64_t{p.output_height} * p.output_width * p.channels, inputs = int64_t{p.height} * p.width * p.channels;
    parallel(team, p.batch, [&](int64_t image, int) {
      backward_image(p, winners + image * outputs, output_gradient + image * outputs, input_gradient + image * inputs);
    });
  });
}
}

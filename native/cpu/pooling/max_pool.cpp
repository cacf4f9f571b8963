#include "pooling/pooling.h"

using namespace duet;

namespace {

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

/* Returns whether the sum of all values is a number: then none of them is NaN. */
template <bool kNumbers> bool forward_row(const duet_pooling &p, int64_t image, int oy, const float *input, float *output, uint8_t *winners) {
  input += image * p.height * p.width * p.channels;
  int64_t at = (image * p.output_height + oy) * p.output_width * p.channels;
  const Inside ys(oy, p.window, p.stride, p.padding, p.height);
  Vector sum = {};
  for (int ox = 0; ox < p.output_width; ox++, at += p.channels) {
    const Inside xs(ox, p.window, p.stride, p.padding, p.width);
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

/* An image is one task: windows overlap, and the order of the sums must not depend on the threads. */
void backward_image(const duet_pooling &p, const uint8_t *winners, const float *gradient, float *image) {
  std::fill(image, image + int64_t{p.height} * p.width * p.channels, 0.0f);
  int64_t at = 0;
  for (int oy = 0; oy < p.output_height; oy++) {
    const Inside ys(oy, p.window, p.stride, p.padding, p.height);
    for (int ox = 0; ox < p.output_width; ox++, at += p.channels) {
      const Inside xs(ox, p.window, p.stride, p.padding, p.width);
      each_vector(p.channels, [&](int c, auto count) { give_back(p, ys, xs, winners + at + c, gradient + at + c, count, image + c); });
    }
  }
}

}  // namespace

extern "C" {

void duet_max_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output, uint8_t *winners) {
  const duet_pooling &p = *pooling;
  parallel(team, p.batch, [&](int64_t image, int) {
    for (int y = 0; y < p.output_height; y++) {
      if (!forward_row<true>(p, image, y, input, output, winners)) forward_row<false>(p, image, y, input, output, winners);
    }
  });
}

void duet_max_pool_backward(duet_team *team, const duet_pooling *pooling, const uint8_t *winners, const float *output_gradient,
                            float *input_gradient) {
  const duet_pooling &p = *pooling;
  const int64_t outputs = int64_t{p.output_height} * p.output_width * p.channels, inputs = int64_t{p.height} * p.width * p.channels;
  parallel(team, p.batch, [&](int64_t image, int) {
    backward_image(p, winners + image * outputs, output_gradient + image * outputs, input_gradient + image * inputs);
  });
}
}

#include "pooling/pooling.h"

using namespace duet;

namespace {

/* One output pixel, channels first .. first + width: the largest of its window and where it is. */
struct Best {
  Vector value;
  IntVector winner;
};

Best best_of(const duet_pooling &p, const Inside &ys, const Inside &xs, const float *image, int first, int count) {
  Best best = {};
  bool any = false;
  for (int y = ys.first; y < ys.last; y++) {
    for (int x = xs.first; x < xs.last; x++) {
      const float *from = image + (int64_t{y} * p.width + x) * p.channels + first;
      const Vector value = count == kVectorWidth ? load(from) : load_first(from, count);
      const int position = (y - ys.offset) * p.window + (x - xs.offset);
      const IntVector wins = any ? (value > best.value) | ((value != value) & (best.value == best.value)) : IntVector{} == 0;
      best.value = wins ? value : best.value;
      best.winner = wins ? IntVector{} + position : best.winner;
      any = true;
    }
  }
  return best;
}

void forward_row(const duet_pooling &p, int64_t image, int oy, const float *input, float *output, uint8_t *winners) {
  input += image * p.height * p.width * p.channels;
  const int64_t row = (image * p.output_height + oy) * p.output_width * p.channels;
  const Inside ys(oy, p.window, p.stride, p.padding, p.height);
  for (int ox = 0; ox < p.output_width; ox++) {
    const Inside xs(ox, p.window, p.stride, p.padding, p.width);
    for (int c = 0; c < p.channels; c += kVectorWidth) {
      const int count = std::min(kVectorWidth, p.channels - c);
      const int64_t at = row + int64_t{ox} * p.channels + c;
      const Best best = best_of(p, ys, xs, input, c, count);
      const ByteVector bytes = __builtin_convertvector(best.winner, ByteVector);
      if (count == kVectorWidth) {
        store(output + at, best.value);
        if (winners) store_bytes(winners + at, bytes);
      } else {
        store_first(output + at, best.value, count);
        for (int i = 0; winners && i < count; i++) winners[at + i] = bytes[i];
      }
    }
  }
}

/* Gathers: an input pixel takes the gradient of the windows that it won. No two threads write one place. */
Vector gathered(const duet_pooling &p, const Windows &ys, const Windows &xs, int y, int x, int64_t image, int first, int count,
                const uint8_t *winners, const float *gradient) {
  Vector sum = {};
  for (int oy = ys.first; oy < ys.last; oy++) {
    for (int ox = xs.first; ox < xs.last; ox++) {
      const int64_t at = ((image * p.output_height + oy) * p.output_width + ox) * p.channels + first;
      const int position = (y - oy * p.stride + p.padding) * p.window + (x - ox * p.stride + p.padding);
      ByteVector bytes = {};
      Vector value;
      if (count == kVectorWidth) {
        bytes = load_bytes(winners + at);
        value = load(gradient + at);
      } else {
        for (int i = 0; i < count; i++) bytes[i] = winners[at + i];
        value = load_first(gradient + at, count);
      }
      const IntVector won = __builtin_convertvector(bytes, IntVector) == position;
      sum += won ? value : Vector{};
    }
  }
  return sum;
}

void backward_row(const duet_pooling &p, int64_t image, int y, const uint8_t *winners, const float *gradient, float *input_gradient) {
  input_gradient += (image * p.height + y) * p.width * p.channels;
  const Windows ys(y, p.window, p.stride, p.padding, p.output_height);
  for (int x = 0; x < p.width; x++, input_gradient += p.channels) {
    const Windows xs(x, p.window, p.stride, p.padding, p.output_width);
    for (int c = 0; c < p.channels; c += kVectorWidth) {
      const int count = std::min(kVectorWidth, p.channels - c);
      const Vector sum = gathered(p, ys, xs, y, x, image, c, count, winners, gradient);
      if (count == kVectorWidth) {
        store(input_gradient + c, sum);
      } else {
        store_first(input_gradient + c, sum, count);
      }
    }
  }
}

}  // namespace

extern "C" {

void duet_max_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output, uint8_t *winners) {
  const duet_pooling &p = *pooling;
  parallel(team, p.batch, [&](int64_t image, int) {
    for (int y = 0; y < p.output_height; y++) forward_row(p, image, y, input, output, winners);
  });
}

void duet_max_pool_backward(duet_team *team, const duet_pooling *pooling, const uint8_t *winners, const float *output_gradient,
                            float *input_gradient) {
  const duet_pooling &p = *pooling;
  parallel(team, p.batch, [&](int64_t image, int) {
    for (int y = 0; y < p.height; y++) backward_row(p, image, y, winners, output_gradient, input_gradient);
  });
}
}

#include "pooling/pooling.h"

using namespace duet;

namespace {

float pixels_inside(const Inside &ys, const Inside &xs) { return static_cast<float>((ys.last - ys.first) * (xs.last - xs.first)); }

void forward_row(const duet_pooling &p, int64_t image, int oy, const float *input, float *output) {
  input += image * p.height * p.width * p.channels;
  output += (image * p.output_height + oy) * p.output_width * p.channels;
  const Inside ys(oy, p.window, p.stride, p.padding_top, p.height);
  for (int ox = 0; ox < p.output_width; ox++, output += p.channels) {
    const Inside xs(ox, p.window, p.stride, p.padding, p.width);
    const float pixels = pixels_inside(ys, xs);
    std::fill(output, output + p.channels, 0.0f);
    for (int y = ys.first; y < ys.last; y++) {
      for (int x = xs.first; x < xs.last; x++) {
        const float *from = input + (int64_t{y} * p.width + x) * p.channels;
        for (int c = 0; c < p.channels; c++) output[c] += from[c];
      }
    }
    for (int c = 0; c < p.channels; c++) output[c] /= pixels;
  }
}

void backward_row(const duet_pooling &p, int64_t image, int y, const float *gradient, float *input_gradient) {
  gradient += image * p.output_height * p.output_width * p.channels;
  input_gradient += (image * p.height + y) * p.width * p.channels;
  const Windows ys(y, p.window, p.stride, p.padding_top, p.output_height);
  for (int x = 0; x < p.width; x++, input_gradient += p.channels) {
    const Windows xs(x, p.window, p.stride, p.padding, p.output_width);
    std::fill(input_gradient, input_gradient + p.channels, 0.0f);
    for (int oy = ys.first; oy < ys.last; oy++) {
      for (int ox = xs.first; ox < xs.last; ox++) {
        const float pixels = pixels_inside(Inside(oy, p.window, p.stride, p.padding_top, p.height),
                                           Inside(ox, p.window, p.stride, p.padding, p.width));
        const float *from = gradient + (int64_t{oy} * p.output_width + ox) * p.channels;
        for (int c = 0; c < p.channels; c++) input_gradient[c] += from[c] / pixels;
      }
    }
  }
}

}  // namespace

extern "C" {

int32_t duet_average_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output) noexcept {
  return guarded([&] {
    const duet_pooling &p = *pooling;
    parallel(team, p.batch, [&](int64_t image, int) {
      for (int y = 0; y < p.output_height; y++) forward_row(p, image, y, input, output);
    });
  });
}

int32_t duet_average_pool_backward(duet_team *team, const duet_pooling *pooling, const float *output_gradient,
                                   float *input_gradient) noexcept {
  return guarded([&] {
    const duet_pooling &p = *pooling;
    parallel(team, p.batch, [&](int64_t image, int) {
      for (int y = 0; y < p.height; y++) backward_row(p, image, y, output_gradient, input_gradient);
    });
  });
}
}

/*
 * Backward weights: rows are taps, columns are filters, the sum runs over output pixels and images. Threads share out the
 * rows, never the images, so that each sum has one order.
 */
#include "convolution/fully_connected.h"
#include "winograd/winograd.h"

using namespace duet;

namespace {

/* 64 pixels of 64 filters are 16 KiB of L1. */
constexpr ptrdiff_t kTerms = 64;
/* Filters that one task of the bias gradient sums up. */
constexpr int kBiasColumns = 32;

struct BackwardWeights {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const PaddedImage image = padded_input(c);
  const int pixels = c.output_height * c.output_width;
  const Blocks blocks{out};
  /* B is read in whole vectors: where they would reach into the next group, the gradient is copied with zeros between. */
  const bool widen = out % kVectorWidth != 0;
  const int gradient_pixel = widen ? c.groups * blocks.padded() : c.filters;
  const int images = image.is_plain() && !widen
                         ? std::min(c.batch, std::max(1, 512 / pixels))
                         : images_at_once(c.batch, pixels, image.stored() + int64_t{gradient_pixel} * pixels);
  std::vector<ptrdiff_t> tap_rows;
  std::vector<ptrdiff_t> filter_rows[2];

  int64_t image_copies() const { return image.is_plain() ? 0 : round_up(images * image.stored(), int64_t{16}); }
  int64_t gradient_copies() const { return widen ? round_up(int64_t{images} * pixels * gradient_pixel, int64_t{16}) : 0; }
  int64_t workspace() const { return image_copies() + gradient_copies(); }

  explicit BackwardWeights(const duet_convolution &convolution) : c(convolution) {}

  void plan() {
    for (int y = 0; y < c.kernel_height; y++) {
      for (int x = 0; x < c.kernel_width; x++) {
        for (int channel = 0; channel < in; channel++) {
          filter_rows[0].push_back(ptrdiff_t(tap_rows.size()) * kBlock);
          filter_rows[1].push_back(ptrdiff_t(tap_rows.size()) * blocks.width(blocks.count() - 1));
          tap_rows.push_back(y * image.row() + ptrdiff_t{x} * c.channels + channel);
        }
      }
    }
  }

  Sum sum(int images_here) const {
    Sum sum(kTerms);
    for (int i = 0; i < images_here; i++) {
      for (int y = 0; y < c.output_height; y++) {
        sum.add(i * image.image() + y * c.stride * image.row(), (ptrdiff_t{i} * c.output_height + y) * c.output_width * gradient_pixel,
                c.output_width, ptrdiff_t{c.stride} * c.channels, gradient_pixel);
      }
    }
    return sum;
  }

  void widened(const float *gradient, int64_t count, float *to) const {
    for (int64_t i = 0; i < count * c.groups; i++, gradient += out, to += blocks.padded()) {
      std::copy(gradient, gradient + out, to);
      std::fill(to + out, to + blocks.padded(), 0.0f);
    }
  }

  void rows(int group, int block, int first, int last, const Sum &sum, const float *input, const float *gradient, bool accumulate,
            float *filter_gradient) const {
    const int first_filter = group * (widen ? blocks.padded() : out) + block * kBlock;
    const Product product = {input + group * in, ptrdiff_t{c.stride} * c.channels, gradient + first_filter, gradient_pixel,
                             filter_gradient + group * group_elements(c) + block_offset(taps(c), block), blocks.width(block),
                             accumulate, false, nullptr};
    multiply(product, sum, tap_rows.data(), filter_rows[block == blocks.count() - 1].data(), first, last);
  }

  /* A thread's share of all rows of all blocks: 1 / parts of them. */
  void part(int part, int parts, const float *input, const float *gradient, float *filter_gradient, float *workspace) const {
    const int64_t all = int64_t{c.groups} * blocks.count() * taps(c);
    const int64_t begin = all * part / parts, end = all * (part + 1) / parts;
    const int64_t input_image = int64_t{c.channels} * c.height * c.width;
    const Sum whole = sum(images), rest = sum(c.batch % images);
    for (int first = 0; first < c.batch; first += images) {
      const int count = std::min(images, c.batch - first);
      const float *x = input + first * input_image;
      const float *dy = gradient + int64_t{first} * pixels * c.filters;
      if (image_copies()) {
        for (int i = 0; i < count; i++) image.copy(x + i * input_image, workspace + i * image.stored());
        x = workspace;
      }
      if (gradient_copies()) {
        widened(dy, int64_t{count} * pixels, workspace + image_copies());
        dy = workspace + image_copies();
      }
      for (int64_t row = begin; row < end;) {
        const int block = static_cast<int>(row / taps(c));
        const int from = static_cast<int>(row % taps(c)), to = static_cast<int>(std::min<int64_t>(taps(c), from + end - row));
        rows(block / blocks.count(), block % blocks.count(), from, to, count == images ? whole : rest, x, dy, first > 0, filter_gradient);
        row += to - from;
      }
    }
  }
};

/* Sums of an image in float, the sum of the images in double: small errors, one order. */
void bias_columns(const duet_convolution &c, const float *gradient, int first, int count, float *bias_gradient) {
  const int pixels = c.output_height * c.output_width;
  double total[kBiasColumns] = {};
  for (int image = 0; image < c.batch; image++) {
    float part[kBiasColumns] = {};
    const float *from = gradient + int64_t{image} * pixels * c.filters + first;
    for (int pixel = 0; pixel < pixels; pixel++, from += c.filters) {
      for (int i = 0; i < count; i++) part[i] += from[i];
    }
    for (int i = 0; i < count; i++) total[i] += part[i];
  }
  for (int i = 0; i < count; i++) bias_gradient[first + i] = static_cast<float>(total[i]);
}

}  // namespace

extern "C" {

int64_t duet_convolution_backward_weights_workspace(const duet_convolution *convolution, int32_t threads) {
  if (is_fully_connected(*convolution)) return fully_connected_backward_weights_workspace(*convolution, threads);
  if (is_winograd(*convolution)) return winograd_backward_weights_workspace(*convolution) * int64_t{sizeof(float)};
  return threads * BackwardWeights(*convolution).workspace() * int64_t{sizeof(float)};
}

void duet_convolution_backward_weights(duet_team *team, const duet_convolution *convolution, const float *input,
                                       const float *output_gradient, float *filter_gradient, float *bias_gradient, void *workspace) {
  const duet_convolution &c = *convolution;
  float *space = static_cast<float *>(workspace);
  if (is_fully_connected(c)) {
    fully_connected_backward_weights(team, c, input, output_gradient, filter_gradient, space);
  } else if (is_winograd(c)) {
    winograd_backward_weights(team, c, input, output_gradient, filter_gradient, space);
  } else {
    BackwardWeights plan(c);
    plan.plan();
    const int parts = team->threads();
    parallel(team, parts, [&](int64_t part, int thread) {
      plan.part(static_cast<int>(part), parts, input, output_gradient, filter_gradient, space + thread * plan.workspace());
    });
  }
  if (bias_gradient) {
    parallel_slices(team, c.filters, kBiasColumns, [&](int64_t first, int64_t last) {
      bias_columns(c, output_gradient, static_cast<int>(first), static_cast<int>(last - first), bias_gradient);
    });
  }
}
}

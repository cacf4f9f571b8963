/*
 * Backward weights: rows are taps, columns are filters, the sum runs over output pixels and images. Threads share out the
 * rows, never the images, so that each sum has one order.
 *
 * The terms of a sum are whole pixels apart in image and gradient, often a power of two, so that they would fall on a few sets of the
 * L1 cache and drive each other out: both are copied so that neighbours in the sum are neighbours in memory.
 *
 * Pairs are of neighbouring output pixels of a row. A pixel of the input is the first of a pair for some taps and the second for others, so
 * its copy has a pair for every pixel; the gradient has one for every two pixels, the last of an odd row with 0.
 */
#include "convolution/fully_connected.h"
#include "winograd/winograd.h"

using namespace duet;

namespace {

/* Channels of an image that stay together in its copy: a cache line of them. */
constexpr int kTogether = 16;
/* Filters that one task of the bias gradient sums up. */
constexpr int kBiasColumns = 32;

template <class Word> struct BackwardWeights {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const PaddedImage image = padded_input(c);
  static constexpr bool kPairs = kTermsOf<Word> == 2;
  /* A copied image is [channels / together][y][x][together], planes of `part`. One used in place is a single plane. */
  const bool in_place = !kPairs && image.is_plain();
  const int together = in_place || in % kTogether ? c.channels : kTogether;
  const PaddedImage part{together, c.height, c.width, image.top, image.left, image.padded_height, image.padded_width};
  const Blocks blocks{out};
  /* The gradient is used in place where it has whole vectors and so few tiles use them that copying costs more than it saves. */
  const bool gradient_in_place = !kPairs && out % kVectorWidth == 0 && taps(c) < 64;
  /* One pass takes so many images, or so many output rows of one image. */
  const int pixels = c.output_height * c.output_width;
  const int images = images_at_once(c.batch, pixels, image.stored() + int64_t{c.filters} * pixels);
  const int pass_rows = in_bands(c) && images == 1 ? std::clamp(kBandPixels / c.output_width, 1, c.output_height) : c.output_height;
  const ptrdiff_t row_words = words<Word>(c.output_width);
  std::vector<ptrdiff_t> tap_rows;
  std::vector<ptrdiff_t> filter_rows[2];

  /* In words: copies of the images, of the gradient, and a row on its way to becoming pairs, with what the last pixels are paired with. */
  int64_t image_copies() const { return in_place ? 0 : round_up<int64_t>(images * image.stored(), 16); }
  int64_t gradient_copies() const { return images * pass_rows * row_words * kBlock; }
  int64_t row_floats() const { return kPairs ? round_up<int64_t>((part.padded_width + c.stride) * int64_t{together}, 16) : 0; }
  int64_t workspace() const { return image_copies() + gradient_copies() + row_floats(); }
  ptrdiff_t part_row() const { return in_place ? part.row() : ptrdiff_t{part.padded_width} * together; }
  ptrdiff_t part_image() const { return in_place ? part.image() : part.stored(); }

  explicit BackwardWeights(const duet_convolution &convolution) : c(convolution) {}

  void plan() {
    for (int y = 0; y < c.kernel_height; y++) {
      for (int x = 0; x < c.kernel_width; x++) {
        for (int channel = 0; channel < in; channel++) {
          filter_rows[0].push_back(ptrdiff_t(tap_rows.size()) * kBlock);
          filter_rows[1].push_back(ptrdiff_t(tap_rows.size()) * blocks.width(blocks.count() - 1));
          tap_rows.push_back(channel_offset(channel) + y * part_row() + ptrdiff_t{x} * together);
        }
      }
    }
  }

  ptrdiff_t channel_offset(int channel) const { return channel / together * part_image() + channel % together; }

  void copy_image(const float *from, Word *to, float *row) const {
    for (int channel = 0; channel < c.channels; channel += together, to += part.stored()) {
      if constexpr (kPairs) {
        const ptrdiff_t floats = part_row(), apart = ptrdiff_t{c.stride} * together;
        std::fill(row + floats, row + floats + apart, 0.0f);
        for (int y = 0; y < part.padded_height; y++) {
          part.copy_row(from + channel, c.channels, y, row);
          round_apart(row, apart, floats, to + y * floats);
        }
      } else {
        part.copy(from + channel, c.channels, to);
      }
    }
  }

  /* A block of filters, pixel after pixel; vectors are read whole, so zeros fill up the last one. */
  void copy_block(const float *gradient, int block, int count, Word *to) const {
    const int columns = blocks.columns(block), width = blocks.width(block);
    const auto vector = [&](int pixel, int column) {
      const float *from = gradient + int64_t{pixel} * c.filters + column;
      return column + kVectorWidth <= columns ? load(from) : load_first(from, columns - column);
    };
    if constexpr (kPairs) {
      for (int row = 0; row < count; row += c.output_width) {
        for (int x = 0; x < c.output_width; x += 2, to += width) {
          for (int column = 0; column < width; column += kVectorWidth) {
            store(to + column, pairs_of(vector(row + x, column), x + 1 < c.output_width ? vector(row + x + 1, column) : Vector{}));
          }
        }
      }
    } else {
      for (int pixel = 0; pixel < count; pixel++, to += width) {
        for (int column = 0; column < width; column += kVectorWidth) store(to + column, vector(pixel, column));
      }
    }
  }

  Sum sum(int images_here, int rows, int width) const {
    Sum sum(chunk_terms(images_here * rows * row_words, row_words));
    const ptrdiff_t step = gradient_in_place ? c.filters : width;
    for (int i = 0; i < images_here; i++) {
      for (int y = 0; y < rows; y++) {
        const ptrdiff_t at = (ptrdiff_t{i} * (gradient_in_place ? c.output_height : rows) + y) * row_words;
        sum.add(i * image_words() + y * c.stride * part_row(), at * step, row_words, ptrdiff_t{c.stride} * kTermsOf<Word> * together, step);
      }
    }
    return sum;
  }
  ptrdiff_t image_words() const { return in_place ? image.image() : image.stored(); }

  /* What a pass sums over, for full blocks and for the last one. */
  struct Pass {
    int images, rows;
    Sum full, last;
  };
  Pass pass(int images_here, int rows) const {
    return {images_here, rows, sum(images_here, rows, kBlock), sum(images_here, rows, blocks.width(blocks.count() - 1))};
  }

  /* Rows begin .. end - 1 of all taps of all blocks, over the images from output row y on. */
  void rows(const Pass &pass, int64_t begin, int64_t end, const Word *image_rows, const float *gradient, bool accumulate,
            float *filter_gradient, Word *copy) const {
    const int row_pixels = pass.rows * c.output_width;
    for (int64_t row = begin; row < end;) {
      const int group = static_cast<int>(row / taps(c)) / blocks.count(), block = static_cast<int>(row / taps(c)) % blocks.count();
      const int from = static_cast<int>(row % taps(c)), to = static_cast<int>(std::min<int64_t>(taps(c), from + end - row));
      const int width = blocks.width(block);
      const bool is_last = block == blocks.count() - 1;
      const float *b = gradient + group * out + block * kBlock;
      for (int i = 0; i < pass.images && !gradient_in_place; i++) {
        copy_block(b + int64_t{i} * pixels * c.filters, block, row_pixels, copy + i * pass.rows * row_words * width);
      }
      const Word *right = copy;
      if constexpr (!kPairs) right = gradient_in_place ? b : copy;
      const ptrdiff_t b_step = gradient_in_place ? c.filters : width;
      const Product<Word> product = {image_rows + channel_offset(group * in),
                                     ptrdiff_t{c.stride} * kTermsOf<Word> * together,
                                     right,
                                     b_step,
                                     filter_gradient + group * group_elements(c) + block_offset(taps(c), block),
                                     width,
                                     accumulate,
                                     false,
                                     nullptr};
      multiply(product, is_last ? pass.last : pass.full, tap_rows.data(), filter_rows[is_last].data(), from, to);
      row += to - from;
    }
  }

  /* Images as the products need them: as they are, or copied to the workspace. */
  const Word *operand(const float *input, int count, Word *workspace) const {
    if constexpr (!kPairs) {
      if (in_place) return input;
    }
    float *row = reinterpret_cast<float *>(workspace + image_copies() + gradient_copies());
    for (int i = 0; i < count; i++) {
      copy_image(input + i * int64_t{c.channels} * c.height * c.width, workspace + i * image.stored(), row);
    }
    return workspace;
  }

  /* A thread's share of all rows of all blocks: 1 / parts of them. */
  void share(int share, int parts, const float *input, const float *gradient, float *filter_gradient, Word *workspace) const {
    const int64_t all = int64_t{c.groups} * blocks.count() * taps(c);
    const int64_t begin = all * share / parts, end = all * (share + 1) / parts;
    const int64_t input_image = int64_t{c.channels} * c.height * c.width;
    /* Either images or rows leave a rest, since a pass of some of the rows is over one image. */
    const bool all_rows = pass_rows == c.output_height;
    const Pass whole = pass(images, pass_rows),
               rest = all_rows ? pass(c.batch % images, pass_rows) : pass(images, c.output_height % pass_rows);
    for (int first = 0; first < c.batch; first += images) {
      const int count = std::min(images, c.batch - first);
      const Word *x = operand(input + first * input_image, count, workspace);
      const float *dy = gradient + int64_t{first} * pixels * c.filters;
      for (int y = 0; y < c.output_height; y += pass_rows) {
        const bool is_whole = count == images && y + pass_rows <= c.output_height;
        rows(is_whole ? whole : rest, begin, end, x + y * c.stride * part_row(), dy + int64_t{y} * c.output_width * c.filters,
             first > 0 || y > 0, filter_gradient, workspace + image_copies());
      }
    }
  }
};

template <class Word>
void run_all(duet_team *team, const duet_convolution &c, const float *input, const float *gradient, float *filter_gradient,
             void *workspace) {
  BackwardWeights<Word> plan(c);
  plan.plan();
  const int parts = team->threads();
  parallel(team, parts, [&](int64_t part, int thread) {
    plan.share(static_cast<int>(part), parts, input, gradient, filter_gradient, static_cast<Word *>(workspace) + thread * plan.workspace());
  });
}

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

int64_t duet_convolution_backward_weights_workspace(const duet_convolution *convolution, int32_t threads) noexcept {
  if (is_fully_connected(*convolution)) return fully_connected_backward_weights_workspace(*convolution, threads) * int64_t{sizeof(float)};
  if (is_winograd(*convolution, DUET_BACKWARD_WEIGHTS))
    return winograd_backward_weights_workspace(*convolution, threads) * int64_t{sizeof(float)};
  const bool pairs = in_pairs(*convolution, DUET_BACKWARD_WEIGHTS);
  const int64_t words = pairs ? BackwardWeights<Pair>(*convolution).workspace() : BackwardWeights<float>(*convolution).workspace();
  return threads * words * int64_t{sizeof(float)};
}

int32_t duet_convolution_backward_weights(duet_team *team, const duet_convolution *convolution, const float *input,
                                          const float *output_gradient, float *filter_gradient, float *bias_gradient,
                                          void *workspace) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    float *space = static_cast<float *>(workspace);
    if (is_fully_connected(c)) {
      fully_connected_backward_weights(team, c, input, output_gradient, filter_gradient, space);
    } else if (is_winograd(c, DUET_BACKWARD_WEIGHTS)) {
      winograd_backward_weights(team, c, input, output_gradient, filter_gradient, space);
    } else if (in_pairs(c, DUET_BACKWARD_WEIGHTS)) {
      run_all<Pair>(team, c, input, output_gradient, filter_gradient, workspace);
    } else {
      run_all<float>(team, c, input, output_gradient, filter_gradient, workspace);
    }
    if (bias_gradient) {
      parallel_slices(team, c.filters, kBiasColumns, [&](int64_t first, int64_t last) {
        bias_columns(c, output_gradient, static_cast<int>(first), static_cast<int>(last - first), bias_gradient);
      });
    }
  });
}
}

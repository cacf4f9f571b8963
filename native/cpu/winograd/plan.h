/* What forward and backward weights have in common: sizes, the chunk of images that is worked on at once, and the workspace. */
#pragma once
#include "winograd/tiles.h"
#include "winograd/winograd.h"

namespace duet {

/* Terms of a sum that are added up in registers: 24 KiB of a block of filters, or of gradients, stay in L1 while the rows go by. */
constexpr ptrdiff_t kPointTerms = (24 << 10) / (kBlock * sizeof(float));

/* What the products sum over. */
enum class Over { kChannels, kTiles };

/* Word: of the operands of the products. */
template <class Word, Over kOver> struct WinogradPlan {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const Tiling tiling{c};
  static constexpr bool kPairsOfChannels = kTermsOf<Word> == 2 && kOver == Over::kChannels;
  static constexpr bool kPairsOfImages = kTermsOf<Word> == 2 && kOver == Over::kTiles;
  const int images = images_of_chunk();
  /* Of forward: words and floats. Of backward weights: both words, and the filter in floats. */
  const Values input{tiling, value_images(images), kPairsOfChannels ? in / 2 : in}, output{tiling, value_images(images), out};
  const PointFilter filter{tiling, kPairsOfChannels ? in / 2 : in, Blocks{out}};
  const Map input_map{c.height, c.width, c.channels}, output_map{c.output_height, c.output_width, c.filters};

  explicit WinogradPlan(const duet_convolution &convolution) : c(convolution) {}

  /* All in words, which are as large as floats. */
  int64_t workspace() const { return zeros() + filter.words() + input.words() + output.words(); }
  template <class Value> Value *point_filter(float *workspace) const { return reinterpret_cast<Value *>(workspace + zeros()); }
  Word *input_values(float *workspace) const { return reinterpret_cast<Word *>(workspace + zeros() + filter.words()); }
  template <class Value> Value *output_values(float *workspace) const {
    return reinterpret_cast<Value *>(workspace + zeros() + filter.words() + input.words());
  }
  void fill_zeros(float *workspace) const { std::fill(workspace, workspace + zeros(), 0.0f); }

  /* Images, or pairs of them. */
  static int value_images(int images) { return kPairsOfImages ? divide_up(images, 2) : images; }

  const float *input_image(const float *base, int64_t image) const { return base + image * c.height * c.width * c.channels; }
  int64_t output_image(int64_t image) const { return image * c.output_height * c.output_width * c.filters; }

  /* body(block, first channel, last channel) for the whole filter; of pairs of channels where these are in pairs. */
  template <class Body> void each_filter_part(duet_team *team, Body body) const {
    constexpr int kChannels = 16;
    const int parts = divide_up(filter.in, kChannels);
    parallel(team, int64_t{parts} * filter.blocks.count(), [&](int64_t task, int) {
      const int first = static_cast<int>(task % parts) * kChannels;
      body(static_cast<int>(task / parts), first, std::min(filter.in, first + kChannels));
    });
  }

  /* body(image of the chunk, or pair of images, row of tiles) */
  template <class Body> void each_tile_row(duet_team *team, int images_here, Body body) const {
    parallel(team, int64_t{value_images(images_here)} * tiling.y.tiles,
             [&](int64_t task, int) { body(static_cast<int>(task / tiling.y.tiles), static_cast<int>(task % tiling.y.tiles)); });
  }

  /*
   * Every chunk reads the filter of all points from far away, or adds to its gradient. A chunk with about as many values takes no more time
   * for that than for its values; a larger one only pushes these out of the caches, which other programs may share: three times as many
   * words cost conv2 of AlexNet a third of its speed on a busy machine. Adding to the gradient reads and writes it: larger chunks.
   */
  int images_of_chunk() const {
    constexpr int64_t kFewest = (kOver == Over::kTiles ? 1024 : 256) << 10, kMost = 3 << 20;
    const int64_t words = std::clamp(int64_t{tiling.points()} * in * Blocks{out}.padded() / kTermsOf<Word>, kFewest, kMost);
    const int64_t image = tiling.values() * (kPairsOfImages ? (in + out) / 2 : kPairsOfChannels ? in / 2 + out : in + out);
    const int most = static_cast<int>(std::clamp<int64_t>(words / image, 1, c.batch));
    return divide_up(c.batch, divide_up(c.batch, most));
  }

 private:
  int64_t zeros() const { return round_up(in, 16); }
};

/* body(plan) with the words that the convolution asks for. */
template <Over kOver, class Body> auto with_plan(const duet_convolution &c, Body body) {
  return winograd_in_pairs(c) ? body(WinogradPlan<Pair, kOver>(c)) : body(WinogradPlan<float, kOver>(c));
}

}  // namespace duet

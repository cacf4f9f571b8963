/* What forward and backward weights have in common: sizes, the chunk of images that is worked on at once, and the workspace. */
#pragma once
#include "winograd/tiles.h"
#include "winograd/unstrided.h"
#include "winograd/winograd.h"

namespace duet {

/* Terms of a sum that are added up in registers: 24 KiB of a block of filters, or of gradients, stay in L1 while the rows go by. */
constexpr ptrdiff_t kPointTerms = (24 << 10) / (kBlock * sizeof(float));

/* What the products sum over. */
enum class Over { kChannels, kTiles };

/* Word: of the operands of the products. */
template <class Word, Over kOver> struct WinogradPlan {
  /* The convolution that was asked for, and the same without its stride, which is what everything else is about. */
  const Unstrided unstrided;
  const duet_convolution &c = unstrided.c;
  const int in = group_channels(c), out = group_filters(c);
  const Tiling tiling{c};
  static constexpr bool kPairsOfChannels = kTermsOf<Word> == 2 && kOver == Over::kChannels;
  static constexpr bool kPairsOfImages = kTermsOf<Word> == 2 && kOver == Over::kTiles;
  /*
   * Sums over tiles: images of a part of the batch that is added up apart, and such parts. For any number of threads the same, as are the
   * sums.
   */
  const int part_images = is_small() ? std::min(c.batch, round_up(divide_up(c.batch, std::max(1, kUnits / c.groups)), 2)) : c.batch;
  const int parts = divide_up(c.batch, part_images);
  /* Images of a chunk that all threads work on together; also the same for any number of them. */
  const int shared = divide_up(part_images, divide_up(part_images, std::min(part_images, most_images())));
  /* Chunks that are in work at the same time; of how many of the batch, or of a part; and images of the largest. */
  const int at_once, chunks = at_once > 1 && kOver == Over::kChannels ? own_chunks(at_once) : divide_up(part_images, shared);
  const int images = divide_up(part_images, chunks);
  /* Filters in their points that are kept at the same time: the gradients of all parts, or one that a group after the other uses. */
  const int filters = kOver == Over::kTiles && (is_small() || at_once > 1) ? c.groups * parts : 1;
  /* Of forward: words and floats. Of backward weights: both words, and the filter in floats. */
  const Values input{tiling, value_images(images), kPairsOfChannels ? in / 2 : in}, output{tiling, value_images(images), out};
  const PointFilter filter{tiling, kPairsOfChannels ? in / 2 : in, Blocks{out}};
  const Map input_map{c.height, c.width, c.channels, c.padding_top, c.padding}, output_map{c.output_height, c.output_width, c.filters};

  WinogradPlan(const duet_convolution &convolution, int threads) : unstrided(convolution), at_once(apart(threads) ? threads : 1) {}
  /* Members refer to each other. */
  WinogradPlan(const WinogradPlan &) = delete;

  /*
   * All in words, which are as large as floats: zeros, filters, the values of the chunks in work, and for a convolution with a stride
   * copies of its filter and of the chunks' images.
   */
  int64_t workspace() const { return copies() + unstrided.filter() + at_once * images * unstrided.image(); }
  template <class Value> Value *point_filter(float *workspace, int index = 0) const {
    return reinterpret_cast<Value *>(workspace + zeros() + index * filter.words());
  }
  Word *input_values(float *workspace, int place) const {
    return reinterpret_cast<Word *>(workspace + zeros() + filters * filter.words() + place * (input.words() + output.words()));
  }
  template <class Value> Value *output_values(float *workspace, int place) const {
    return reinterpret_cast<Value *>(input_values(workspace, place) + input.words());
  }
  /* The first image of a part, or where the last one ends; pairs of images stay together. */
  int part_begin(int part) const { return std::min(c.batch, part * part_images); }
  /* The first image of a chunk, or where the last one ends. */
  int begin(int chunk) const { return static_cast<int>(int64_t{chunk} * c.batch / chunks); }
  float *filter_copy(float *workspace) const { return workspace + copies(); }
  ChunkInput chunk_input(const float *input, float *workspace) const {
    return {unstrided, input, images, filter_copy(workspace) + unstrided.filter()};
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

  /* Of an image, in words. */
  int64_t image_values() const { return tiling.values() * (kPairsOfImages ? (in + out) / 2 : kPairsOfChannels ? in / 2 + out : in + out); }
  int64_t filter_values() const { return int64_t{tiling.points()} * in * Blocks{out}.padded() / kTermsOf<Word>; }

  /*
   * body(workers, index, place) for each index below `count`: by a thread alone, with null for workers, where threads work apart, else by
   * the team.
   */
  template <class Body> void each(duet_team *team, int count, Body body) const {
    if (at_once > 1) {
      parallel(team, count, [&](int64_t index, int thread) { body(nullptr, static_cast<int>(index), thread); });
    } else {
      for (int index = 0; index < count; index++) body(team, index, 0);
    }
  }

  /*
   * Images of a chunk, if the batch has as many. Every chunk reads the filter of all points from far away, or adds to its gradient. A chunk
   * with about as many values takes no more time for that than for its values; a larger one only pushes these out of the caches, which
   * other programs may share: three times as many words cost conv2 of AlexNet a third of its speed on a busy machine. Adding to a gradient
   * reads and writes it: larger chunks, unless it is a small one.
   */
  int most_images() const {
    const int64_t kFewest = (kOver == Over::kTiles && !is_small() ? 1024 : 256) << 10;
    return static_cast<int>(std::max<int64_t>(1, std::clamp(filter_values(), kFewest, kMost) / image_values()));
  }

  /*
   * Of a thread alone half as many, so that all chunks in work take no more room: with as many conv4 and conv5 were 5 to 10 % slower. A
   * filter that no cache keeps is read from memory for each chunk: there the fewer the better (conv3, 3 %).
   */
  int most_own_images() const { return filter_values() > kMost ? most_images() : std::max(1, most_images() / 2); }
  /* If the batch has as many images, as many chunks for each thread, all of nearly the same size. */
  int own_chunks(int threads) const { return std::min(c.batch, threads * divide_up(divide_up(c.batch, threads), most_own_images())); }

  /*
   * Whether each thread works on chunks of its own. What threads share has to travel between their cores, which may be far apart: on a
   * virtual machine with its two on different sockets conv2 took a third less time so. But not where threads would have nothing to do for
   * an eighth of the time, or would read far more of the filter than of their values. Sums over tiles have the same order for any number of
   * threads: what these can take apart are groups, and of a small filter parts of the batch, each with a gradient of its own.
   */
  bool apart(int threads) const {
    if (threads == 1) return false;
    if (kOver == Over::kTiles) return c.groups * parts % threads == 0;
    const int own_chunks = this->own_chunks(threads), own = divide_up(c.batch, own_chunks);
    return 8 * (int64_t{own} * round_up(own_chunks, threads) - c.batch) <= c.batch &&
           (own >= most_own_images() || 2 * own * image_values() >= filter_values());
  }

 private:
  /* Values of the largest chunk. */
  static constexpr int64_t kMost = 3 << 20;
  /* Parts of all groups together. */
  static constexpr int kUnits = 4;
  /* Sums over tiles go into a gradient that stays in a core's own cache, or nearly. */
  bool is_small() const { return kOver == Over::kTiles && filter_values() <= 256 << 10; }
  int64_t zeros() const { return round_up(in, 16); }
  /* Where they begin. */
  int64_t copies() const { return zeros() + filters * filter.words() + at_once * (input.words() + output.words()); }
};

/* body(plan) with the words that the convolution asks for. */
template <Over kOver, class Body> auto with_plan(const duet_convolution &c, int threads, Body body) {
  return winograd_in_pairs(c) ? body(WinogradPlan<Pair, kOver>(c, threads)) : body(WinogradPlan<float, kOver>(c, threads));
}

}  // namespace duet

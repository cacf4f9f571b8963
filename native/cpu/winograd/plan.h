/* What forward and backward weights have in common: sizes, the chunk of images that is worked on at once, and the workspace. */
#pragma once
#include "winograd/tiles.h"
#include "winograd/winograd.h"

namespace duet {

/* Terms of a sum that are added up in registers: 24 KiB of a block of filters, or of gradients, stay in L1 while the rows go by. */
constexpr ptrdiff_t kPointTerms = (24 << 10) / (kBlock * sizeof(float));

struct WinogradPlan {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const Tiling tiling{c};
  const int images = images_of_chunk();
  const Values input{tiling, images, in}, output{tiling, images, out};
  const PointFilter filter{tiling, in, Blocks{out}};
  const Map input_map{c.height, c.width, c.channels}, output_map{c.output_height, c.output_width, c.filters};

  explicit WinogradPlan(const duet_convolution &convolution) : c(convolution) {}

  int64_t workspace() const { return zeros() + filter.floats() + input.floats() + output.floats(); }
  float *point_filter(float *workspace) const { return workspace + zeros(); }
  float *input_values(float *workspace) const { return point_filter(workspace) + filter.floats(); }
  float *output_values(float *workspace) const { return input_values(workspace) + input.floats(); }

  const float *input_image(const float *base, int64_t image) const { return base + image * c.height * c.width * c.channels; }
  int64_t output_image(int64_t image) const { return image * c.output_height * c.output_width * c.filters; }

  /* body(block, first channel, last channel) for the whole filter. */
  template <class Body> void each_filter_part(duet_team *team, Body body) const {
    constexpr int kChannels = 16;
    const int parts = divide_up(in, kChannels);
    parallel(team, int64_t{parts} * filter.blocks.count(), [&](int64_t task, int) {
      const int first = static_cast<int>(task % parts) * kChannels;
      body(static_cast<int>(task / parts), first, std::min(in, first + kChannels));
    });
  }

  /* body(image of the chunk, row of tiles) */
  template <class Body> void each_tile_row(duet_team *team, int images_here, Body body) const {
    parallel(team, int64_t{images_here} * tiling.y.tiles,
             [&](int64_t task, int) { body(static_cast<int>(task / tiling.y.tiles), static_cast<int>(task % tiling.y.tiles)); });
  }

  /* A chunk's values of all points should stay in the last-level cache, and each point's be enough rows for the filter to be worth reading. */
  int images_of_chunk() const {
    constexpr int64_t kFloats = 3 << 20;
    const int64_t image = tiling.values() * (in + out);
    const int most = static_cast<int>(std::clamp<int64_t>(kFloats / image, 1, c.batch));
    return divide_up(c.batch, divide_up(c.batch, most));
  }

 private:
  int64_t zeros() const { return round_up(in, 16); }
};

}  // namespace duet

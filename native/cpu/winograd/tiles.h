/* The transforms of whole tiles, for one group of a convolution: between pixels and values in points, and the same for filters. */
#pragma once
#include "winograd/tiling.h"

namespace duet {

/* A group's share of the maps of one image; padding around it is zeros. */
struct Map {
  int height, width;
  /* Floats from one pixel to the next. */
  int pixel;
  /* Rows and columns by which the first tile begins before the map. */
  int top = 0, left = 0;
};

/* What pixels outside the image point to: as many zeros as a group has channels. */
using Zeros = const float *;

/*
 * B: the values of one row of tiles of an image's input. The first pairs channels, the second the
 * images `from` and `next`, which may be null.
 */
void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, int image, int ty, float *to);
void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, int image, int ty, Pair *to);
void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, const float *next, int image, int ty, Pair *to);

/* A: the values of one row of tiles of an image's output gradient. */
void gradient_values(const Values &values, const Map &map, const float *from, int image, int ty, float *to);
void gradient_values(const Values &values, const Map &map, const float *from, const float *next, int image, int ty, Pair *to);

/* A, transposed: the output pixels of one row of tiles. bias may be null. */
void output_pixels(const Values &values, const Map &map, const float *from, int image, int ty, const float *bias, bool relu, float *to);

/*
 * A group's filter in the points of its tiles: [point][block of outputs][channel][output of the block], like a packed filter of one tap. In
 * pairs `in` is half of the channels.
 */
struct PointFilter {
  const Tiling &tiling;
  int in;
  Blocks blocks;

  int64_t point() const { return int64_t{in} * blocks.padded(); }
  int64_t words() const { return tiling.points() * point(); }
  /* G: from the packed filter, for some channels of one block. */
  void transform(const float *packed, int block, int first_channel, int last_channel, float *to) const;
  void transform(const float *packed, int block, int first_pair, int last_pair, Pair *to) const;
  /* G, transposed: the gradient of the packed filter from that of its points. */
  void collect(const float *from, int block, int first_channel, int last_channel, float *packed) const;
};

}  // namespace duet

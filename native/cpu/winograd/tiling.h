/* How the outputs of a convolution are cut into tiles, and where the values of a tile in its points lie. */
#pragma once
#include "convolution/geometry.h"
#include "winograd/transform.h"

namespace duet {

/* Outputs of a tile along an axis; more would save little and cost accuracy. Maps of less than the least are not computed this way. */
constexpr int kMostOutputs = 4;
constexpr int kLeastOutputs = 2;

/* One axis: tiles of at most two sizes, the longer ones first. 13 outputs are 4 + 3 + 3 + 3. */
struct Axis {
  int extent, kernel;
  int tiles = divide_up(extent, kMostOutputs);
  /* Outputs of a longer tile, and how many tiles are as long. */
  int outputs = divide_up(extent, tiles);
  int longer = extent - tiles * (outputs - 1);
  /* Of a longer tile, and so of the transformed filter. */
  int points = outputs + kernel - 1;

  Axis(int extent, int kernel) : extent(extent), kernel(kernel) {}

  int outputs_of(int tile) const { return tile < longer ? outputs : outputs - 1; }
  int points_of(int tile) const { return outputs_of(tile) + kernel - 1; }
  int first_output(int tile) const { return tile * outputs - std::max(0, tile - longer); }
  /* The filter's point that is the tile's i-th: shorter tiles leave out the last finite one. */
  int point(int tile, int i) const { return i < points_of(tile) - 1 ? i : points - 1; }
  /* Tiles that have this point are the first ones. */
  int tiles_at(int point) const { return point == points - 2 ? longer : tiles; }
  /* The sum of tiles_at over the points before this one, or all. */
  int tiles_before(int point) const { return point * tiles - (point >= points - 1 ? tiles - longer : 0); }
};

struct Tiling {
  Axis y, x;
  explicit Tiling(const duet_convolution &c) : y(c.output_height, c.kernel_height), x(c.output_width, c.kernel_width) {}

  int points() const { return y.points * x.points; }
  int tiles_at(int point) const { return y.tiles_at(point / x.points) * x.tiles_at(point % x.points); }
  /* Values of an image: one for each point of each tile. */
  int64_t values() const { return int64_t{y.tiles_before(y.points)} * x.tiles_before(x.points); }
  int64_t values_before(int point) const {
    const int py = point / x.points;
    return int64_t{y.tiles_before(py)} * x.tiles_before(x.points) + int64_t{y.tiles_at(py)} * x.tiles_before(point % x.points);
  }
};

/*
 * Values of several images: [point][image, tile that has the point][channel], rows padded to an odd number of cache lines, and by no less
 * than one. Of pairs there are half as many channels where these are what a sum goes over, else half as many images.
 */
struct Values {
  static constexpr int kLine = 16;
  const Tiling &tiling;
  int images, channels;  /* words */

  ptrdiff_t row() const { return round_up(channels, 32) + 16; }
  int64_t words() const { return begin(tiling.points()); }
  int64_t begin(int point) const { return images * tiling.values_before(point) * row() + int64_t{point} * kLine; }
  int rows(int point, int images_here) const { return images_here * tiling.tiles_at(point); }

  /* Where the values of a tile begin, [y][x] of the tile's own points. */
  template <class Float> void places(Float *base, int image, int ty, int tx, Float **to) const {
    const Axis &y = tiling.y, &x = tiling.x;
    for (int i = 0; i < y.points_of(ty); i++) {
      const int py = y.point(ty, i), tiles_y = y.tiles_at(py);
      for (int j = 0; j < x.points_of(tx); j++) {
        const int px = x.point(tx, j), tiles_x = x.tiles_at(px);
        *to++ = base + begin(py * x.points + px) + ((ptrdiff_t{image} * tiles_y + ty) * tiles_x + tx) * row();
      }
    }
  }
};

}  // namespace duet

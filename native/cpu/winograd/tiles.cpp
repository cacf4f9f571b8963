#include "winograd/tiles.h"

namespace duet {
namespace {

/* Pointers to the pixels, or to the values in points, of one tile. */
using From = const float *const *;
using To = float *const *;
constexpr int kMost = kMostPoints * kMostPoints;

template <class Y, class X, class Finish> inline void tile(From from, int channels, To to, Finish finish) {
  for (int c = 0; c < channels; c += kVectorWidth) {
    transform<Y, X>([&](int y, int x) { return load(from[y * X::kMatrix.kColumns + x] + c); },
                    [&](int y, int x, Vector value) { store(to[y * X::kMatrix.kRows + x] + c, finish(value, c)); });
  }
}

template <class Y, class X> void plain_tile(From from, int channels, To to) {
  tile<Y, X>(from, channels, to, [](Vector value, int) { return value; });
}

template <class Y, class X> void output_tile(From from, int channels, To to, const float *bias, bool relu) {
  tile<Y, X>(from, channels, to, [=](Vector value, int c) {
    if (bias) value += load(bias + c);
    if (relu) value = value < 0 ? Vector{} : value;
    return value;
  });
}

/* A filter's vector of outputs for one channel, strides in floats. */
template <class Y, class X> void filter_tile(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step) {
  transform<Y, X>([&](int y, int x) { return load(from + (y * X::kMatrix.kColumns + x) * from_step); },
                  [&](int y, int x, Vector value) { store(to + (y * X::kMatrix.kRows + x) * to_step, value); });
}

/* choose.operator()<NY, NX, R>() for tiles of ny x nx points of a kernel of `kernel` taps along each axis. */
template <int R, int NY, class Choose> auto choose_x(int nx, Choose choose) {
  constexpr int kLeast = kLeastOutputs + R - 1;
  switch (nx - kLeast) {
    case 0: return choose.template operator()<NY, kLeast, R>();
    case 1: return choose.template operator()<NY, kLeast + 1, R>();
    default: return choose.template operator()<NY, kLeast + 2, R>();
  }
}
template <int R, class Choose> auto choose_y(int ny, int nx, Choose choose) {
  constexpr int kLeast = kLeastOutputs + R - 1;
  switch (ny - kLeast) {
    case 0: return choose_x<R, kLeast>(nx, choose);
    case 1: return choose_x<R, kLeast + 1>(nx, choose);
    default: return choose_x<R, kLeast + 2>(nx, choose);
  }
}
template <class Choose> auto choose_tile(int kernel, int ny, int nx, Choose choose) {
  return kernel == 3 ? choose_y<3>(ny, nx, choose) : choose_y<5>(ny, nx, choose);
}

template <class Float>
void pixels(Float *image, const Map &map, int top, int left, int rows, int columns, Float *outside, Float **to) {
  for (int y = top; y < top + rows; y++) {
    for (int x = left; x < left + columns; x++) {
      const bool inside = y >= 0 && y < map.height && x >= 0 && x < map.width;
      *to++ = inside ? image + (ptrdiff_t{y} * map.width + x) * map.pixel : outside;
    }
  }
}

}  // namespace

void input_values(const Values &values, const Map &map, int padding, Zeros zeros, const float *from, int image, int ty, float *to) {
  const Axis &y = values.tiling.y, &x = values.tiling.x;
  const float *source[kMost];
  float *target[kMost];
  for (int tx = 0; tx < x.tiles; tx++) {
    const int ny = y.points_of(ty), nx = x.points_of(tx);
    pixels(from, map, y.first_output(ty) - padding, x.first_output(tx) - padding, ny, nx, zeros, source);
    values.places(to, image, ty, tx, target);
    choose_tile(y.kernel, ny, nx, []<int NY, int NX, int R>() { return &plain_tile<ToPoints<NY, R>, ToPoints<NX, R>>; })(source, values.channels,
                                                                                                                target);
  }
}

void gradient_values(const Values &values, const Map &map, const float *from, int image, int ty, float *to) {
  const Axis &y = values.tiling.y, &x = values.tiling.x;
  const float *source[kMost];
  float *target[kMost];
  for (int tx = 0; tx < x.tiles; tx++) {
    pixels<const float>(from, map, y.first_output(ty), x.first_output(tx), y.outputs_of(ty), x.outputs_of(tx), nullptr, source);
    values.places(to, image, ty, tx, target);
    choose_tile(y.kernel, y.points_of(ty), x.points_of(tx), []<int NY, int NX, int R>() {
      return &plain_tile<Evaluate<NY, R, NY - R + 1>, Evaluate<NX, R, NX - R + 1>>;
    })(source, values.channels, target);
  }
}

void output_pixels(const Values &values, const Map &map, const float *from, int image, int ty, const float *bias, bool relu, float *to) {
  const Axis &y = values.tiling.y, &x = values.tiling.x;
  const float *source[kMost];
  float *target[kMost];
  for (int tx = 0; tx < x.tiles; tx++) {
    values.places(from, image, ty, tx, source);
    pixels<float>(to, map, y.first_output(ty), x.first_output(tx), y.outputs_of(ty), x.outputs_of(tx), nullptr, target);
    choose_tile(y.kernel, y.points_of(ty), x.points_of(tx), []<int NY, int NX, int R>() {
      return &output_tile<Collect<NY, R, NY - R + 1>, Collect<NX, R, NX - R + 1>>;
    })(source, values.channels, target, bias, relu);
  }
}

void PointFilter::transform(const float *packed, int block, int first_channel, int last_channel, float *to) const {
  const int kernel = tiling.y.kernel, width = blocks.width(block);
  const auto tile = choose_tile(kernel, tiling.y.points, tiling.x.points,
                                []<int NY, int NX, int R>() { return &filter_tile<Evaluate<NY, R, R>, Evaluate<NX, R, R>>; });
  packed += block_offset(kernel * kernel * in, block);
  to += block_offset(in, block);
  for (int c = first_channel; c < last_channel; c++) {
    for (int v = 0; v < width; v += kVectorWidth) {
      tile(packed + ptrdiff_t{c} * width + v, ptrdiff_t{in} * width, to + ptrdiff_t{c} * width + v, point());
    }
  }
}

void PointFilter::collect(const float *from, int block, int first_channel, int last_channel, float *packed) const {
  const int kernel = tiling.y.kernel, width = blocks.width(block);
  const auto tile = choose_tile(kernel, tiling.y.points, tiling.x.points,
                                []<int NY, int NX, int R>() { return &filter_tile<Collect<NY, R, R>, Collect<NX, R, R>>; });
  packed += block_offset(kernel * kernel * in, block);
  from += block_offset(in, block);
  for (int c = first_channel; c < last_channel; c++) {
    for (int v = 0; v < width; v += kVectorWidth) {
      tile(from + ptrdiff_t{c} * width + v, point(), packed + ptrdiff_t{c} * width + v, ptrdiff_t{in} * width);
    }
  }
}

}  // namespace duet

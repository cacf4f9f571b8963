#include "winograd/tiles.h"

namespace duet {
namespace {

/* Pointers to the pixels, or to the values in points, of one tile. */
using From = const float *const *;
template <class Word> using To = Word *const *;
constexpr int kMost = kMostPoints * kMostPoints;

/*
 * Asks for the line behind this one as well, the next channels of the same pixel or point or those of the next tile. A tile is up to 64
 * places far apart, and no processor follows as many by itself: without, conv2 of AlexNet took 9 to 17 % more and conv3 4 to 7 %.
 */
template <class Word> inline Word *with_next_line(Word *at) {
  __builtin_prefetch(at + Values::kLine);
  return at;
}

/* A vector for each place of a tile, from this channel on. */
template <class X> inline auto pixels_at(From from, int c) {
  return [=](int y, int x) { return load(with_next_line(from[y * X::kMatrix.kColumns + x] + c)); };
}

/* By value: what a function reads through a reference it would read again after each store, which might have changed it. */
template <class Y, class X, class Finish> inline void tile(From from, int channels, To<float> to, Finish finish) {
  for (int c = 0; c < channels; c += kVectorWidth) {
    transform<Y, X>(pixels_at<X>(from, c),
                    [=](int y, int x, Vector value) { store(with_next_line(to[y * X::kMatrix.kRows + x] + c), finish(value, c)); });
  }
}

template <class Y, class X> void plain_tile(From from, int channels, To<float> to) {
  tile<Y, X>(from, channels, to, [](Vector value, int) { return value; });
}

/* For tiles of pairs, which are rare where floats are faster. */
template <class Y, class X, class In, class Store> inline void transform_for_pairs(In in, Store store) {
  if constexpr (kFastPairs) {
    transform<Y, X>(in, store);
  } else {
    transform_by_lines<Y, X>(in, store);
  }
}

/* store(y, x, value of `first`, value of `second`) */
template <class Y, class X, class First, class Second, class Store> inline void two_tiles(First first, Second second, Store store) {
  constexpr int kColumns = X::kMatrix.kRows;
  Vector values[Y::kMatrix.kRows * kColumns];
  transform_for_pairs<Y, X>(first, [&](int y, int x, Vector value) { values[y * kColumns + x] = value; });
  transform_for_pairs<Y, X>(second, [store, &values](int y, int x, Vector value) { store(y, x, values[y * kColumns + x], value); });
}

/* Pairs of neighbouring channels; `channels` are whole vectors, but may be an odd number of them. */
template <class Y, class X> void channel_pair_tile(From from, int channels, To<Pair> to) {
  constexpr int kColumns = X::kMatrix.kRows;
  int c = 0;
  for (; c + 2 * kVectorWidth <= channels; c += 2 * kVectorWidth) {
    two_tiles<Y, X>(pixels_at<X>(from, c), pixels_at<X>(from, c + kVectorWidth), [=](int y, int x, Vector first, Vector second) {
      store(with_next_line(to[y * kColumns + x] + c / 2), pairs_along(first, second));
    });
  }
  /* Half of the last vector is pairs; the other half falls into the row's padding. */
  if (c < channels) {
    transform_for_pairs<Y, X>(pixels_at<X>(from, c), [=](int y, int x, Vector value) {
      store(with_next_line(to[y * kColumns + x] + c / 2), pairs_along(value, Vector{}));
    });
  }
}

/* Pairs of two images' pixels; the second image may be absent. */
template <class Y, class X> void image_pair_tile(From from, From next, int channels, To<Pair> to) {
  constexpr int kColumns = X::kMatrix.kRows;
  for (int c = 0; c < channels; c += kVectorWidth) {
    if (next) {
      two_tiles<Y, X>(pixels_at<X>(from, c), pixels_at<X>(next, c), [=](int y, int x, Vector first, Vector second) {
        store(with_next_line(to[y * kColumns + x] + c), pairs_of(first, second));
      });
    } else {
      /* Only the last image of an odd batch. */
      transform_by_lines<Y, X>(pixels_at<X>(from, c), [=](int y, int x, Vector value) {
        store(with_next_line(to[y * kColumns + x] + c), pairs_of(value, Vector{}));
      });
    }
  }
}

template <class Y, class X> void output_tile(From from, int channels, To<float> to, const float *bias, bool relu) {
  tile<Y, X>(from, channels, to, [=](Vector value, int c) {
    if (bias) value += load(bias + c);
    if (relu) value = value < 0 ? Vector{} : value;
    return value;
  });
}

/* A filter's vector of outputs for one channel, strides in floats. */
template <class Y, class X> void filter_tile(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step) {
  transform<Y, X>([=](int y, int x) { return load(from + (y * X::kMatrix.kColumns + x) * from_step); },
                  [=](int y, int x, Vector value) { store(to + (y * X::kMatrix.kRows + x) * to_step, value); });
}

/* The same for two channels, a distance apart, that make pairs. */
template <class Y, class X> void filter_pair_tile(const float *from, ptrdiff_t from_step, ptrdiff_t distance, Pair *to, ptrdiff_t to_step) {
  const auto taps = [=](const float *first) {
    return [=](int y, int x) { return load(first + (y * X::kMatrix.kColumns + x) * from_step); };
  };
  two_tiles<Y, X>(taps(from), taps(from + distance), [=](int y, int x, Vector first, Vector second) {
    store(to + (y * X::kMatrix.kRows + x) * to_step, pairs_of(first, second));
  });
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

template <class Float> void pixels(Float *image, const Map &map, int top, int left, int rows, int columns, Float *outside, Float **to) {
  for (int y = top; y < top + rows; y++) {
    for (int x = left; x < left + columns; x++) {
      const bool inside = y >= 0 && y < map.height && x >= 0 && x < map.width;
      *to++ = inside ? image + (ptrdiff_t{y} * map.width + x) * map.pixel : outside;
    }
  }
}

}  // namespace

namespace {

/* body(points along y, along x, pixels of `from`, pixels of `next` or null, places) for each tile of a row of them. */
template <class Word, class Body>
void each_input_tile(const Values &values, const Map &map, Zeros zeros, const float *from, const float *next, int image, int ty, Word *to,
                     Body body) {
  const Axis &y = values.tiling.y, &x = values.tiling.x;
  const float *source[kMost], *next_source[kMost];
  Word *target[kMost];
  for (int tx = 0; tx < x.tiles; tx++) {
    const int ny = y.points_of(ty), nx = x.points_of(tx), top = y.first_output(ty) - map.top, left = x.first_output(tx) - map.left;
    pixels(from, map, top, left, ny, nx, zeros, source);
    if (next) pixels(next, map, top, left, ny, nx, zeros, next_source);
    values.places(to, image, ty, tx, target);
    body(ny, nx, source, next ? next_source : nullptr, target);
  }
}

template <class Word, class Body>
void each_gradient_tile(const Values &values, const Map &map, const float *from, const float *next, int image, int ty, Word *to,
                        Body body) {
  const Axis &y = values.tiling.y, &x = values.tiling.x;
  const float *source[kMost], *next_source[kMost];
  Word *target[kMost];
  for (int tx = 0; tx < x.tiles; tx++) {
    const int top = y.first_output(ty), left = x.first_output(tx), rows = y.outputs_of(ty), columns = x.outputs_of(tx);
    pixels<const float>(from, map, top, left, rows, columns, nullptr, source);
    if (next) pixels<const float>(next, map, top, left, rows, columns, nullptr, next_source);
    values.places(to, image, ty, tx, target);
    body(y.points_of(ty), x.points_of(tx), source, next ? next_source : nullptr, target);
  }
}

}  // namespace

void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, int image, int ty, float *to) {
  each_input_tile(values, map, zeros, from, nullptr, image, ty, to, [&](int ny, int nx, From source, From, To<float> target) {
    choose_tile(values.tiling.y.kernel, ny, nx, []<int NY, int NX, int R>() { return &plain_tile<ToPoints<NY, R>, ToPoints<NX, R>>; })(
        source, values.channels, target);
  });
}

void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, int image, int ty, Pair *to) {
  each_input_tile(values, map, zeros, from, nullptr, image, ty, to, [&](int ny, int nx, From source, From, To<Pair> target) {
    choose_tile(values.tiling.y.kernel, ny, nx, []<int NY, int NX, int R>() {
      return &channel_pair_tile<ToPoints<NY, R>, ToPoints<NX, R>>;
    })(source, 2 * values.channels, target);
  });
}

void input_values(const Values &values, const Map &map, Zeros zeros, const float *from, const float *next, int image, int ty, Pair *to) {
  each_input_tile(values, map, zeros, from, next, image, ty, to, [&](int ny, int nx, From source, From next_source, To<Pair> target) {
    choose_tile(values.tiling.y.kernel, ny, nx, []<int NY, int NX, int R>() { return &image_pair_tile<ToPoints<NY, R>, ToPoints<NX, R>>; })(
        source, next_source, values.channels, target);
  });
}

void gradient_values(const Values &values, const Map &map, const float *from, int image, int ty, float *to) {
  each_gradient_tile(values, map, from, nullptr, image, ty, to, [&](int ny, int nx, From source, From, To<float> target) {
    choose_tile(values.tiling.y.kernel, ny, nx, []<int NY, int NX, int R>() {
      return &plain_tile<Evaluate<NY, R, NY - R + 1>, Evaluate<NX, R, NX - R + 1>>;
    })(source, values.channels, target);
  });
}

void gradient_values(const Values &values, const Map &map, const float *from, const float *next, int image, int ty, Pair *to) {
  each_gradient_tile(values, map, from, next, image, ty, to, [&](int ny, int nx, From source, From next_source, To<Pair> target) {
    choose_tile(values.tiling.y.kernel, ny, nx, []<int NY, int NX, int R>() {
      return &image_pair_tile<Evaluate<NY, R, NY - R + 1>, Evaluate<NX, R, NX - R + 1>>;
    })(source, next_source, values.channels, target);
  });
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

void PointFilter::transform(const float *packed, int block, int first_pair, int last_pair, Pair *to) const {
  const int kernel = tiling.y.kernel, width = blocks.width(block), channels = 2 * in;
  const auto tile = choose_tile(kernel, tiling.y.points, tiling.x.points,
                                []<int NY, int NX, int R>() { return &filter_pair_tile<Evaluate<NY, R, R>, Evaluate<NX, R, R>>; });
  packed += block_offset(kernel * kernel * channels, block);
  to += block_offset(in, block);
  for (int pair = first_pair; pair < last_pair; pair++) {
    for (int v = 0; v < width; v += kVectorWidth) {
      tile(packed + ptrdiff_t{2} * pair * width + v, ptrdiff_t{channels} * width, width, to + ptrdiff_t{pair} * width + v, point());
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

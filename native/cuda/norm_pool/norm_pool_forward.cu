/* Response norm (window 5, beta 0.75) and max-pooling (window 3, stride 2, no padding) in one pass: reads the map a, writes the pooled map
   and its winners; the normalised map is never stored.

   A block makes a strip of output rows x a tile of output columns of one image, all channels. A thread owns a vector of four channels c of
   an output column k of the tile: threadIdx.x = k * vectors + c, with one column more than the tile, since window k needs the input columns
   2k, 2k + 1, 2k + 2. It normalises columns 2k and 2k + 1 and takes 2k + 2 from the thread of column k + 1 through shared memory. It walks
   down the strip, two input rows a step; the largest of the third row is left over from the step before. So each value is normalised
   once in a block, a row and a column at its edges twice in all.

   What lies outside the image (below or to the right: windows may reach over) is -infinity, which never takes a place: the first pixel of
   each window is inside. */
#include "pooling/window.cuh"
#include "response_norm/power.cuh"

namespace duet::norm_pool {

using response_norm::Neighbours;

/* The largest so far and its position, for four channels. */
struct Best {
  Values<4> value;
  int position[4];
};

__device__ __forceinline__ void compare(Best &best, const Values<4> &value, const int (&position)[4], int offset) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const bool takes = pooling::beats(value.v[i], best.value.v[i]);
    best.value.v[i] = takes ? value.v[i] : best.value.v[i];
    best.position[i] = takes ? position[i] + offset : best.position[i];
  }
}

__device__ __forceinline__ Best row_best(const Values<4> &first, const Values<4> &second, const Values<4> &third) {
  constexpr int kZero[4] = {};
  Best best = {first, {}};
  compare(best, second, kZero, 1);
  compare(best, third, kZero, 2);
  return best;
}

/* One input row as a thread sees it: two columns of its own. */
struct Pair {
  Values<4> even, odd;
};

struct Strip {
  const float *input;
  uint32_t column; /* vector (image, row 0, column 2k, c) */
  uint32_t row_vectors, channels, place, group;
  int height;
  bool has_even, has_odd;
  float alpha, k;

  __device__ __forceinline__ Values<4> normalised(uint32_t at) const {
    const Neighbours n = response_norm::neighbours(input, at, place, group);
    const Values<4> t = response_norm::bases(n, alpha, k);
    Values<4> b;
#pragma unroll
    for (int i = 0; i < 4; i++) b.v[i] = n.own.v[i] * response_norm::three_quarters(t.v[i]);
    return b;
  }
  __device__ __forceinline__ Pair row(int y) const {
    Pair pair = {same<4>(__int_as_float(0xff800000)), same<4>(__int_as_float(0xff800000))};
    const uint32_t at = column + y * row_vectors;
    if (has_even && y < height) pair.even = normalised(at);
    if (has_odd && y < height) pair.odd = normalised(at + channels);
    return pair;
  }
};

}  // namespace duet::norm_pool

/* Shared memory: 4 vectors a thread, for two rows of a step and, so that one barrier a step is enough, of the next step. */
extern "C" __global__ void __launch_bounds__(512) norm_pool_forward(const __grid_constant__ duet_norm_pool p) {
  using namespace duet;
  using namespace duet::norm_pool;
  extern __shared__ float edges[];
  uint32_t image = blockIdx.x;
  const int tile = static_cast<int>(split(image, p.tiles)), strip = static_cast<int>(split(image, p.strips));
  uint32_t pair = threadIdx.x;
  const uint32_t c = split(pair, p.channel_vectors);
  uint32_t group = c;
  const uint32_t place = split(group, p.group);
  const int k = static_cast<int>(pair), column = tile * p.tile_columns + k;
  const bool makes = k < p.tile_columns && column < p.output_width;

  Strip rows;
  rows.input = global<const float>(p.input);
  rows.channels = p.channels;
  rows.row_vectors = p.width * p.channels;
  rows.column = image * p.height * rows.row_vectors + 2 * column * rows.channels + c;
  rows.place = place;
  rows.group = p.group.divisor;
  rows.height = p.height;
  rows.has_even = k <= p.tile_columns && column <= p.output_width && 2 * column < p.width;
  rows.has_odd = makes && 2 * column + 1 < p.width;
  rows.alpha = p.alpha;
  rows.k = p.k;

  const uint32_t buffer = 2 * blockDim.x, own = threadIdx.x;
  const uint32_t right = makes ? own + p.channels : own; /* the thread of the next column */
  const int first = strip * p.strip_rows, last = min(first + p.strip_rows, p.output_height);
  Pair top = rows.row(2 * first);
  store<4>(edges, buffer + own, top.even);
  __syncthreads();
  Best above = row_best(top.even, top.odd, load<4>(edges, buffer + right));

  uint32_t at = ((image * p.output_height + first) * p.output_width + column) * p.channels + c;
  uint32_t half = 0;
#pragma unroll 1
  for (int y = first; y < last; y++) {
    const Pair middle = rows.row(2 * y + 1), bottom = rows.row(2 * y + 2);
    store<4>(edges, half + own, middle.even);
    store<4>(edges, half + blockDim.x + own, bottom.even);
    __syncthreads();
    Best best = above;
    const Best second = row_best(middle.even, middle.odd, load<4>(edges, half + right));
    above = row_best(bottom.even, bottom.odd, load<4>(edges, half + blockDim.x + right));
    compare(best, second.value, second.position, 3);
    compare(best, above.value, above.position, 6);
    if (makes) {
      store<4>(global<float>(p.output), at, best.value);
      if (p.winners) {
        global<uint32_t>(p.winners)[at] = best.position[0] | best.position[1] << 8 | best.position[2] << 16 | best.position[3] << 24;
      }
    }
    at += p.output_width * p.channels;
    half ^= buffer;
  }
}

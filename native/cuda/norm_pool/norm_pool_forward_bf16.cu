/* As norm_pool_forward, of bf16 maps: a thread owns eight channels of an output column, and groups of channels lie whole in a warp
   (response_norm/warp.cuh). What is compared is the normalised value rounded to bf16, as if it had been stored, together with its position
   in the window: with the sign turned so that whole numbers are in the order of the values, the value is the upper half of a word and
   8 - position the lower, so that one maximum finds both, and the first of equals wins. NaN, which is 0x7fff in bf16 maps, is above
   infinity. */
#include "response_norm/warp.cuh"

namespace duet::norm_pool {

using response_norm::Lane;

/* Of two values in one word: whole numbers in their order, and back. */
__device__ __forceinline__ uint32_t ordered(uint32_t pair) {
  uint32_t signs; /* each half's, 16 times: what __byte_perm cannot say */
  asm("prmt.b32 %0, %1, 0, 0xbb99;" : "=r"(signs) : "r"(pair));
  return pair ^ (signs & 0x7fff7fffu);
}

/* Below everything: what lies outside the image never wins, since the first pixel of each window is inside. */
constexpr uint32_t kLowest = 0x80008000u;

/* Eight channels' best so far. */
struct Best {
  int key[8];
};

__device__ __forceinline__ Best keys(const Pairs<8> &values, int code) {
  Best best;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    best.key[2 * i] = static_cast<int>(values.word[i] << 16 | code);
    best.key[2 * i + 1] = static_cast<int>((values.word[i] & 0xffff0000u) | code);
  }
  return best;
}
__device__ __forceinline__ Best better(const Best &a, const Best &b) {
  Best best;
#pragma unroll
  for (int i = 0; i < 8; i++) best.key[i] = max(a.key[i], b.key[i]);
  return best;
}

/* One input row as a thread sees it: two columns of its own. */
struct Columns {
  Pairs<8> even, odd;
};

struct Strip {
  const bf16 *input;
  uint32_t column; /* vector (image, row 0, column 2k, c) */
  uint32_t row_vectors, channels;
  int height;
  bool has_even, has_odd;
  float alpha, k;

  __device__ __forceinline__ Columns fetch(int y) const {
    const uint32_t at = column + y * row_vectors;
    Columns columns = {};
    if (has_even && y < height) columns.even = load_pairs<8>(input, at);
    if (has_odd && y < height) columns.odd = load_pairs<8>(input, at + channels);
    return columns;
  }
  /* Normalised, and ordered. */
  __device__ __forceinline__ Pairs<8> normalised(const Pairs<8> &a, bool there, const Lane &lane) const {
    Pairs<8> b = round_bf16(response_norm::normalised(response_norm::span(a, lane), alpha, k));
#pragma unroll
    for (int i = 0; i < 4; i++) b.word[i] = there ? ordered(b.word[i]) : kLowest;
    return b;
  }
  __device__ __forceinline__ Columns normalised(const Columns &a, int y, const Lane &lane) const {
    return {normalised(a.even, has_even && y < height, lane), normalised(a.odd, has_odd && y < height, lane)};
  }
};

/* The best of a row of the window, whose first position has this code. */
__device__ __forceinline__ Best row_best(const Columns &own, const Pairs<8> &third, int code) {
  return better(better(keys(own.even, code), keys(own.odd, code - 1)), keys(third, code - 2));
}

__device__ __forceinline__ void write(const duet_norm_pool &p, uint32_t at, const Best &best) {
  Pairs<8> values;
#pragma unroll
  for (int i = 0; i < 4; i++) values.word[i] = ordered(__byte_perm(best.key[2 * i], best.key[2 * i + 1], 0x7632));
  store_pairs<8>(global<bf16>(p.output), at, values);
  if (!p.winners) return;
  Bytes<8> winners;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const int *key = best.key + 4 * i;
    winners.word[i] = 0x08080808u - __byte_perm(__byte_perm(key[0], key[1], 0x0040), __byte_perm(key[2], key[3], 0x0040), 0x5410);
  }
  store_bytes<8>(p.winners, at, winners);
}

}  // namespace duet::norm_pool

/* Shared memory: 4 vectors a thread, for two rows of a step and, so that one barrier a step is enough, of the next step. */
extern "C" __global__ void __launch_bounds__(512, 2) norm_pool_forward_bf16(const __grid_constant__ duet_norm_pool p) {
  using namespace duet;
  using namespace duet::norm_pool;
  extern __shared__ uint4 edges[];
  uint32_t image = blockIdx.x;
  const int tile = static_cast<int>(split(image, p.tiles)), strip = static_cast<int>(split(image, p.strips));
  const Lane lane(p.group, 0);
  uint32_t pair = lane.vector;
  const uint32_t c = split(pair, p.channel_vectors);
  const int k = static_cast<int>(pair), column = tile * p.tile_columns + k;
  const bool makes = lane.used && k < p.tile_columns && column < p.output_width;

  Strip rows;
  rows.input = global<const bf16>(p.input);
  rows.channels = p.channels;
  rows.row_vectors = p.width * p.channels;
  rows.column = image * p.height * rows.row_vectors + 2 * column * rows.channels + c;
  rows.height = p.height;
  rows.has_even = lane.used && k <= p.tile_columns && column <= p.output_width && 2 * column < p.width;
  rows.has_odd = makes && 2 * column + 1 < p.width;
  rows.alpha = p.alpha;
  rows.k = p.k;

  const uint32_t buffer = 2 * blockDim.x, own = lane.vector;
  const uint32_t right = makes ? own + p.channels : 0; /* the vector of the next column */
  const int first = strip * p.strip_rows, last = min(first + p.strip_rows, p.output_height);
  const Columns top = rows.normalised(rows.fetch(2 * first), 2 * first, lane);
  if (lane.used) store_pairs<8>(edges, buffer + own, top.even);
  __syncthreads();
  Best above = row_best(top, load_pairs<8>(edges, buffer + right), 8);

  uint32_t at = ((image * p.output_height + first) * p.output_width + column) * p.channels + c;
  uint32_t half = 0;
#pragma unroll 1
  for (int y = first; y < last; y++) {
    const Columns middle_row = rows.fetch(2 * y + 1), bottom_row = rows.fetch(2 * y + 2);
    const Columns middle = rows.normalised(middle_row, 2 * y + 1, lane), bottom = rows.normalised(bottom_row, 2 * y + 2, lane);
    if (lane.used) {
      store_pairs<8>(edges, half + own, middle.even);
      store_pairs<8>(edges, half + blockDim.x + own, bottom.even);
    }
    __syncthreads();
    const Best second = row_best(middle, load_pairs<8>(edges, half + right), 5);
    const Best third = row_best(bottom, load_pairs<8>(edges, half + blockDim.x + right), 2);
    if (makes) write(p, at, better(better(above, second), third));
#pragma unroll
    for (int i = 0; i < 8; i++) above.key[i] = third.key[i] + 6; /* the first row of the next window */
    at += p.output_width * p.channels;
    half ^= buffer;
  }
}

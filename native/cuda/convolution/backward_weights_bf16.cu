/* backward_weights.cuh on tensor cores: input and output gradient in bf16, the gradients of weights and biases in fp32. A and B BY_TERM.
   FROM, TO: whether channels, filters of a group are multiples of eight. */
#include "common/bf16.cuh"
#include "common/update.cuh"
#include "convolution/tensor_gather.cuh"

namespace duet::tensor {

/* The windows of the pixels that a thread copies, in registers: shared memory would be asked for each of them in every slice. From slice to
   slice they move on by kTerms pixels, which are so many images, lines and pixels of a line, with what is carried. */
template <typename Copies> struct PixelWindows {
  int offset[Copies::count], y[Copies::count], x[Copies::count];
  int step, ahead, ahead_y, ahead_x;             /* of a slice: elements, lines, columns of the image */
  int end_y, end_x, size_y, size_x, line, image; /* line, image: elements more at the end of a line, an image */
  __device__ __forceinline__ PixelWindows(const duet_convolution &p, const Copies &copies, int first_pixel, int group) {
    const Raster slice(p, kTerms);
    const int across = static_cast<int>(p.raster_width.divisor), down = static_cast<int>(p.raster_area.divisor) / across;
    step = p.step;
    ahead_y = slice.y * p.step;
    ahead_x = slice.x * p.step;
    ahead = ((slice.image * p.height + ahead_y) * p.width + ahead_x) * p.channels;
    size_y = down * p.step;
    size_x = across * p.step;
    end_y = size_y + p.origin_y;
    end_x = size_x + p.origin_x;
    line = (p.step * p.width - size_x) * p.channels;
    image = (p.height - size_y) * p.width * p.channels;
#pragma unroll
    for (int i = 0; i < Copies::count; i++) {
      const Window at = window(p, Raster(p, first_pixel + copies.term + i * copies.step), group * static_cast<int>(p.depth.divisor), 0);
      offset[i] = at.offset;
      y[i] = at.y;
      x[i] = at.x;
    }
  }
  __device__ __forceinline__ Window operator[](int i) const { return {offset[i], y[i], x[i], 0}; }
  __device__ __forceinline__ void to_next_slice(int i) {
    x[i] += ahead_x;
    const bool next_line = x[i] >= end_x;
    x[i] -= next_line ? size_x : 0;
    y[i] += ahead_y + (next_line ? step : 0);
    const bool next_image = y[i] >= end_y;
    y[i] -= next_image ? size_y : 0;
    offset[i] += ahead + (next_line ? line : 0) + (next_image ? image : 0);
  }
};

/* The sums of a slice's columns in fp32, for the bias: a thread adds up two columns of every `parts`-th term. */
template <typename T> struct ColumnSums {
  static constexpr int across = T::columns / 2, parts = T::threads / across >= 4 ? 4 : 2;
  static_assert(T::threads >= across * parts);
  int pair = threadIdx.x % across, part = threadIdx.x / across;
  float low = 0, high = 0;
  __device__ __forceinline__ void add(const unsigned char *slice) {
    if (part < parts) {
#pragma unroll 8
      for (int term = part; term < kTerms; term += parts) {
        const int at = place_by_term<T::columns>(term, pair / 4) + pair % 4 * 4;
        const uint32_t both = *reinterpret_cast<const uint32_t *>(slice + at);
        low += __uint_as_float(both << 16);
        high += __uint_as_float(both & 0xffff0000u);
      }
    }
  }
  /* The parts together, in their order, through shared memory that nobody reads any more. */
  template <bool WHOLE>
  __device__ __forceinline__ void store(float2 *memory, float *to, float *momentum, const duet_update &change, int first_column,
                                        int columns) {
    __syncthreads();
    if (part < parts) {
      memory[part * across + pair] = make_float2(low, high);
    }
    __syncthreads();
    if (part == 0) {
      float2 sum = memory[pair];
#pragma unroll
      for (int i = 1; i < parts; i++) {
        const float2 other = memory[i * across + pair];
        sum = {sum.x + other.x, sum.y + other.y};
      }
      const int column = first_column + pair * 2;
      if (WHOLE && change.weight) {
        if (column < columns) {
          update<2>(to + column, momentum + column, 0, Values<2>{{sum.x, sum.y}}, rates(change.run, change.rate_index));
        }
      } else {
        store_pair<WHOLE>(to, column, columns, sum.x, sum.y);
      }
    }
  }
};

/* As `leave`, four neighbours at a time, so that the lanes of a row fill whole sectors of a plane: of two fragments side by side a lane
   with an even number takes the first and its neighbour the second. */
template <typename T, typename PartOf, typename Store>
__device__ __forceinline__ void leave_fours(const Sums<T> &sum, int first_column, const PartOf &part_of, const Store &store) {
  static_assert(T::n % 2 == 0);
  const Place<T> place;
  const int lane = threadIdx.x % 32, odd = lane & 1, column = first_column + place.column + lane % 4 / 2 * 4 + odd * 8;
#pragma unroll
  for (int i = 0; i < T::m * 2; i++) {
#pragma unroll
    for (int j = 0; j < T::n; j += 2) {
      const float *first = sum.of[i / 2][j] + i % 2 * 2, *second = sum.of[i / 2][j + 1] + i % 2 * 2;
      const float low = __shfl_xor_sync(0xffffffff, odd ? first[0] : second[0], 1);
      const float high = __shfl_xor_sync(0xffffffff, odd ? first[1] : second[1], 1);
      const int offset = part_of(place.row + i * 8 + lane / 4);
      if (offset >= 0) {
        store(offset, column + j * 8, odd ? Values<4>{{low, high, second[0], second[1]}} : Values<4>{{first[0], first[1], low, high}});
      }
    }
  }
}

template <typename T, bool FROM, bool TO> __device__ __forceinline__ void backward_weights(const duet_convolution &p) {
  Shared<T> &shared = shared_of<T>();
  const int group = blockIdx.y;
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_pixel = blockIdx.z * p.terms_per_split;
  const int end_pixel = min(p.terms, first_pixel + p.terms_per_split);

  const TermCopies<T, T::rows> from;
  const TermCopies<T, T::columns> to;
  const int row = first_row + from.at;
  const Tap tap = [&] {
    const Tap t = product::forward_tap(p, row, p.rows);
    return Tap{kept(t.offset), kept(t.y), kept(t.x)};
  }();
  PixelWindows<decltype(from)> windows(p, from, first_pixel, group);
  const uint16_t *gradient = reinterpret_cast<const uint16_t *>(p.dense);
  const int column = first_column + to.at, columns_there = kept(p.columns - column);
  const int gradient_from = kept((first_pixel + to.term) * p.result_channels + group * p.columns + column);
  auto copy_slice = [&](int slice, unsigned a, unsigned b) {
    const int there = end_pixel - first_pixel - slice * kTerms; /* pixels */
    if (from.takes_part()) {
#pragma unroll
      for (int i = 0; i < from.count; i++) {
        copy_window<FROM>(a + from.to(i), p, from.term + i * from.step < there ? windows[i] : no_window(),
                          [&](int k) { return FROM ? tap : product::forward_tap(p, row + k, p.rows); });
        windows.to_next_slice(i);
      }
    }
    if (to.takes_part()) {
#pragma unroll
      for (int i = 0; i < to.count; i++) {
        copy_dense<TO>(b + to.to(i), gradient, gradient_from + (slice * kTerms + i * to.step) * p.result_channels,
                       to.term + i * to.step < there ? columns_there : 0);
      }
    }
  };
  const bool sums_bias = p.bias && first_row == 0;
  ColumnSums<T> bias_sums;
  Sums<T> sum;
  const int slices = (end_pixel - first_pixel + kTerms - 1) / kTerms;
  auto after_barrier = [&](int, int buffer) {
    if (sums_bias) {
      bias_sums.add(shared.b[buffer]);
    }
  };
  sum_slices<T, BY_TERM, BY_TERM>(shared, sum, slices, copy_slice, after_barrier);

  if (sums_bias) {
    float *bias = reinterpret_cast<float *>(TO && p.bias_update.weight ? p.bias_update.weight : p.bias) + blockIdx.z * p.split_stride;
    float *momentum = reinterpret_cast<float *>(p.bias_update.momentum);
    bias_sums.template store<TO>(reinterpret_cast<float2 *>(shared.a), bias + group * p.columns, momentum + group * p.columns,
                                 p.bias_update, first_column, p.columns);
  }
  auto part_of = [&](int row) { return first_row + row < p.rows ? (group * p.rows + first_row + row) * p.columns : -1; };
  if constexpr (TO) {
    if (p.update.weight) {
      const Rates r = rates(p.update.run, p.update.rate_index);
      uint16_t *upper = reinterpret_cast<uint16_t *>(p.update.weight);
      const Planes weight(upper, static_cast<uint64_t>(gridDim.y) * p.rows * p.columns);
      float *momentum = reinterpret_cast<float *>(p.update.momentum);
      leave_fours<T>(sum, first_column, part_of, [&](int offset, int column, Values<4> gradient) {
        if (column < p.columns) {
          update<4>(weight + (offset + column), momentum + offset + column, 0, gradient, r);
        }
      });
      return;
    }
  }
  float *result = reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride;
  store_sums<T, TO>(result, sum, first_column, p.columns, part_of);
}

}  // namespace duet::tensor

#define DUET_BACKWARD_WEIGHTS_BF16(NAME, ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES, BLOCKS, FROM, TO) \
  extern "C" __global__ void __launch_bounds__(ROWS / WARP_ROWS * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::backward_weights<duet::tensor::Tile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES>, FROM, TO>(p); \
  }
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_256x128, 256, 128, 64, 64, 4, 1, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_128x192, 128, 192, 64, 48, 4, 1, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_128x128, 128, 128, 64, 64, 4, 2, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_256x96, 256, 96, 64, 48, 4, 1, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_128x96, 128, 96, 64, 48, 4, 2, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_128x48, 128, 48, 32, 48, 4, 2, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_128x64, 128, 64, 64, 32, 4, 2, true, true)
DUET_BACKWARD_WEIGHTS_BF16(convolution_backward_weights_bf16_scalar, 128, 64, 64, 32, 3, 2, false, false)
#undef DUET_BACKWARD_WEIGHTS_BF16

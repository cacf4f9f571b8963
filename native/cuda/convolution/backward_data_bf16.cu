/* backward_data.cuh on tensor cores: gradients and mask in bf16, of the filters their upper plane. A and B BY_ROW.
   WHOLE: channels and filters of a group are multiples of eight.

   PAIRS, for few channels and stride 1: a row is two neighbouring pixels x, x + 1, a column a channel of the first or of the second. Both
   are read through one window, a tap wider than the kernel: its tap is the first one's kernel column tap - 1, the second one's kernel
   column tap, and zero where there is no such column. So the gradient is fetched once for two pixels; of 6 taps 5 count (5x5). */
#include "convolution/backward_data.cuh"
#include "convolution/tensor_gather.cuh"

namespace duet::tensor {

/* The place of two pixels in the result, and their window. */
__device__ __forceinline__ Window pair_window(const duet_convolution &p, int pair, int group) {
  const Raster at(p, pair);
  const int x = at.x * 2, y = at.y + p.padding_top, column = x + p.padding + 1;
  const int result = ((at.image * p.result_height + at.y) * p.result_width + x) * p.result_channels + group * (p.columns / 2);
  const int from = ((at.image * p.height + y) * p.width + column) * p.channels + group * static_cast<int>(p.depth.divisor);
  return pair < p.rows ? Window{from, y, column, result} : no_window();
}

template <typename T, bool WHOLE, bool PAIRS> __device__ __forceinline__ void backward_data(const duet_convolution &p) {
  Shared<T> &shared = shared_of<T>();
  const int group = blockIdx.y / p.phases;
  const product::Phase phase{static_cast<int>(blockIdx.y) % p.phases / p.stride, static_cast<int>(blockIdx.y) % p.stride};
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);

  for (int row = threadIdx.x; row < T::rows; row += T::threads) {
    shared.windows[row] = PAIRS ? pair_window(p, first_row + row, group) : product::data_window(p, first_row + row, phase, group);
  }
  __syncthreads();

  const RowCopies<T, T::rows> window_copies;
  const RowWindows windows(window_copies, shared.windows);
  const RowCopies<T, T::columns> filter_copies;
  const uint16_t *filter = reinterpret_cast<const uint16_t *>(p.dense);
  const int depth = static_cast<int>(p.depth.divisor);
  const int columns_there = kept(p.columns - first_column - filter_copies.row);
  const int channels = PAIRS ? p.columns / 2 : p.columns;
  const int filter_from = kept((group * p.kernel * p.kernel * channels + first_column + filter_copies.row) * depth);

  /* A term: tap and channel of the gradient; `filter`: where the filter of the thread's first column has it, -1 for nowhere. */
  struct Term {
    Tap tap;
    int filter;
    bool first, second; /* PAIRS: whether they have a filter */
  };
  auto term_of = [&](int term) -> Term {
    const int pixel = product::quotient(term, p.depth);
    const int y = product::quotient(pixel, p.taps_across);
    const int x = pixel - y * static_cast<int>(p.taps_across.divisor);
    const int channel = term - pixel * depth;
    const int kernel_y = y * p.stride + phase.y, kernel_x = x * p.stride + phase.x - PAIRS;
    const bool there = (term < end_term) & (kernel_y < p.kernel) & (kernel_x < p.kernel);
    return {{channel - (y * p.width + x) * p.channels, -y, there ? -x : product::kNowhere},
            there   ? filter_from + (kernel_y * p.kernel + kernel_x) * channels * depth + channel
            : PAIRS ? 0
                    : -1,
            there && x > 0,
            there && x < p.kernel};
  };
  auto copy_slice = [&](int slice, unsigned a, unsigned b) {
    const int term = first_term + slice * kTerms + window_copies.term;
    if constexpr (WHOLE) {
      const Term all = term_of(term);
#pragma unroll
      for (int i = 0; i < window_copies.count; i++) {
        if (window_copies.has(i)) {
          copy_window<true>(a + window_copies.to(i), p, windows[i], [&](int) { return all.tap; });
        }
      }
      const int columns = !PAIRS && all.filter < 0 ? 0 : columns_there;
#pragma unroll
      for (int i = 0; i < filter_copies.count; i++) {
        if (filter_copies.has(i)) {
          const int ahead = i * filter_copies.step;
          const bool there = !PAIRS || (first_column + filter_copies.row + ahead < channels ? all.first : all.second);
          copy_dense<true>(b + filter_copies.to(i), filter, all.filter + ahead * depth, there ? columns - ahead : 0);
        }
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < window_copies.count; i++) {
        copy_window<false>(a + window_copies.to(i), p, load_window(shared.windows + window_copies.row + i * window_copies.step),
                           [&](int k) { return term_of(term + k).tap; });
      }
#pragma unroll 1
      for (int i = 0; i < filter_copies.count; i++) {
#pragma unroll 1
        for (int k = 0; k < kChunk; k++) {
          const int from = term_of(term + k).filter, ahead = i * filter_copies.step;
          const bool there = from >= 0 && ahead < columns_there;
          copy_number(b + filter_copies.to(i) + 2 * k, filter + (there ? from + ahead * depth : 0), there);
        }
      }
    }
  };

  Sums<T> sum;
  const int slices = (end_term - first_term + kTerms - 1) / kTerms;
  sum_slices<T, BY_ROW, BY_ROW>(shared, sum, slices, copy_slice, [](int, int) {});
  store_pixels<T, WHOLE, PAIRS>(p, shared, sum, first_column, nullptr);
}

}  // namespace duet::tensor

#define DUET_BACKWARD_DATA_BF16(NAME, ROWS, COLUMNS, WARP_COLUMNS, STAGES, BLOCKS, WHOLE, PAIRS) \
  extern "C" __global__ void __launch_bounds__(ROWS / 64 * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::backward_data<duet::tensor::Tile<ROWS, COLUMNS, 64, WARP_COLUMNS, STAGES>, WHOLE, PAIRS>(p); \
  }
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x128, 256, 128, 64, 4, 1, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x192, 128, 192, 48, 4, 1, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x128, 128, 128, 64, 4, 2, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x96, 256, 96, 48, 4, 1, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x96, 128, 96, 48, 4, 2, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x48, 256, 48, 48, 4, 2, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x64, 128, 64, 32, 4, 2, true, false)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_pairs_256x96, 256, 96, 48, 4, 1, true, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_pairs_128x96, 128, 96, 48, 4, 2, true, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_scalar, 128, 64, 32, 3, 2, false, false)
#undef DUET_BACKWARD_DATA_BF16

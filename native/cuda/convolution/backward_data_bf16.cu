/* backward_data.cuh on tensor cores: gradients and mask in bf16, of the filters their upper plane. A and B BY_ROW.
   WHOLE: channels and filters of a group are multiples of eight. */
#include "convolution/backward_data.cuh"
#include "convolution/tensor_resident.cuh"

namespace duet::tensor {

template <typename T, bool WHOLE> __device__ __forceinline__ void backward_data(const duet_convolution &p) {
  Shared<T> &shared = shared_of<T>();
  const int group = blockIdx.y / p.phases;
  const product::Phase phase{static_cast<int>(blockIdx.y) % p.phases / p.stride, static_cast<int>(blockIdx.y) % p.stride};
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);

  find_windows<!WHOLE>(shared, [&](int row) { return product::data_window(p, first_row + row, phase, group); });

  const RowCopies<T, T::rows> window_copies;
  const Window *rows = windows_of<!WHOLE>(shared);
  const RowWindows windows(window_copies, rows);
  const RowCopies<T, T::columns> filter_copies;
  const uint16_t *filter = reinterpret_cast<const uint16_t *>(p.dense);
  const int depth = static_cast<int>(p.depth.divisor);
  const int columns_there = kept(p.columns - first_column - filter_copies.row);
  const int filter_from = kept((group * p.kernel * p.kernel * p.columns + first_column + filter_copies.row) * depth);

  /* A term: tap and channel of the gradient; `filter`: where the filter of the thread's first column has it, -1 for nowhere. */
  struct Term {
    Tap tap;
    int filter;
  };
  auto term_of = [&](int term) -> Term {
    const int pixel = product::quotient(term, p.depth);
    const int y = product::quotient(pixel, p.taps_across);
    const int x = pixel - y * static_cast<int>(p.taps_across.divisor);
    const int channel = term - pixel * depth;
    const int kernel_y = y * p.stride + phase.y, kernel_x = x * p.stride + phase.x;
    const bool there = (term < end_term) & (kernel_y < p.kernel) & (kernel_x < p.kernel);
    return {{channel - (y * p.width + x) * p.channels, -y, there ? -x : product::kNowhere},
            there ? filter_from + (kernel_y * p.kernel + kernel_x) * p.columns * depth + channel : -1};
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
      const int columns = all.filter < 0 ? 0 : columns_there;
#pragma unroll
      for (int i = 0; i < filter_copies.count; i++) {
        if (filter_copies.has(i)) {
          const int ahead = i * filter_copies.step;
          copy_dense<true>(b + filter_copies.to(i), filter, all.filter + ahead * depth, columns - ahead);
        }
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < window_copies.count; i++) {
        copy_window<false>(a + window_copies.to(i), p, load_window(rows + window_copies.row + i * window_copies.step),
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
  store_pixels<T, WHOLE>(p, shared.a[0], sum, first_column, nullptr, [&](int row) { return shared.results[row]; });
}

/* The same with its windows resident, for stride 1. */
template <typename T, int PLACES> __device__ __forceinline__ void backward_data_resident(const duet_convolution &p) {
  const int group = blockIdx.y, depth = static_cast<int>(p.depth.divisor), taps = static_cast<int>(p.taps_across.divisor);
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;

  const RowCopies<T, T::columns> copies;
  const uint16_t *filter = reinterpret_cast<const uint16_t *>(p.dense);
  const int end_window = end_of_windows(p);
  const bool later = copies.term >= kPlaceTerms;
  const int there = kept(p.columns - first_column - copies.row);
  const int from = kept((group * taps * taps * p.columns + first_column + copies.row) * depth + copies.term % kPlaceTerms);
  auto copy_filter = [&](unsigned b, Half first, Half second) {
    const Half half = later ? second : first;
    const int at = from + half.tap * p.columns * depth + half.window * kPlaceTerms;
#pragma unroll
    for (int i = 0; i < copies.count; i++) {
      if (copies.has(i)) {
        const int ahead = i * copies.step;
        copy_dense<true>(b + copies.to(i), filter, at + ahead * depth, half.window < end_window ? there - ahead : 0);
      }
    }
  };
  convolve_resident<T, PLACES, true, BY_ROW>(p, first_row, first_column, group, nullptr, copy_filter);
}

}  // namespace duet::tensor

#define DUET_BACKWARD_DATA_BF16(NAME, ROWS, COLUMNS, WARP_COLUMNS, STAGES, BLOCKS, WHOLE) \
  extern "C" __global__ void __launch_bounds__(ROWS / 64 * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::backward_data<duet::tensor::Tile<ROWS, COLUMNS, 64, WARP_COLUMNS, STAGES>, WHOLE>(p); \
  }
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x128, 256, 128, 64, 4, 1, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x192, 128, 192, 48, 4, 1, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x128, 128, 128, 64, 4, 2, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x96, 256, 96, 48, 4, 1, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x96, 128, 96, 48, 4, 2, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_256x48, 256, 48, 48, 4, 2, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_128x64, 128, 64, 32, 4, 2, true)
DUET_BACKWARD_DATA_BF16(convolution_backward_data_bf16_scalar, 128, 64, 32, 3, 2, false)
#undef DUET_BACKWARD_DATA_BF16

#define DUET_RESIDENT(NAME, ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES, BLOCKS, PLACES) \
  extern "C" __global__ void __launch_bounds__(ROWS / WARP_ROWS * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::backward_data_resident<duet::tensor::Tile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES>, PLACES>(p); \
  }
DUET_RESIDENT(convolution_backward_data_bf16_resident_256x64, 256, 64, 64, 64, 4, 2, 576)
DUET_RESIDENT(convolution_backward_data_bf16_resident_256x48, 256, 48, 64, 48, 4, 3, 576)
DUET_RESIDENT(convolution_backward_data_bf16_resident_192x64, 192, 64, 48, 64, 4, 3, 480)
#undef DUET_RESIDENT

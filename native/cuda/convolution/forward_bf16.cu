/* forward.cuh on tensor cores: activations in bf16, of the filters their upper plane. A BY_ROW, B BY_TERM.
   FROM, TO: whether channels, filters of a group are multiples of eight. */
#include "convolution/tensor_resident.cuh"

namespace duet::tensor {

__device__ __forceinline__ const float *bias_of(const duet_convolution &p, int group) {
  return p.bias ? reinterpret_cast<const float *>(p.bias) + group * p.columns : nullptr;
}

template <typename T, bool FROM, bool TO> __device__ __forceinline__ void forward(const duet_convolution &p) {
  Shared<T> &shared = shared_of<T>();
  const int group = blockIdx.y;
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);

  find_windows<!FROM>(shared, [&](int row) {
    const int pixel = first_row + row;
    return pixel < p.rows
               ? window(p, Raster(p, pixel), group * static_cast<int>(p.depth.divisor), pixel * p.result_channels + group * p.columns)
               : no_window();
  });

  const RowCopies<T, T::rows> window_copies;
  const Window *rows = windows_of<!FROM>(shared);
  const RowWindows windows(window_copies, rows);
  const TermCopies<T, T::columns> filter_copies;
  const uint16_t *filter = reinterpret_cast<const uint16_t *>(p.dense);
  const int column = first_column + filter_copies.at, filter_term = first_term + filter_copies.term;
  const int terms_there = kept(column < p.columns && filter_copies.takes_part() ? end_term - filter_term : 0);
  const int filter_from = kept((group * p.terms + filter_term) * p.columns + column);
  auto copy_slice = [&](int slice, unsigned a, unsigned b) {
    const int term = first_term + slice * kTerms + window_copies.term;
    auto tap_of = [&](int i) { return product::forward_tap(p, term + i, end_term); };
    if constexpr (FROM) {
      const Tap tap = tap_of(0);
#pragma unroll
      for (int i = 0; i < window_copies.count; i++) {
        if (window_copies.has(i)) {
          copy_window<FROM>(a + window_copies.to(i), p, windows[i], [&](int) { return tap; });
        }
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < window_copies.count; i++) {
        if (window_copies.has(i)) {
          copy_window<FROM>(a + window_copies.to(i), p, load_window(rows + window_copies.row + i * window_copies.step), tap_of);
        }
      }
    }
    if (filter_copies.takes_part()) {
#pragma unroll
      for (int i = 0; i < filter_copies.count; i++) {
        const int ahead = slice * kTerms + i * filter_copies.step;
        copy_dense<TO>(b + filter_copies.to(i), filter, filter_from + ahead * p.columns, ahead < terms_there ? p.columns - column : 0);
      }
    }
  };

  Sums<T> sum;
  const int slices = (end_term - first_term + kTerms - 1) / kTerms;
  sum_slices<T, BY_ROW, BY_TERM>(shared, sum, slices, copy_slice, [](int, int) {});
  store_pixels<T, TO>(p, shared.a[0], sum, first_column, bias_of(p, group), [&](int row) { return shared.results[row]; });
}

/* The same with its windows resident. */
template <typename T, int PLACES> __device__ __forceinline__ void forward_resident(const duet_convolution &p) {
  const int group = blockIdx.y, depth = static_cast<int>(p.depth.divisor), end_window = end_of_windows(p);
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;

  const TermCopies<T, T::columns> copies;
  const uint16_t *filter = reinterpret_cast<const uint16_t *>(p.dense);
  const int column = first_column + copies.at;
  const int there = kept(copies.takes_part() ? p.columns - column : 0);
  const int from = kept((group * p.terms + copies.term % kPlaceTerms) * p.columns + column);
  auto copy_filter = [&](unsigned b, Half first, Half second) {
    if (copies.takes_part()) {
#pragma unroll
      for (int i = 0; i < copies.count; i++) {
        const bool later = copies.step > kPlaceTerms ? copies.term >= kPlaceTerms : i * copies.step >= kPlaceTerms;
        const Half half = later ? second : first;
        const int term = half.tap * depth + half.window * kPlaceTerms + i * copies.step % kPlaceTerms;
        copy_dense<true>(b + copies.to(i), filter, from + term * p.columns, half.window < end_window ? there : 0);
      }
    }
  };
  convolve_resident<T, PLACES, false, BY_TERM>(p, first_row, first_column, group, bias_of(p, group), copy_filter);
}

}  // namespace duet::tensor

#define DUET_FORWARD_BF16(NAME, ROWS, COLUMNS, WARP_COLUMNS, STAGES, BLOCKS, FROM, TO) \
  extern "C" __global__ void __launch_bounds__(ROWS / 64 * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::forward<duet::tensor::Tile<ROWS, COLUMNS, 64, WARP_COLUMNS, STAGES>, FROM, TO>(p); \
  }
DUET_FORWARD_BF16(convolution_forward_bf16_256x128, 256, 128, 64, 4, 1, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_128x192, 128, 192, 48, 4, 1, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_128x128, 128, 128, 64, 4, 2, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_256x96, 256, 96, 48, 4, 1, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_128x96, 128, 96, 48, 4, 2, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_256x48, 256, 48, 48, 4, 2, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_128x64, 128, 64, 32, 4, 2, true, true)
DUET_FORWARD_BF16(convolution_forward_bf16_scalar, 128, 64, 32, 3, 2, false, false)
#undef DUET_FORWARD_BF16

#define DUET_RESIDENT(NAME, ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES, BLOCKS, PLACES) \
  extern "C" __global__ void __launch_bounds__(ROWS / WARP_ROWS * COLUMNS / WARP_COLUMNS * 32, BLOCKS) \
      NAME(const __grid_constant__ duet_convolution p) { \
    duet::tensor::forward_resident<duet::tensor::Tile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, STAGES>, PLACES>(p); \
  }
DUET_RESIDENT(convolution_forward_bf16_resident_256x64, 256, 64, 64, 64, 4, 2, 576)
DUET_RESIDENT(convolution_forward_bf16_resident_256x48, 256, 48, 64, 48, 4, 3, 576)
DUET_RESIDENT(convolution_forward_bf16_resident_192x64, 192, 64, 48, 64, 4, 3, 480)
#undef DUET_RESIDENT

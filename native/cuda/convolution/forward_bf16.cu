/* forward.cuh on tensor cores: activations in bf16, of the filters their upper plane. A BY_ROW, B BY_TERM.
   FROM, TO: whether channels, filters of a group are multiples of eight. */
#include "convolution/tensor_gather.cuh"

namespace duet::tensor {

template <typename T, bool FROM, bool TO> __device__ __forceinline__ void forward(const duet_convolution &p) {
  Shared<T> &shared = shared_of<T>();
  const int group = blockIdx.y;
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);

  for (int row = threadIdx.x; row < T::rows; row += T::threads) {
    const int pixel = first_row + row;
    shared.windows[row] = pixel < p.rows ? window(p, Raster(p, pixel), group * static_cast<int>(p.depth.divisor),
                                                  pixel * p.result_channels + group * p.columns)
                                         : no_window();
  }
  __syncthreads();

  const RowCopies<T, T::rows> window_copies;
  const RowWindows windows(window_copies, shared.windows);
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
          copy_window<FROM>(a + window_copies.to(i), p, load_window(shared.windows + window_copies.row + i * window_copies.step), tap_of);
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
  store_pixels<T, TO>(p, shared, sum, first_column, p.bias ? reinterpret_cast<const float *>(p.bias) + group * p.columns : nullptr);
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

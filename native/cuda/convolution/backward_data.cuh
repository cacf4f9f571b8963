/* input_gradient[pixel][channel] = sum over taps, filters of output_gradient[pixel + padding - tap / stride][filter] *
   filter[tap][channel][filter], where stride divides; then 0 where the mask is not above 0, else times mask_scale.

   With stride s, input row y = s * a + phase - padding_top meets kernel rows s * t + phase, in output row a - t, and likewise columns: each
   phase is a dense convolution, so no multiplications are spent on taps that do not meet. Stride 1 is the one phase 0.
   Rows of a tile: pixels of a phase; columns: channels of a group; terms: tap row, tap column, filter.
   A and B BY_ROW: filters lie side by side in both. VECTOR 4 where channels and filters of a group are multiples of 4. */
#pragma once
#include "convolution/gather.cuh"

namespace duet::product {

struct Phase {
  int y, x;
};

/* The place of a raster pixel of a phase in the result, and its window; none if it lies outside the image. */
__device__ __forceinline__ Window data_window(const duet_convolution &p, int pixel, Phase phase, int group) {
  const Raster at(p, pixel);
  const int y = (at.y + p.origin_y) * p.stride + phase.y - p.padding_top, x = (at.x + p.origin_x) * p.stride + phase.x - p.padding;
  if (pixel >= p.rows || y < 0 || y >= p.result_height || x < 0 || x >= p.result_width) {
    return no_window();
  }
  const int result = ((at.image * p.result_height + y) * p.result_width + x) * p.result_channels + group * p.columns;
  return window(p, at, group * static_cast<int>(p.depth.divisor), result);
}

template <typename T, int VECTOR> __device__ __forceinline__ void backward_data(const duet_convolution &p) {
  __shared__ Shared<T, T::rows> shared;
  const int group = blockIdx.y / p.phases;
  const Phase phase{static_cast<int>(blockIdx.y) % p.phases / p.stride, static_cast<int>(blockIdx.y) % p.stride};
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);

  for (int row = threadIdx.x; row < T::rows; row += T::threads) {
    shared.windows[row] = data_window(p, first_row + row, phase, group);
  }
  __syncthreads();

  const RowCopies<T, T::rows, VECTOR, false> window_copies(shared.a[0]);
  const RowCopies<T, T::columns, VECTOR, true> filter_copies(shared.b[0]);
  const float *filter = reinterpret_cast<const float *>(p.dense);
  const int depth = static_cast<int>(p.depth.divisor);
  const int columns_there = kept(p.columns - first_column - filter_copies.row);
  const int filter_from = kept((group * p.kernel * p.kernel * p.columns + first_column + filter_copies.row) * depth);
  auto copy_slice = [&](int slice, int buffer) {
    const int term = first_term + slice * kSlice + window_copies.term;
    const int pixel = quotient(term, p.depth);
    const int y = quotient(pixel, p.taps_across);
    const int x = pixel - y * static_cast<int>(p.taps_across.divisor);
    const int gradient_channel = term - pixel * depth;
    const int kernel_y = y * p.stride + phase.y, kernel_x = x * p.stride + phase.x;
    const bool there = (term < end_term) & (kernel_y < p.kernel) & (kernel_x < p.kernel);
    const Tap tap{gradient_channel - (y * p.width + x) * p.channels, -y, there ? -x : kNowhere};
    copy_windows<T, VECTOR>(window_copies, buffer * sizeof shared.a[0], p, shared.windows, tap);
    const int from = filter_from + (kernel_y * p.kernel + kernel_x) * p.columns * depth + gradient_channel;
    const int columns = there ? columns_there : 0;
#pragma unroll
    for (int i = 0; i < filter_copies.count; i++) {
      if (filter_copies.has(i)) {
        const int ahead = filter_copies.ahead(i);
        copy<VECTOR>(filter_copies.to(i) + buffer * sizeof shared.b[0], filter + (ahead < columns ? from + ahead * depth : 0),
                     ahead < columns);
      }
    }
  };

  const Place<T> place;
  typename T::Sums sum;
  const int slices = (end_term - first_term + kSlice - 1) / kSlice;
  sum_slices<T, BY_ROW, BY_ROW>(shared, sum, place, slices, copy_slice, [](int, int) {});

  float *result = reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride;
  const float *mask = reinterpret_cast<const float *>(p.mask);
#pragma unroll
  for (int i = 0; i < T::result_rows; i++) {
    const int offset = shared.windows[place.template result_row<BY_ROW>(i)].partner;
    if (offset >= 0) {
#pragma unroll
      for (int four = 0; four < T::result_fours; four++) {
        const int at = first_column + place.result_column(four);
        float4 v = result_four(sum, i, four);
        if (p.mask) {
          v = masked(v, load<VECTOR>(mask + offset, at, p.columns), p.mask_scale);
        }
        store<VECTOR>(result + offset, at, p.columns, v);
      }
    }
  }
}

}  // namespace duet::product

/* output[pixel][filter] = activation(bias[filter] + sum over terms of input[window of the pixel][term] * filter[term][filter]).

   Rows of a tile: output pixels of all images; columns: filters of one group; terms: kernel row, kernel column, channel, so that without
   groups a kernel row is kernel * channels floats side by side (33 of them in the first layer).
   A BY_ROW (a pixel's terms lie side by side in NHWC), B BY_TERM (the filter layout).
   FROM, TO: floats a copy of input and filter; 4 where channels, filters of a group are a multiple of 4. */
#pragma once
#include "common/finite.cuh"
#include "convolution/gather.cuh"

namespace duet::product {

template <typename T, int FROM, int TO> __device__ __forceinline__ void forward(const duet_convolution &p) {
  __shared__ Shared<T, T::rows> shared;
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
  if (threadIdx.x == 0) {
    shared.first_column = first_column;
  }
  __syncthreads();

  const RowCopies<T, T::rows, FROM, false> window_copies(shared.a[0]);
  using FilterCopies = TermCopies<T, T::columns, TO>;
  const FilterCopies filter_copies(shared.b[0]);
  const float *filter = reinterpret_cast<const float *>(p.dense);
  const int filter_term = first_term + filter_copies.term, column = first_column + filter_copies.at;
  const int terms_there = kept(column < p.columns ? end_term - filter_term : 0);
  const int filter_from = kept((group * p.terms + filter_term) * p.columns + column);
  auto copy_slice = [&](int slice, int buffer) {
    const int term = first_term + slice * kSlice + window_copies.term;
    const Tap tap = forward_tap(p, term, end_term);
    const unsigned place = buffer * sizeof shared.a[0];
    if constexpr (FROM == 1) {
      if (p.inside) {
        copy_windows_inside<T>(window_copies, place, p, shared.windows, tap);
      } else {
        copy_windows<T, FROM>(window_copies, place, p, shared.windows, tap);
      }
    } else {
      copy_windows<T, FROM>(window_copies, place, p, shared.windows, tap);
    }
#pragma unroll
    for (int i = 0; i < FilterCopies::count; i++) {
      if (filter_copies.has(i)) {
        const int ahead = slice * kSlice + i * FilterCopies::step;
        const bool there = ahead < terms_there;
        copy<TO>(filter_copies.to(i) + buffer * sizeof shared.b[0], filter + (there ? filter_from + ahead * p.columns : 0), there);
      }
    }
  };

  const Place<T> place;
  typename T::Sums sum;
  const int slices = (end_term - first_term + kSlice - 1) / kSlice;
  sum_slices<T, BY_ROW, BY_TERM>(shared, sum, place, slices, copy_slice, [](int, int) {});

  float *result = reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride;
  const float *bias = reinterpret_cast<const float *>(p.bias) + group * p.columns;
  uint32_t found = 0;
#pragma unroll
  for (int four = 0; four < T::result_fours; four++) {
    const int at = shared.first_column + place.result_column(four);
    const float4 shift = p.bias ? load<TO>(bias, at, p.columns) : make_float4(0, 0, 0, 0);
#pragma unroll
    for (int i = 0; i < T::result_rows; i++) {
      const int offset = shared.windows[place.template result_row<BY_ROW>(i)].partner;
      if (offset >= 0) {
        float4 v = result_four(sum, i, four);
        if (p.bias) {
          v = plus(v, shift);
        }
        if (p.rectify) {
          v = rectified(v);
        }
        found |= fault(v); /* beyond the last column are sums of products with 0 */
        store<TO>(result + offset, at, p.columns, v);
      }
    }
  }
  if (p.status && found) {
    *reinterpret_cast<uint32_t *>(p.status) = 1;
  }
}

}  // namespace duet::product

/* weight_gradient[term][filter] = sum over pixels of input[window of the pixel][term] * output_gradient[pixel][filter];
   bias_gradient[filter] = sum over pixels of output_gradient[pixel][filter], by the blocks of the first row of tiles.

   Rows of a tile: kernel row, kernel column, channel; columns: filters of a group; terms: output pixels of all images, cut into splits.
   A and B BY_TERM. FROM, TO: floats a copy of input and output gradient, as in forward. A thread's taps never change; the windows of a
   slice's 16 pixels are computed by 16 threads two slices ahead. */
#pragma once
#include "common/update.cuh"
#include "convolution/gather.cuh"

namespace duet::product {

__device__ __forceinline__ float *float_at(duet_address address) { return reinterpret_cast<float *>(address); }

/* Copies of four floats of A: a thread has one tap. */
template <typename T, int VECTOR> struct TapCopies {
  TermCopies<T, T::rows, VECTOR> copies;
  Tap tap;
  __device__ __forceinline__ TapCopies(const float *slice, const duet_convolution &p, int first_row) : copies(slice) {
    tap = forward_tap(p, first_row + copies.at, p.rows);
    tap = {kept(tap.offset), kept(tap.y), kept(tap.x)};
  }
  __device__ __forceinline__ void start(unsigned buffer, const duet_convolution &p, const Window *windows) const {
#pragma unroll
    for (int i = 0; i < copies.count; i++) {
      if (copies.has(i)) {
        copy_gathered<VECTOR>(copies.to(i) + buffer, p, load_window(windows + copies.term + i * copies.step), tap);
      }
    }
  }
};

/* Copies of one float: a warp has every `warps`-th window and all taps, so that a window is loaded once for several copies. */
template <typename T> struct TapCopies<T, 1> {
  static constexpr int warps = T::threads / 32, count = (kSlice + warps - 1) / warps, across = T::rows / 32;
  int warp;
  unsigned first;
  int offset[across], place[across]; /* of the tap: y, x in 16 bits each; -1 for none */
  __device__ __forceinline__ TapCopies(const float *slice, const duet_convolution &p, int first_row) {
    warp = threadIdx.x / 32;
    first = kept(shared_address(slice + term_at<T, T::rows>(threadIdx.x / 32) + threadIdx.x % 32));
#pragma unroll
    for (int i = 0; i < across; i++) {
      const Tap tap = forward_tap(p, first_row + threadIdx.x % 32 + i * 32, p.rows);
      offset[i] = kept(tap.offset);
      place[i] = kept(tap.x == kNowhere ? -1 : tap.y << 16 | tap.x);
    }
  }
  __device__ __forceinline__ void start(unsigned buffer, const duet_convolution &p, const Window *windows) const {
#pragma unroll
    for (int j = 0; j < count; j++) {
      if (kSlice % warps != 0 && warp + j * warps >= kSlice) {
        break;
      }
      const Window window = load_window(windows + warp + j * warps);
      const unsigned to = first + buffer + term_at<T, T::rows>(j * warps) * 4;
      if (p.inside) {
#pragma unroll
        for (int i = 0; i < across; i++) {
          copy_inside(to + i * 128, p, window.offset + offset[i], window.partner >= 0);
        }
      } else {
#pragma unroll
        for (int i = 0; i < across; i++) {
          copy_gathered<1>(to + i * 128, p, window, {offset[i], place[i] >> 16, place[i] < 0 ? kNowhere : place[i] & 0xffff});
        }
      }
    }
  }
};

template <typename T, int FROM, int TO> __device__ __forceinline__ void backward_weights(const duet_convolution &p) {
  __shared__ Shared<T, 2 * kSlice> shared;
  const int group = blockIdx.y;
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_pixel = blockIdx.z * p.terms_per_split;
  const int end_pixel = min(p.terms, first_pixel + p.terms_per_split);

  auto find_window = [&](int slice, int number) {
    const int pixel = first_pixel + slice * kSlice + number;
    shared.windows[(slice & 1) * kSlice + number] = pixel < end_pixel
                                                        ? window(p, Raster(p, pixel), group * static_cast<int>(p.depth.divisor),
                                                                 pixel * p.result_channels + group * p.columns)
                                                        : no_window();
  };
  if (threadIdx.x == 0) {
    shared.first_column = first_column;
  }
  if (threadIdx.x < 2 * kSlice) {
    find_window(threadIdx.x / kSlice, threadIdx.x % kSlice);
  }
  __syncthreads();

  const TapCopies<T, FROM> from(shared.a[0], p, first_row);
  const TermCopies<T, T::columns, TO> to(shared.b[0]);
  const float *gradient = reinterpret_cast<const float *>(p.dense);
  const int column = kept(first_column + to.at);
  auto copy_slice = [&](int slice, int buffer) {
    const Window *windows = shared.windows + (slice & 1) * kSlice;
    from.start(buffer * sizeof shared.a[0], p, windows);
#pragma unroll
    for (int i = 0; i < to.count; i++) {
      if (to.has(i)) {
        const int offset = windows[to.term + i * to.step].partner;
        const bool there = (offset >= 0) & (column < p.columns);
        copy<TO>(to.to(i) + buffer * sizeof shared.b[0], gradient + (there ? offset + column : 0), there);
      }
    }
  };

  const bool sums_bias = p.bias && first_row == 0 && threadIdx.x < T::columns;
  float bias_sum = 0;
  auto after_barrier = [&](int slice, int buffer) {
    if (threadIdx.x < kSlice) {
      find_window(slice + 2, threadIdx.x);
    }
    if (sums_bias) {
#pragma unroll
      for (int k = 0; k < kSlice; k++) {
        bias_sum += shared.b[buffer][term_at<T, T::columns>(k) + threadIdx.x];
      }
    }
  };
  const Place<T> place;
  typename T::Sums sum;
  const int slices = (end_pixel - first_pixel + kSlice - 1) / kSlice;
  sum_slices<T, BY_TERM, BY_TERM>(shared, sum, place, slices, copy_slice, after_barrier);

  const int result_column = shared.first_column;
  if (sums_bias && result_column + threadIdx.x < p.columns) {
    const int at = group * p.columns + result_column + threadIdx.x;
    if (p.bias_update.weight) {
      duet::update<1>(float_at(p.bias_update.weight), float_at(p.bias_update.momentum), at, Values<1>{{bias_sum}},
                      rates(p.bias_update.run, p.bias_update.rate_index));
    } else {
      (float_at(p.bias) + blockIdx.z * p.split_stride)[at] = bias_sum;
    }
  }
  if constexpr (TO == 4) {
    if (p.update.weight) {
      const Rates r = rates(p.update.run, p.update.rate_index);
#pragma unroll
      for (int i = 0; i < T::result_rows; i++) {
        const int row = first_row + place.template result_row<BY_TERM>(i);
        if (row < p.rows) {
#pragma unroll
          for (int four = 0; four < T::result_fours; four++) {
            const int column = result_column + place.result_column(four), at = (group * p.rows + row) * p.columns + column;
            if (column < p.columns) {
              duet::update<4>(float_at(p.update.weight) + at, float_at(p.update.momentum) + at, 0, values(result_four(sum, i, four)), r);
            }
          }
        }
      }
      return;
    }
  }
  float *result = float_at(p.result) + blockIdx.z * p.split_stride;
#pragma unroll
  for (int i = 0; i < T::result_rows; i++) {
    const int row = first_row + place.template result_row<BY_TERM>(i);
    if (row < p.rows) {
      float *to = result + (group * p.rows + row) * p.columns;
#pragma unroll
      for (int four = 0; four < T::result_fours; four++) {
        store<TO>(to, result_column + place.result_column(four), p.columns, result_four(sum, i, four));
      }
    }
  }
}

}  // namespace duet::product

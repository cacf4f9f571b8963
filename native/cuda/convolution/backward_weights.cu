/* weight_gradient[term][filter] = sum over pixels of input[window of the pixel][term] * output_gradient[pixel][filter];
   bias_gradient[filter] = sum over pixels of output_gradient[pixel][filter], by the blocks of the first row of tiles.

   Rows of a tile: kernel row, kernel column, channel; columns: filters of a group; terms: output pixels of all images, cut into splits.
   A and B BY_TERM. FROM, TO: floats a copy of input and output gradient, as in forward. A thread's taps never change; the windows of a
   slice's 16 pixels are computed by 16 threads two slices ahead. */
#include "convolution/gather.cuh"

namespace duet::product {

template <typename T, int FROM, int TO>
__device__ __forceinline__ void backward_weights(const duet_convolution &p) {
  __shared__ Shared<T, 2 * kSlice> shared;
  const int group = blockIdx.y;
  const int first_row = blockIdx.x / p.tiles_across * T::rows;
  const int first_column = blockIdx.x % p.tiles_across * T::columns;
  const int first_pixel = blockIdx.z * p.terms_per_split;
  const int end_pixel = min(p.terms, first_pixel + p.terms_per_split);

  auto find_window = [&](int slice, int number) {
    const int pixel = first_pixel + slice * kSlice + number;
    shared.windows[(slice & 1) * kSlice + number] =
        pixel < end_pixel ? window(p, Raster(p, pixel), group * static_cast<int>(p.depth.divisor),
                                pixel * p.result_channels + group * p.columns)
                          : no_window();
  };
  if (threadIdx.x < 2 * kSlice) {
    find_window(threadIdx.x / kSlice, threadIdx.x % kSlice);
  }
  __syncthreads();

  using From = TermCopies<T::rows, T::threads, FROM>;
  using To = TermCopies<T::columns, T::threads, TO>;
  static_assert(To::period == 1);
  const From from(shared.a[0]);
  const To to(shared.b[0]);
  Tap taps[From::period];
#pragma unroll
  for (int i = 0; i < From::period; i++) {
    taps[i] = forward_tap(p, first_row + From::at(i), p.rows);
    taps[i] = {kept(taps[i].offset), kept(taps[i].y), kept(taps[i].x)};
  }
  const float *gradient = reinterpret_cast<const float *>(p.dense);
  const int column = kept(first_column + To::at(0));
  auto copy_slice = [&](int slice, int buffer) {
    const Window *windows = shared.windows + (slice & 1) * kSlice;
#pragma unroll
    for (int i = 0; i < From::count; i++) {
      if (From::has(i)) {
        const Window window = load_window(windows + From::term(i));
        const Tap tap = taps[i % From::period];
        const unsigned place = from.to(i) + buffer * sizeof shared.a[0];
        if (FROM == 1 && p.inside) {
          copy_inside(place, p, window.offset + tap.offset, window.partner >= 0);
        } else {
          copy_gathered<FROM>(place, p, window, tap);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < To::count; i++) {
      if (To::has(i)) {
        const int offset = windows[To::term(i)].partner;
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
        bias_sum += shared.b[buffer][k * T::columns + threadIdx.x];
      }
    }
  };
  const Place<T> place;
  Sums sum;
  const int slices = (end_pixel - first_pixel + kSlice - 1) / kSlice;
  sum_slices<T, BY_TERM, BY_TERM>(shared, sum, place, slices, copy_slice, after_barrier);

  if (sums_bias && first_column + threadIdx.x < p.columns) {
    float *bias = reinterpret_cast<float *>(p.bias) + blockIdx.z * p.split_stride;
    bias[group * p.columns + first_column + threadIdx.x] = bias_sum;
  }
  float *result = reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const int row = first_row + place.template result_row<BY_TERM>(i);
    if (row < p.rows) {
      float *to = result + (group * p.rows + row) * p.columns;
#pragma unroll
      for (int half = 0; half < 2; half++) {
        store<TO>(to, first_column + place.result_column(half), p.columns, sum[i][half]);
      }
    }
  }
}

}  // namespace duet::product

#define DUET_BACKWARD_WEIGHTS(NAME, ROWS, COLUMNS, BLOCKS, FROM, TO)                                                \
  extern "C" __global__ void __launch_bounds__(ROWS *COLUMNS / 64, BLOCKS) NAME(const __grid_constant__ duet_convolution p) { \
    duet::product::backward_weights<duet::product::Tile<ROWS, COLUMNS>, FROM, TO>(p);                               \
  }
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_128x128, 128, 128, 2, 4, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_128x96, 128, 96, 2, 4, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_128x64, 128, 64, 4, 4, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_64x64, 64, 64, 6, 4, 4)
/* few channels, such as the first layer's */
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_image_128x96, 128, 96, 2, 1, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_image_128x64, 128, 64, 4, 1, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_image_128x48, 128, 48, 5, 1, 4)
DUET_BACKWARD_WEIGHTS(convolution_backward_weights_scalar, 64, 64, 6, 1, 1)
#undef DUET_BACKWARD_WEIGHTS

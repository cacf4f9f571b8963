/* Operands that are read through the windows of a convolution: a window's first pixel (Window) plus a tap (Tap) is an element of the
   image, or lies outside and counts as zero. Both are computed outside the main loop or once a slice; an element then costs two
   comparisons and an addition. */
#pragma once
#include "common/access.cuh"
#include "common/tile.cuh"
#include <numeric>

namespace duet::product {

struct alignas(16) Window {
  int offset; /* elements, of the whole tensor: below 2^31 */
  int y, x;
  int partner; /* element offset of what belongs to the window: the result, or dense; -1 for none */
};
struct Tap {
  int offset, y, x;
};

/* A pixel of the raster, counted over all images. */
struct Raster {
  int image, y, x;
  __device__ __forceinline__ Raster(const duet_convolution &p, int pixel) {
    image = quotient(pixel, p.raster_area);
    const int rest = pixel - image * static_cast<int>(p.raster_area.divisor);
    y = quotient(rest, p.raster_width);
    x = rest - y * static_cast<int>(p.raster_width.divisor);
  }
};

__device__ __forceinline__ Window window(const duet_convolution &p, const Raster &at, int first_channel, int partner) {
  const int y = at.y * p.step + p.origin_y, x = at.x * p.step + p.origin_x;
  return {((at.image * p.height + y) * p.width + x) * p.channels + first_channel, y, x, partner};
}
__device__ __forceinline__ Window no_window() { return {0, -kNowhere, 0, -1}; }

/* Terms of a forward convolution (or rows of a weight gradient): kernel row, kernel column, channel. */
__device__ __forceinline__ Tap forward_tap(const duet_convolution &p, int term, int terms) {
  const int pixel = quotient(term, p.depth);
  const int y = quotient(pixel, p.taps_across);
  const int x = pixel - y * static_cast<int>(p.taps_across.divisor);
  const int channel = term - pixel * static_cast<int>(p.depth.divisor);
  const bool there = term < terms;
  return {there ? (y * p.width + x) * p.channels + channel : 0, y, there ? x : kNowhere};
}

__device__ __forceinline__ bool inside(const duet_convolution &p, const Window &window, const Tap &tap) {
  return (static_cast<unsigned>(window.y + tap.y) < static_cast<unsigned>(p.height)) &
         (static_cast<unsigned>(window.x + tap.x) < static_cast<unsigned>(p.width));
}

template <int VECTOR>
__device__ __forceinline__ void copy_gathered(unsigned to, const duet_convolution &p, const Window &window, const Tap &tap) {
  const float *images = reinterpret_cast<const float *>(p.gathered);
  const bool there = inside(p, window, tap);
  copy<VECTOR>(to, images + (there ? window.offset + tap.offset : 0), there);
}
/* Where no window reaches outside: the same with fewer instructions, which count where a copy is one float. */
__device__ __forceinline__ void copy_inside(unsigned to, const duet_convolution &p, int offset, bool there) {
  copy<1>(to, reinterpret_cast<const float *>(p.gathered) + offset, there);
}

/* All of a window in one load. */
__device__ __forceinline__ Window load_window(const Window *from) {
  const int4 v = *reinterpret_cast<const int4 *>(from);
  return {v.x, v.y, v.z, v.w};
}

/* How threads share the copying of a BY_ROW slice of SIZE rows: a thread has one place along the terms, and every `step`-th row.
   B: swizzled as the second operand. */
template <typename T, int SIZE, int VECTOR, bool B> struct RowCopies {
  static constexpr int across = kSlice / VECTOR, step = T::threads / across, count = (SIZE + step - 1) / step;
  /* the swizzle repeats after so many rows, and so many copies */
  static constexpr int repeat = B ? 16 : 8, period = repeat / std::gcd(repeat, step);
  int term, row;
  unsigned first[period]; /* shared addresses of the thread's first copies */
  __device__ __forceinline__ explicit RowCopies(const float *slice) {
    term = threadIdx.x % across * VECTOR;
    row = kept(threadIdx.x / across);
#pragma unroll
    for (int i = 0; i < period; i++) {
      first[i] = kept(shared_address(slice + place(row + i * step)));
    }
  }
  __device__ __forceinline__ int place(int at) const {
    return at * kSlice + (term / 4 ^ (B ? swizzle_b(at) : swizzle_a(at))) * 4 + term % 4;
  }
  __device__ __forceinline__ bool has(int i) const { return SIZE % step == 0 || row + i * step < SIZE; }
  /* Rows from the first copy's to that of copy i. */
  __device__ __forceinline__ int ahead(int i) const { return i * step; }
  /* Shared address of copy i. */
  __device__ __forceinline__ unsigned to(int i) const { return first[i % period] + i / period * period * step * kSlice * 4; }
};

/* The slice of A, shared address offset by `buffer` bytes: one row for each window. */
template <typename T, int VECTOR>
__device__ __forceinline__ void copy_windows(const RowCopies<T, T::rows, VECTOR, false> &copies, unsigned buffer, const duet_convolution &p,
                                             const Window *windows, const Tap &tap) {
#pragma unroll
  for (int i = 0; i < copies.count; i++) {
    if (copies.has(i)) {
      copy_gathered<VECTOR>(copies.to(i) + buffer, p, load_window(windows + copies.row + i * copies.step), tap);
    }
  }
}

/* The same where p.inside, for copies of one float. */
template <typename T>
__device__ __forceinline__ void copy_windows_inside(const RowCopies<T, T::rows, 1, false> &copies, unsigned buffer,
                                                    const duet_convolution &p, const Window *windows, const Tap &tap) {
  const bool there = tap.x != kNowhere;
#pragma unroll
  for (int i = 0; i < copies.count; i++) {
    if (copies.has(i)) {
      copy_inside(copies.to(i) + buffer, p, windows[copies.row + i * copies.step].offset + tap.offset, there);
    }
  }
}

/* Where a term of a BY_TERM slice of SIZE rows or columns begins. */
template <typename T, int SIZE> __device__ __forceinline__ int term_at(int term) { return term * SIZE + T::gap(term); }

/* How threads share a BY_TERM slice of SIZE rows or columns: a thread has one place, `at`, and every `step`-th term. Where the number of
   threads is no multiple of a term's copies some threads have none. */
template <typename T, int SIZE, int VECTOR> struct TermCopies {
  static constexpr int across = SIZE / VECTOR;
  static constexpr bool all = T::threads % across == 0;
  static constexpr int step = all ? T::threads / across : T::threads / across < 8 ? 4 : 8;
  static constexpr int count = (kSlice + step - 1) / step;
  int at, term;
  unsigned first; /* shared address of the thread's first copy */
  __device__ __forceinline__ explicit TermCopies(const float *slice) {
    at = threadIdx.x % across * VECTOR;
    term = all || threadIdx.x < across * step ? threadIdx.x / across : kSlice;
    first = kept(shared_address(slice + threadIdx.x * VECTOR + T::gap(term)));
  }
  __device__ __forceinline__ bool has(int i) const { return (all && kSlice % step == 0) || term + i * step < kSlice; }
  __device__ __forceinline__ unsigned to(int i) const { return first + term_at<T, SIZE>(i * step) * 4; }
};

/* Shared memory of a block: two slices of each operand, windows, and what only the end needs (it would cost a register). */
template <typename T, int WINDOWS> struct Shared {
  alignas(16) float a[2][T::rows * kSlice + T::gaps];
  alignas(16) float b[2][T::columns * kSlice + T::gaps];
  Window windows[WINDOWS];
  int first_column;
};

/* The main loop: copy_slice(slice, buffer) starts the copies of a slice; after_barrier(slice, buffer) may look at a slice that has
   arrived. One barrier a slice: it both shows the slice to all and frees the other buffer. */
template <typename T, Order A, Order B, int WINDOWS, typename CopySlice, typename AfterBarrier>
__device__ __forceinline__ void sum_slices(Shared<T, WINDOWS> &shared, typename T::Sums &sum, const Place<T> &place, int slices,
                                           CopySlice copy_slice, AfterBarrier after_barrier) {
  const Reads<T, A, B> reads(place);
  clear(sum);
  copy_slice(0, 0);
  end_of_copies();
#pragma unroll 1
  for (int slice = 0; slice < slices; slice++) {
    const int buffer = slice & 1;
    wait_for_copies();
    __syncthreads();
    if (slice + 1 < slices) {
      copy_slice(slice + 1, buffer ^ 1);
      end_of_copies();
    }
    after_barrier(slice, buffer);
    multiply(shared.a[buffer], shared.b[buffer], sum, reads);
  }
}

/* Stores four results of a row that begin at `column`; VECTOR 4 if the number of columns is a multiple of four. */
template <int VECTOR> __device__ __forceinline__ void store(float *row, int column, int columns, float4 v) {
  if constexpr (VECTOR == 4) {
    if (column < columns) {
      *reinterpret_cast<float4 *>(row + column) = v;
    }
  } else {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (column + i < columns) {
        row[column + i] = part(v, i);
      }
    }
  }
}

/* Reads four that begin at `column`, or zeros beyond the last. */
template <int VECTOR> __device__ __forceinline__ float4 load(const float *row, int column, int columns) {
  if constexpr (VECTOR == 4) {
    return column < columns ? load4(row + column) : make_float4(0, 0, 0, 0);
  } else {
    float4 v;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      part(v, i, 0) = column + i < columns ? row[column + i] : 0;
    }
    return v;
  }
}

/* max(v, 0), but NaN stays NaN. */
__device__ __forceinline__ float rectified(float v) { return v < 0 ? 0 : v; }
__device__ __forceinline__ float4 rectified(float4 v) { return {rectified(v.x), rectified(v.y), rectified(v.z), rectified(v.w)}; }
/* v * scale where mask is above 0, else 0. */
__device__ __forceinline__ float4 masked(float4 v, float4 mask, float scale) {
  return {mask.x > 0 ? v.x * scale : 0, mask.y > 0 ? v.y * scale : 0, mask.z > 0 ? v.z * scale : 0, mask.w > 0 ? v.w * scale : 0};
}

}  // namespace duet::product

/* How the tiles of tensor cores are filled, in chunks of eight numbers, and how they leave: see gather.cuh for windows and taps. */
#pragma once
#include "common/bf16.cuh"
#include "convolution/tensor_tile.cuh"

namespace duet::tensor {

/* Eight numbers to a shared address, or zeros if not `there`. L1 keeps what the next tap reads again. */
__device__ __forceinline__ void copy_chunk(unsigned to, const uint16_t *from, bool there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
/* One number, for shapes that are no multiples of eight: at once, which the barriers of the ring cover as well. */
__device__ __forceinline__ void copy_number(unsigned to, const uint16_t *from, bool there) {
  uint16_t value = 0;
  if (there) {
    value = *from;
  }
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(to), "h"(value) : "memory");
}

/* How threads share the copying of a BY_ROW slice of SIZE rows: a thread has one chunk of every `step`-th row. */
template <typename T, int SIZE> struct RowCopies {
  static constexpr int across = kTerms / kChunk, step = T::threads / across, count = (SIZE + step - 1) / step;
  int term, row, first; /* first: byte of the first copy */
  __device__ __forceinline__ RowCopies() {
    term = threadIdx.x % across * kChunk;
    row = kept(threadIdx.x / across);
    first = kept(place_by_row(row, threadIdx.x % across));
  }
  __device__ __forceinline__ bool has(int i) const { return SIZE % step == 0 || row + i * step < SIZE; }
  __device__ __forceinline__ int to(int i) const { return first + i * step * kTerms * 2; } /* step is a multiple of the swizzle's 8 */
};

/* The same BY_TERM of SIZE rows or columns: a thread has one chunk, `at` on, of every `step`-th term; some threads none. */
template <typename T, int SIZE> struct TermCopies {
  static constexpr int across = SIZE / kChunk, most = T::threads / across;
  static constexpr int step = most >= 32 ? 32 : most >= 16 ? 16 : 8, count = kTerms / step;
  static_assert(most >= 8);
  int at, term, first;
  __device__ __forceinline__ TermCopies() {
    at = threadIdx.x % across * kChunk;
    term = kept(threadIdx.x / across);
    first = kept(place_by_term<SIZE>(term, threadIdx.x % across));
  }
  __device__ __forceinline__ bool takes_part() const { return T::threads == across * step || term < step; }
  __device__ __forceinline__ int to(int i) const { return first + i * step * SIZE * 2; }
};

/* The windows of a thread's rows, kept in registers: shared memory is what binds, and would be asked for each of them in every slice. Once
   all threads have theirs, slices may come where they lay. */
template <typename Copies> struct RowWindows {
  int offset[Copies::count], y[Copies::count], x[Copies::count];
  __device__ __forceinline__ RowWindows(const Copies &copies, const Window *windows) {
#pragma unroll
    for (int i = 0; i < Copies::count; i++) {
      const Window window = copies.has(i) ? load_window(windows + copies.row + i * copies.step) : no_window();
      offset[i] = kept(window.offset);
      y[i] = kept(window.y);
      x[i] = kept(window.x);
    }
    __syncthreads();
  }
  __device__ __forceinline__ Window operator[](int i) const { return {offset[i], y[i], x[i], 0}; }
};

/* A chunk of a window: `tap(i)` is the tap of its i-th term; all the same pixel's if WHOLE. */
template <bool WHOLE, typename TapOf>
__device__ __forceinline__ void copy_window(unsigned to, const duet_convolution &p, const Window &window, const TapOf &tap_of) {
  const uint16_t *images = reinterpret_cast<const uint16_t *>(p.gathered);
  if constexpr (WHOLE) {
    const Tap tap = tap_of(0);
    const bool there = inside(p, window, tap);
    copy_chunk(to, images + (there ? window.offset + tap.offset : 0), there);
  } else {
#pragma unroll 1
    for (int i = 0; i < kChunk; i++) {
      const Tap tap = tap_of(i);
      const bool there = inside(p, window, tap);
      copy_number(to + 2 * i, images + (there ? window.offset + tap.offset : 0), there);
    }
  }
}

/* A chunk of a dense operand, of which the first `there` numbers exist. */
template <bool WHOLE> __device__ __forceinline__ void copy_dense(unsigned to, const uint16_t *operand, int offset, int there) {
  if constexpr (WHOLE) {
    copy_chunk(to, operand + (there > 0 ? offset : 0), there > 0);
  } else {
#pragma unroll 1
    for (int i = 0; i < kChunk; i++) {
      copy_number(to + 2 * i, operand + (i < there ? offset + i : 0), i < there);
    }
  }
}

/* Both numbers where the mask's are above 0, else 0. */
__device__ __forceinline__ uint32_t masked(uint32_t both, uint32_t mask) {
  const float low = __uint_as_float(mask << 16), high = __uint_as_float(mask & 0xffff0000u);
  return (low > 0 ? both & 0xffffu : 0) | (high > 0 ? both & 0xffff0000u : 0);
}

/* The same of both times a scale, rounded again. */
__device__ __forceinline__ uint32_t masked(uint32_t both, uint32_t mask, float scale) {
  if (scale != 1) {
    both = duet::round_bf16(__uint_as_float(both << 16) * scale, __uint_as_float(both & 0xffff0000u) * scale);
  }
  return masked(both, mask);
}

/* Whether one of them is NaN or infinite. */
__device__ __forceinline__ uint32_t not_finite(uint32_t both) {
  return static_cast<uint32_t>((both & 0x7f80u) == 0x7f80u) | static_cast<uint32_t>((both & 0x7f800000u) == 0x7f800000u);
}

template <bool WHOLE> __device__ __forceinline__ float2 load_pair(const float *from, int column, int columns) {
  if constexpr (WHOLE) {
    return column < columns ? *reinterpret_cast<const float2 *>(from + column) : make_float2(0, 0);
  } else {
    return {column < columns ? from[column] : 0, column + 1 < columns ? from[column + 1] : 0};
  }
}
template <bool WHOLE> __device__ __forceinline__ void store_pair(float *to, int column, int columns, float low, float high) {
  if constexpr (WHOLE) {
    if (column < columns) {
      *reinterpret_cast<float2 *>(to + column) = make_float2(low, high);
    }
  } else {
    if (column < columns) {
      to[column] = low;
    }
    if (column + 1 < columns) {
      to[column + 1] = high;
    }
  }
}

/* The tile in fp32, two neighbours at a time: part_of(row) gives the element offset, of a row of the tile, of column 0 in the result; -1
   for none. store(offset, column, low, high). */
template <typename T, typename PartOf, typename Store>
__device__ __forceinline__ void leave(const Sums<T> &sum, int first_column, const PartOf &part_of, const Store &store) {
  const Place<T> place;
  const int lane = threadIdx.x % 32, column = first_column + place.column + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < T::m * 2; i++) {
#pragma unroll
    for (int j = 0; j < T::n; j++) {
      const int offset = part_of(place.row + i * 8 + lane / 4);
      if (offset >= 0) {
        const float *pair = sum.of[i / 2][j] + i % 2 * 2;
        store(offset, column + j * 8, pair[0], pair[1]);
      }
    }
  }
}

/* As partial sums. */
template <typename T, bool WHOLE, typename PartOf>
__device__ __forceinline__ void store_sums(float *result, const Sums<T> &sum, int first_column, int columns, const PartOf &part_of) {
  leave<T>(sum, first_column, part_of,
           [&](int offset, int column, float low, float high) { store_pair<WHOLE>(result + offset, column, columns, low, high); });
}

/* The tile in bf16, bias and ReLU before, mask after the rounding. A warp's part passes through shared memory, so that whole chunks are
   stored; WHOLE if columns are a multiple of eight. `memory`: rows x columns x 2 bytes that nobody reads any more after a barrier. */
template <typename T, bool WHOLE, typename PartOf>
__device__ __forceinline__ void store_rounded(const duet_convolution &p, unsigned char *memory, const Sums<T> &sum, int first_column,
                                              const float *bias, const PartOf &part_of) {
  constexpr int across = T::warp_columns / kChunk;
  const Place<T> place;
  const int lane = threadIdx.x % 32;
  unsigned char *part = memory + threadIdx.x / 32 * T::warp_rows * T::warp_columns * 2;
  __syncthreads(); /* the slices have been read */
#pragma unroll
  for (int j = 0; j < T::n; j++) {
    const int column = first_column + place.column + j * 8 + lane % 4 * 2;
    const float2 shift = bias ? load_pair<WHOLE>(bias, column, p.columns) : make_float2(0, 0);
#pragma unroll
    for (int i = 0; i < T::m * 2; i++) {
      float low = sum.of[i / 2][j][i % 2 * 2] + shift.x, high = sum.of[i / 2][j][i % 2 * 2 + 1] + shift.y;
      if (p.rectify) {
        low = product::rectified(low);
        high = product::rectified(high);
      }
      const int row = i * 8 + lane / 4;
      *reinterpret_cast<uint32_t *>(part + place_by_term<T::warp_columns>(row, j) + lane % 4 * 4) = duet::round_bf16(low, high);
    }
  }
  __syncwarp();
  uint16_t *result = reinterpret_cast<uint16_t *>(p.result);
  const uint16_t *mask = reinterpret_cast<const uint16_t *>(p.mask);
  uint32_t found = 0;
#pragma unroll 4
  for (int i = lane; i < T::warp_rows * across; i += 32) {
    const int row = i / across, chunk = i % across, column = first_column + place.column + chunk * kChunk;
    const int offset = part_of(place.row + row);
    if (offset < 0 || column >= p.columns) {
      continue;
    }
    const unsigned char *from = part + place_by_term<T::warp_columns>(row, chunk);
    if constexpr (WHOLE) {
      uint4 v = *reinterpret_cast<const uint4 *>(from);
      if (p.mask) {
        const uint4 m = *reinterpret_cast<const uint4 *>(mask + offset + column);
        v = {masked(v.x, m.x, p.mask_scale), masked(v.y, m.y, p.mask_scale), masked(v.z, m.z, p.mask_scale),
             masked(v.w, m.w, p.mask_scale)};
      }
      found |= not_finite(v.x) | not_finite(v.y) | not_finite(v.z) | not_finite(v.w);
      *reinterpret_cast<uint4 *>(result + offset + column) = v;
    } else {
#pragma unroll 1
      for (int k = 0; k < kChunk && column + k < p.columns; k++) {
        const uint32_t v = reinterpret_cast<const uint16_t *>(from)[k];
        found |= not_finite(v);
        result[offset + column + k] = p.mask ? masked(v, mask[offset + column + k], p.mask_scale) : v;
      }
    }
  }
  if (p.status && found) {
    *reinterpret_cast<uint32_t *>(p.status) = 1;
  }
}

/* What a block of a pass over pixels leaves: with splits partial sums, else the result. part_of as above. */
template <typename T, bool WHOLE, typename PartOf>
__device__ __forceinline__ void store_pixels(const duet_convolution &p, unsigned char *memory, const Sums<T> &sum, int first_column,
                                             const float *bias, const PartOf &part_of) {
  if (gridDim.z > 1) {
    float *partial = reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride;
    store_sums<T, WHOLE>(partial, sum, first_column, p.columns, part_of);
  } else {
    store_rounded<T, WHOLE>(p, memory, sum, first_column, bias, part_of);
  }
}

}  // namespace duet::tensor

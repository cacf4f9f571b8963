/* A tile of a product on tensor cores in nearly or wholly the exactness of fp32: operands are float in memory and in shared memory; a
   thread splits what it reads into PLANES numbers of bf16 whose sum it is (2: all but 2^-17 of it, 3: exactly), and 3 or 6 products of the
   planes (mma.sync.m16n8k16) make one.

   A tensor core cuts its sums off at the lowest bit where FMA rounds, always towards zero, so that the error would grow with the number of
   terms. Hence an accumulator lives for 16 terms, the smallest products first; then it is added to the sum in a register of fp32.

   A warp has WARP_ROWS x WARP_COLUMNS results in fragments of 16 x 8. As the terms of a fragment may be in any order if A and B have the
   same, and so may rows and columns, threads read what lies side by side in shared memory: with g = lane / 4 and t = lane % 4
   - terms 4 t .. 4 t + 3;
   - BY_ROW, one load of 16 bytes a row: rows g and g + 8 of a fragment. The 16 terms of a row are 64 bytes, a warp reads 512 side by side;
   - BY_TERM, one load of 8 bytes a term: rows 2 g and 2 g + 1. Every fourth term is followed by 32 bytes of nothing, so that the four terms
     which a warp reads together lie in different banks.
   Columns come as rows BY_TERM, two fragments from 16 columns: then a thread has four neighbouring results of a row. Columns BY_ROW are
   therefore in another order in shared memory: even ones, then odd ones. */
#pragma once
#include "common/bf16.cuh"
#include "convolution/gather.cuh"

namespace duet::product {

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int PLANES> struct SplitTile {
  static constexpr int rows = ROWS, columns = COLUMNS, warp_rows = WARP_ROWS, warp_columns = WARP_COLUMNS, planes = PLANES;
  static constexpr int warps_across = COLUMNS / WARP_COLUMNS;
  static constexpr int threads = ROWS / WARP_ROWS * warps_across * 32;
  static constexpr int result_rows = WARP_ROWS / 8, result_fours = WARP_COLUMNS / 16;
  static __device__ __forceinline__ int gap(int term) { return term / 4 * 8; }
  static constexpr int gaps = kSlice / 4 * 8;
  /* sum[m][n][i]: fragment of rows m and columns n, element i of the thread */
  struct Sums {
    float of[WARP_ROWS / 16][WARP_COLUMNS / 8][4];
  };
  static_assert(ROWS % WARP_ROWS == 0 && COLUMNS % WARP_COLUMNS == 0 && WARP_ROWS % 16 == 0 && WARP_COLUMNS % 16 == 0);
};

#define DUET_SPLIT_TEMPLATE template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int PLANES
#define DUET_SPLIT_TILE SplitTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, PLANES>

DUET_SPLIT_TEMPLATE > struct Place<DUET_SPLIT_TILE> {
  using T = DUET_SPLIT_TILE;
  int group, thread; /* g, t */
  int row, column;   /* of the warp's first result */
  __device__ __forceinline__ Place() {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    group = lane / 4;
    thread = lane % 4;
    row = warp / T::warps_across * WARP_ROWS;
    column = warp % T::warps_across * WARP_COLUMNS;
  }
  template <Order ORDER> __device__ __forceinline__ int result_row(int i) const {
    return row + (ORDER == BY_ROW ? i * 8 + group : i / 2 * 16 + group * 2 + i % 2);
  }
  __device__ __forceinline__ int result_column(int four) const { return column + four * 16 + thread * 4; }
};

template <typename SUMS> __device__ __forceinline__ float4 result_four(const SUMS &sum, int i, int four) {
  const auto &even = sum.of[i / 2][four * 2], &odd = sum.of[i / 2][four * 2 + 1];
  return {even[i % 2 * 2], odd[i % 2 * 2], even[i % 2 * 2 + 1], odd[i % 2 * 2 + 1]};
}
template <typename SUMS> __device__ __forceinline__ void clear(SUMS &sum) { sum = {}; }

/* The rows of A in their order; the columns of B, 16 at a time, even ones and odd ones. */
template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int PLANES, int SIZE, int VECTOR, bool B>
struct RowCopies<DUET_SPLIT_TILE, SIZE, VECTOR, B> {
  static constexpr int threads = DUET_SPLIT_TILE::threads;
  static constexpr int across = kSlice / VECTOR, step = threads / across, count = (SIZE + step - 1) / step;
  static_assert(threads % across == 0 && step % 8 == 0);
  int term, place; /* place: in shared memory */
  int row;
  unsigned first;
  __device__ __forceinline__ explicit RowCopies(const float *slice) {
    term = threadIdx.x % across * VECTOR;
    place = threadIdx.x / across;
    row = row_of(place);
    first = shared_address(slice + place * kSlice + term);
  }
  static __device__ __forceinline__ int row_of(int place) { return B ? place / 16 * 16 + place % 8 * 2 + place / 8 % 2 : place; }
  __device__ __forceinline__ bool has(int i) const { return SIZE % step == 0 || place + i * step < SIZE; }
  __device__ __forceinline__ int ahead(int i) const { return row_of(i * step); }
  __device__ __forceinline__ unsigned to(int i) const { return first + i * step * kSlice * 4; }
};

/* Two numbers as planes, x in the lower halves. A plane is the rest of the planes before it, rounded; the rest of infinity is NaN. */
template <int PLANES> __device__ __forceinline__ void split(float x, float y, unsigned *planes) {
#pragma unroll
  for (int i = 0; i < PLANES; i++) {
    planes[i] = duet::round_bf16(x, y);
    x -= __uint_as_float(planes[i] << 16);
    y -= __uint_as_float(planes[i] & 0xffff0000u);
  }
}

/* A fragment's registers, a set for each plane. */
template <int PLANES> struct RowFragment { unsigned of[4][PLANES]; };
template <int PLANES> struct ColumnFragment { unsigned of[2][PLANES]; };

__device__ __forceinline__ float2 load2(const float *from) { return *reinterpret_cast<const float2 *>(from); }

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int PLANES, Order A, Order B> struct Reads<DUET_SPLIT_TILE, A, B> {
  using T = DUET_SPLIT_TILE;
  int a, b;
  __device__ __forceinline__ explicit Reads(const Place<T> &place) {
    const int term = term_at<T, ROWS>(place.thread * 4), other = term_at<T, COLUMNS>(place.thread * 4);
    a = A == BY_TERM ? term + place.row + place.group * 2 : (place.row + place.group) * kSlice + place.thread * 4;
    b = B == BY_TERM ? other + place.column + place.group * 2 : (place.column + place.group) * kSlice + place.thread * 4;
  }
  __device__ __forceinline__ RowFragment<PLANES> rows(const float *slice, int m) const {
    RowFragment<PLANES> fragment;
    const float *from = slice + a;
    if constexpr (A == BY_ROW) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const float4 x = load4(from + (m * 16 + half * 8) * kSlice);
        split<PLANES>(x.x, x.y, fragment.of[half]);
        split<PLANES>(x.z, x.w, fragment.of[half + 2]);
      }
    } else {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const float2 x = load2(from + m * 16 + half * 2 * ROWS), y = load2(from + m * 16 + (half * 2 + 1) * ROWS);
        split<PLANES>(x.x, y.x, fragment.of[half * 2]);
        split<PLANES>(x.y, y.y, fragment.of[half * 2 + 1]);
      }
    }
    return fragment;
  }
  /* Two fragments of the columns from 16 * n on. */
  __device__ __forceinline__ void columns(const float *slice, int n, ColumnFragment<PLANES> (&fragments)[2]) const {
    const float *from = slice + b;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      if constexpr (B == BY_ROW) {
        const float4 x = load4(from + (n * 16 + half * 8) * kSlice);
        split<PLANES>(x.x, x.y, fragments[half].of[0]);
        split<PLANES>(x.z, x.w, fragments[half].of[1]);
      } else {
        const float2 x = load2(from + n * 16 + half * 2 * COLUMNS), y = load2(from + n * 16 + (half * 2 + 1) * COLUMNS);
        split<PLANES>(x.x, y.x, fragments[0].of[half]);
        split<PLANES>(x.y, y.y, fragments[1].of[half]);
      }
    }
  }
};

/* One slice. */
template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int PLANES, Order A, Order B>
__device__ __forceinline__ void multiply(const float *a, const float *b, typename DUET_SPLIT_TILE::Sums &sum,
                                         const Reads<DUET_SPLIT_TILE, A, B> &at) {
  constexpr int down = WARP_ROWS / 16, across = WARP_COLUMNS / 16;
  RowFragment<PLANES> rows[down];
#pragma unroll
  for (int m = 0; m < down; m++) {
    rows[m] = at.rows(a, m);
  }
#pragma unroll
  for (int n = 0; n < across; n++) {
    ColumnFragment<PLANES> columns[2];
    at.columns(b, n, columns);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float part[down][4] = {};
      /* the smallest products first: those whose planes' numbers have the largest sum */
#pragma unroll
      for (int size = PLANES - 1; size >= 0; size--) {
#pragma unroll
        for (int plane = size; plane >= 0; plane--) {
#pragma unroll
          for (int m = 0; m < down; m++) {
            unsigned x[4], y[2];
#pragma unroll
            for (int i = 0; i < 4; i++) {
              x[i] = rows[m].of[i][plane];
            }
#pragma unroll
            for (int i = 0; i < 2; i++) {
              y[i] = columns[half].of[i][size - plane];
            }
            multiply_add(part[m], x, y[0], y[1]);
          }
        }
      }
#pragma unroll
      for (int m = 0; m < down; m++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          sum.of[m][n * 2 + half][i] += part[m][i];
        }
      }
    }
  }
}

}  // namespace duet::product

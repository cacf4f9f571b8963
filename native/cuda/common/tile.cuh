/* One tile of a matrix product: sum[row][column] += a[row][term] * b[term][column] from shared memory, in fp32.

   A block computes ROWS x COLUMNS results, a thread 8 x 8 of them, a warp 64 x 32 (8 threads down, 4 across) or 128 x 16 (16, 2).
   The sum runs in slices of kSlice terms; two slices are in shared memory, one being used while cp.async fills the other.

   An operand's slice lies in shared memory as it lies in device memory, so that 16-byte cp.async moves it:
   - BY_ROW: a row's (or column's) 16 terms side by side, four chunks of 16 bytes, chunk c of row r at place c ^ swizzle(r). A thread
     reads four terms of a row at once. The swizzle is chosen so that the rows which a warp reads together lie in different banks.
   - BY_TERM: a term's rows (or columns) side by side; a thread reads four of them at once.
   Either way 4 shared loads of 16 bytes a term feed 64 multiply-adds. */
#pragma once
#include "duet_cuda.h"

namespace duet::product {

constexpr int kSlice = 16;
constexpr int kNowhere = 1 << 30; /* a coordinate outside every image, also after adding a tap */

enum Order { BY_ROW, BY_TERM };

template <int ROWS, int COLUMNS> struct Tile {
  static constexpr int rows = ROWS, columns = COLUMNS;
  static constexpr int threads = ROWS * COLUMNS / 64;
  static constexpr int down = COLUMNS % 32 == 0 ? 8 : 16, across = 32 / down;
  static constexpr int warps_across = COLUMNS / (across * 8);
  /* Of a thread: rows, and groups of four columns. */
  static constexpr int result_rows = 8, result_fours = 2;
  /* sum[i][four]: row i, columns 4 * four .. 4 * four + 3 */
  typedef float4 Sums[result_rows][result_fours];
  /* Floats of nothing before a term of a BY_TERM slice, and in all. */
  static __device__ __forceinline__ int gap(int term) { return 0; }
  static constexpr int gaps = 0;
  static_assert(ROWS % (down * 8) == 0 && COLUMNS % (across * 8) == 0);
};

/* Where a thread's 8 x 8 results lie in the tile. */
template <typename T> struct Place {
  int down, across; /* of the thread in its warp */
  int row, column;  /* of the warp's first result */
  __device__ __forceinline__ Place() {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    down = lane / T::across;
    across = lane % T::across;
    row = warp / T::warps_across * T::down * 8;
    column = warp % T::warps_across * T::across * 8;
  }
  /* Row i: BY_ROW neighbours in the warp have neighbouring rows, BY_TERM a thread has four neighbouring rows. */
  template <Order ORDER> __device__ __forceinline__ int result_row(int i) const {
    return row + (ORDER == BY_ROW ? i * T::down + down : i / 4 * T::down * 4 + down * 4 + i % 4);
  }
  /* The first of four columns of the thread. */
  __device__ __forceinline__ int result_column(int four) const { return column + four * T::across * 4 + across * 4; }
};

/* The rows read together are neighbours of A (swizzle r / 2: row parity is the half of the banks), every fourth of B. */
__device__ __forceinline__ int swizzle_a(int row) { return row >> 1 & 3; }
__device__ __forceinline__ int swizzle_b(int row) { return row >> 2 & 3; }

__device__ __forceinline__ float4 load4(const float *from) { return *reinterpret_cast<const float4 *>(from); }
/* On one line: the line table of the PTX stays small. */
__device__ __forceinline__ void add_product(float4 &sum, float a, float4 b) {
  sum = {fmaf(a, b.x, sum.x), fmaf(a, b.y, sum.y), fmaf(a, b.z, sum.z), fmaf(a, b.w, sum.w)};
}

typedef float4 Sums[8][2];

__device__ __forceinline__ float4 result_four(const Sums &sum, int i, int four) { return sum[i][four]; }
__device__ __forceinline__ void clear(Sums &sum) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    sum[i][0] = sum[i][1] = make_float4(0, 0, 0, 0);
  }
}

__device__ __forceinline__ float part(float4 v, int k) { return k == 0 ? v.x : k == 1 ? v.y : k == 2 ? v.z : v.w; }
__device__ __forceinline__ float &part(float4 &v, int k, int) { return k == 0 ? v.x : k == 1 ? v.y : k == 2 ? v.z : v.w; }

/* Keeps a value that the compiler would rather compute again in every turn of a loop. */
__device__ __forceinline__ int kept(int v) {
  asm volatile("" : "+r"(v));
  return v;
}

/* Where a thread reads A and B in a slice: with BY_ROW its first row and column, chunk 0. */
template <typename T, Order A, Order B> struct Reads {
  int a, b;
  __device__ __forceinline__ explicit Reads(const Place<T> &place) {
    a = kept(A == BY_TERM ? place.row + place.down * 4 : (place.row + place.down) * kSlice + swizzle_a(place.down) * 4);
    b = kept(B == BY_TERM ? place.column + place.across * 4
                          : (place.column + place.across * 4) * kSlice + swizzle_b(place.result_column(0)) * 4);
  }
};

/* One slice. */
template <typename T, Order A, Order B>
__device__ __forceinline__ void multiply(const float *a, const float *b, Sums &sum, const Reads<T, A, B> &at) {
  if constexpr (A == BY_TERM) {
    static_assert(B == BY_TERM);
    const float *from_a = a + at.a, *from_b = b + at.b;
#pragma unroll 4 /* more only makes the PTX longer */
    for (int k = 0; k < kSlice; k++) {
      const float4 a0 = load4(from_a + k * T::rows), a1 = load4(from_a + k * T::rows + T::down * 4);
      const float4 b0 = load4(from_b + k * T::columns), b1 = load4(from_b + k * T::columns + T::across * 4);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const float x = part(i < 4 ? a0 : a1, i % 4);
        add_product(sum[i][0], x, b0);
        add_product(sum[i][1], x, b1);
      }
    }
  } else {
#pragma unroll 1
    for (int chunk = 0; chunk < kSlice / 4; chunk++) {
      float4 x[8];
#pragma unroll
      for (int i = 0; i < 8; i++) {
        x[i] = load4(a + (at.a ^ chunk * 4) + i * T::down * kSlice);
      }
      if constexpr (B == BY_TERM) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
          const float *term = b + at.b + (chunk * 4 + k) * T::columns;
          const float4 b0 = load4(term), b1 = load4(term + T::across * 4);
#pragma unroll
          for (int i = 0; i < 8; i++) {
            add_product(sum[i][0], part(x[i], k), b0);
            add_product(sum[i][1], part(x[i], k), b1);
          }
        }
      } else {
#pragma unroll
        for (int j = 0; j < 8; j++) {
          /* the swizzle of the second four columns differs by T::across */
          const int swizzled = at.b ^ (chunk ^ (j / 4 * T::across & 3)) * 4;
          const float4 y = load4(b + swizzled + (j / 4 * T::across * 4 + j % 4) * kSlice);
#pragma unroll
          for (int k = 0; k < 4; k++) {
#pragma unroll
            for (int i = 0; i < 8; i++) {
              float &s = part(sum[i][j / 4], j % 4, 0);
              s = fmaf(part(x[i], k), part(y, k), s);
            }
          }
        }
      }
    }
  }
}

__device__ __forceinline__ unsigned shared_address(const float *p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }

/* Copies VECTOR floats to a shared address, or zeros if not `there`; complete after wait_for_copies and a barrier. */
template <int VECTOR> __device__ __forceinline__ void copy(unsigned to, const float *from, bool there) {
  const int bytes = there ? VECTOR * 4 : 0;
  if constexpr (VECTOR == 4) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  }
}
__device__ __forceinline__ void end_of_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
__device__ __forceinline__ void wait_for_copies() { asm volatile("cp.async.wait_group 0;" ::: "memory"); }

/* n / divisor, see duet_divisor. */
__device__ __forceinline__ int quotient(int n, const duet_divisor &by) {
  return static_cast<int>((__umulhi(static_cast<unsigned>(n), by.multiplier) + static_cast<unsigned>(n)) >> by.shift);
}

}  // namespace duet::product

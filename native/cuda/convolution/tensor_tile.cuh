/* One tile of a matrix product on tensor cores: sum[row][column] += a[row][term] * b[term][column], factors in bf16, sums in fp32.

   A block computes ROWS x COLUMNS results, a warp WARP_ROWS x WARP_COLUMNS of them by mma.sync.m16n8k16. The sum runs in slices of kTerms
   terms through a ring of STAGES buffers in shared memory, which cp.async fills ahead.

   Each operand lies in shared memory as it lies in device memory, in chunks of eight numbers (16 bytes): BY_ROW a row's (or column's) 32
   terms side by side, BY_TERM a term's rows (or columns). ldmatrix brings both into registers, BY_TERM with .trans, so that no pass needs
   a transposed filter. Eight chunks are read together, of eight neighbouring rows or terms; a chunk lies at place c ^ swizzle, chosen so
   that these eight are in different banks. */
#pragma once
#include "common/bf16.cuh"
#include "convolution/gather.cuh"

namespace duet::tensor {

using product::BY_ROW;
using product::BY_TERM;
using product::inside;
using product::kept;
using product::load_window;
using product::no_window;
using product::Order;
using product::Raster;
using product::Tap;
using product::Window;

constexpr int kTerms = 32; /* of a slice */
constexpr int kChunk = 8;  /* numbers of 16 bits in 16 bytes */

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int STAGES> struct Tile {
  static constexpr int rows = ROWS, columns = COLUMNS, warp_rows = WARP_ROWS, warp_columns = WARP_COLUMNS, stages = STAGES;
  static constexpr int warps_across = COLUMNS / WARP_COLUMNS, threads = ROWS / WARP_ROWS * warps_across * 32;
  static constexpr int m = WARP_ROWS / 16, n = WARP_COLUMNS / 8;                    /* of mma */
  static constexpr int slice_a = ROWS * kTerms * 2, slice_b = COLUMNS * kTerms * 2; /* bytes */
  static_assert(ROWS % WARP_ROWS == 0 && COLUMNS % WARP_COLUMNS == 0 && threads % 128 == 0);
};

/* Dynamic shared memory of a block, for the engine: TensorTiling.sharedBytes. The results pass through the ring in the end. The largest
   tile has to fit into the 99 KB of compute capability 8.6, 8.9 and 12.0. */
template <typename T> struct Shared {
  alignas(128) unsigned char a[T::stages][T::slice_a];
  unsigned char b[T::stages][T::slice_b];
  int results[T::rows]; /* where a row's result goes, see Window.partner */
  static_assert(T::rows * T::columns * 2 <= T::stages * (T::slice_a + T::slice_b));
  static_assert(T::rows * sizeof(Window) <= sizeof a);
  __device__ __forceinline__ unsigned ring_a() const { return static_cast<unsigned>(__cvta_generic_to_shared(a)); }
  __device__ __forceinline__ unsigned ring_b() const { return static_cast<unsigned>(__cvta_generic_to_shared(b)); }
};
extern __shared__ uint4 shared_memory[];

template <typename T> __device__ __forceinline__ Shared<T> &shared_of() { return *reinterpret_cast<Shared<T> *>(shared_memory); }

/* The windows of a block's rows: in the ring, until threads have those that they need in registers; if each slice asks for them anew
   (KEPT), behind it. */
template <bool KEPT, typename T> __device__ __forceinline__ Window *windows_of(Shared<T> &shared) {
  return reinterpret_cast<Window *>(KEPT ? reinterpret_cast<unsigned char *>(&shared + 1) : shared.a[0]);
}
/* window_of(row) for all of them. */
template <bool KEPT, typename T, typename WindowOf>
__device__ __forceinline__ void find_windows(Shared<T> &shared, const WindowOf &window_of) {
  Window *windows = windows_of<KEPT>(shared);
  for (int row = threadIdx.x; row < T::rows; row += T::threads) {
    const Window window = window_of(row);
    windows[row] = window;
    shared.results[row] = window.partner;
  }
  __syncthreads();
}

/* Byte of a chunk in a slice. */
__device__ __forceinline__ int place_by_row(int row, int chunk) { return row * kTerms * 2 + (chunk ^ (row >> 1 & 3)) * 16; }
template <int SIZE> __device__ __forceinline__ int place_by_term(int term, int chunk) {
  /* by how a term's bytes end in the 128 of all banks */
  const int swizzle = SIZE * 2 % 128 == 0 ? term & 7 : SIZE * 2 % 128 == 64 ? term >> 1 & 3 : term >> 2 & 1;
  return term * SIZE * 2 + (chunk ^ swizzle) * 16;
}

typedef uint32_t Matrices[4]; /* four matrices of 8 x 8, a lane's part of each */

template <bool TRANSPOSED> __device__ __forceinline__ void load_matrices(Matrices &to, unsigned from) {
  if constexpr (TRANSPOSED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
  }
}

/* Where a lane reads an operand in a slice, 16 rows (B: columns) x 16 terms at a time. The four matrices are, for A, (rows 0..7, terms
   0..7), (8..15, 0..7), (0..7, 8..15), (8..15, 8..15); for B the middle two change places: two of mma's B side by side. */
template <Order ORDER, int SIZE, int WARP, bool B> struct Reader {
  static constexpr int count = WARP / 16;
  /* whether neighbouring 16s differ in bits of the place that the swizzle leaves alone or flips as a whole */
  static constexpr bool regular = ORDER == BY_ROW || (SIZE * 2 % 128 == 0 && (WARP & (WARP - 1)) == 0);
  int at[regular ? 1 : count];
  __device__ __forceinline__ explicit Reader(int first) {
    const int lane = threadIdx.x % 32;
    const bool straight = (ORDER == BY_ROW) != B; /* the second matrix is the next eight of what lies apart */
    const int apart = straight ? lane % 16 : lane / 16 * 8 + lane % 8, beside = straight ? lane / 16 : lane / 8 % 2;
#pragma unroll
    for (int i = 0; i < (regular ? 1 : count); i++) {
      at[i] = kept(ORDER == BY_ROW ? place_by_row(first + apart, beside) : place_by_term<SIZE>(apart, first / 8 + i * 2 + beside));
    }
  }
  /* Byte of the i-th 16, for terms 16 * k on. */
  __device__ __forceinline__ int place(int i, int k) const {
    if constexpr (ORDER == BY_ROW) {
      return (at[0] ^ k * 32) + i * 16 * kTerms * 2;
    } else if constexpr (regular) {
      return (at[0] ^ i * 32) + k * 16 * SIZE * 2;
    } else {
      return at[i] + k * 16 * SIZE * 2;
    }
  }
};

template <typename T> struct Sums { float of[T::m][T::n][4]; };

/* A warp's place in the tile. */
template <typename T> struct Place {
  int row, column;
  __device__ __forceinline__ Place() {
    const int warp = threadIdx.x / 32;
    row = warp / T::warps_across * T::warp_rows;
    column = warp % T::warps_across * T::warp_columns;
  }
};

template <typename T, typename ReaderA, typename ReaderB, Order A, Order B>
__device__ __forceinline__ void multiply(unsigned a, unsigned b, const ReaderA &read_a, const ReaderB &read_b, Sums<T> &sum) {
#pragma unroll
  for (int k = 0; k < kTerms / 16; k++) {
    Matrices x[T::m];
#pragma unroll
    for (int i = 0; i < T::m; i++) {
      load_matrices<A == BY_TERM>(x[i], a + read_a.place(i, k));
    }
#pragma unroll
    for (int j = 0; j < T::n / 2; j++) {
      Matrices y;
      load_matrices<B == BY_TERM>(y, b + read_b.place(j, k));
#pragma unroll
      for (int i = 0; i < T::m; i++) {
        multiply_add(sum.of[i][2 * j], x[i], y[0], y[1]);
        multiply_add(sum.of[i][2 * j + 1], x[i], y[2], y[3]);
      }
    }
  }
}

template <int PENDING> __device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

/* The main loop: copy_slice(slice, a, b) starts the copies of a slice to shared addresses; after_barrier(slice, buffer) may look at a slice
   that has arrived. One barrier a slice: it shows the slice to all and frees the buffer that is filled next. */
template <typename T, Order A, Order B, typename CopySlice, typename AfterBarrier>
__device__ __forceinline__ void sum_slices(const Shared<T> &shared, Sums<T> &sum, int slices, CopySlice copy_slice,
                                           AfterBarrier after_barrier) {
  const Place<T> place;
  const Reader<A, T::rows, T::warp_rows, false> read_a(place.row);
  const Reader<B, T::columns, T::warp_columns, true> read_b(place.column);
#pragma unroll
  for (int i = 0; i < T::m; i++) {
#pragma unroll
    for (int j = 0; j < T::n; j++) {
      sum.of[i][j][0] = sum.of[i][j][1] = sum.of[i][j][2] = sum.of[i][j][3] = 0;
    }
  }
  const unsigned ring_a = shared.ring_a(), ring_b = shared.ring_b();
#pragma unroll 1
  for (int slice = 0; slice < T::stages - 1; slice++) {
    if (slice < slices) {
      copy_slice(slice, ring_a + slice * T::slice_a, ring_b + slice * T::slice_b);
    }
    product::end_of_copies();
  }
  int buffer = 0;
#pragma unroll 1
  for (int slice = 0; slice < slices; slice++) {
    wait_for_copies<T::stages - 2>();
    __syncthreads();
    const int next = slice + T::stages - 1, free = buffer == 0 ? T::stages - 1 : buffer - 1;
    if (next < slices) {
      copy_slice(next, ring_a + free * T::slice_a, ring_b + free * T::slice_b);
    }
    product::end_of_copies();
    after_barrier(slice, buffer);
    multiply<T, decltype(read_a), decltype(read_b), A, B>(ring_a + buffer * T::slice_a, ring_b + buffer * T::slice_b, read_a, read_b, sum);
    buffer = buffer + 1 == T::stages ? 0 : buffer + 1;
  }
}

}  // namespace duet::tensor

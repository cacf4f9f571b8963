/* Both backward passes of a fully connected layer and the update of its parameters, in one pass over them, for at most kRows images; maps
   in bf16, weights as two planes.

   result[row][column] = sum over terms of gathered[row][term] * weight[column][term], with the mask of duet_convolution
   d[column][term]     = sum over rows of dense[row][column] * gathered[row][term], which updates weight[column][term]

   rows are images, columns the layer's inputs, terms its outputs: gathered is the gradient of what it made, dense what it saw. A block has
   kColumns columns and p.terms_per_split terms (blockIdx.z). The terms come in slices of kSlice, through a ring in shared memory: their
   gradients, both planes of their weights, their momentum. With a slice a warp adds to its 16 rows of `result`, which stay in registers,
   and makes 16 x 16 of d, which it uses for the update at once. Nobody else reads these weights, and what has been copied is old: so the
   result is of the weights before the update.

   A chunk is 16 bytes. Chunks are swizzled so that eight rows that ldmatrix reads together are in different banks, and also the two chunks
   of four rows that an update reads. */
#include "common/bf16.cuh"
#include "common/update.cuh"
#include "convolution/tensor_gather.cuh"

namespace duet::fully_connected {

using tensor::kChunk;
using tensor::kept;
using tensor::load_matrices;
using tensor::Matrices;

constexpr int kRows = 128, kColumns = 32, kSlice = 64, kStages = 2, kThreads = 256, kBlocks = 3;
constexpr int kWarps = kThreads / 32, kStep = 16; /* terms of an mma */
constexpr int kAcross = kSlice / kChunk;          /* chunks of a slice in a row of 16-bit numbers */
constexpr int kRowBytes = kSlice * 2;
static_assert(kRows == kWarps * kStep && kColumns == 2 * kStep && kSlice == kWarps / 2 * kStep && kAcross == 8);

struct Slice {
  unsigned char gradient[kRows][kRowBytes], upper[kColumns][kRowBytes], lower[kColumns][kRowBytes];
  unsigned char momentum[kColumns][kSlice * 4];
};

/* Dynamic shared memory of a block, for the engine: OnePassLowering.sharedBytes. */
struct Shared {
  alignas(128) Slice ring[kStages];
  unsigned char input[kRows][kColumns * 2];
};

/* Where a chunk lies in its row: of 16-bit numbers of a slice, of momentum, of the input. */
__device__ __forceinline__ int place(int row, int chunk) { return row * kRowBytes + (chunk ^ ((row & 3) << 1 | (row >> 2 & 1))) * 16; }
__device__ __forceinline__ int place_momentum(int row, int chunk) { return row * kSlice * 4 + (chunk ^ (row & 1) << 2) * 16; }
__device__ __forceinline__ int place_input(int row, int chunk) { return row * kColumns * 2 + (chunk ^ (row >> 1 & 3)) * 16; }

__device__ __forceinline__ unsigned address(const void *shared) { return static_cast<unsigned>(__cvta_generic_to_shared(shared)); }

/* 16 bytes to a shared address, or zeros if not `there`, past the L1 cache: nobody reads them again here. */
__device__ __forceinline__ void copy(unsigned to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

/* The input's part of a block. */
__device__ __forceinline__ void copy_input(Shared &shared, const duet_convolution &p, int first_column) {
  constexpr int across = kColumns / kChunk;
  const uint16_t *input = reinterpret_cast<const uint16_t *>(p.dense);
#pragma unroll
  for (int i = threadIdx.x; i < kRows * across; i += kThreads) {
    const int row = i / across, chunk = i % across, column = first_column + chunk * kChunk;
    const bool there = row < p.rows && column < p.columns;
    copy(address(shared.input) + place_input(row, chunk), input + (there ? row * p.columns + column : 0), there);
  }
}

/* What a thread copies of a slice: one chunk of every kStride-th row of the gradient and of one row of each plane, and one chunk of every
   second such row of the momentum, whose chunks are twice as many. kColumns rows apart, chunks are swizzled alike. */
struct Copies {
  static constexpr int kStride = kThreads / kAcross, kHalf = kStride / 2;
  static_assert(kStride == kColumns && kHalf % 2 == 0);
  const uint16_t *gradient, *upper, *lower; /* in row `row`; where the term is 0 */
  const float *momentum;
  int rows, weights, momenta; /* of those that it copies there are so many */
  int terms, to, momentum_to;
  __device__ __forceinline__ Copies(const duet_convolution &p, Planes weight, const float *all_momenta, int first_column) : terms(p.terms) {
    const int row = threadIdx.x / kAcross, chunk = threadIdx.x % kAcross, half = row / 2, four = threadIdx.x % (2 * kAcross);
    gradient = reinterpret_cast<const uint16_t *>(p.gathered) + row * terms + chunk * kChunk;
    const int at = (first_column + row) * terms + chunk * kChunk;
    upper = weight.upper + at;
    lower = weight.lower + at;
    momentum = all_momenta + (first_column + half) * terms + four * 4;
    rows = kept((p.rows - row + kStride - 1) / kStride);
    weights = kept(first_column + row < p.columns);
    momenta = kept((p.columns - first_column - half + kHalf - 1) / kHalf);
    to = kept(place(row, chunk));
    momentum_to = kept(place_momentum(half, four));
  }
  /* Terms from `first` on. */
  __device__ __forceinline__ void start(Slice &slice, int first) const {
    const bool inside = first + static_cast<int>(threadIdx.x % kAcross) * kChunk < terms;
    const int rows_there = inside ? rows : 0;
#pragma unroll
    for (int i = 0; i < kRows / kStride; i++) {
      copy(address(slice.gradient) + to + i * kStride * kRowBytes, gradient + first + i * kStride * terms, i < rows_there);
    }
    const bool there = inside && weights;
    copy(address(slice.upper) + to, upper + first, there);
    copy(address(slice.lower) + to, lower + first, there);
    const int momenta_there = first + static_cast<int>(threadIdx.x % (2 * kAcross)) * 4 < terms ? momenta : 0;
#pragma unroll
    for (int i = 0; i < 2; i++) {
      copy(address(slice.momentum) + momentum_to + i * kHalf * kSlice * 4, momentum + first + i * kHalf * terms, i < momenta_there);
    }
  }
};

/* 16 rows by all columns, and 16 columns by 16 terms: what a warp has of `result` and of d. */
struct Sums {
  float of[kColumns / 8][4];
};
struct Gradient {
  float of[2][4];
};

__device__ __forceinline__ void add_products(const Slice &slice, Sums &sum) {
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * kStep + lane % 16, column = lane / 16 * 8 + lane % 8;
  const int a = place(row, lane / 16), b = place(column, lane / 8 % 2);
#pragma unroll
  for (int k = 0; k < kSlice / kStep; k++) {
    Matrices x, y;
    load_matrices<false>(x, address(slice.gradient) + (a ^ k * 32));
#pragma unroll
    for (int j = 0; j < kColumns / 16; j++) {
      load_matrices<false>(y, address(slice.upper) + (b ^ k * 32) + j * 16 * kRowBytes);
      multiply_add(sum.of[2 * j], x, y[0], y[1]);
      multiply_add(sum.of[2 * j + 1], x, y[2], y[3]);
    }
  }
}

/* A warp's part of d: columns from `column` on, terms of the slice from 16 * `part` on; images from FIRST up to END. */
template <int FIRST, int END>
__device__ __forceinline__ void add_gradient(const Shared &shared, const Slice &slice, int column, int part, Gradient &sum) {
  const int lane = threadIdx.x % 32;
  const unsigned a = address(shared.input) + place_input(lane / 16 * 8 + lane % 8, column / kChunk + lane / 8 % 2);
  const unsigned b = address(slice.gradient) + place(lane % 16, part * 2 + lane / 16);
#pragma unroll
  for (int k = FIRST / kStep; k < END / kStep; k++) {
    Matrices x, y;
    load_matrices<true>(x, a + k * kStep * kColumns * 2);
    load_matrices<true>(y, b + k * kStep * kRowBytes);
    multiply_add(sum.of[0], x, y[0], y[1]);
    multiply_add(sum.of[1], x, y[2], y[3]);
  }
}

/* Four neighbours of a fragment's row, so that the lanes of a row fill whole sectors: of two fragments side by side a lane with an even
   number takes the first and its neighbour the second. `four`: which of the 16 columns' fours a lane has. */
__device__ __forceinline__ Values<4> four_of(const float *first, const float *second) {
  const int odd = threadIdx.x & 1;
  const float low = __shfl_xor_sync(0xffffffff, odd ? first[0] : second[0], 1);
  const float high = __shfl_xor_sync(0xffffffff, odd ? first[1] : second[1], 1);
  return odd ? Values<4>{{low, high, second[0], second[1]}} : Values<4>{{first[0], first[1], low, high}};
}
__device__ __forceinline__ int four() { return threadIdx.x % 2 * 2 + threadIdx.x % 4 / 2; }

/* What a thread updates: four terms of two columns, eight apart; `column` and `part` as above. */
struct Updates {
  const Planes weight;
  float *const momentum;
  const Rates r;
  int columns, terms; /* from its own on */
  int to, step, at, momentum_at;
  __device__ __forceinline__ Updates(const duet_convolution &p, Planes weight, float *momentum, int first_column, int column, int part)
      : weight(weight), momentum(momentum), r(rates(p.update.run, p.update.rate_index)) {
    const int row = column + static_cast<int>(threadIdx.x) % 32 / 4, term = part * 16 + four() * 4;
    columns = kept(p.columns - first_column - row);
    terms = kept(p.terms - term);
    to = kept((first_column + row) * p.terms + term);
    step = 8 * p.terms;
    at = kept(place(row, term / kChunk) + term % kChunk * 2);
    momentum_at = kept(place_momentum(row, term / 4));
  }
  __device__ __forceinline__ void slice(const Slice &slice, const Gradient &gradient, int first) const {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const Values<4> change = four_of(gradient.of[0] + 2 * half, gradient.of[1] + 2 * half);
      if (8 * half < columns && first < terms) {
        const uint2 upper = *reinterpret_cast<const uint2 *>(slice.upper[8 * half] + at);
        const uint2 lower = *reinterpret_cast<const uint2 *>(slice.lower[8 * half] + at);
        Values<4> v = values(*reinterpret_cast<const float4 *>(slice.momentum[8 * half] + momentum_at));
        Values<4> w = {
            {join(upper.x, lower.x), join(upper.x >> 16, lower.x >> 16), join(upper.y, lower.y), join(upper.y >> 16, lower.y >> 16)}};
        change_by(w, v, change, r);
        const int place = to + half * step + first;
        store<4>(momentum + place, 0, v);
        store<4>(weight + place, 0, w);
      }
    }
  }
};

/* The bias: a warp has eight terms of the slice, a lane two of them in every fourth row; the four lanes with the same two are added up in
   their order. */
__device__ __forceinline__ void update_bias(const Slice &slice, const duet_update &bias, int rows, int first, int terms) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = lane / 4 % 4;
  float low = 0, high = 0;
#pragma unroll 4
  for (int row = part; row < rows; row += 4) {
    const Values<2> pair = widen(*reinterpret_cast<const uint32_t *>(slice.gradient[0] + place(row, warp) + lane % 4 * 4));
    low += pair.v[0];
    high += pair.v[1];
  }
  Values<2> sum = {{low, high}};
#pragma unroll
  for (int i = 1; i < 4; i++) {
    sum.v[0] += __shfl_down_sync(0xffffffff, low, 4 * i);
    sum.v[1] += __shfl_down_sync(0xffffffff, high, 4 * i);
  }
  const int term = first + warp * kChunk + lane * 2;
  if (lane < 4 && term < terms) {
    float *to = reinterpret_cast<float *>(bias.weight) + term, *momentum = reinterpret_cast<float *>(bias.momentum) + term;
    update<2>(to, momentum, 0, sum, rates(bias.run, bias.rate_index));
  }
}

/* A warp's rows of the result, or of partial sums. */
__device__ __forceinline__ void store_result(const duet_convolution &p, const Sums &sum, int first_column) {
  const int lane = threadIdx.x % 32, first_row = threadIdx.x / 32 * kStep + lane / 4;
#pragma unroll
  for (int half = 0; half < 2; half++) {
#pragma unroll
    for (int j = 0; j < kColumns / 8; j += 2) {
      const Values<4> result = four_of(sum.of[j] + 2 * half, sum.of[j + 1] + 2 * half);
      const int row = first_row + half * 8, column = first_column + j * 8 + four() * 4, at = row * p.columns + column;
      if (row >= p.rows || column >= p.columns) {
        continue;
      }
      if (gridDim.z > 1) {
        store<4>(reinterpret_cast<float *>(p.result) + blockIdx.z * p.split_stride + at, 0, result);
        continue;
      }
      Pairs<4> both = round_bf16(result);
      if (p.mask) {
        const Pairs<4> mask = load_pairs<4>(reinterpret_cast<const uint16_t *>(p.mask) + at, 0);
        both = {{tensor::masked(both.word[0], mask.word[0], p.mask_scale), tensor::masked(both.word[1], mask.word[1], p.mask_scale)}};
      }
      store_pairs<4>(reinterpret_cast<uint16_t *>(p.result) + at, 0, both);
    }
  }
}

__device__ __forceinline__ void backward(const duet_convolution &p) {
  Shared &shared = *reinterpret_cast<Shared *>(tensor::shared_memory);
  const Planes weight(reinterpret_cast<uint16_t *>(p.update.weight), static_cast<uint64_t>(p.columns) * p.terms);
  float *momentum = reinterpret_cast<float *>(p.update.momentum);
  const int warp = threadIdx.x / 32, column = warp % 2 * kStep, part = warp / 2;
  const int first_column = blockIdx.x * kColumns, first_term = blockIdx.z * p.terms_per_split;
  const int end_term = min(p.terms, first_term + p.terms_per_split);
  const Copies copies(p, weight, momentum, first_column);
  copy_input(shared, p, first_column);
  copies.start(shared.ring[0], first_term);
  product::end_of_copies();
  const Updates updates(p, weight, momentum, first_column, column, part);
  Sums sum;
#pragma unroll
  for (int j = 0; j < kColumns / 8; j++) {
    sum.of[j][0] = sum.of[j][1] = sum.of[j][2] = sum.of[j][3] = 0;
  }
  int bias = p.bias_update.weight ? 0 : -1; /* whose turn it is among the blocks with these terms */
#pragma unroll 1
  for (int first = first_term, buffer = 0; first < end_term; first += kSlice, buffer ^= 1) {
    tensor::wait_for_copies<0>();
    __syncthreads();
    if (first + kSlice < end_term) {
      copies.start(shared.ring[buffer ^ 1], first + kSlice);
      product::end_of_copies();
    }
    const Slice &slice = shared.ring[buffer];
    if (warp * kStep < p.rows) {
      add_products(slice, sum);
    }
    Gradient gradient = {};
    add_gradient<0, kRows / 2>(shared, slice, column, part, gradient);
    if (p.rows > kRows / 2) {
      add_gradient<kRows / 2, kRows>(shared, slice, column, part, gradient);
    }
    updates.slice(slice, gradient, first);
    if (bias == static_cast<int>(blockIdx.x)) {
      update_bias(slice, p.bias_update, p.rows, first, p.terms);
    }
    bias = bias < 0 ? bias : bias + 1 == static_cast<int>(gridDim.x) ? 0 : bias + 1;
  }
  store_result(p, sum, first_column);
}

}  // namespace duet::fully_connected

extern "C" __global__ void __launch_bounds__(duet::fully_connected::kThreads, duet::fully_connected::kBlocks)
    fully_connected_backward_bf16(const __grid_constant__ duet_convolution p) {
  duet::fully_connected::backward(p);
}

/* Convolutions of stride 1 whose images are fetched once for all taps: forward and backward to the data.

   Neighbouring rows of the product are neighbouring pixels, and their windows overlap but for a line or two. So a block keeps 16 channels
   of all pixels that its rows look at in shared memory, and each tap reads them there: ldmatrix takes eight rows at any addresses. What
   would be copied for each tap, a third of what shared memory does and most of what is drawn from the L2 cache, is copied once.

   A pixel has a place, 32 bytes wide. Lines of an image are `line` places apart, images `image`, with places of zeros between them, so that
   a tap is one distance for all rows, also of those at the edges. Both distances are such that the places of neighbouring rows differ by
   one modulo eight, even from the end of a line to the next: eight of them are always in different banks.

   The sum runs through the taps of 16 channels, then through those of the next 16, whose window is filled meanwhile. A half-slice is a tap
   of 16 channels; the other operand comes in slices of two through a ring, as elsewhere. */
#pragma once
#include "convolution/tensor_gather.cuh"

namespace duet::tensor {

constexpr int kPlaceTerms = 16; /* channels of a place */
constexpr int kPlaceBytes = kPlaceTerms * 2;

/* Dynamic shared memory of a block, for the engine: TensorTiling.sharedBytes. The results pass through the windows in the end. */
template <typename T, int PLACES> struct ResidentShared {
  alignas(128) unsigned char window[2][PLACES * kPlaceBytes];
  unsigned char b[T::stages][T::slice_b];
  int from[PLACES]; /* the element offset of a place's first channel; -1 for zeros */
  static_assert(T::rows * T::columns * 2 <= 2 * PLACES * kPlaceBytes);
};

/* Where the pixels that a block's rows look at are. TensorTiling.places counts how many at most. */
template <bool BACKWARD> struct Places {
  int line, image, reach; /* reach: from the first tap of a window to the last */
  int first, count;       /* those of the block */
  __device__ __forceinline__ Places(const duet_convolution &p, int first_row, int end_row) {
    const int taps = static_cast<int>(p.taps_across.divisor), across = static_cast<int>(p.raster_width.divisor);
    const int area = static_cast<int>(p.raster_area.divisor), down = area / across;
    const int beside = outside(p.origin_x, across, taps, p.width), below = outside(p.origin_y, down, taps, p.height);
    line = max(p.width + beside, across);
    line += (across - line) & 7;
    image = max(p.height + below, down) * line;
    image += (area - image) & 7;
    reach = (taps - 1) * (line + 1);
    first = of(p, first_row) - (BACKWARD ? reach : 0);
    count = of(p, end_row - 1) - first + 1 + (BACKWARD ? 0 : reach);
  }
  /* How far windows reach beyond an image, on either side. */
  __device__ __forceinline__ static int outside(int origin, int size, int taps, int image) {
    const int before = (BACKWARD ? taps - 1 : 0) - origin, behind = origin + size + (BACKWARD ? 0 : taps - 1) - image;
    return max(0, max(before, behind));
  }
  /* The place of a row's first tap. */
  __device__ __forceinline__ int of(const duet_convolution &p, int row) const {
    const Raster at(p, row);
    return at.image * image + (at.y + p.origin_y) * line + at.x + p.origin_x;
  }
  /* What lies in the i-th place of the block. */
  __device__ __forceinline__ int source(const duet_convolution &p, int i, int first_channel) const {
    const int place = first + i, at = place / image, y = (place - at * image) / line, x = place - at * image - y * line;
    const bool there = place >= 0 && at * static_cast<int>(p.raster_area.divisor) < p.rows && y < p.height && x < p.width;
    return there ? ((at * p.height + y) * p.width + x) * p.channels + first_channel : -1;
  }
};

/* Behind the last window of a block's split. */
__device__ __forceinline__ int end_of_windows(const duet_convolution &p) {
  const int taps = static_cast<int>(p.taps_across.divisor * p.taps_across.divisor);
  return min(p.terms, static_cast<int>(blockIdx.z + 1) * p.terms_per_split) / (kPlaceTerms * taps);
}

/* Of eight chunks at one end of neighbouring places each is in other banks. */
__device__ __forceinline__ unsigned swizzled(unsigned chunk) { return chunk ^ (chunk >> 3 & 16); }

/* A half-slice: a tap of a window of 16 channels. */
struct Half {
  int window, tap;
  __device__ __forceinline__ Half next(int taps) const {
    const bool last = tap + 1 == taps;
    return {last ? window + 1 : window, last ? 0 : tap + 1};
  }
};

/* Half-slices in their order, with the distance of the tap from the first one, in bytes. */
template <bool BACKWARD> struct Taps {
  int across, all, beside, below; /* beside, below: to the next tap, and what comes to that from the end of a line to the next */
  int x = 0, distance = 0;
  Half at;
  __device__ __forceinline__ Taps(int across, int line, int window)
      : across(across), all(across * across), beside(BACKWARD ? -kPlaceBytes : kPlaceBytes),
        below(beside * (line - across)), at{window, 0} {}
  __device__ __forceinline__ void next() {
    at = at.next(all);
    x++;
    distance = at.tap == 0 ? 0 : distance + beside + (x == across ? below : 0);
    x = x == across ? 0 : x;
  }
};

/* sum += the rows at `places` (of a lane: the address of its chunk of each 16) times the k-th 16 terms of a slice of B. */
template <typename T, Order B, typename ReaderB>
__device__ __forceinline__ void multiply_half(const unsigned (&places)[T::m], int distance, unsigned b, int k, const ReaderB &read_b,
                                              Sums<T> &sum) {
  Matrices x[T::m];
#pragma unroll
  for (int i = 0; i < T::m; i++) {
    load_matrices<false>(x[i], swizzled(places[i] + distance));
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

/* The tile of a block. copy_filter(b, first, second): starts the copies of a slice of B to a shared address; its second half may lie behind
   the last window, `end_window`, and is then zero. */
template <typename T, int PLACES, bool BACKWARD, Order B, typename CopyFilter>
__device__ __forceinline__ void sum_windows(const duet_convolution &p, ResidentShared<T, PLACES> &shared, int first_row, int first_channel,
                                            Sums<T> &sum, CopyFilter copy_filter) {
  constexpr int size = PLACES * kPlaceBytes; /* of a window */
  const Place<T> at;
  const Reader<B, T::columns, T::warp_columns, true> read_b(at.column);
  const unsigned windows = static_cast<unsigned>(__cvta_generic_to_shared(shared.window));
  const unsigned ring = static_cast<unsigned>(__cvta_generic_to_shared(shared.b));
  const Places<BACKWARD> places(p, first_row, min(first_row + T::rows, p.rows));
  for (int i = threadIdx.x; i < places.count; i += T::threads) {
    shared.from[i] = places.source(p, i, first_channel);
  }
  unsigned rows[T::m];
#pragma unroll
  for (int i = 0; i < T::m; i++) {
    const int lane = threadIdx.x % 32, row = min(first_row + at.row + i * 16 + lane % 16, p.rows - 1); /* behind the last: any */
    const int place = places.of(p, row) - places.first;
    rows[i] = kept(static_cast<int>(windows) + place * kPlaceBytes + lane / 16 * 16);
#pragma unroll
    for (int j = 0; j < T::n; j++) {
      sum.of[i][j][0] = sum.of[i][j][1] = sum.of[i][j][2] = sum.of[i][j][3] = 0;
    }
  }
  const int across = static_cast<int>(p.taps_across.divisor), taps = across * across;
  const int first_window = blockIdx.z * p.terms_per_split / (kPlaceTerms * taps);
  const int end_window = end_of_windows(p);
  const int chunks = places.count * 2;
  auto copy_to_window = [&](int window, int chunk) {
    const int from = shared.from[chunk / 2];
    copy_chunk(swizzled(windows + (window & 1) * size + chunk * 16),
               reinterpret_cast<const uint16_t *>(p.gathered) + (from < 0 ? 0 : from + window * kPlaceTerms + chunk % 2 * kChunk),
               from >= 0);
  };
  /* A window is filled in as many slices as lie between the last use of the one before it and its own first one, less those on the way. */
  const int share = (chunks + T::threads - 1) / T::threads, in_slices = taps / 2 - (T::stages - 2);
  const int copies = (share + in_slices - 1) / in_slices;

  __syncthreads();
  for (int chunk = threadIdx.x; chunk < chunks; chunk += T::threads) {
    copy_to_window(first_window, chunk);
  }
  Half ahead{first_window, 0};
  auto copy_next = [&](unsigned b) {
    const Half second = ahead.next(taps);
    if (ahead.window < end_window) {
      copy_filter(b, ahead, second);
    }
    ahead = second.next(taps);
    product::end_of_copies();
  };
#pragma unroll 1
  for (int slice = 0; slice < T::stages - 1; slice++) {
    copy_next(ring + slice * T::slice_b);
  }
  Taps<BACKWARD> now(across, places.line, first_window);
  auto multiply = [&](unsigned b, int k) {
    multiply_half<T, B>(rows, now.distance + (now.at.window & 1) * size, b, k, read_b, sum);
    now.next();
  };
  const int halves = (end_window - first_window) * taps;
  int buffer = 0;
#pragma unroll 1
  for (int slice = 0; slice < halves / 2; slice++) {
    wait_for_copies<T::stages - 2>();
    __syncthreads();
    if (now.at.window + 1 < end_window) {
      const int begin = now.at.tap / 2 * copies * T::threads, end = min(chunks, begin + copies * T::threads);
#pragma unroll 1
      for (int chunk = begin + threadIdx.x; chunk < end; chunk += T::threads) {
        copy_to_window(now.at.window + 1, chunk);
      }
    }
    copy_next(ring + (buffer == 0 ? T::stages - 1 : buffer - 1) * T::slice_b);
    multiply(ring + buffer * T::slice_b, 0);
    multiply(ring + buffer * T::slice_b, 1);
    buffer = buffer + 1 == T::stages ? 0 : buffer + 1;
  }
  if (halves % 2 == 1) {
    wait_for_copies<T::stages - 2>();
    __syncthreads();
    multiply(ring + buffer * T::slice_b, 0);
  }
}

/* The tile of a block, and what it leaves. */
template <typename T, int PLACES, bool BACKWARD, Order B, typename CopyFilter>
__device__ __forceinline__ void convolve_resident(const duet_convolution &p, int first_row, int first_column, int group, const float *bias,
                                                  CopyFilter copy_filter) {
  ResidentShared<T, PLACES> &shared = *reinterpret_cast<ResidentShared<T, PLACES> *>(shared_memory);
  Sums<T> sum;
  sum_windows<T, PLACES, BACKWARD, B>(p, shared, first_row, group * static_cast<int>(p.depth.divisor), sum, copy_filter);
  store_pixels<T, true>(p, shared.window[0], sum, first_column, bias,
                        [&](int row) { return first_row + row < p.rows ? (first_row + row) * p.result_channels + group * p.columns : -1; });
}

}  // namespace duet::tensor

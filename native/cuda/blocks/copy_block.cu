/* Copies a range along an axis between two tensors, or adds it to the other one: parts of a gather, slices. On either side it is runs of
   `width` neighbours (channels of a pixel, rows of an image, or all images). A thread an element (or vector); they go through one run, then
   the next, so that both sides move whole sectors where runs are multiples of 32 bytes. A copy knows no numbers, but words of 2, 4 or 16
   bytes. */
#include "common/bf16.cuh"

namespace duet::blocks {

/* A thread's element: its place in a run, and where the run begins on either side. */
struct Place {
  uint64_t from, to;
  uint32_t at;
  __device__ __forceinline__ Place(const duet_copy_block &p, uint32_t i) {
    uint32_t run = i;
    at = split(run, p.width);
    from = static_cast<uint64_t>(run) * p.from_pitch + p.from_first;
    to = static_cast<uint64_t>(run) * p.to_pitch + p.to_first;
  }
};

template <typename Word> __device__ __forceinline__ void copy(const duet_copy_block &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  global<Word>(p.to)[place.to + place.at] = global<const Word>(p.from)[place.from + place.at];
}

template <int N, typename T> __device__ __forceinline__ void add(const duet_copy_block &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  T *result = global<T>(p.to) + place.to * N;
  Values<N> values = load<N>(global<const T>(p.from) + place.from * N, place.at);
  const Values<N> before = load<N>(result, place.at);
#pragma unroll
  for (int j = 0; j < N; j++) values.v[j] = before.v[j] + values.v[j];
  store<N>(result, place.at, values);
}

/* To floats, for the host. */
__device__ __forceinline__ void widen(const duet_copy_block &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const Place place(p, i);
  global<float>(p.to)[place.to + place.at] = duet::widen(global<const bf16>(p.from)[place.from + place.at]);
}

}  // namespace duet::blocks

extern "C" {

__global__ void __launch_bounds__(256) copy_block_2(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<uint16_t>(p); }
__global__ void __launch_bounds__(256) copy_block_4(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<uint32_t>(p); }
__global__ void __launch_bounds__(256) copy_block_16(const __grid_constant__ duet_copy_block p) { duet::blocks::copy<uint4>(p); }
__global__ void __launch_bounds__(256) copy_block_from_bf16(const __grid_constant__ duet_copy_block p) { duet::blocks::widen(p); }
__global__ void __launch_bounds__(256) add_block(const __grid_constant__ duet_copy_block p) { duet::blocks::add<1, float>(p); }
__global__ void __launch_bounds__(256) add_block_x4(const __grid_constant__ duet_copy_block p) { duet::blocks::add<4, float>(p); }
__global__ void __launch_bounds__(256) add_block_bf16(const __grid_constant__ duet_copy_block p) { duet::blocks::add<1, duet::bf16>(p); }
__global__ void __launch_bounds__(256) add_block_x8_bf16(const __grid_constant__ duet_copy_block p) { duet::blocks::add<8, duet::bf16>(p); }
}

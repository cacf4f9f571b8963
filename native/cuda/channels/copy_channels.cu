/* Copies a range of channels between two [pixel][channel] tensors: the parts of a gather, a slice. A thread an element (or vector); they
   run through the range of one pixel, then of the next, so that both sides move whole sectors where ranges are multiples of 8. */
#include "common/access.cuh"

namespace duet::channels {

template <int N> __device__ __forceinline__ void copy(const duet_copy_channels &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  uint32_t pixel = i;
  const uint32_t channel = split(pixel, p.width);
  const uint64_t from = static_cast<uint64_t>(pixel) * p.from_pitch + p.from_first;
  const uint64_t to = static_cast<uint64_t>(pixel) * p.to_pitch + p.to_first;
  store<N>(global<float>(p.to) + to * N, channel, load<N>(global<const float>(p.from) + from * N, channel));
}

}  // namespace duet::channels

extern "C" {

__global__ void __launch_bounds__(256) copy_channels(const __grid_constant__ duet_copy_channels p) { duet::channels::copy<1>(p); }
__global__ void __launch_bounds__(256) copy_channels_x4(const __grid_constant__ duet_copy_channels p) { duet::channels::copy<4>(p); }
}

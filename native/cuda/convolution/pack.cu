/* The first layer for tensor cores, see duet_packing: a row of a window has kernel * channels numbers at any address, which neither
   cp.async nor ldmatrix can take; packed pixels have multiples of eight. Memory-bound; a thread a chunk of 16 bytes. */
#include "common/access.cuh"

namespace duet::packing {

/* Eight packed channels of a pixel. */
__device__ __forceinline__ uint4 image_chunk(const duet_packing &p, uint32_t chunk) {
  const uint32_t first = split(chunk, p.chunks) * 8;
  const int x = static_cast<int>(split(chunk, p.packed_width)) * p.stride - p.padding;
  const int y = static_cast<int>(split(chunk, p.packed_height)) * p.stride - p.padding_top;
  const uint16_t *image = global<const uint16_t>(p.from) + static_cast<int64_t>(chunk) * p.height * p.width * p.channels;
  uint32_t words[4];
#pragma unroll
  for (int i = 0; i < 8; i++) {
    uint32_t down = first + i;                               /* becomes the row within the packed pixel */
    const int across = static_cast<int>(split(down, p.row)); /* pixel and channel within that row */
    const int row = y + static_cast<int>(down), at = x * p.channels + across;
    const bool there = (static_cast<int>(down) < p.stride) & (static_cast<unsigned>(row) < static_cast<unsigned>(p.height)) &
                       (static_cast<unsigned>(at) < static_cast<unsigned>(p.width * p.channels));
    const uint32_t value = there ? image[row * p.width * p.channels + at] : 0;
    words[i / 2] = i % 2 == 0 ? value : words[i / 2] | value << 16;
  }
  return {words[0], words[1], words[2], words[3]};
}

/* Where a row of the packed filter is in the filter; -1 for nowhere. */
__device__ __forceinline__ int filter_row(const duet_packing &p, uint32_t row) {
  uint32_t dy = split(row, p.depth); /* packed channel; row is the packed tap */
  const int across = static_cast<int>(split(dy, p.row));
  const int tap_x = static_cast<int>(split(row, p.taps)), tap_y = static_cast<int>(row);
  const int y = tap_y * p.stride + static_cast<int>(dy), at = tap_x * p.stride * p.channels + across;
  const bool there = (static_cast<int>(dy) < p.stride) & (y < p.kernel) & (at < p.kernel * p.channels);
  return there ? y * p.kernel * p.channels + at : -1;
}

}  // namespace duet::packing

extern "C" __global__ void __launch_bounds__(128) pack_image_bf16(const __grid_constant__ duet_packing p) {
  const uint32_t chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk < p.count) {
    duet::global<uint4>(p.to)[chunk] = duet::packing::image_chunk(p, chunk);
  }
}

extern "C" __global__ void __launch_bounds__(128) pack_filter_bf16(const __grid_constant__ duet_packing p) {
  const uint32_t chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk < p.count) {
    uint32_t row = chunk;
    const uint32_t column = duet::split(row, p.chunks);
    const int from = duet::packing::filter_row(p, row);
    const uint4 *filter = duet::global<const uint4>(p.from);
    duet::global<uint4>(p.to)[chunk] = from < 0 ? make_uint4(0, 0, 0, 0) : filter[from * p.chunks.divisor + column];
  }
}

/* The rows that the packed filter has more are left out. */
extern "C" __global__ void __launch_bounds__(128) unpack_filter_gradient(const __grid_constant__ duet_packing p) {
  const uint32_t four = blockIdx.x * 128 + threadIdx.x;
  uint32_t row = four;
  const uint32_t column = duet::split(row, p.chunks);
  const bool bias = four >= p.count;
  const int to = bias ? 0 : duet::packing::filter_row(p, row);
  if (to < 0 || (bias && (!p.tail_to || four - p.count >= p.chunks.divisor))) {
    return;
  }
  /* A plain pointer: where its address space is known, CUDA 13.0 takes for ever to compile the loop. The bias gradient follows. */
  const float4 *partial = reinterpret_cast<const float4 *>(p.from) + four;
  float4 sum = *partial;
#pragma unroll 8
  for (int i = 1; i < p.splits; i++) {
    partial += p.split_stride / 4;
    sum = duet::plus(sum, *partial);
  }
  duet::global<float4>(bias ? p.tail_to : p.to)[to * p.chunks.divisor + (bias ? four - p.count : column)] = sum;
}

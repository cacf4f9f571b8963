/* The first layer for tensor cores, see duet_packing: a row of a window has kernel * channels numbers at any address, which neither
   cp.async nor ldmatrix can take; packed pixels have multiples of eight. Memory-bound; a thread a chunk of 16 bytes. */
#include "common/bf16.cuh"
#include "common/packing.cuh"
#include "common/update.cuh"

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

}  // namespace duet::packing

extern "C" __global__ void __launch_bounds__(128) pack_image_bf16(const __grid_constant__ duet_packing p) {
  const uint32_t chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk < p.count) {
    duet::global<uint4>(p.to)[chunk] = duet::packing::image_chunk(p, chunk);
  }
}

extern "C" __global__ void __launch_bounds__(128) pack_filter_bf16(const __grid_constant__ duet_packing p) {
  duet::packing::pack_filter(p, blockIdx.x * 128 + threadIdx.x);
}

/* The rows that the packed filter has more are left out. The bias follows. */
extern "C" __global__ void __launch_bounds__(128) unpack_filter_gradient(const __grid_constant__ duet_unpacking p) {
  const uint32_t four = blockIdx.x * 128 + threadIdx.x, columns = p.packing.chunks.divisor;
  uint32_t row = four;
  const uint32_t column = duet::split(row, p.packing.chunks);
  const bool bias = four >= p.packing.count;
  const int to = bias ? 0 : duet::packing::filter_row(p.packing, row);
  if (to < 0 || (bias && four - p.packing.count >= static_cast<uint32_t>(p.tail))) {
    return;
  }
  /* Plain pointers: where their address space is known, CUDA 13.0 takes for ever to compile the loop. */
  const float4 *partial = reinterpret_cast<const float4 *>(p.packing.from) + four;
  float4 sum = *partial;
#pragma unroll 8
  for (int i = 1; i < p.splits; i++) {
    partial += p.split_stride / 4;
    sum = duet::plus(sum, *partial);
  }
  const uint32_t at = to * columns + (bias ? four - p.packing.count : column);
  const duet_update &change = bias ? p.tail_update : p.update;
  if (!change.weight) {
    reinterpret_cast<float4 *>(bias ? p.tail_to : p.packing.to)[at] = sum;
    return;
  }
  const duet::Rates r = duet::rates(change.run, change.rate_index);
  float *momentum = reinterpret_cast<float *>(change.momentum);
  if (bias) {
    duet::update<4>(reinterpret_cast<float *>(change.weight), momentum, at, duet::values(sum), r);
  } else {
    const uint64_t elements = static_cast<uint64_t>(p.packing.kernel * p.packing.kernel * p.packing.channels) * columns * 4;
    duet::update<4>(duet::Planes(reinterpret_cast<uint16_t *>(change.weight), elements), momentum, at, duet::values(sum), r);
  }
}

/* Stored images to the packed form of the network's input (duet_packing), where a first layer on tensor cores is all that reads it, and
   that layer's filter to its own. What is computed, and rounded, is that of prepare_input_bf16. A block makes some packed rows, or a part
   of one, in shared memory: of each line of the crop that lies there a warp reads 32 neighbouring means from an address divisible by 128,
   and the bytes of the same elements; what no line reaches stays zero. */
#include "common/bf16.cuh"
#include "common/finite.cuh"
#include "common/packing.cuh"

namespace duet::input {

constexpr uint32_t kThreads = 256, kLanes = 32;
/* Numbers of 16 bits that a block makes (PackedInput.BLOCK). */
constexpr uint32_t kBlock = 4096;

__device__ __forceinline__ void prepare_packed(const duet_prepare_packed &p) {
  __shared__ __align__(16) bf16 tile[kBlock];
  const duet_prepare_input &input = p.input;
  if (blockIdx.x == 0) clear_flags(input.status, input.flags);
  const uint8_t *images = global<const uint8_t>(input.images);
  const int32_t *crops = global<const int32_t>(input.crops);
  const float *mean = global<const float>(input.mean), *shift = global<const float>(input.colour_shift);
  const int stride = p.packing.stride, channels = p.packing.channels;
  const uint32_t depth = p.packing.depth.divisor, width = p.packing.packed_width.divisor;
  uint32_t place = blockIdx.x;
  const uint32_t first_pixel = split(place, p.tiles) * p.pixels, first_row = place * p.rows;
  const uint32_t rows = min(p.rows, p.packed_rows - first_row), pixels = min(p.pixels, width - first_pixel);
  const uint32_t chunks = rows * pixels * depth / 8;
  uint4 *const words = reinterpret_cast<uint4 *>(tile);
#pragma unroll
  for (uint32_t at = 0; at < kBlock / 8; at += kThreads) words[at + threadIdx.x] = make_uint4(0, 0, 0, 0);
  __syncthreads();
  /* Columns of the crop; first is that of the tile's first pixel, which may lie outside. */
  const int first = static_cast<int>(first_pixel) * stride - p.packing.padding;
  const int from = max(first, 0), to = min(first + static_cast<int>(pixels) * stride, p.packing.width);
  const uint32_t length = to > from ? static_cast<uint32_t>((to - from) * channels) : 0;
  /* A line lies in so many aligned groups of 32 stored elements, wherever it begins. */
  const uint32_t groups = (length + kLanes - 1) / kLanes + 1;
  uint32_t row = 0, group = threadIdx.x / kLanes;
  for (int down = 0;; group += kThreads / kLanes) {
    for (; group >= groups; group -= groups) {
      if (++down == stride) {
        down = 0;
        row++;
      }
    }
    if (row >= rows) break;
    uint32_t image = first_row + row;
    const int line = static_cast<int>(split(image, p.packing.packed_height)) * stride + down - p.packing.padding_top;
    const bool mirror = crops[3 * image + 2] != 0;
    const int y = crops[3 * image] + line, left = crops[3 * image + 1] + (mirror ? p.packing.width - to : from);
    const int begin = (y * input.stored_width + left) * channels;
    const int at = (begin & ~static_cast<int>(kLanes - 1)) + static_cast<int>(group * kLanes + threadIdx.x % kLanes);
    uint32_t column = static_cast<uint32_t>(at - begin); /* wraps to beyond the line for elements before it */
    if (column >= length || line < 0 || line >= p.packing.height) continue;
    const uint32_t channel = split(column, input.channels);
    const int x = left + static_cast<int>(column);
    float value = 0;
    if (y >= 0 && y < input.stored_height && x >= 0 && x < input.stored_width) {
      const uint64_t stored = static_cast<uint64_t>(image) * (input.stored_height * input.stored_width * channels);
      const float colour = input.colour_shift ? shift[image * channels + channel] : 0;
      value = (images[stored + at] - mean[at] + colour) * input.scale;
    }
    uint32_t pixel = static_cast<uint32_t>((mirror ? to - 1 - static_cast<int>(column) : from + static_cast<int>(column)) - first) *
                         channels +
                     channel;
    const uint32_t across = split(pixel, p.packing.row);
    tile[(row * pixels + pixel) * depth + down * p.packing.row.divisor + across] = round_bf16(value);
  }
  __syncthreads();
  uint4 *output = global<uint4>(input.output) + (static_cast<uint64_t>(first_row) * width + first_pixel) * depth / 8;
#pragma unroll
  for (uint32_t at = 0; at < kBlock / 8; at += kThreads) {
    if (at + threadIdx.x < chunks) output[at + threadIdx.x] = words[at + threadIdx.x];
  }
}

}  // namespace duet::input

extern "C" __global__ void __launch_bounds__(256) prepare_packed_bf16(const __grid_constant__ duet_prepare_packed p) {
  if (blockIdx.x < p.image_blocks) {
    duet::input::prepare_packed(p);
  } else {
    duet::packing::pack_filter(p.filter, (blockIdx.x - p.image_blocks) * 256 + threadIdx.x);
  }
}

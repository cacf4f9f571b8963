/* Stored images to the network's input: crop, mirror, minus the mean, plus a colour shift, times the scale (duet.device.Operation
   .PrepareInput). All memory is [image][y][x][channel]. A block makes 2048 neighbouring elements. A crop begins at any pixel, so reads and
   writes cannot both begin at a sector's first byte: each warp reads 32 means from an address divisible by 128, and the results are
   put in order in shared memory, which a warp writes out likewise. The first kernel of a run, it also clears the flags of the searches for
   NaN and infinity to come. */
#include "common/bf16.cuh"
#include "common/finite.cuh"

namespace duet::input {

template <typename T> __device__ __forceinline__ void prepare(const duet_prepare_input &p) {
  constexpr uint32_t block = 2048, warps = 8, lanes = 32;
  __shared__ __align__(16) float tile[block];
  if (blockIdx.x == 0) clear_flags(p.status, p.flags);
  const uint8_t *images = global<const uint8_t>(p.images);
  const int32_t *crops = global<const int32_t>(p.crops);
  const float *mean = global<const float>(p.mean), *shift = global<const float>(p.colour_shift);
  const uint32_t channels = p.channels.divisor, width = p.width.divisor, line = width * channels;
  const uint32_t first = blockIdx.x * block, end = min(first + block, p.count);
  const uint32_t first_line = quotient(quotient(first, p.channels), p.width);
  const uint32_t last_line = quotient(quotient(end - 1, p.channels), p.width);
  /* A line of the crop lies in so many aligned groups of 32 stored elements, wherever it begins. */
  const uint32_t groups = (line + lanes - 1) / lanes + 1;
  for (uint32_t whole = first_line, group = threadIdx.x / lanes;; group += warps) {
    for (; group >= groups; group -= groups) whole++;
    if (whole > last_line) break;
    uint32_t image = whole;
    const int row = static_cast<int>(split(image, p.height));
    const int y = crops[3 * image] + row;
    const int left = crops[3 * image + 1];
    const int begin = (y * p.stored_width + left) * static_cast<int>(channels);
    const int at = (begin & ~static_cast<int>(lanes - 1)) + static_cast<int>(group * lanes + threadIdx.x % lanes);
    uint32_t column = static_cast<uint32_t>(at - begin); /* wraps to beyond the line for elements before it */
    if (column >= line) continue;
    const uint32_t channel = split(column, p.channels);
    const int x = left + static_cast<int>(column);
    if (crops[3 * image + 2] != 0) column = width - 1 - column;
    const uint32_t to = whole * line + column * channels + channel - first;
    if (to >= end - first) continue;
    float value = 0;
    if (y >= 0 && y < p.stored_height && x >= 0 && x < p.stored_width) {
      const uint64_t stored = static_cast<uint64_t>(image) * (p.stored_height * p.stored_width * channels);
      const float colour = p.colour_shift ? shift[image * channels + channel] : 0;
      value = (images[stored + at] - mean[at] + colour) * p.scale;
    }
    tile[to] = value;
  }
  __syncthreads();
  constexpr uint32_t vector = sizeof(float) / sizeof(T); /* a thread writes four bytes */
  T *output = global<T>(p.output) + first;
  const uint32_t whole = (end - first) / vector;
  for (uint32_t i = threadIdx.x; i < whole; i += warps * lanes) {
    if constexpr (vector == 1) {
      store<1>(output, i, same<1>(tile[i]));
    } else {
      const float2 pair = reinterpret_cast<const float2 *>(tile)[i];
      store<2>(output, i, Values<2>{{pair.x, pair.y}});
    }
  }
  const uint32_t last = vector * whole + threadIdx.x;
  if (last < end - first) store<1>(output, last, same<1>(tile[last]));
}

}  // namespace duet::input

extern "C" {

__global__ void __launch_bounds__(256) prepare_input(const __grid_constant__ duet_prepare_input p) { duet::input::prepare<float>(p); }
__global__ void __launch_bounds__(256) prepare_input_bf16(const __grid_constant__ duet_prepare_input p) {
  duet::input::prepare<duet::bf16>(p);
}
}

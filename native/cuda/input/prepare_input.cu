/* Stored images to the network's input: crop, mirror, minus the mean, plus a colour shift, times the scale (duet.device.Operation
   .PrepareInput). All memory is [image][y][x][channel]. A block makes 1024 neighbouring elements, a thread every 256th of them: neighbouring
   threads read neighbouring bytes and means (mirrored ones within a pixel), also with 3 channels. */
#include "common/access.cuh"

extern "C" __global__ void __launch_bounds__(256) prepare_input(const __grid_constant__ duet_prepare_input p) {
  using namespace duet;
  const uint8_t *images = global<const uint8_t>(p.images);
  const int32_t *crops = global<const int32_t>(p.crops);
  const float *mean = global<const float>(p.mean), *shift = global<const float>(p.colour_shift);
  float *output = global<float>(p.output);
  const int channels = static_cast<int>(p.channels.divisor), width = static_cast<int>(p.width.divisor);
#pragma unroll
  for (int round = 0; round < 4; round++) {
    const uint32_t i = blockIdx.x * 1024 + round * 256 + threadIdx.x;
    if (i >= p.count) return;
    uint32_t image = i;
    const int channel = static_cast<int>(split(image, p.channels));
    const int column = static_cast<int>(split(image, p.width));
    const int row = static_cast<int>(split(image, p.height));
    const int y = crops[3 * image] + row;
    const int x = crops[3 * image + 1] + (crops[3 * image + 2] != 0 ? width - 1 - column : column);
    float value = 0;
    if (y >= 0 && y < p.stored_height && x >= 0 && x < p.stored_width) {
      const int at = (y * p.stored_width + x) * channels + channel;
      const uint64_t stored = static_cast<uint64_t>(image) * (p.stored_height * p.stored_width * channels);
      const float colour = p.colour_shift ? shift[image * channels + channel] : 0;
      value = (images[stored + at] - mean[at] + colour) * p.scale;
    }
    output[i] = value;
  }
}

/* Dropout recomputes its mask: bits are a function of (seed, purpose, step, element). Seed and step are read from device memory. Memory
   is [image][pixel][channel], elements are numbered [image][channel of all devices][pixel]: neighbours in memory have neighbouring
   numbers only where there is one pixel, as behind a fully connected layer. */
#include "common/access.cuh"
#include "common/philox.cuh"

extern "C" {

/* A thread an element. */
__global__ void __launch_bounds__(256) dropout(const __grid_constant__ duet_dropout p) {
  using namespace duet;
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const duet_run *run = global<const duet_run>(p.run);
  uint32_t image = i;
  const uint32_t channel = split(image, p.channels), pixel = split(image, p.area);
  const uint64_t element = p.first_element + image * p.image_elements + channel * p.map_elements + pixel;
  const Random4 random = philox(run->seed, p.purpose, run->step, element / 4);
  const uint32_t place = static_cast<uint32_t>(element) & 3;
  const uint32_t low = place & 1 ? random.word[1] : random.word[0], high = place & 1 ? random.word[3] : random.word[2];
  const uint32_t bits = place & 2 ? high : low;
  const float x = global<const float>(p.input)[i];
  global<float>(p.output)[i] = bits >= p.threshold ? x * p.scale : 0;
}

/* The whole layer has one pixel, and channels, first_element and image_elements are multiples of 4: a thread takes the four elements of one
   Philox block. */
__global__ void __launch_bounds__(256) dropout_x4(const __grid_constant__ duet_dropout p) {
  using namespace duet;
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const duet_run *run = global<const duet_run>(p.run);
  uint32_t image = i;
  const uint32_t channel = split(image, p.channels);
  const uint64_t block = p.first_element / 4 + image * (p.image_elements / 4) + channel;
  const Random4 random = philox(run->seed, p.purpose, run->step, block);
  Values<4> x = load<4>(global<const float>(p.input), i);
#pragma unroll
  for (int j = 0; j < 4; j++) x.v[j] = random.word[j] >= p.threshold ? x.v[j] * p.scale : 0;
  store<4>(global<float>(p.output), i, x);
}
}

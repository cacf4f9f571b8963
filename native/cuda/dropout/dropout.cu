/* Dropout recomputes its mask: bits are a function of (seed, purpose, step, element). Seed and step are read from device memory. Memory
   is [image][pixel][channel], elements are numbered [image][channel of all devices][pixel]: neighbours in memory have neighbouring
   numbers only where there is one pixel, as behind a fully connected layer. */
#include "common/bf16.cuh"
#include "common/philox.cuh"

namespace duet::dropout {

/* A thread an element. */
template <typename T> __device__ __forceinline__ void any(const duet_dropout &p) {
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
  Values<1> x = load<1>(global<const T>(p.input), i);
  x.v[0] = bits >= p.threshold ? x.v[0] * p.scale : 0;
  store<1>(global<T>(p.output), i, x);
}

/* The whole layer has one pixel, channels are a multiple of N, and first_element and image_elements of 4: a thread takes the elements of
   one Philox block, or of two. */
template <int N, typename T> __device__ __forceinline__ void neighbours(const duet_dropout &p) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.count) return;
  const duet_run *run = global<const duet_run>(p.run);
  uint32_t image = i;
  const uint32_t channel = split(image, p.channels);
  const uint64_t block = p.first_element / 4 + image * (p.image_elements / 4) + channel * (N / 4);
  Values<N> x = load<N>(global<const T>(p.input), i);
#pragma unroll
  for (int j = 0; j < N; j += 4) {
    const Random4 random = philox(run->seed, p.purpose, run->step, block + j / 4);
#pragma unroll
    for (int m = 0; m < 4; m++) x.v[j + m] = random.word[m] >= p.threshold ? x.v[j + m] * p.scale : 0;
  }
  store<N>(global<T>(p.output), i, x);
}

}  // namespace duet::dropout

extern "C" {

__global__ void __launch_bounds__(256) dropout(const __grid_constant__ duet_dropout p) { duet::dropout::any<float>(p); }
__global__ void __launch_bounds__(256) dropout_x4(const __grid_constant__ duet_dropout p) { duet::dropout::neighbours<4, float>(p); }
__global__ void __launch_bounds__(256) dropout_bf16(const __grid_constant__ duet_dropout p) { duet::dropout::any<duet::bf16>(p); }
__global__ void __launch_bounds__(256) dropout_x8_bf16(const __grid_constant__ duet_dropout p) {
  duet::dropout::neighbours<8, duet::bf16>(p);
}
}

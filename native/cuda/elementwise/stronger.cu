/* Of each image the stronger of two (duet.device.Operation.Stronger). A block takes an image: it adds up the squares of both and copies the
   one that has more. Squares are added in double, whose range the square of no float leaves: what has come down through many layers may be
   as small as 1e-20. The sums' order is fixed. The output may be either input: each number is read before it is written, by one thread. */
#include "common/bf16.cuh"
#include "common/block_reduce.cuh"

namespace duet::stronger {

constexpr int kThreads = 256;

template <typename T> __device__ __forceinline__ void choose(const duet_stronger &p) {
  __shared__ double scratch[kThreads / 32];
  const uint64_t begin = static_cast<uint64_t>(blockIdx.x) * p.count;
  const T *left = global<const T>(p.left) + begin, *right = global<const T>(p.right) + begin;
  double own = 0, other = 0;
  for (uint32_t i = threadIdx.x; i < p.count; i += kThreads) {
    const double x = load<1>(left, i).v[0], y = load<1>(right, i).v[0];
    own = fma(x, x, own);
    other = fma(y, y, other);
  }
  own = block_reduce<kThreads>(own, Sum(), scratch);
  other = block_reduce<kThreads>(other, Sum(), scratch);
  const T *from = other <= own || own != own ? left : right;
  T *output = global<T>(p.output) + begin;
  for (uint32_t i = threadIdx.x; from != output && i < p.count; i += kThreads) output[i] = from[i];
}

}  // namespace duet::stronger

extern "C" {

__global__ void __launch_bounds__(256) stronger(const __grid_constant__ duet_stronger p) { duet::stronger::choose<float>(p); }
__global__ void __launch_bounds__(256) stronger_bf16(const __grid_constant__ duet_stronger p) { duet::stronger::choose<duet::bf16>(p); }
}

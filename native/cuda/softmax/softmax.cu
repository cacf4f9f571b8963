/* Softmax and cross-entropy (duet.device.Operation.SoftmaxCrossEntropy). A block takes one image: the largest logit, then the sum of
   e^(logit - largest) and the label's rank, then probabilities and gradient. Each thread takes every 256th class; the sums' order is fixed.
   A NaN or +infinity among the logits makes the loss, the probabilities and the gradient NaN. */
#include "common/bf16.cuh"
#include "common/block_reduce.cuh"

namespace duet::softmax {

/* T: of the logits and their gradient; losses and probabilities are float. */
template <typename T> __device__ __forceinline__ void cross_entropy(const duet_softmax &p) {
  constexpr int kThreads = 256;
  __shared__ float floats[kThreads / 32];
  __shared__ int counts[kThreads / 32];
  const uint32_t image = blockIdx.x, classes = p.classes;
  const uint64_t begin = static_cast<uint64_t>(image) * classes;
  const T *logits = global<const T>(p.logits) + begin;
  const int label = global<const int32_t>(p.labels)[image];

  float largest = __int_as_float(0xff800000); /* -infinity */
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) largest = fmaxf(largest, load<1>(logits, c).v[0]);
  largest = block_reduce<kThreads>(largest, Largest(), floats);

  const float own = label < 0 ? 0 : load<1>(logits, label).v[0];
  float sum = 0;
  int before = 0;
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) {
    const float x = load<1>(logits, c).v[0];
    sum += expf(x - largest);
    const bool lower = static_cast<int>(c) < label;
    before += static_cast<int>(c) != label && (x != x || x > own || (x == own && lower));
  }
  sum = block_reduce<kThreads>(sum, Sum(), floats);
  before = block_reduce<kThreads>(before, Sum(), counts);
  if (threadIdx.x == 0) {
    global<float>(p.losses)[image] = label < 0 ? 0 : logf(sum) - (own - largest);
    global<int32_t>(p.ranks)[image] = label < 0 ? -1 : before;
  }
  if (!p.probabilities && !p.gradient) return;

  float *probabilities = global<float>(p.probabilities) + begin;
  T *gradient = global<T>(p.gradient) + begin;
  const float factor = 1.0f / sum, divisor = p.divisor;
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) {
    const float probability = expf(load<1>(logits, c).v[0] - largest) * factor;
    if (p.probabilities) probabilities[c] = probability;
    if (p.gradient) {
      const float difference = probability - (static_cast<int>(c) == label ? 1.0f : 0.0f);
      store<1>(gradient, c, same<1>(label < 0 ? 0 : difference / divisor));
    }
  }
}

}  // namespace duet::softmax

extern "C" {

__global__ void __launch_bounds__(256) softmax_cross_entropy(const __grid_constant__ duet_softmax p) {
  duet::softmax::cross_entropy<float>(p);
}
__global__ void __launch_bounds__(256) softmax_cross_entropy_bf16(const __grid_constant__ duet_softmax p) {
  duet::softmax::cross_entropy<duet::bf16>(p);
}
}

/* Softmax and cross-entropy (duet.device.Operation.SoftmaxCrossEntropy). A block takes one image: the largest logit, then the sum of
   e^(logit - largest) and the label's rank, then probabilities and gradient. Each thread takes every 256th class; the sums' order is fixed.
   A NaN or +infinity among the logits makes the loss, the probabilities and the gradient NaN. */
#include "common/access.cuh"
#include "common/block_reduce.cuh"

extern "C" __global__ void __launch_bounds__(256) softmax_cross_entropy(const __grid_constant__ duet_softmax p) {
  using namespace duet;
  constexpr int kThreads = 256;
  __shared__ float floats[kThreads / 32];
  __shared__ int counts[kThreads / 32];
  const uint32_t image = blockIdx.x, classes = p.classes;
  const uint64_t begin = static_cast<uint64_t>(image) * classes;
  const float *logits = global<const float>(p.logits) + begin;
  const int label = global<const int32_t>(p.labels)[image];

  float largest = __int_as_float(0xff800000); /* -infinity */
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) largest = fmaxf(largest, logits[c]);
  largest = block_reduce<kThreads>(largest, Largest(), floats);

  const float own = label < 0 ? 0 : logits[label];
  float sum = 0;
  int before = 0;
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) {
    const float x = logits[c];
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

  float *probabilities = global<float>(p.probabilities) + begin, *gradient = global<float>(p.gradient) + begin;
  const float factor = 1.0f / sum, divisor = p.divisor;
  for (uint32_t c = threadIdx.x; c < classes; c += kThreads) {
    const float probability = expf(logits[c] - largest) * factor;
    if (p.probabilities) probabilities[c] = probability;
    if (p.gradient) gradient[c] = label < 0 ? 0 : (probability - (static_cast<int>(c) == label ? 1.0f : 0.0f)) / divisor;
  }
}

/* Adds up the partial sums of a split product in the order of the splits, then bias, activation, mask, and perhaps the update of what the
   sum is the gradient of: see duet_reduction.
   One thread for four results (one in the scalar form) and grid-strided; memory-bound, each partial sum is read once. The _bf16 forms are
   for passes over pixels in bf16: result and mask are, partial sums and bias are not. The _planes forms update a parameter of two
   planes. The _dropout forms, kernels of their own since Philox takes registers, drop what they have made. */
#include "common/bf16.cuh"
#include "common/finite.cuh"
#include "common/philox.cuh"
#include "common/update.cuh"
#include "convolution/tensor_gather.cuh"

namespace duet::product {

/* The epilogue of one result. */
__device__ __forceinline__ float finished(float v, int activation) {
  return activation == 1 ? rectified(v) : activation == 2 ? tanhf(v) : v;
}

template <int VECTOR> __device__ __forceinline__ float4 read(uint64_t address, int64_t at) {
  const float *from = reinterpret_cast<const float *>(address) + at;
  return VECTOR == 4 ? load4(from) : make_float4(*from, 0, 0, 0);
}

/* Of the four results from number i on: one Philox block. */
__device__ __forceinline__ float4 dropped(const duet_reduction &p, int64_t i, float4 v) {
  const duet_dropping &d = p.dropping;
  const duet_run *run = reinterpret_cast<const duet_run *>(d.run);
  const int n = static_cast<int>(i), image = quotient(n, p.channels), channel = n - image * static_cast<int>(p.channels.divisor);
  const Random4 random = philox(run->seed, d.purpose, run->step, (d.first_element + image * d.image_elements + channel) / 4);
  return {random.word[0] >= d.threshold ? v.x * d.scale : 0, random.word[1] >= d.threshold ? v.y * d.scale : 0,
          random.word[2] >= d.threshold ? v.z * d.scale : 0, random.word[3] >= d.threshold ? v.w * d.scale : 0};
}

/* Four numbers in bf16, or one; returns whether one is NaN or infinite. */
template <int VECTOR, bool DROPOUT> __device__ __forceinline__ uint32_t finish_bf16(const duet_reduction &p, int64_t i, float4 v) {
  uint16_t *result = reinterpret_cast<uint16_t *>(p.result) + i;
  const uint16_t *mask = reinterpret_cast<const uint16_t *>(p.mask) + i;
  uint2 both = {duet::round_bf16(v.x, v.y), duet::round_bf16(v.z, v.w)};
  if constexpr (VECTOR == 4) {
    if (p.mask) {
      const uint2 m = *reinterpret_cast<const uint2 *>(mask);
      both = {tensor::masked(both.x, m.x, p.mask_scale), tensor::masked(both.y, m.y, p.mask_scale)};
    }
    const uint32_t found = tensor::not_finite(both.x) | tensor::not_finite(both.y);
    if constexpr (DROPOUT) { /* as dropout by itself: of what has been rounded */
      const Values<4> x = widen(Pairs<4>{{both.x, both.y}});
      v = dropped(p, i, {x.v[0], x.v[1], x.v[2], x.v[3]});
      both = {duet::round_bf16(v.x, v.y), duet::round_bf16(v.z, v.w)};
    }
    *reinterpret_cast<uint2 *>(result) = both;
    return found;
  } else {
    both.x = p.mask ? tensor::masked(both.x & 0xffffu, *mask, p.mask_scale) : both.x & 0xffffu;
    *result = both.x;
    return tensor::not_finite(both.x);
  }
}

enum Result { FLOATS, BF16, PLANES };

/* By so many blocks. */
template <int VECTOR, Result RESULT, bool DROPOUT>
__device__ __forceinline__ void reduce(const duet_reduction &p, uint32_t block, uint32_t blocks) {
  static_assert(!DROPOUT || (VECTOR == 4 && RESULT != PLANES));
  uint32_t found = 0;
  const int64_t all = p.elements + p.tail, step = static_cast<int64_t>(blocks) * blockDim.x * VECTOR;
  for (int64_t i = (static_cast<int64_t>(block) * blockDim.x + threadIdx.x) * VECTOR; i < all; i += step) {
    float4 v = read<VECTOR>(p.partial, i);
#pragma unroll 8
    for (int split = 1; split < p.splits; split++) {
      v = plus(v, read<VECTOR>(p.partial, i + split * static_cast<int64_t>(p.split_stride)));
    }
    if (p.bias) {
      const int n = static_cast<int>(i);
      v = plus(v, read<VECTOR>(p.bias, n - quotient(n, p.channels) * static_cast<int>(p.channels.divisor)));
    }
    v.x = finished(v.x, p.activation);
    if (VECTOR == 4) {
      v = make_float4(v.x, finished(v.y, p.activation), finished(v.z, p.activation), finished(v.w, p.activation));
    }
    if constexpr (RESULT == BF16) {
      found |= finish_bf16<VECTOR, DROPOUT>(p, i, v);
      continue;
    }
    if (p.mask) {
      v = masked(v, read<VECTOR>(p.mask, i), p.mask_scale);
    }
    found |= VECTOR == 4 ? fault(v) : fault(v.x);
    if constexpr (DROPOUT) {
      *reinterpret_cast<float4 *>(reinterpret_cast<float *>(p.result) + i) = dropped(p, i, v);
      continue;
    }
    const bool tail = i >= p.elements;
    const int64_t at = tail ? i - p.elements : i;
    const duet_update &change = tail ? p.tail_update : p.update;
    float *to = reinterpret_cast<float *>(change.weight ? change.weight : tail ? p.tail_result : p.result) + at;
    if (change.weight) {
      float *momentum = reinterpret_cast<float *>(change.momentum) + at;
      const Rates r = rates(change.run, change.rate_index);
      if (RESULT == PLANES && !tail) {
        uint16_t *upper = reinterpret_cast<uint16_t *>(change.weight);
        const Planes weight = Planes(upper, static_cast<uint64_t>(p.elements)) + at;
        if constexpr (VECTOR == 4) {
          update<4>(weight, momentum, 0, values(v), r);
        } else {
          update<1>(weight, momentum, 0, Values<1>{{v.x}}, r);
        }
      } else if constexpr (VECTOR == 4) {
        update<4>(to, momentum, 0, values(v), r);
      } else {
        update<1>(to, momentum, 0, Values<1>{{v.x}}, r);
      }
    } else if constexpr (VECTOR == 4) {
      *reinterpret_cast<float4 *>(to) = v;
    } else {
      *to = v.x;
    }
  }
  if (p.status && found) {
    *reinterpret_cast<uint32_t *>(p.status) = 1;
  }
}

}  // namespace duet::product

/* elements, tail, split_stride and channels are multiples of 4; the scalar forms serve every shape */
#define DUET_REDUCE(NAME, VECTOR, RESULT, DROPOUT) \
  extern "C" __global__ void __launch_bounds__(128) NAME(const __grid_constant__ duet_reduction p) { \
    duet::product::reduce<VECTOR, duet::product::RESULT, DROPOUT>(p, blockIdx.x, gridDim.x); \
  }
DUET_REDUCE(product_reduce, 4, FLOATS, false)
DUET_REDUCE(product_reduce_scalar, 1, FLOATS, false)
DUET_REDUCE(product_reduce_dropout, 4, FLOATS, true)
DUET_REDUCE(product_reduce_bf16, 4, BF16, false)
DUET_REDUCE(product_reduce_bf16_scalar, 1, BF16, false)
DUET_REDUCE(product_reduce_dropout_bf16, 4, BF16, true)
DUET_REDUCE(product_reduce_planes, 4, PLANES, false)
DUET_REDUCE(product_reduce_planes_scalar, 1, PLANES, false)
#undef DUET_REDUCE

/* Gradients of two layers; a launch less. Two calls and no choice of an argument, since parameters have no generic address. */
#define DUET_REDUCE_PAIR(NAME, RESULT) \
  extern "C" __global__ void __launch_bounds__(128) NAME(const __grid_constant__ duet_reduction_pair p) { \
    if (blockIdx.x < p.first_blocks) { \
      duet::product::reduce<4, duet::product::RESULT, false>(p.first, blockIdx.x, p.first_blocks); \
    } else { \
      duet::product::reduce<4, duet::product::RESULT, false>(p.second, blockIdx.x - p.first_blocks, gridDim.x - p.first_blocks); \
    } \
  }
DUET_REDUCE_PAIR(product_reduce_pair, FLOATS)
DUET_REDUCE_PAIR(product_reduce_planes_pair, PLANES)
#undef DUET_REDUCE_PAIR

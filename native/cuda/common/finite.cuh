/* NaN and infinity. */
#pragma once
#include "common/access.cuh"

namespace duet {

__device__ __forceinline__ uint32_t fault(float x) { return fabsf(x) < __int_as_float(0x7f800000) ? 0 : 1; }
__device__ __forceinline__ uint32_t fault(float4 x) { return fault(x.x) | fault(x.y) | fault(x.z) | fault(x.w); }

/* By 256 threads: no layer has a fault yet. */
__device__ __forceinline__ void clear_flags(duet_address status, uint64_t flags) {
  for (uint32_t i = threadIdx.x; i < flags; i += 256) global<uint32_t>(status)[i] = 0;
}

}  // namespace duet

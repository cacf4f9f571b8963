/* NaN and infinity. */
#pragma once
#include "common/access.cuh"

namespace duet {

__device__ __forceinline__ uint32_t fault(float x) { return fabsf(x) < __int_as_float(0x7f800000) ? 0 : 1; }
__device__ __forceinline__ uint32_t fault(float4 x) { return fault(x.x) | fault(x.y) | fault(x.z) | fault(x.w); }

}  // namespace duet

// Races in shared memory where warps meet at several barriers: each warp has a vector clock, which joins those of the others at a barrier.
// Kernels with one barrier have one epoch instead (shadow.h).
#pragma once
#include "access.h"
#include <algorithm>

namespace vgpu {

// What a warp knows of each, itself among them.
inline uint32_t *clock_of(Worker &k, uint32_t warp) { return k.clocks.data() + warp * k.warps.size(); }
// Whoever knows `into` learns the other.
inline void learn(uint32_t *into, const uint32_t *other, size_t warps) {
  for (size_t n = 0; n < warps; ++n) into[n] = std::max(into[n], other[n]);
}
// What the warp does from now on is not part of what it has passed on.
inline void tick(Worker &k, uint32_t warp) { k.epoch = std::max(k.epoch, ++clock_of(k, warp)[warp]); }

// One run of shadow words, checked and brought up to date.
SharedProblems clocked_access(Worker &k, uint32_t from, uint32_t n, uint32_t warp, Intent intent);
// The first word that a load would complain of; `to` for none.
uint32_t clocked_suspicion(const Worker &k, uint32_t from, uint32_t to, uint32_t warp);
// What a warp writes now or wrote at that time, as the shadow has it.
uint32_t clocked_tag(const Worker &k, uint32_t warp, uint32_t when = 0);

}  // namespace vgpu

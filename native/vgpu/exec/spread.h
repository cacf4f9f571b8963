// How a warp's addresses lie relative to its first lane's. The pattern is compared with the one that the instruction had last; only a new
// one is analysed.
#pragma once
#include "access.h"

namespace vgpu {

// Distinct bytes in ascending runs, bank conflicts, ideal sectors.
void analyse(AccessCache &c, uint32_t mask, int bytes);

// Fills c for this access; false if the lanes are too far apart for 32-bit offsets.
template <class A> bool spread(const Instruction &i, Warp &w, AccessCache &c, const A *address, uint64_t &base) {
  using S = std::make_signed_t<A>;
  const int first = first_lane(w);
  const S from = static_cast<S>(address[first]);
  base = static_cast<uint64_t>(address[first]) + static_cast<uint64_t>(i.immediate);
  alignas(32) int32_t r[kLanes];
  S far = 0;
  int32_t changed = 0;
  if (__builtin_expect(w.mask == kAll, 1)) {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) {
      S d = static_cast<S>(address[l]) - from;
      r[l] = static_cast<int32_t>(d);
      far |= d ^ static_cast<S>(r[l]);
    }
  } else {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) {
      S d = w.lane[l] ? static_cast<S>(address[l]) - from : 0;
      r[l] = static_cast<int32_t>(d);
      far |= d ^ static_cast<S>(r[l]);
    }
  }
  for (int l = 0; l < kLanes; ++l) changed |= r[l] ^ c.relative[l];
  if (__builtin_expect(far != 0, 0)) return false;
  if (__builtin_expect(changed || c.mask != w.mask, 0)) {
    std::memcpy(c.relative, r, sizeof r);
    analyse(c, w.mask, i.bytes);
  }
  return true;
}

}  // namespace vgpu

#include "shadow.h"
#include <algorithm>

namespace vgpu {

void Shadow::resize(uint64_t granules, uint32_t warps, bool atomics) {
  warps_ = warps;
  atomics_ = atomics;
  stride_ = static_cast<uint32_t>(sizeof(ShadowLine) / sizeof(uint32_t)) + warps * (atomics ? 3 : 2);
  stride_ = (stride_ + kAlign - 1) / kAlign * kAlign;  // what a load needs of a line is one line of the cache, for up to 11 warps
  storage_.assign((granules / 32 + 1) * stride_ + kAlign, 0);
  const size_t off = reinterpret_cast<uintptr_t>(storage_.data()) / sizeof(uint32_t) % kAlign;
  lines_ = storage_.data() + (kAlign - off) % kAlign;
}

void Shadow::forget() { std::fill(storage_.begin(), storage_.end(), 0); }

void Shadow::renew(ShadowLine &l, uint32_t epoch, uint32_t first_epoch) const {
  if (l.epoch < first_epoch) l.written = l.pending = 0;
  l.epoch = epoch;
  l.quiet = l.written & ~l.pending;
  l.touched = 0;
  std::fill_n(l.warps, warps_ * (atomics_ ? 3 : 2), 0);
}

uint32_t Shadow::of_others(const ShadowLine &l, Intent what, uint32_t warp) const {
  if (what == Intent::atomic && !atomics_) return 0;
  const uint32_t *of = l.warps + static_cast<uint32_t>(what) * warps_;
  uint32_t all = 0;
  for (uint32_t u = 0; u < warps_; ++u) all |= u == warp ? 0 : of[u];
  return all;
}

SharedProblems Shadow::problems(const ShadowLine &l, uint32_t granules, uint32_t warp, Intent intent) const {
  SharedProblems p;
  p.pending = granules & l.pending;
  if (intent != Intent::store) p.missing = granules & ~l.written;
  // Reads do not race with reads, nor atomics with atomics.
  const uint32_t wrote = of_others(l, Intent::store, warp) | (intent == Intent::atomic ? 0 : of_others(l, Intent::atomic, warp));
  const uint32_t read = intent == Intent::load ? 0 : of_others(l, Intent::load, warp);
  p.race = granules & (wrote | read);
  if (__builtin_expect(!p.race, 1)) return p;
  const uint32_t first = p.race & -p.race;
  p.other_read = !(wrote & first);
  int count = 0;
  for (uint32_t u = 0; u < warps_; ++u) {
    const auto has = [&](Intent what) { return (l.warps[static_cast<uint32_t>(what) * warps_ + u] & first) != 0; };
    const bool did = p.other_read ? has(Intent::load) : has(Intent::store) || (atomics_ && intent != Intent::atomic && has(Intent::atomic));
    if (u != warp && did) p.other = ++count == 1 ? static_cast<int>(u) : -1;
  }
  return p;
}

}  // namespace vgpu

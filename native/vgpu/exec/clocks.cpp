#include "clocks.h"

namespace vgpu {
namespace {

// The first warp whose time in `times` the clock `known` does not cover; -1 for none.
int uncovered(const uint32_t *times, const uint32_t *known, uint32_t count, uint32_t self) {
  bool any = false;
  for (uint32_t u = 0; u < count; ++u) any |= times[u] > known[u] && u != self;
  if (__builtin_expect(!any, 1)) return -1;
  for (uint32_t u = 0; u < count; ++u)
    if (times[u] > known[u] && u != self) return static_cast<int>(u);
  return -1;
}

}  // namespace

uint32_t clocked_suspicion(const Worker &k, uint32_t from, uint32_t to, uint32_t warp) {
  const uint32_t *known = k.clocks.data() + warp * k.warps.size();
  for (uint32_t g = from; g < to; ++g) {
    const uint32_t v = k.wrote[g], writer = v & 63;
    if (v < k.first_epoch << 6 || (writer != warp && (v >> 6) > known[writer]) || k.pending[g]) return g;
  }
  return to;
}

uint32_t clocked_tag(const Worker &k, uint32_t warp, uint32_t when) {
  return (when ? when : k.clocks[warp * k.warps.size() + warp]) << 6 | warp;
}

SharedProblems clocked_access(Worker &k, uint32_t from, uint32_t n, uint32_t warp, Intent intent) {
  const uint32_t count = static_cast<uint32_t>(k.warps.size()), born = k.first_epoch << 6;
  const uint32_t *known = k.clocks.data() + warp * count;
  uint32_t *reads = reinterpret_cast<uint32_t *>(k.reads.data()), *updates = reinterpret_cast<uint32_t *>(k.updates.data());
  SharedProblems p;
  auto race = [&](int other, bool read) {
    if (other < 0) return;
    p.race = 1;
    if (p.other < 0) p.other = other, p.other_read = read;
  };
  for (uint32_t g = from; g < from + n; ++g) {
    uint32_t *read = reads + size_t(g) * count, *updated = k.updates.size() ? updates + size_t(g) * count : nullptr;
    const uint32_t v = k.wrote[g], writer = v & 63;
    if (v >= born && writer != warp && (v >> 6) > known[writer]) race(static_cast<int>(writer), false);
    if (intent != Intent::store && v < born) {
      p.missing = 1;
      if (intent == Intent::atomic) k.wrote[g] = born | warp;  // said once; from before the block, for all
    }
    if (intent != Intent::load) race(uncovered(read, known, count, warp), true);
    if (intent != Intent::atomic && updated) race(uncovered(updated, known, count, warp), false);
    if (intent == Intent::load) read[warp] = known[warp];
    else if (intent == Intent::store) k.wrote[g] = known[warp] << 6 | warp;
    else updated[warp] = known[warp];
  }
  return p;
}

}  // namespace vgpu

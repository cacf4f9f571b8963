// Warps that test mbarriers in vain. Such a test ends the warp's turn, because others are to arrive; they may be lanes of the warp itself.
#include "warp.h"
#include <algorithm>

namespace vgpu {

// Lanes that the top entry has not: the lowest entry that no other one waits for comes first, so that all take turns. `apart`: lanes that
// only wait for others of their branch to come back may go on without them.
void Worker::let_other_lanes_run(Warp &w, bool apart) {
  uint32_t above = 0;
  size_t other = w.stack.size();
  for (size_t n = w.stack.size(); n-- > 0;) {
    StackEntry &e = w.stack[n];
    const uint32_t free = e.waiting ? 0 : e.mask & ~above;
    if (free && n + 1 < w.stack.size()) {
      if (free == e.mask) {
        other = n;
      } else if (apart) {
        e.mask &= above;
        w.stack.push_back({e.block, free, e.rejoin});
        return;
      }
    }
    above |= e.mask;
  }
  if (other < w.stack.size())
    std::rotate(w.stack.begin() + static_cast<ptrdiff_t>(other), w.stack.begin() + static_cast<ptrdiff_t>(other) + 1, w.stack.end());
}

void Worker::reset_phases() {
  phases.number.resize(shared_bytes / kPhaseBytes + 1);
  for (const PhaseBarrier &b : phases.barriers) phases.number[b.at / kPhaseBytes] = 0;
  phases.barriers.clear();
  phases.low = ~uint64_t(0);
  phases.high = 0;
  phases.idle = phases.same = 0;
}

// What threads can read but global memory: a wait that counts its tries, or looks at a clock, changes it.
uint64_t Worker::what_is_there() const {
  uint64_t hash = 0xcbf29ce484222325u;
  auto add = [&](const uint8_t *from, size_t bytes) {
    for (size_t n = 0; n + 8 <= bytes; n += 8) {
      uint64_t word;
      std::memcpy(&word, from + n, 8);
      hash = (hash ^ word) * 0x100000001b3u;
      hash ^= hash >> 32;
    }
  };
  add(memory.data(), memory.size());
  add(shared, shared_bytes);
  return hash;
}

// After a round of turns. Where nothing happens and all that run have only tested for very long, and nothing that they can read changes,
// nothing will.
void Worker::watch_tests() {
  constexpr uint32_t kApart = 2520, kHang = 12;  // rounds that waits of up to ten tests in turn go round in; so many times
  if (phases.events != phases.events_before) {
    phases.events_before = phases.events;
    phases.idle = phases.same = 0;
    return;
  }
  const Warp *first = nullptr;
  for (const Warp &w : warps) {
    if (w.state != WarpState::ready) continue;
    if (!w.in_vain) return;
    if (!first) first = &w;
  }
  if (!first || ++phases.idle % kApart) return;
  const uint64_t now = what_is_there();
  phases.same = now == phases.seen ? phases.same + 1 : 0;
  phases.seen = now;
  if (phases.same >= kHang)
    fault(FindingKind::hang, *first->tested, *first, __builtin_ctz(first->stack.back().mask),
          "waits for what cannot come any more:" + who_waits());
  for (Warp &w : warps)
    if (w.state == WarpState::ready) let_other_lanes_run(w, true);
    else if (w.state == WarpState::at_barrier && take_another(w, true)) w.state = WarpState::ready;
}

}  // namespace vgpu

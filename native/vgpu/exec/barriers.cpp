// The 16 barriers of a block, for kernels that use more than `bar.sync 0` of the whole block. Each counts the threads that have arrived and
// opens when they are as many as it is told, or, without a number, all of the block that have not exited.
#include "clocks.h"
#include "sync.h"
#include <algorithm>

namespace vgpu {
namespace {

// Those of the lanes that name the same barrier and count as the first; all of them at an aligned one.
uint32_t same_barrier(const Instruction &i, const Warp &w, uint32_t lanes) {
  if (i.flags & kAligned) return lanes;
  const uint32_t *id = w.at<uint32_t>(i.o[0]), *count = w.at<uint32_t>(i.o[1]);
  const int first = __builtin_ctz(lanes);
  uint32_t same = 0;
  for (uint32_t m = lanes; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    if (id[l] == id[first] && count[l] == count[first]) same |= 1u << l;
  }
  return same;
}

void check_aligned(const Instruction &i, Warp &w, uint32_t lanes) {
  Worker &k = *w.worker;
  if ((i.flags & kAligned) && lanes != w.live && k.settings.barriers && !k.seen(FindingKind::divergent_barrier, i))
    k.finding(FindingKind::divergent_barrier, i, w, __builtin_ctz(lanes),
              "reaches a barrier without lanes " + hex(w.live & ~lanes) + " of its warp, which have not exited");
}

}  // namespace

void Worker::reset_barriers() {
  const size_t count = warps.size();
  barriers.resize(kBarriers);
  for (NamedBarrier &b : barriers) {
    b.expected = b.arrived = b.count = b.any = 0;
    b.whole = false;
    b.lanes.assign(count, 0);
    b.clock.assign(count, 0);
  }
  // What was there before the block began is known to all; what a warp does from now on to itself alone.
  clocks.assign(count * count, epoch);
  ++epoch;
  for (size_t n = 0; n < count; ++n) clocks[n * count + n] = epoch;
}

// The first entry that does not wait and whose lanes are in none above it comes to the top; those above are of other lanes, so their order
// is free. `apart`: lanes that only wait for others of their branch to come back may go on without them.
bool Worker::take_another(Warp &w, bool apart) {
  if (w.blocked) return false;
  uint32_t above = 0;
  for (size_t n = w.stack.size(); n-- > 0;) {
    StackEntry &e = w.stack[n];
    const uint32_t free = e.waiting ? 0 : e.mask & ~above;
    if (free && free == e.mask) {
      std::rotate(w.stack.begin() + static_cast<ptrdiff_t>(n), w.stack.begin() + static_cast<ptrdiff_t>(n) + 1, w.stack.end());
      return true;
    }
    if (free && apart) {
      e.mask &= above;
      w.stack.push_back({e.block, free, e.rejoin});
      return true;
    }
    above |= e.mask;
  }
  return false;
}

// Lanes of the top entry come to a barrier that they wait at. An aligned one stops the warp; otherwise each waits for itself, and the entry
// is cut into those that wait at one barrier and the rest.
void Worker::wait_at_barrier(const Instruction &i, Warp &w, uint32_t lanes) {
  check_aligned(i, w, lanes);
  if (i.flags & kAligned) w.blocked = true, w.state = WarpState::at_barrier;
  const StackEntry top = w.stack.back();
  w.stack.pop_back();
  const uint32_t others = i.flags & kAligned ? 0 : top.mask & ~lanes;
  if (others) w.stack.push_back({top.block, others, top.rejoin});
  const size_t first = w.stack.size();
  for (uint32_t rest = lanes; rest;) {
    const uint32_t same = same_barrier(i, w, rest);
    w.stack.push_back({top.block, i.flags & kAligned ? top.mask : same, top.rejoin});
    w.stack.back().waiting = static_cast<uint8_t>(1 + (w.at<uint32_t>(i.o[0])[__builtin_ctz(same)] & (kBarriers - 1)));
    w.stack.back().ender = i.number;
    rest &= ~same;
  }
  for (size_t n = first; n < w.stack.size(); ++n) arrive(i, w, w.stack[n].mask & lanes);
}

void Worker::arrive(const Instruction &i, Warp &w, uint32_t lanes) {
  const int l = __builtin_ctz(lanes);
  const uint32_t id = w.at<uint32_t>(i.o[0])[l], given = w.at<uint32_t>(i.o[1])[l];
  const size_t count = warps.size();
  const bool whole = i.flags & kWholeBlock;
  if (id >= kBarriers)
    fault(FindingKind::bad_instruction, i, w, l, "names barrier " + std::to_string(id) + "; there are " + std::to_string(kBarriers));
  if (!whole && (!given || given % kLanes))
    fault(FindingKind::bad_instruction, i, w, l,
          "wants " + std::to_string(given) + " threads at barrier " + std::to_string(id) + ", which is no multiple of a warp");
  NamedBarrier &b = barriers[id];
  const uint32_t expected = whole ? static_cast<uint32_t>(count * kLanes) : given;
  if (!b.expected) {
    b.expected = expected;
    b.first = i.number;
    b.all = kAll;
  } else if (b.expected != expected && settings.barriers && !seen(FindingKind::divergent_barrier, i)) {
    finding(FindingKind::divergent_barrier, i, w, l,
            "comes to barrier " + std::to_string(id) + " for " + std::to_string(expected) + " threads, others came for " +
                std::to_string(b.expected) + " (PTX line " + std::to_string(kernel.places[b.first].line) + ")");
  }
  b.whole |= whole;
  // An aligned barrier counts the warp, whichever of its lanes are here.
  uint32_t &here = b.lanes[w.index];
  if (i.flags & kAligned) {
    b.arrived += kLanes;
    here |= w.live;
  } else {
    const bool was_complete = (here & w.live) == w.live;
    here |= lanes;
    b.arrived += static_cast<uint32_t>(__builtin_popcount(lanes));
    if (!was_complete && (here & w.live) == w.live) b.arrived += kLanes - static_cast<uint32_t>(__builtin_popcount(here));
  }
  if (i.flags & kReduces) {
    const uint32_t q = w.predicate(i.o[2]) & lanes;
    b.count += static_cast<uint32_t>(__builtin_popcount(q));
    b.all &= q == lanes ? kAll : 0;
    b.any |= q ? kAll : 0;
  }
  learn(b.clock.data(), clock_of(*this, w.index), count);
  tick(*this, w.index);
  open_if_complete(id);
}

void Worker::open_if_complete(uint32_t id) {
  NamedBarrier &b = barriers[id];
  if (!b.expected) return;
  if (b.whole) {
    for (const Warp &w : warps)
      if (w.live & ~b.lanes[w.index]) return;
  } else if (b.arrived < b.expected) {
    return;
  }
  ++phases.events;
  for (Warp &w : warps) {
    bool waited = false;
    for (StackEntry &e : w.stack) {
      if (e.waiting != id + 1) continue;
      e.waiting = 0;
      e.count = b.count;
      e.all = b.all;
      e.any = b.any;
      waited = true;
    }
    if (!waited) continue;
    w.blocked = w.in_vain = false;
    if (w.state == WarpState::at_barrier) w.state = WarpState::ready;
    learn(clock_of(*this, w.index), b.clock.data(), warps.size());
  }
  b.expected = b.arrived = b.count = b.any = 0;
  b.whole = false;
  std::fill(b.lanes.begin(), b.lanes.end(), 0);
  std::fill(b.clock.begin(), b.clock.end(), 0);
}

// Lanes have exited: those of the block that are left may all be there.
void Worker::open_after_exit() {
  for (uint32_t id = 0; id < kBarriers; ++id)
    if (barriers[id].whole) open_if_complete(id);
}

// Every warp waits, and none is left to come.
void Worker::resolve_standstill() {
  bool again = false;
  for (Warp &w : warps)
    if (w.state == WarpState::at_barrier && take_another(w, true)) w.state = WarpState::ready, again = true;
  if (again) return;
  for (const Warp &w : warps)
    for (const StackEntry &e : w.stack)
      if (e.waiting)
        fault(FindingKind::hang, kernel.code[e.ender], w, __builtin_ctz(e.mask), "waits for what cannot come any more:" + who_waits());
}

std::string Worker::who_waits() const {
  std::string text;
  int listed = 0;
  auto list = [&](const Warp &w, uint32_t lanes, const std::string &where, uint32_t number) {
    if (++listed > 16) return;
    text += (listed > 1 ? "; warp " : " warp ") + std::to_string(w.index) + (lanes == w.live ? "" : " (lanes " + hex(lanes) + ")") + where +
            " (PTX line " + std::to_string(kernel.places[number].line) + ")";
  };
  for (const Warp &w : warps) {
    if (w.state == WarpState::ready && w.tested)
      list(w, w.stack.back().mask, " tests " + phases.barriers[phases.number[w.tested_at / kPhaseBytes] - 1].text(), w.tested->number);
    for (const StackEntry &e : w.stack) {
      if (!e.waiting) continue;
      const NamedBarrier &b = barriers[e.waiting - 1];
      list(w, e.mask,
           " at barrier " + std::to_string(e.waiting - 1) + " for " + std::to_string(b.expected) + " threads, " +
               std::to_string(b.arrived) + " have arrived",
           e.ender);
    }
  }
  if (listed > 16) text += "; and " + std::to_string(listed - 16) + " more";
  return text;
}

void barrier_arrive(const Instruction &i, Warp &w) {
  check_aligned(i, w, w.mask);
  for (uint32_t rest = w.mask; rest;) {
    const uint32_t same = same_barrier(i, w, rest);
    w.worker->arrive(i, w, same);
    rest &= ~same;
  }
}

}  // namespace vgpu

#include "sync.h"
#include <algorithm>

namespace vgpu {
namespace {

// Of the lanes that run a `.sync` instruction, those with one mask meet: f(lanes, m) for each mask m, with its `lanes` alone active.
// The mask must name the lanes that gave it and none that is elsewhere. Lanes that have exited, or never were, may be named.
template <class F> void each_group(const Instruction &i, Warp &w, uint32_t at, F f) {
  const uint32_t *given = w.at<uint32_t>(at);
  const uint32_t all = w.mask;
  Worker &k = *w.worker;
  for (uint32_t rest = all; rest;) {
    const int first = __builtin_ctz(rest);
    const uint32_t m = given[first];
    uint32_t lanes = 0;
    for (int l = 0; l < kLanes; ++l) lanes |= static_cast<uint32_t>(given[l] == m) << l;
    lanes &= rest;
    rest &= ~lanes;
    const uint32_t absent = m & w.live & ~lanes, strange = lanes & ~m;
    if ((absent || strange) && k.settings.barriers && !k.seen(FindingKind::inactive_lanes, i)) {
      const uint32_t elsewhere = absent & ~all;
      k.finding(FindingKind::inactive_lanes, i, w, first,
                elsewhere ? "names lanes " + hex(elsewhere) + ", which are not active (active: " + hex(all) + ")"
                : strange ? "is run by lanes " + hex(strange) + ", which their own mask " + hex(m) + " does not name"
                          : "has the mask " + hex(m) + ", but lanes " + hex(absent) + " of it gave another one");
    }
    w.set_mask(lanes);
    f(lanes, m & lanes);
  }
  w.set_mask(all);
}

template <class T, class F> void reduce(const Instruction &i, Warp &w, F f) {
  const T *a = w.at<T>(i.o[1]);
  each_group(i, w, i.o[2], [&](uint32_t, uint32_t m) {
    if (!m) return;
    T r = a[__builtin_ctz(m)];
    for (uint32_t rest = m & (m - 1); rest; rest &= rest - 1) r = f(r, a[__builtin_ctz(rest)]);
    write_each<T>(w, i.o[0], [=](int) { return r; });
  });
}

}  // namespace

void shuffle(const Instruction &i, Warp &w) {
  uint32_t a[kLanes], b[kLanes], c[kLanes];
  std::memcpy(a, w.at<uint32_t>(i.o[2]), sizeof a);
  std::memcpy(b, w.at<uint32_t>(i.o[3]), sizeof b);
  std::memcpy(c, w.at<uint32_t>(i.o[4]), sizeof c);
  uint32_t *d = w.at<uint32_t>(i.o[0]);
  uint32_t silent = 0;
  int silent_lane = 0;
  each_group(i, w, i.o[5], [&](uint32_t lanes, uint32_t members) {
    uint32_t valid = 0;
    for (uint32_t m = lanes; m; m &= m - 1) {
      const int l = __builtin_ctz(m);
      const int by = b[l] & 31, segment = c[l] >> 8 & 31, clamp = c[l] & 31;
      const int most = (l & segment) | (clamp & ~segment), least = l & segment;
      int from = l;
      bool in = false;
      switch (i.mode) {
        case kShuffleUp:
          from = l - by;
          in = from >= most;
          break;
        case kShuffleDown:
          from = l + by;
          in = from <= most;
          break;
        case kShuffleButterfly:
          from = l ^ by;
          in = from <= most;
          break;
        default:
          from = least | (by & ~segment);
          in = from <= most;
          break;
      }
      if (!in) from = l;
      // What a lane that is not there gives is not defined: a pattern that shows.
      const bool given = from == l || (members >> from & 1);
      if (!given) silent |= 1u << from, silent_lane = l;
      d[l] = given ? a[from] : 0x7fa5a5a5u;
      valid |= static_cast<uint32_t>(in) << l;
    }
    write_predicate(w, i.o[1], valid);
  });
  if (silent && w.worker->settings.barriers && !w.worker->seen(FindingKind::inactive_lanes, i))
    w.worker->finding(FindingKind::inactive_lanes, i, w, silent_lane,
                      "takes a value from lanes " + hex(silent) + ", which are not active with the same mask");
}

void vote_predicate(const Instruction &i, Warp &w) {
  const uint32_t given = w.predicate(i.o[1]);
  each_group(i, w, i.o[2], [&](uint32_t, uint32_t m) {
    const uint32_t q = given & m;
    const bool r = i.mode == kVoteAny ? q != 0 : i.mode == kVoteAll ? q == m : q == 0 || q == m;
    write_predicate(w, i.o[0], r ? kAll : 0);
  });
}

void vote_ballot(const Instruction &i, Warp &w) {
  const uint32_t given = w.predicate(i.o[1]);
  each_group(i, w, i.o[2], [&](uint32_t, uint32_t m) {
    const uint32_t r = given & m;
    write_lanes<uint32_t>(w, i.o[0], [=](int) { return r; });
  });
}

void active_mask(const Instruction &i, Warp &w) {
  const uint32_t r = w.mask;
  write_lanes<uint32_t>(w, i.o[0], [=](int) { return r; });
}

void match(const Instruction &i, Warp &w) {
  uint64_t a[kLanes];
  for (int l = 0; l < kLanes; ++l) a[l] = i.bytes == 8 ? w.at<uint64_t>(i.o[2])[l] : w.at<uint32_t>(i.o[2])[l];
  each_group(i, w, i.o[3], [&](uint32_t, uint32_t m) {
    auto same_as = [&](int l) {
      uint32_t same = 0;
      for (int o = 0; o < kLanes; ++o) same |= static_cast<uint32_t>(a[o] == a[l]) << o;
      return same & m;
    };
    if (i.mode == kMatchAny) return write_each<uint32_t>(w, i.o[0], same_as);
    const bool all = m && same_as(__builtin_ctz(m)) == m;
    write_each<uint32_t>(w, i.o[0], [=](int) { return all ? m : 0; });
    write_predicate(w, i.o[1], all ? kAll : 0);
  });
}

Handler reduction(const std::string &op, const std::string &type) {
  if (type == "s32" && op == "min")
    return [](const Instruction &i, Warp &w) { reduce<int32_t>(i, w, [](int32_t a, int32_t b) { return std::min(a, b); }); };
  if (type == "s32" && op == "max")
    return [](const Instruction &i, Warp &w) { reduce<int32_t>(i, w, [](int32_t a, int32_t b) { return std::max(a, b); }); };
  if (op == "min")
    return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return std::min(a, b); }); };
  if (op == "max")
    return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return std::max(a, b); }); };
  if (op == "add") return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return a + b; }); };
  if (op == "and") return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return a & b; }); };
  if (op == "or") return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return a | b; }); };
  if (op == "xor") return [](const Instruction &i, Warp &w) { reduce<uint32_t>(i, w, [](uint32_t a, uint32_t b) { return a ^ b; }); };
  return nullptr;
}

void warp_barrier(const Instruction &i, Warp &w) {
  each_group(i, w, i.o[0], [](uint32_t, uint32_t) {});
}

void barrier_contribution(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  if (k.kernel.named_barriers) return;  // it is in the barrier's own operands
  const uint32_t q = w.predicate(i.o[0]) & w.mask, slot = k.epoch & 1;
  k.reduce_count[slot] += static_cast<uint32_t>(__builtin_popcount(q));
  k.reduce_and[slot] &= q == w.mask ? kAll : 0;
  k.reduce_or[slot] |= q ? kAll : 0;
}
void barrier_count(const Instruction &i, Warp &w) {
  const Worker &k = *w.worker;
  const uint32_t r = k.kernel.named_barriers ? w.stack.back().count : k.reduce_count[~k.epoch & 1];
  write_lanes<uint32_t>(w, i.o[0], [=](int) { return r; });
}
void barrier_predicate(const Instruction &i, Warp &w) {
  const Worker &k = *w.worker;
  const uint32_t slot = ~k.epoch & 1;
  const StackEntry &e = w.stack.back();
  if (k.kernel.named_barriers) write_predicate(w, i.o[0], i.mode ? e.any : e.all);
  else write_predicate(w, i.o[0], i.mode ? k.reduce_or[slot] : k.reduce_and[slot]);
}

void nothing(const Instruction &, Warp &) {}

void trap(const Instruction &i, Warp &w) {
  w.worker->fault(FindingKind::bad_instruction, i, w, __builtin_ctz(w.mask), "ran into a trap instruction (a failed assertion, or __trap)");
}

void call_of_nothing(const Instruction &i, Warp &w) {
  const int l = __builtin_ctz(w.mask);
  w.worker->fault(FindingKind::bad_instruction, i, w, l,
                  "calls " + hex(w.at<uint64_t>(i.o[0])[l]) + ", which is the address of none of the functions that may be called here");
}

// A count that rises with every instruction and is the same in every run.
void read_clock(const Instruction &i, Warp &w) {
  const uint64_t r = ++w.worker->steps;
  if (i.bytes == 8) write_lanes<uint64_t>(w, i.o[0], [=](int) { return r; });
  else write_lanes<uint32_t>(w, i.o[0], [=](int) { return static_cast<uint32_t>(r); });
}

void pack(const Instruction &i, Warp &w) {
  const int parts = i.mode, bytes = i.bytes;
  write_each<uint64_t>(w, i.o[0], [&](int l) {
    uint64_t r = 0;
    for (int n = 0; n < parts; ++n) {
      uint64_t part = 0;
      std::memcpy(&part, w.frame + i.o[1 + n] + l * bytes, bytes);
      r |= part << (8 * bytes * n);
    }
    return r;
  });
}
void pack32(const Instruction &i, Warp &w) {
  write_each<uint32_t>(w, i.o[0],
                       [&](int l) { return w.at<uint16_t>(i.o[1])[l] | static_cast<uint32_t>(w.at<uint16_t>(i.o[2])[l]) << 16; });
}
void unpack(const Instruction &i, Warp &w) {
  const int parts = i.mode, bytes = i.bytes, whole = parts * bytes;
  for (uint32_t m = w.mask; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    uint64_t a = 0;
    std::memcpy(&a, w.frame + i.o[parts] + l * whole, whole);
    for (int n = 0; n < parts; ++n) {
      uint64_t part = a >> (8 * bytes * n);
      std::memcpy(w.frame + i.o[n] + l * bytes, &part, bytes);
    }
  }
}

void address_window(const Instruction &i, Warp &w) {
  const uint64_t *a = w.at<uint64_t>(i.o[1]);
  const uint64_t by = static_cast<uint64_t>(i.immediate);
  write_lanes<uint64_t>(w, i.o[0], [=](int l) { return a[l] + by; });
}

void select_result(const Instruction &i, Warp &w) {
  const uint32_t p = w.predicate(i.o[1]);
  const uint64_t yes = static_cast<uint64_t>(i.immediate);
  if (i.bytes == 2) write_each<uint16_t>(w, i.o[0], [=](int l) { return static_cast<uint16_t>(p >> l & 1 ? yes : 0); });
  else if (i.bytes == 4) write_each<uint32_t>(w, i.o[0], [=](int l) { return static_cast<uint32_t>(p >> l & 1 ? yes : 0); });
  else write_each<uint64_t>(w, i.o[0], [=](int l) { return p >> l & 1 ? yes : 0; });
}

void is_in_space(const Instruction &i, Warp &w) {
  const uint64_t *a = w.at<uint64_t>(i.o[1]);
  uint32_t r = 0;
  for (int l = 0; l < kLanes; ++l) r |= static_cast<uint32_t>(a[l] >> 56 == i.mode) << l;
  write_predicate(w, i.o[0], r);
}

}  // namespace vgpu

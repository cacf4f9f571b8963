// The instructions on mbarriers. The lanes of one instruction come one after the other.
//
// A copy's arrival (cp.async.mbarrier.arrive) comes at the latest moment: when somebody tests and nothing else is missing. Its copies are
// done then, not before, so a read that has not waited finds their words pending. What they write counts as written when the warp said that
// they shall arrive, which is what those learn who find the phase complete.
#include "access.h"
#include "clocks.h"
#include <algorithm>

namespace vgpu {
namespace {

// f(lane) for the active lanes, in an order that nothing on a card fixes either.
template <class F> void each_lane(Warp &w, F f) {
  const WarpOrder order = w.worker->settings.warps;
  const int turn = order == WarpOrder::random ? static_cast<int>(w.worker->next_random() & 31) : 0;
  for (int n = 0; n < kLanes; ++n) {
    const int l = order == WarpOrder::reverse ? kLanes - 1 - n : (n + turn) & 31;
    if (w.mask >> l & 1) f(l);
  }
}

bool wanted(Worker &k, bool check, FindingKind kind, const Instruction &i) { return check && !k.seen(kind, i); }

uint32_t address_of(const Instruction &i, const Warp &w, int lane) {
  Worker &k = *w.worker;
  const uint32_t o = i.o[i.defs];
  const uint64_t offset = static_cast<uint64_t>(i.immediate);
  const uint64_t at = i.flags & kWideAddress ? w.at<uint64_t>(o)[lane] + offset : (w.at<uint32_t>(o)[lane] + offset) & 0xffffffffu;
  if (at >= k.shared_bytes || kPhaseBytes > k.shared_bytes - at)
    k.fault(
        FindingKind::out_of_bounds, i, w, lane,
        "names an mbarrier at shared address " + hex(at) + "; the block has " + std::to_string(k.shared_bytes) + " bytes of shared memory");
  if (at % kPhaseBytes)
    k.fault(FindingKind::misaligned, i, w, lane, "names an mbarrier at shared address " + hex(at) + ", which is no multiple of 8");
  return static_cast<uint32_t>(at);
}

bool has_shadow(const Worker &k, uint32_t at) { return !k.wrote.empty() && at < k.reserved_from; }

// The one that a lane names. It must be there, and the lane must know that it is.
PhaseBarrier &barrier_of(const Instruction &i, Warp &w, int lane) {
  Worker &k = *w.worker;
  const uint32_t at = address_of(i, w, lane), number = k.phases.number[at / kPhaseBytes];
  if (!number || !k.phases.barriers[number - 1].valid)
    k.fault(FindingKind::bad_instruction, i, w, lane,
            "uses shared address " + hex(at) + " as an mbarrier, which " +
                (number ? "has been invalidated" : "nothing in this block has initialised"));
  PhaseBarrier &b = k.phases.barriers[number - 1];
  if (has_shadow(k, at)) {
    const uint32_t v = k.wrote[at >> k.granule_bits], writer = v & 63;
    if (writer != w.index && (v >> 6) > clock_of(k, w.index)[writer] && wanted(k, k.settings.races, FindingKind::shared_race, i))
      k.finding(FindingKind::shared_race, i, w, lane,
                "uses the mbarrier at shared address " + hex(at) + " that warp " + std::to_string(writer) +
                    " initialised with no barrier between");
  }
  return b;
}

// ---- states: what arrive gives and test_wait takes. Programs cannot rely on how they look: it depends on the seed -------------------
struct State {
  uint32_t pending, phase, word, turns;
  bool open, valid;
};
uint64_t key(const Worker &k) { return (k.settings.seed + 1) * 0x9e3779b97f4a7c15u; }
constexpr uint32_t kPhaseBits = 20, kWordBits = 15, kTurnBits = 7;
static_assert((kMostShared + 128 + kReservedShared) / kPhaseBytes <= 1u << kWordBits, "a word of shared memory has a number of 15 bits");
uint64_t state_of(const Worker &k, const PhaseBarrier &b, bool open) {
  const uint64_t phase = b.phase & ((1u << kPhaseBits) - 1), turns = b.turns & ((1u << kTurnBits) - 1);
  return key(k) ^ (b.pending | uint64_t(open) << 20 | phase << 21 | uint64_t(b.at / kPhaseBytes) << 41 | turns << 56 | uint64_t(1) << 63);
}
State state_from(const Worker &k, uint64_t bits) {
  bits ^= key(k);
  auto part = [&](int from, uint32_t count) { return static_cast<uint32_t>(bits >> from) & ((1u << count) - 1); };
  return {part(0, 20), part(21, kPhaseBits), part(41, kWordBits), part(56, kTurnBits), part(20, 1) != 0, part(63, 1) != 0};
}

// ---- arrivals ------------------------------------------------------------------------------------------------------------------------
void take_arrivals(Worker &k, PhaseBarrier &b, uint32_t count) {
  ++k.phases.events;
  b.pending -= count;
  if (b.pending) return;
  b.completed.swap(b.arrived);
  std::fill(b.arrived.begin(), b.arrived.end(), 0);
  ++b.phase;
  b.pending = b.expected;
}

// Somebody tests: if only copies are missing, they come now.
void let_copies_come(Worker &k, PhaseBarrier &b) {
  if (!b.pending || b.awaited < b.pending) return;
  for (const uint32_t phase = b.phase; b.phase == phase;) {
    CopyArrival &c = b.copies.front();
    uint32_t lanes = c.lanes;
    while (static_cast<uint32_t>(__builtin_popcount(lanes)) > b.pending) lanes &= lanes - 1;
    finish_copies(k.warps[c.warp], lanes, c.last);
    learn(b.arrived.data(), c.clock.data(), c.clock.size());
    c.lanes &= ~lanes;
    if (!c.lanes) b.copies.pop_front();
    const auto count = static_cast<uint32_t>(__builtin_popcount(lanes));
    b.awaited -= count;
    take_arrivals(k, b, count);
  }
}

std::string arrivals(uint32_t n) { return std::to_string(n) + (n == 1 ? " arrival" : " arrivals"); }

void check_count(const Instruction &i, Warp &w, int lane, uint32_t count) {
  if (count < 1 || count > kMostArrivals)
    w.worker->fault(FindingKind::bad_instruction, i, w, lane,
                    "gives an mbarrier " + arrivals(count) + "; there must be 1 to " + std::to_string(kMostArrivals));
}

}  // namespace

std::string PhaseBarrier::text() const {
  return "the mbarrier at shared address " + hex(at) + ", in phase " + std::to_string(phase) + " with " + arrivals(pending) +
         " to come of " + std::to_string(expected) + (awaited ? "; " + std::to_string(awaited) + " of copies are on their way" : "");
}

void phase_init(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  Phases &all = k.phases;
  each_lane(w, [&](int l) {
    const uint32_t at = address_of(i, w, l), count = w.at<uint32_t>(i.o[1])[l];
    check_count(i, w, l, count);
    uint16_t &number = all.number[at / kPhaseBytes];
    if (!number) {
      all.barriers.emplace_back().at = at;
      number = static_cast<uint16_t>(all.barriers.size());
    }
    PhaseBarrier &b = all.barriers[number - 1];
    if (b.valid && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l, "initialises " + b.text() + ", which nothing has invalidated");
    if (has_shadow(k, at)) {
      const SharedProblems p = clocked_access(k, at >> k.granule_bits, kPhaseBytes >> k.granule_bits, w.index, Intent::store);
      if (p.race && wanted(k, k.settings.races, FindingKind::shared_race, i))
        k.finding(FindingKind::shared_race, i, w, l,
                  "initialises an mbarrier at shared address " + hex(at) + " that " +
                      (p.other >= 0 ? "warp " + std::to_string(p.other) : "several warps") + (p.other_read ? " read" : " wrote") +
                      " with no barrier between");
    }
    std::fill_n(reinterpret_cast<uint32_t *>(k.shared + at), kPhaseBytes / 4, 0x7fa5a5a5u);
    b.valid = true;
    ++b.turns;
    b.expected = b.pending = count;
    b.phase = b.awaited = 0;
    b.copies.clear();
    b.arrived.assign(k.warps.size(), 0);
    b.completed.assign(k.warps.size(), 0);
    all.low = std::min<uint64_t>(all.low, at);
    all.high = std::max<uint64_t>(all.high, at + kPhaseBytes);
    ++all.events;
  });
}

void phase_invalidate(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  each_lane(w, [&](int l) {
    PhaseBarrier &b = barrier_of(i, w, l);
    if (b.awaited && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l, "invalidates " + b.text());
    b.valid = false;
    b.copies.clear();
    b.awaited = 0;
    if (has_shadow(k, b.at)) std::fill_n(k.wrote.data() + (b.at >> k.granule_bits), kPhaseBytes >> k.granule_bits, clocked_tag(k, w.index));
    ++k.phases.events;
  });
}

void phase_arrive(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  const uint32_t *given = w.at<uint32_t>(i.o[2]);
  uint64_t states[kLanes];
  each_lane(w, [&](int l) {
    PhaseBarrier &b = barrier_of(i, w, l);
    const uint32_t count = given[l];
    check_count(i, w, l, count);
    if (count > b.pending)
      k.fault(FindingKind::bad_instruction, i, w, l, "gives " + arrivals(count) + " to " + b.text() + ": more than are to come");
    if ((i.mode & kNoComplete) && count == b.pending && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l, "completes the phase of " + b.text() + ", although it says .noComplete");
    states[l] = state_of(k, b, i.mode & kNoComplete);
    if (i.mode & kDrops) {
      if (count > b.expected)
        k.fault(FindingKind::bad_instruction, i, w, l, "drops " + arrivals(count) + " of " + b.text() + ": more than are expected");
      b.expected -= count;
    }
    learn(b.arrived.data(), clock_of(k, w.index), k.warps.size());
    take_arrivals(k, b, count);
  });
  tick(k, w.index);
  write_each<uint64_t>(w, i.o[0], [&](int l) { return states[l]; });
}

void phase_test(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  uint32_t complete = 0;
  w.tested = nullptr;
  each_lane(w, [&](int l) {
    PhaseBarrier &b = barrier_of(i, w, l);
    bool current;
    if (i.mode & kParity) {
      const uint32_t parity = w.at<uint32_t>(i.o[2])[l];
      if (parity > 1 && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
        k.finding(FindingKind::bad_instruction, i, w, l,
                  "tests " + b.text() + ", for parity " + std::to_string(parity) + "; there are 0 and 1");
      current = (parity & 1) == (b.phase & 1);
    } else {
      const State s = state_from(k, w.at<uint64_t>(i.o[2])[l]);
      const bool its = s.valid && s.word == b.at / kPhaseBytes && s.turns == (b.turns & ((1u << kTurnBits) - 1));
      const uint32_t behind = (b.phase - s.phase) & ((1u << kPhaseBits) - 1);
      if ((!its || behind > 1) && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
        k.finding(FindingKind::bad_instruction, i, w, l,
                  "tests " + b.text() +
                      (its ? ", for phase " + std::to_string(s.phase) + ", which is neither this nor the one before"
                           : ", with a state that no arrival there gave"));
      current = its && !behind;
    }
    const uint32_t phase = b.phase;
    if (current) let_copies_come(k, b);
    if (current && b.phase == phase) {
      // The others' turn: they are to arrive.
      w.tested = &i;
      w.tested_at = b.at;
      w.in_vain = true;
      k.turn_end = 0;
      return;
    }
    complete |= 1u << l;
    ++k.phases.events;
    learn(clock_of(k, w.index), b.completed.data(), b.completed.size());
  });
  write_predicate(w, i.o[0], complete);
}

void phase_pending_count(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  const uint64_t *states = w.at<uint64_t>(i.o[1]);
  write_each<uint32_t>(w, i.o[0], [&](int l) {
    const State s = state_from(k, states[l]);
    if ((!s.valid || !s.open) && wanted(k, k.settings.barriers, FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l, "wants the count of a state that no arrival with .noComplete gave");
    return s.pending;
  });
}

void phase_copies_arrive(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  const uint32_t *mine = clock_of(k, w.index);
  each_lane(w, [&](int l) {
    PhaseBarrier &b = barrier_of(i, w, l);
    if (!(i.mode & kNoIncrement) && ++b.pending > kMostArrivals)
      k.fault(FindingKind::bad_instruction, i, w, l, "adds an arrival to " + b.text() + ": at most " + std::to_string(kMostArrivals));
    if (++b.awaited > kMostArrivals)
      k.fault(FindingKind::bad_instruction, i, w, l, "has a copy arrive at " + b.text() + ": at most " + std::to_string(kMostArrivals));
    ++k.phases.events;
    // Lanes that name one barrier arrive together.
    CopyArrival *last = b.copies.empty() ? nullptr : &b.copies.back();
    if (last && last->warp == w.index && last->clock[w.index] == mine[w.index]) last->lanes |= 1u << l;
    else b.copies.push_back({w.index, 1u << l, w.copies_issued, {mine, mine + k.warps.size()}});
  });
  for (const auto &copy : w.copies)
    if ((copy->mask & w.mask) && !copy->arrives) copy->arrives = mine[w.index];
  tick(k, w.index);
}

void check_phase_words(const Instruction &i, Warp &w, int lane, uint64_t at, uint32_t bytes, Intent intent) {
  Worker &k = *w.worker;
  if (at + bytes <= k.phases.low || at >= k.phases.high) return;
  for (uint64_t word = at / kPhaseBytes; word <= (at + bytes - 1) / kPhaseBytes; ++word) {
    const uint32_t number = k.phases.number[word];
    if (!number || !k.phases.barriers[number - 1].valid || !wanted(k, k.settings.barriers, FindingKind::bad_instruction, i)) continue;
    k.finding(FindingKind::bad_instruction, i, w, lane,
              std::string(intent == Intent::load ? "reads" : "writes") + " shared address " + hex(at) + ", which belongs to " +
                  k.phases.barriers[number - 1].text());
  }
}

}  // namespace vgpu

// mbarrier: barriers that are words of shared memory. A phase is complete when as many arrivals have come as are expected, and who finds it
// complete knows what all that arrived in it knew. What is in the words themselves is left open by PTX, so nothing of use is there.
#pragma once
#include "shadow.h"
#include <deque>
#include <string>

namespace vgpu {

struct Instruction;
struct Warp;

constexpr uint32_t kMostArrivals = (1u << 20) - 1;  // of a phase
constexpr uint32_t kPhaseBytes = 8;                 // of shared memory

struct CopyArrival {  // cp.async.mbarrier.arrive of some lanes that has not come yet
  uint32_t warp, lanes;
  uint32_t last;                // the number of the warp's last cp.async before it
  std::vector<uint32_t> clock;  // what the warp knew
};

struct PhaseBarrier {
  uint32_t at = 0;     // shared address
  uint32_t turns = 0;  // how often it has been initialised
  bool valid = false;  // and not been invalidated since
  uint32_t expected = 0, pending = 0, phase = 0;
  uint32_t awaited = 0;             // arrivals of copies that have not come
  std::vector<uint32_t> arrived;    // what all that have arrived in this phase knew
  std::vector<uint32_t> completed;  // the same of the phase before
  std::deque<CopyArrival> copies;   // oldest first
  std::string text() const;         // "the mbarrier at shared address 0x10, in phase 2 with 3 arrivals to come of 64"
};

struct Phases {  // of a block
  std::vector<PhaseBarrier> barriers;
  std::vector<uint16_t> number;           // of each 8 bytes of shared memory: its barrier's and 1; empty if the kernel has none
  uint64_t low = ~uint64_t(0), high = 0;  // all lie in between
  // What may end somebody's wait: an mbarrier is initialised, invalidated or found complete, an arrival, a barrier that opens. Then: how
  // many there were at the end of the last round of turns.
  uint64_t events = 0, events_before = 0;
  uint32_t idle = 0;  // rounds of turns without an event in which all warps tested in vain
  uint32_t same = 0;  // how often in a row such rounds have left what threads can read as it was
  uint64_t seen = 0;  // a hash of that
};

enum PhaseMode : uint8_t { kDrops = 1, kNoComplete = 2, kParity = 1, kNoIncrement = 1 };

void phase_init(const Instruction &i, Warp &w);           // address, arrivals
void phase_invalidate(const Instruction &i, Warp &w);     // address
void phase_arrive(const Instruction &i, Warp &w);         // state, address, arrivals; mode: kDrops, kNoComplete
void phase_test(const Instruction &i, Warp &w);           // p, address, state or parity; mode: kParity
void phase_pending_count(const Instruction &i, Warp &w);  // d, state
void phase_copies_arrive(const Instruction &i, Warp &w);  // address; mode: kNoIncrement
// Other accesses to the words of a valid one.
void check_phase_words(const Instruction &i, Warp &w, int lane, uint64_t at, uint32_t bytes, Intent intent);

}  // namespace vgpu

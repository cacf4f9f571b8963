// The state of a running warp and of the thread of the host that runs it.
#pragma once
#include "kernel.h"
#include "phases.h"
#include <atomic>
#include <cstring>
#include <mutex>

namespace vgpu {

constexpr uint32_t kAll = 0xffffffffu;
constexpr int kLanes = 32;

struct Worker;
struct Pattern;

// Lanes that run `block` next; they leave this entry when they reach `rejoin`.
struct StackEntry {
  int32_t block;
  uint32_t mask;
  int32_t rejoin;
  uint8_t waiting = 0;                   // at this barrier less one
  uint32_t ender = 0;                    // the instruction that it waits at
  uint32_t count = 0, all = 0, any = 0;  // bar.red, of the barrier that it waited at last
};

constexpr uint32_t kBarriers = 16;
struct NamedBarrier {
  uint32_t expected = 0;  // threads; 0 until the first of them arrives
  bool whole = false;     // or as many of the block as have not exited
  uint32_t arrived = 0;
  uint32_t first = 0;           // the instruction of the first of them
  std::vector<uint32_t> lanes;  // that have arrived, of each warp
  std::vector<uint32_t> clock;  // what all that have arrived knew
  uint32_t count = 0, all = 0, any = 0;
};

struct ShadowPieces {  // granules of shared memory, by line of its shadow
  uint32_t count = 0;
  struct {
    int32_t line;
    uint32_t granules;
  } pieces[2 * kLanes];
};

struct AsyncCopy {     // one warp's cp.async instruction
  uint32_t number;     // of the instruction
  uint64_t low, high;  // all sources lie in between
  uint32_t mask;       // lanes whose copy has not been done
  uint32_t oldest;     // the smallest group of its lanes
  uint32_t serial;     // among those of its warp
  uint32_t arrives;    // when the warp said that it shall arrive at an mbarrier; 0: it has not
  alignas(32) uint32_t group[kLanes];
  alignas(32) uint32_t to[kLanes];
  alignas(32) uint64_t from[kLanes];
  alignas(32) uint8_t read[kLanes];
  uint8_t bytes;
  uint32_t issued;       // lanes
  ShadowPieces written;  // by all its lanes; none if that is not known
};

enum class WarpState : uint8_t { ready, at_barrier, done };

struct Warp {
  uint8_t *frame = nullptr;
  uint32_t mask = 0;                      // lanes that execute now
  uint32_t live = 0;                      // lanes that have not exited
  uint32_t whole = 0;                     // the mask with which uniform arithmetic is done once: all lanes; 0 if the analysis is off
  alignas(32) int32_t lane[kLanes] = {};  // mask, spread: -1 or 0
  uint32_t carry = 0;                     // the condition code of add.cc
  uint32_t index = 0;
  WarpState state = WarpState::ready;
  bool blocked = false;                 // all of it waits at an aligned barrier
  bool in_vain = false;                 // its last turn ended with a test of an mbarrier that failed
  const Instruction *tested = nullptr;  // its last test if that failed
  uint32_t tested_at = 0;
  Worker *worker = nullptr;
  uint8_t *local = nullptr;
  const Pattern **arranged = nullptr;  // its own of the worker's; null if the analysis is off
  std::vector<StackEntry> stack;
  std::vector<std::unique_ptr<AsyncCopy>> copies;
  uint32_t committed[kLanes] = {};  // cp.async groups of each lane
  uint32_t copies_issued = 0;
  std::vector<std::unique_ptr<AsyncCopy>> spare;  // done copies, to be used again

  template <class T> T *at(uint32_t offset) const { return static_cast<T *>(__builtin_assume_aligned(frame + offset, 32)); }
  uint32_t &predicate(uint32_t offset) const { return *reinterpret_cast<uint32_t *>(frame + offset); }
  void set_mask(uint32_t m) {
    if (m == mask) return;
    mask = m;
    if (m != kAll)
      for (int l = 0; l < kLanes; ++l) lane[l] = -static_cast<int32_t>(m >> l & 1);
  }
};

// How the lanes of a warp spread over memory, relative to the first active lane. Loops repeat their patterns, so all that depends on the
// pattern alone is worked out once.
struct Run {
  int32_t offset;
  int32_t bytes;
};
struct Pattern {
  alignas(32) int32_t relative[kLanes] = {};  // 0 of lanes that are not active
  uint32_t mask = 0, bytes = 0;               // bytes of one lane; all three are what makes it the same pattern
  int32_t low = 0, high = 0;                  // of all bytes, relative
  uint32_t alignment = 0;                     // or of all relative addresses
  bool contiguous = false, uniform = false, overlapping = false;
  uint8_t run_count = 0;
  Run runs[kLanes] = {};  // distinct bytes, ascending
  uint32_t wavefronts = 0, wavefronts_ideal = 0;
  mutable uint8_t sectors[32] = {};  // by the first lane's place in its sector; 0: not counted yet
  uint32_t sectors_ideal = 0;
  bool octets = false;      // of all 32 lanes, each eight from a multiple of 8 on have one address
  uint8_t period = kLanes;  // 8 or 16: so many lanes and the next ones have the same addresses in turn
  // Lines from the first lane's on, by its place in that line; null: not known yet.
  mutable std::unique_ptr<ShadowPieces> pieces[32];
};

// What a memory instruction remembers: its last patterns, which of them followed which (a loop over swizzled rows takes turns among a few),
// and the allocation that it hit last.
constexpr int kWays = 4;
inline const Pattern kNoPattern;  // of no lanes
struct AccessCache {
  const Pattern *pattern = nullptr;  // of this access
  const Pattern *ways[kWays] = {&kNoPattern, &kNoPattern, &kNoPattern, &kNoPattern};
  uint8_t now = 0, oldest = 0, follower[kWays] = {};
  uint64_t begin = 0, end = 0;
  Allocation *allocation = nullptr;
  uint8_t *written = nullptr;
  uint64_t *read_bits = nullptr, *write_bits = nullptr;
  bool allowed = false;
};

struct Fault {
  FindingKind kind;
  std::string text;
  uint32_t number;
};
struct Seen {
  std::string text;
  uint64_t count;
  uint64_t block;
  uint64_t order;
};  // order: within its worker

constexpr uint32_t kReservedShared = 1024;
struct Printed {  // by printf
  uint64_t block;
  uint64_t order;  // within its worker
  uint32_t number;
  std::string text;
};
constexpr size_t kMostPrinted = 4096;  // of a launch

// What all workers of a launch share.
struct LaunchState {
  const Launch &launch;
  const Kernel &kernel;
  Settings settings;
  uint64_t blocks;
  std::atomic<uint64_t> next{0};
  std::atomic<uint64_t> stop{~uint64_t(0)};  // blocks from this one on need not run: an earlier one faulted
  uint8_t written_tag = 1;                   // what a store puts into the shadow; 2 while the kernel has ld.global.nc
  bool track = false;                        // the bitmaps of accesses are wanted
  std::mutex mutex{};
  std::map<Allocation *, Access> accesses{};
  uint64_t fault_block = ~uint64_t(0);
  Fault fault{};
  std::map<std::pair<FindingKind, uint32_t>, Seen> findings{};
  std::vector<Printed> printed{};
  std::vector<uint64_t> executions{}, threads{};  // of each basic block
  Counters counters{};
};

// One host thread; runs thread blocks one after the other.
struct Worker {
  LaunchState &launch;
  const Kernel &kernel;
  const Settings &settings;
  uint64_t block_number = 0;
  uint32_t ctaid[3] = {};
  std::vector<Warp> warps;
  std::vector<AccessCache> caches;
  std::vector<std::unique_ptr<Pattern>> patterns;  // of all instructions, by their hash; a new one takes the place of an old one
  std::unique_ptr<const Pattern *[]> arranged;     // of addresses that have a shape, by warp and arrangement
  std::vector<std::unique_ptr<Pattern>> kept_patterns;
  LazyBytes memory;  // frames and local memory
  std::vector<uint8_t> shared_storage;
  uint8_t *shared = nullptr;
  uint64_t shared_bytes = 0;
  uint32_t granule_bits = 2;   // of the kernel's granule
  uint64_t reserved_from = 0;  // shared memory from here on is the system's: zero at first, and not checked
  Shadow shadow;               // of shared memory
  bool any_pending = false;
  uint32_t copies = 0;  // cp.async instructions of all warps with lanes whose copy has not been done
  // With named barriers, instead: the clock of each warp (a row: what it knows of each), and for each granule its time << 6 | warp of the
  // last write, whether a cp.async is on its way, and when each warp last read or updated it.
  std::vector<NamedBarrier> barriers;
  std::vector<uint32_t> wrote;
  std::vector<uint8_t> pending;
  std::vector<uint32_t> clocks;
  LazyBytes reads, updates;
  Phases phases;
  uint32_t epoch = 1, first_epoch = 1;  // barriers passed, over all blocks of this worker; first of this block
  uint64_t steps = 0;                   // warp instructions of this block
  uint64_t turn_end = 0;                // the running warp's turn ends with these steps
  uint64_t random;
  uint32_t reduce_count[2] = {}, reduce_and[2] = {}, reduce_or[2] = {};  // bar.red, by parity of the epoch
  std::vector<uint64_t> executions, threads;
  Counters counters;
  bool counting_main_loop = false;
  std::map<std::pair<FindingKind, uint32_t>, Seen> findings;
  uint64_t found = 0;
  std::vector<Printed> printed;
  std::map<uint32_t, std::shared_ptr<void>> layouts;  // of fragments of wmma

  Worker(LaunchState &state, uint64_t seed);
  void run();
  void finding(FindingKind kind, const Instruction &i, const Warp &w, int lane, const std::string &what);
  bool seen(FindingKind kind, const Instruction &i);  // counts it and says if it has been described already
  [[noreturn]] void fault(FindingKind kind, const Instruction &i, const Warp &w, int lane, const std::string &what);
  std::string where(const Instruction &i, const Warp &w, int lane) const;
  void arrive(const Instruction &i, Warp &w, uint32_t lanes);
  uint32_t next_random() {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(random >> 33);
  }

 private:
  void start_block(uint64_t number);
  void run_block();
  bool run_warp(Warp &w, uint64_t slice);
  void reset_barriers();
  bool take_another(Warp &w, bool apart);
  void wait_at_barrier(const Instruction &i, Warp &w, uint32_t lanes);
  void open_if_complete(uint32_t id);
  void open_after_exit();
  void resolve_standstill();
  std::string who_waits() const;
  void reset_phases();
  void let_other_lanes_run(Warp &w, bool apart);
  uint64_t what_is_there() const;
  void watch_tests();
  void release_barrier();
  void leave(Warp &w, uint32_t lanes);
};

std::string hex(uint64_t value);
std::string describe_address(uint64_t address, int device);  // "4 bytes after the end of allocation 7 of device 0 (1024 bytes)"
// A global access of a warp: checks, counts, and returns the host address of the first active lane.
void run_guarded(const Instruction &i, Warp &w);

// d[lane] = f(lane) for the active lanes; f must be harmless for the others.
template <class D, class F> [[gnu::always_inline]] inline void write_lanes(Warp &w, uint32_t to, F f) {
  D *d = w.at<D>(to);
  if (__builtin_expect(w.mask == kAll, 1)) {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) d[l] = f(l);
  } else {
    alignas(64) D t[kLanes];
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) t[l] = f(l);
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) d[l] = w.lane[l] ? t[l] : d[l];
  }
}

// The same, for f that costs much: only the active lanes.
template <class D, class F> [[gnu::always_inline]] inline void write_each(Warp &w, uint32_t to, F f) {
  D *d = w.at<D>(to);
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    d[l] = f(l);
  }
}

// One value in all 32 lanes.
template <class D> inline void write_all(Warp &w, uint32_t to, D value) {
  D *d = w.at<D>(to);
  for (int l = 0; l < kLanes; ++l) d[l] = value;
}

inline void write_predicate(Warp &w, uint32_t to, uint32_t value) {
  uint32_t &p = w.predicate(to);
  p = (p & ~w.mask) | (value & w.mask);
}

}  // namespace vgpu

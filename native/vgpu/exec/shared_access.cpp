// Checks and counts of accesses to shared memory.
#include "clocks.h"
#include "spread.h"
#include <cstring>

namespace vgpu {
namespace {

// One run of shadow words; also brings the shadow up to date. The usual lengths are unrolled.
template <uint32_t fixed>
[[gnu::always_inline]] inline SharedProblems shadow_load_run(Worker &k, uint32_t from, uint32_t count, uint32_t tag) {
  const uint32_t epoch = tag >> 6, born = k.first_epoch << 6, many = epoch << 6 | 63, n = fixed ? fixed : count;
  const uint32_t *__restrict wrote = k.wrote.data() + from;
  uint32_t *__restrict read = k.read.data() + from;
  uint32_t missing = 0, race = 0;
#pragma GCC unroll 4
  for (uint32_t g = 0; g < n; ++g) {
    uint32_t v = wrote[g], r = read[g];
    missing |= v < born ? 1 : 0;
    race |= ((v >> 6) == epoch ? 1 : 0) & (v != tag ? 1 : 0);
    read[g] = ((r >> 6) == epoch ? 1 : 0) & (r != tag ? 1 : 0) ? many : tag;
  }
  return {missing, race};
}
SharedProblems shadow_load(Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  return n == 1    ? shadow_load_run<1>(k, from, n, tag)
         : n == 4  ? shadow_load_run<4>(k, from, n, tag)
         : n == 32 ? shadow_load_run<32>(k, from, n, tag)
                   : shadow_load_run<0>(k, from, n, tag);
}
SharedProblems shadow_store(Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  const uint32_t epoch = tag >> 6;
  uint32_t *__restrict wrote = k.wrote.data() + from;
  const uint32_t *__restrict read = k.read.data() + from;
  uint32_t race = 0;
  for (uint32_t g = 0; g < n; ++g) {
    uint32_t v = wrote[g], r = read[g];
    race |= ((v >> 6) == epoch ? 1 : 0) & (v != tag ? 1 : 0);
    race |= ((r >> 6) == epoch ? 1 : 0) & (r != tag ? 1 : 0);
    wrote[g] = tag;
  }
  if (!k.atomics.empty()) std::memset(k.atomics.data() + from, 0, n * sizeof(uint32_t));
  return {0, race};
}
// Atomics of several warps do not race with one another, only with plain accesses. 62 in the shadow: several warps.
SharedProblems shadow_atomic(Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  const uint32_t epoch = tag >> 6, born = k.first_epoch << 6;
  SharedProblems p;
  for (uint32_t g = from; g < from + n; ++g) {
    uint32_t v = k.wrote[g], r = k.read[g];
    const bool other = (v >> 6) == epoch && v != tag;
    p.missing |= v < born;
    p.race |= other && k.atomics[g] != epoch;
    p.race |= (r >> 6) == epoch && r != tag;
    // A plain store of this epoch counts on: another warp's atomic races with it.
    if ((v >> 6) != epoch || k.atomics[g] == epoch) k.atomics[g] = epoch;
    k.wrote[g] = other ? epoch << 6 | 62 : tag;
  }
  return p;
}
bool suspicious(const Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  for (uint32_t g = from; g < from + n; ++g)
    if (k.wrote[g] < k.first_epoch << 6 || ((k.wrote[g] >> 6) == (tag >> 6) && k.wrote[g] != tag) || k.pending[g]) return true;
  return false;
}
uint32_t any_pending(const Worker &k, uint32_t from, uint32_t n) { return std::memchr(k.pending.data() + from, 1, n) != nullptr; }

std::string other_warp(uint32_t shadow, uint32_t tag) {
  uint32_t warp = shadow & 63;
  return (shadow >> 6) != (tag >> 6) || shadow == tag ? "" : warp >= 62 ? "several warps" : "warp " + std::to_string(warp);
}

void report_race(const Instruction &i, Warp &w, int lane, uint32_t at, Intent intent, const SharedProblems &found, uint32_t wrote,
                 uint32_t read, uint32_t tag) {
  Worker &k = *w.worker;
  std::string by = other_warp(wrote, tag);
  std::string text = std::string(intent == Intent::load ? "reads" : "writes") + " shared address " + hex(at) + " that ";
  if (found.other >= 0) text += "warp " + std::to_string(found.other) + (found.other_read ? " read" : " wrote");
  else text += !by.empty() ? by + " wrote" : other_warp(read, tag) + " read";
  k.finding(FindingKind::shared_race, i, w, lane, text + " with no barrier between");
}

}  // namespace

uint8_t *resolve_shared(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent) {
  uint64_t base;
  const bool near = i.flags & kWideAddress ? spread(i, w, c, static_cast<const uint64_t *>(address_register), base)
                                           : spread(i, w, c, static_cast<const uint32_t *>(address_register), base);
  if (__builtin_expect(!near, 0)) return nullptr;
  Worker &k = *w.worker;
  if (!(i.flags & kWideAddress)) base &= 0xffffffffu;
  const uint64_t low = base + c.low, high = base + c.high;
  const bool single = !(w.mask & (w.mask - 1));
  if (__builtin_expect(high > k.shared_bytes || low > high, 0)) {
    if (!single) return nullptr;
    k.fault(FindingKind::out_of_bounds, i, w, first_lane(w),
            std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) + " bytes at shared address " + hex(base) +
                "; the block has " + std::to_string(k.shared_bytes) + " bytes of shared memory");
  }
  if (__builtin_expect(((base | c.alignment) & (i.bytes - 1)) != 0, 0) && k.settings.bounds) {
    if (!single) return nullptr;
    k.fault(FindingKind::misaligned, i, w, first_lane(w),
            std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) + " bytes at shared address " + hex(base) +
                ", which is no multiple of that");
  }
  if ((k.settings.races || k.settings.initialized) && low < k.reserved_from) {
    const uint32_t tag = k.epoch << 6 | w.index, granule = k.kernel.granule;
    // Keep what the shadow says for messages: a pass that changes it comes after the look at it.
    SharedProblems found;
    uint32_t was_wrote = 0, was_read = 0;
    int lane = -1;
    auto first_of = [&](const Run &run) { return static_cast<uint32_t>(base + run.offset) / granule; };
    for (int r = 0; r < c.run_count; ++r) {
      const uint32_t from = first_of(c.runs[r]);
      const uint32_t n = static_cast<uint32_t>(base + c.runs[r].offset + c.runs[r].bytes - 1) / granule + 1 - from;
      const uint32_t old_wrote = k.wrote[from], old_read = k.read[from];
      SharedProblems p = k.kernel.named_barriers   ? clocked_access(k, from, n, w.index, intent)
                         : intent == Intent::load  ? shadow_load(k, from, n, tag)
                         : intent == Intent::store ? shadow_store(k, from, n, tag)
                                                   : shadow_atomic(k, from, n, tag);
      if (k.any_pending) p.pending = any_pending(k, from, n);
      if (__builtin_expect(p.missing | p.race | p.pending, 0) && lane < 0) {
        found = p;
        was_wrote = old_wrote;
        was_read = old_read;
        for (uint32_t m = w.mask; m; m &= m - 1) {
          const int l = __builtin_ctz(m);
          if (c.relative[l] < c.runs[r].offset || c.relative[l] >= c.runs[r].offset + c.runs[r].bytes) continue;
          if (lane < 0) lane = l;
          // A load leaves what it found, so that the first lane with a word of this kind can be told from its neighbours.
          if (intent != Intent::load) break;
          const uint32_t at = static_cast<uint32_t>(base + c.relative[l]) / granule;
          if (!suspicious(k, at, static_cast<uint32_t>(base + c.relative[l] + i.bytes - 1) / granule + 1 - at, tag)) continue;
          lane = l;
          was_wrote = k.wrote[at];
          break;
        }
      }
    }
    if (__builtin_expect(lane >= 0, 0)) {
      const uint32_t at = static_cast<uint32_t>(base + c.relative[lane]);
      const char *verb = intent == Intent::load ? "reads" : "writes";
      if (found.pending) {
        if (k.settings.races && !k.seen(FindingKind::pending_copy, i))
          k.finding(FindingKind::pending_copy, i, w, lane,
                    std::string(verb) + " shared address " + hex(at) +
                        " while a cp.async to it is on its way: no cp.async.wait_group has waited for it");
      } else if (found.race && k.settings.races && !k.seen(FindingKind::shared_race, i)) {
        report_race(i, w, lane, at, intent, found, was_wrote, was_read, tag);
      }
      if (found.missing && !found.pending && k.settings.initialized && intent != Intent::store &&
          !k.seen(FindingKind::uninitialized_shared, i))
        k.finding(FindingKind::uninitialized_shared, i, w, lane,
                  std::string("reads shared address ") + hex(at) + " that this block has not written");
    }
  }
  if (k.settings.counters) {
    k.counters.shared_wavefronts += c.wavefronts;
    k.counters.shared_wavefronts_ideal += c.wavefronts_ideal;
    if (k.counting_main_loop) {
      k.counters.main_loop_shared_wavefronts += c.wavefronts;
      k.counters.main_loop_shared_wavefronts_ideal += c.wavefronts_ideal;
    }
  }
  return k.shared + base;
}

void shared_copy_issued(const Instruction &i, Warp &w, int lane, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const uint32_t tag = k.epoch << 6 | w.index, granule = k.kernel.granule;
  const uint32_t from = at / granule, n = (at + bytes - 1) / granule + 1 - from;
  const uint32_t old_wrote = k.wrote[from], old_read = k.read[from];
  SharedProblems p = k.kernel.named_barriers ? clocked_access(k, from, n, w.index, Intent::store) : shadow_store(k, from, n, tag);
  if (p.race && k.settings.races && !k.seen(FindingKind::shared_race, i))
    report_race(i, w, lane, at, Intent::store, p, old_wrote, old_read, tag);
  std::memset(k.pending.data() + from, 1, n);
  k.any_pending = true;
}

void shared_copy_done(Warp &w, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const uint32_t tag = k.kernel.named_barriers ? clocked_tag(k, w.index) : k.epoch << 6 | w.index, granule = k.kernel.granule;
  const uint32_t from = at / granule, n = (at + bytes - 1) / granule + 1 - from;
  for (uint32_t g = from; g < from + n; ++g) k.wrote[g] = tag;
  std::memset(k.pending.data() + from, 0, n);
}

}  // namespace vgpu

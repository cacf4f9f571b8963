// Checks and counts of global and shared accesses. The pattern of a warp's addresses relative to its first lane is compared with
// the pattern that this instruction had last; only a new pattern is analysed.
#pragma GCC optimize("O3")
#include "access.h"
#include <algorithm>

namespace vgpu {
namespace {

// Distinct bytes in ascending runs, bank conflicts, ideal sectors.
void analyse(AccessCache &c, uint32_t mask, int bytes) {
  c.mask = mask;
  const int first = __builtin_ctz(mask);
  bool contiguous = mask == kAll, uniform = true;
  uint32_t alignment = 0;
  int32_t low = 0, high = 0;
  for (int l = 0; l < kLanes; ++l) {
    int32_t r = c.relative[l];
    contiguous &= r == l * bytes;
    uniform &= r == 0;
    alignment |= static_cast<uint32_t>(r);
    low = std::min(low, r);
    high = std::max(high, r);
  }
  c.contiguous = contiguous;
  c.uniform = uniform;
  c.alignment = alignment;
  c.low = low;
  c.high = high + bytes;
  int32_t sorted[kLanes];
  int n = 0;
  bool ascending = true;
  for (uint32_t m = mask; m; m &= m - 1) {
    sorted[n] = c.relative[__builtin_ctz(m)];
    ascending &= n == 0 || sorted[n] >= sorted[n - 1];
    ++n;
  }
  if (!ascending) std::sort(sorted, sorted + n);
  c.run_count = 0;
  c.overlapping = false;
  uint32_t distinct = 0;
  for (int k = 0; k < n; ++k) {
    Run *last = c.run_count ? &c.runs[c.run_count - 1] : nullptr;
    if (last && sorted[k] < last->offset + last->bytes) {
      c.overlapping = true;
      int32_t more = sorted[k] + bytes - (last->offset + last->bytes);
      if (more > 0) last->bytes += more, distinct += more;
    } else if (last && sorted[k] == last->offset + last->bytes) {
      last->bytes += bytes;
      distinct += bytes;
    } else {
      c.runs[c.run_count++] = {sorted[k], bytes};
      distinct += bytes;
    }
  }
  c.sectors_ideal = (distinct + 31) / 32;
  std::fill(c.sectors, c.sectors + 8, 0);
  // Shared memory serves 32 banks of 4 bytes at a time; 8-byte accesses go by half warps, 16-byte ones by quarters.
  c.wavefronts = c.wavefronts_ideal = 0;
  const int group = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  const int words = std::max(1, bytes / 4);
  for (int g = 0; g < kLanes; g += group) {
    int32_t seen[kLanes][16];
    int used[kLanes] = {};
    int total = 0;
    for (int l = g; l < g + group; ++l) {
      if (!(mask >> l & 1)) continue;
      for (int k = 0; k < words; ++k) {
        int32_t word = ((c.relative[l] - c.relative[first]) >> 2) + k;
        int bank = word & 31;
        if (std::find(seen[bank], seen[bank] + std::min(used[bank], 16), word) != seen[bank] + std::min(used[bank], 16)) continue;
        if (used[bank] < 16) seen[bank][used[bank]] = word;
        ++used[bank];
        ++total;
      }
    }
    if (!total) continue;
    c.wavefronts += *std::max_element(used, used + kLanes);
    c.wavefronts_ideal += (total + 31) / 32;
  }
}

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

// The allocation that holds [low, high), allowed to this device. One lane alone faults if there is none.
bool find_allocation(const Instruction &i, Warp &w, AccessCache &c, uint64_t low, uint64_t high, Intent intent) {
  Worker &k = *w.worker;
  Allocation *a = Memory::get().find(low);
  const int device = k.launch.launch.device;
  const bool inside = a && high <= a->base + a->bytes;
  if (inside && !a->freed && (a->device == device || !k.settings.bounds || Memory::get().peer_allowed(device, a->device))) {
    c.begin = a->base;
    c.end = a->base + a->bytes;
    c.allocation = a;
    c.written = a->written.data();
    c.read_bits = c.write_bits = nullptr;
    if (k.launch.track) {
      std::lock_guard lock(k.launch.mutex);
      Access &access = k.launch.accesses[a];
      if (access.reads.words.empty()) {
        access.reads.words.resize((a->bytes + kBlock * 64 - 1) / (kBlock * 64));
        access.writes.words.resize(access.reads.words.size());
      }
      c.read_bits = access.reads.words.data();
      c.write_bits = access.writes.words.data();
    }
    return true;
  }
  c.begin = c.end = 0;
  if (w.mask & (w.mask - 1)) return false;
  const char *verb = intent == Intent::load ? "reads " : intent == Intent::store ? "writes " : "updates ";
  std::string what = verb + std::to_string(i.bytes) + (i.bytes == 1 ? " byte at " : " bytes at ") + hex(low) + ", ";
  FindingKind kind = FindingKind::out_of_bounds;
  if (inside && a->freed) {
    kind = FindingKind::use_after_free;
  } else if (inside) {
    kind = FindingKind::no_peer_access;
    what += "which device " + std::to_string(device) + " may not access: ";
  } else if (!Memory::get().nearest(low) && low >> 40 && low < uint64_t(1) << 47) {
    kind = FindingKind::host_pointer;
    what += "which looks like a host pointer: ";
  }
  k.fault(kind, i, w, first_lane(w), what + describe_address(low, device));
}

void mark(uint64_t *bits, const AccessCache &c, uint64_t at) {
  uint64_t next = 0;  // blocks below are marked: runs ascend
  for (int r = 0; r < c.run_count; ++r) {
    const uint64_t begin = at + c.runs[r].offset, last = (begin + c.runs[r].bytes - 1) / kBlock;
    for (uint64_t b = std::max(begin / kBlock, next); b <= last; ++b) {
      const uint64_t bit = uint64_t(1) << (b & 63);
      if (!(__atomic_load_n(&bits[b >> 6], __ATOMIC_RELAXED) & bit)) __atomic_fetch_or(&bits[b >> 6], bit, __ATOMIC_RELAXED);
    }
    next = last + 1;
  }
}

uint32_t count_sectors(AccessCache &c, uint64_t base) {
  uint32_t &known = c.sectors[base >> 2 & 7];
  if (known) return known;
  uint64_t last = ~uint64_t(0);
  for (int k = 0; k < c.run_count; ++k) {
    uint64_t from = (base + c.runs[k].offset) >> 5, to = (base + c.runs[k].offset + c.runs[k].bytes - 1) >> 5;
    if (from == last) ++from;
    if (to + 1 > from) known += static_cast<uint32_t>(to + 1 - from);
    last = to;
  }
  return known;
}

bool any_zero(const uint8_t *p, uint64_t n) {
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    if (((v | v >> 1) & 0x0101010101010101u) != 0x0101010101010101u) return true;
  }
  for (; n; ++p, --n)
    if (!*p) return true;
  return false;
}
bool any_tagged(const uint8_t *p, uint64_t n) { return std::memchr(p, 2, n) != nullptr; }

// The first lane whose words satisfy `bad`.
template <class F> int lane_with(const Warp &w, const AccessCache &c, F bad) {
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    if (bad(c.relative[l])) return l;
  }
  return first_lane(w);
}

void check_written(const Instruction &i, Warp &w, AccessCache &c, uint64_t base) {
  bool missing = false, tagged = false;
  const bool nc = i.flags & kNonCoherent;
  const uint64_t at = base - c.begin;
  for (int k = 0; k < c.run_count; ++k) {
    uint64_t from = (at + c.runs[k].offset) >> 2, to = (at + c.runs[k].offset + c.runs[k].bytes - 1) >> 2;
    if (to - from < 4) {  // scattered lanes: many short runs
      for (uint64_t word = from; word <= to; ++word) {
        missing |= c.written[word] == 0;
        tagged |= c.written[word] == 2;
      }
      continue;
    }
    missing |= any_zero(c.written + from, to + 1 - from);
    if (nc) tagged |= any_tagged(c.written + from, to + 1 - from);
  }
  Worker &k = *w.worker;
  if (missing && k.settings.initialized && !k.seen(FindingKind::uninitialized_global, i)) {
    int l = lane_with(w, c, [&](int32_t r) { return any_zero(c.written + ((at + r) >> 2), (((at + r) & 3) + i.bytes + 3) >> 2); });
    uint64_t address = base + c.relative[l];
    k.finding(FindingKind::uninitialized_global, i, w, l, "reads " + std::to_string(i.bytes) + " bytes at " + hex(address) +
              " that nothing has written, " + describe_address(address, c.allocation->device));
  }
  if (tagged && nc && !k.seen(FindingKind::read_only_written, i)) {
    int l = lane_with(w, c, [&](int32_t r) { return any_tagged(c.written + ((at + r) >> 2), (((at + r) & 3) + i.bytes + 3) >> 2); });
    uint64_t address = base + c.relative[l];
    k.finding(FindingKind::read_only_written, i, w, l, "reads with ld.global.nc what this launch has written, at " + hex(address) + ", " +
              describe_address(address, c.allocation->device));
  }
}

}  // namespace

uint8_t *resolve_global(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent) {
  uint64_t base;
  const bool near = i.flags & kWideAddress ? spread(i, w, c, static_cast<const uint64_t *>(address_register), base)
                                           : spread(i, w, c, static_cast<const uint32_t *>(address_register), base);
  if (__builtin_expect(!near, 0)) return nullptr;
  Worker &k = *w.worker;
  const uint64_t low = base + c.low, high = base + c.high;
  if (__builtin_expect(low < c.begin || high > c.end || high < low, 0) && !find_allocation(i, w, c, low, high, intent)) return nullptr;
  if (__builtin_expect(((base | c.alignment) & (i.bytes - 1)) != 0, 0) && k.settings.bounds) {
    if (w.mask & (w.mask - 1)) return nullptr;
    k.fault(FindingKind::misaligned, i, w, first_lane(w), std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) +
            " bytes at " + hex(base) + ", which is no multiple of that, " + describe_address(base, c.allocation->device));
  }
  const uint64_t at = base - c.begin;
  if (intent != Intent::store) {
    if (k.settings.initialized || (i.flags & kNonCoherent)) check_written(i, w, c, base);
    if (c.read_bits) mark(c.read_bits, c, at);
  }
  if (intent != Intent::load) {
    const uint8_t tag = k.launch.written_tag;
    for (int r = 0; r < c.run_count; ++r) {
      uint64_t from = (at + c.runs[r].offset) >> 2, to = (at + c.runs[r].offset + c.runs[r].bytes - 1) >> 2;
      for (uint64_t word = from; word <= to; ++word) c.written[word] = tag;
    }
    if (c.write_bits) mark(c.write_bits, c, at);
  }
  if (k.settings.counters && (i.category == Category::global_load || i.category == Category::global_store || i.category == Category::async_copy)) {
    const uint64_t asked = static_cast<uint64_t>(__builtin_popcount(w.mask)) * i.bytes;
    if (i.category == Category::global_store) k.counters.global_store_bytes += asked;
    else k.counters.global_load_bytes += asked;
    k.counters.global_sectors += count_sectors(c, base);
    k.counters.global_sectors_ideal += c.sectors_ideal;
  }
  return reinterpret_cast<uint8_t *>(base);
}

// ---- shared memory ----------------------------------------------------------------------------------------------------------
namespace {

struct SharedProblems { uint32_t missing = 0, race = 0, pending = 0; };

// One run of shadow words; also brings the shadow up to date. The usual lengths are unrolled.
template <uint32_t fixed> [[gnu::always_inline]] inline SharedProblems shadow_load_run(Worker &k, uint32_t from, uint32_t count, uint32_t tag) {
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
  return {missing, race, 0};
}
SharedProblems shadow_load(Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  return n == 1 ? shadow_load_run<1>(k, from, n, tag) : n == 4 ? shadow_load_run<4>(k, from, n, tag) : n == 32 ? shadow_load_run<32>(k, from, n, tag)
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
  return {0, race, 0};
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
    k.wrote[g] = other ? epoch << 6 | 62 : tag;
    k.atomics[g] = epoch;
  }
  return p;
}
uint32_t any_pending(const Worker &k, uint32_t from, uint32_t n) {
  return std::memchr(k.pending.data() + from, 1, n) != nullptr;
}

std::string other_warp(uint32_t shadow, uint32_t tag) {
  uint32_t warp = shadow & 63;
  return (shadow >> 6) != (tag >> 6) || shadow == tag ? "" : warp >= 62 ? "several warps" : "warp " + std::to_string(warp);
}

void report_race(const Instruction &i, Warp &w, int lane, uint32_t at, Intent intent, uint32_t wrote, uint32_t read, uint32_t tag) {
  Worker &k = *w.worker;
  std::string by = other_warp(wrote, tag);
  std::string text = std::string(intent == Intent::load ? "reads" : "writes") + " shared address " + hex(at) + " that ";
  text += !by.empty() ? by + " wrote" : other_warp(read, tag) + " read";
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
    k.fault(FindingKind::out_of_bounds, i, w, first_lane(w), std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) +
            " bytes at shared address " + hex(base) + "; the block has " + std::to_string(k.shared_bytes) + " bytes of shared memory");
  }
  if (__builtin_expect(((base | c.alignment) & (i.bytes - 1)) != 0, 0) && k.settings.bounds) {
    if (!single) return nullptr;
    k.fault(FindingKind::misaligned, i, w, first_lane(w), std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) +
            " bytes at shared address " + hex(base) + ", which is no multiple of that");
  }
  if (k.settings.races || k.settings.initialized) {
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
      SharedProblems p = intent == Intent::load ? shadow_load(k, from, n, tag)
                         : intent == Intent::store ? shadow_store(k, from, n, tag) : shadow_atomic(k, from, n, tag);
      if (k.any_pending) p.pending = any_pending(k, from, n);
      if (__builtin_expect(p.missing | p.race | p.pending, 0) && lane < 0) {
        found = p;
        was_wrote = old_wrote;
        was_read = old_read;
        for (uint32_t m = w.mask; m && lane < 0; m &= m - 1)
          if (c.relative[__builtin_ctz(m)] >= c.runs[r].offset && c.relative[__builtin_ctz(m)] < c.runs[r].offset + c.runs[r].bytes)
            lane = __builtin_ctz(m);
      }
    }
    if (__builtin_expect(lane >= 0, 0)) {
      const uint32_t at = static_cast<uint32_t>(base + c.relative[lane]);
      const char *verb = intent == Intent::load ? "reads" : "writes";
      if (found.pending) {
        if (k.settings.races && !k.seen(FindingKind::pending_copy, i))
          k.finding(FindingKind::pending_copy, i, w, lane, std::string(verb) + " shared address " + hex(at) +
                    " while a cp.async to it is on its way: no cp.async.wait_group has waited for it");
      } else if (found.race && k.settings.races && !k.seen(FindingKind::shared_race, i)) {
        report_race(i, w, lane, at, intent, was_wrote, was_read, tag);
      }
      if (found.missing && !found.pending && k.settings.initialized && intent != Intent::store && !k.seen(FindingKind::uninitialized_shared, i))
        k.finding(FindingKind::uninitialized_shared, i, w, lane, std::string("reads shared address ") + hex(at) + " that this block has not written");
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
  SharedProblems p = shadow_store(k, from, n, tag);
  if (p.race && k.settings.races && !k.seen(FindingKind::shared_race, i)) report_race(i, w, lane, at, Intent::store, old_wrote, old_read, tag);
  std::memset(k.pending.data() + from, 1, n);
  k.any_pending = true;
}

void shared_copy_done(Warp &w, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const uint32_t tag = k.epoch << 6 | w.index, granule = k.kernel.granule;
  const uint32_t from = at / granule, n = (at + bytes - 1) / granule + 1 - from;
  for (uint32_t g = from; g < from + n; ++g) k.wrote[g] = tag;
  std::memset(k.pending.data() + from, 0, n);
}

}  // namespace vgpu

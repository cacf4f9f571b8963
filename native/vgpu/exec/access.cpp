// Checks and counts of global accesses; shared ones are in shared_access.cpp.
#include "spread.h"
#include <algorithm>

namespace vgpu {

namespace {

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
  for (int r = 0; r < c.pattern->run_count; ++r) {
    const uint64_t begin = at + c.pattern->runs[r].offset, last = (begin + c.pattern->runs[r].bytes - 1) / kBlock;
    for (uint64_t b = std::max(begin / kBlock, next); b <= last; ++b) {
      const uint64_t bit = uint64_t(1) << (b & 63);
      if (!(__atomic_load_n(&bits[b >> 6], __ATOMIC_RELAXED) & bit)) __atomic_fetch_or(&bits[b >> 6], bit, __ATOMIC_RELAXED);
    }
    next = last + 1;
  }
}

uint32_t count_sectors(const AccessCache &c, uint64_t base) {
  uint8_t &known = c.pattern->sectors[base & 31];
  if (known) return known;
  uint64_t last = ~uint64_t(0);
  for (int k = 0; k < c.pattern->run_count; ++k) {
    uint64_t from = (base + c.pattern->runs[k].offset) >> 5, to = (base + c.pattern->runs[k].offset + c.pattern->runs[k].bytes - 1) >> 5;
    if (from == last) ++from;
    if (to + 1 > from) known = static_cast<uint8_t>(known + to + 1 - from);
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
    if (bad(c.pattern->relative[l])) return l;
  }
  return first_lane(w);
}

void check_written(const Instruction &i, Warp &w, AccessCache &c, uint64_t base) {
  bool missing = false, tagged = false;
  const bool nc = i.flags & kNonCoherent;
  const uint64_t at = base - c.begin;
  for (int k = 0; k < c.pattern->run_count; ++k) {
    uint64_t from = (at + c.pattern->runs[k].offset) >> 2, to = (at + c.pattern->runs[k].offset + c.pattern->runs[k].bytes - 1) >> 2;
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
    uint64_t address = base + c.pattern->relative[l];
    k.finding(FindingKind::uninitialized_global, i, w, l,
              "reads " + std::to_string(i.bytes) + " bytes at " + hex(address) + " that nothing has written, " +
                  describe_address(address, c.allocation->device));
  }
  if (tagged && nc && !k.seen(FindingKind::read_only_written, i)) {
    int l = lane_with(w, c, [&](int32_t r) { return any_tagged(c.written + ((at + r) >> 2), (((at + r) & 3) + i.bytes + 3) >> 2); });
    uint64_t address = base + c.pattern->relative[l];
    k.finding(FindingKind::read_only_written, i, w, l,
              "reads with ld.global.nc what this launch has written, at " + hex(address) + ", " +
                  describe_address(address, c.allocation->device));
  }
}

}  // namespace

uint8_t *resolve_global(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent) {
  uint64_t base;
  if (__builtin_expect(!spread(i, w, c, address_register, base), 0)) return nullptr;
  Worker &k = *w.worker;
  const uint64_t low = base + c.pattern->low, high = base + c.pattern->high;
  if (__builtin_expect(low < c.begin || high > c.end || high < low, 0) && !find_allocation(i, w, c, low, high, intent)) return nullptr;
  if (__builtin_expect(((base | c.pattern->alignment) & (i.bytes - 1)) != 0, 0) && k.settings.bounds) {
    if (w.mask & (w.mask - 1)) return nullptr;
    k.fault(FindingKind::misaligned, i, w, first_lane(w),
            std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) + " bytes at " + hex(base) +
                ", which is no multiple of that, " + describe_address(base, c.allocation->device));
  }
  const uint64_t at = base - c.begin;
  if (intent != Intent::store) {
    if (k.settings.initialized || (i.flags & kNonCoherent)) check_written(i, w, c, base);
    if (c.read_bits) mark(c.read_bits, c, at);
  }
  if (intent != Intent::load) {
    if (__builtin_expect(k.any_pending, 0)) check_copy_sources(i, w, c, base);
    const uint8_t tag = k.launch.written_tag;
    for (int r = 0; r < c.pattern->run_count; ++r) {
      uint64_t from = (at + c.pattern->runs[r].offset) >> 2, to = (at + c.pattern->runs[r].offset + c.pattern->runs[r].bytes - 1) >> 2;
      for (uint64_t word = from; word <= to; ++word) c.written[word] = tag;
    }
    if (c.write_bits) mark(c.write_bits, c, at);
  }
  if (k.settings.counters &&
      (i.category == Category::global_load || i.category == Category::global_store || i.category == Category::async_copy)) {
    const uint64_t asked = static_cast<uint64_t>(__builtin_popcount(w.mask)) * i.bytes;
    if (i.category == Category::global_store) k.counters.global_store_bytes += asked;
    else k.counters.global_load_bytes += asked;
    k.counters.global_sectors += count_sectors(c, base);
    k.counters.global_sectors_ideal += c.pattern->sectors_ideal;
  }
  return reinterpret_cast<uint8_t *>(base);
}

}  // namespace vgpu

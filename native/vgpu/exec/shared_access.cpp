// Checks and counts of accesses to shared memory.
#include "clocks.h"
#include "spread.h"
#include <algorithm>
#include <cstring>

namespace vgpu {
namespace {

// ---- nothing to find: the usual case, a vector of shadow words at a time -----------------------------------------------------------
template <int n> struct Wide;
template <> struct Wide<1> {
  typedef uint32_t Words __attribute__((vector_size(4)));
  typedef uint8_t Bytes;
};
template <> struct Wide<4> {
  typedef uint32_t Words __attribute__((vector_size(16)));
  typedef uint32_t Bytes;
};
template <> struct Wide<8> {
  typedef uint32_t Words __attribute__((vector_size(32)));
  typedef uint64_t Bytes;
};
template <int n> using Words = typename Wide<n>::Words;
template <int n> using Bytes = typename Wide<n>::Bytes;
template <class T> [[gnu::always_inline]] inline T read_as(const void *from) {
  T v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

struct Shadow {
  uint32_t *wrote, *read;
  uint8_t *pending;
  uint32_t tag, born, age;  // words written since the block began, and before this epoch, are born + 0 to age - 1
};
template <int n> struct Doubts {
  Words<n> words{};
  Bytes<n> pending = 0;
  [[gnu::always_inline]] void load(const Shadow &s, uint32_t at) {
    const auto v = read_as<Words<n>>(s.wrote + at), r = read_as<Words<n>>(s.read + at);
    words |= (Words<n>)(v - s.born >= s.age) & (Words<n>)(v != s.tag);
    pending |= read_as<Bytes<n>>(s.pending + at);
    const Words<n> reads = s.tag | ((Words<n>)((r ^ s.tag) - 1 < 63) & 63);  // another's in this epoch: several
    std::memcpy(s.read + at, &reads, sizeof reads);
  }
  [[gnu::always_inline]] void store(const Shadow &s, uint32_t at) {
    const auto v = read_as<Words<n>>(s.wrote + at), r = read_as<Words<n>>(s.read + at);
    words |= (Words<n>)((v ^ s.tag) - 1 < 63) | (Words<n>)((r ^ s.tag) - 1 < 63);
    pending |= read_as<Bytes<n>>(s.pending + at);
  }
};

// Shadow words of a run: the first, and one behind the last.
struct Span {
  uint32_t from, to;
  Span(const Worker &k, uint64_t base, const Run &run)
      : from(static_cast<uint32_t>(base + run.offset) >> k.granule_bits),
        to((static_cast<uint32_t>(base + run.offset + run.bytes - 1) >> k.granule_bits) + 1) {}
};

// True if there is nothing to report; then the shadow is up to date. If not, no word of `wrote` has changed, and the reads that are noted
// may be noted again.
template <bool store> bool unsuspicious(Worker &k, const Pattern &p, uint64_t base, uint32_t tag) {
  const uint32_t born = k.first_epoch << 6;
  const Shadow shadow{k.wrote.data(), k.read.data(), k.pending.data(), tag, born, (tag & ~63u) - born};
  Doubts<8> eight;
  Doubts<4> four;
  Doubts<1> one;
  for (int r = 0; r < p.run_count; ++r) {
    const Span span(k, base, p.runs[r]);
    uint32_t g = span.from;
    for (; g + 8 <= span.to; g += 8) store ? eight.store(shadow, g) : eight.load(shadow, g);
    if (g + 4 <= span.to) store ? four.store(shadow, g) : four.load(shadow, g), g += 4;
    for (; g < span.to; ++g) store ? one.store(shadow, g) : one.load(shadow, g);
  }
  const __m256i words = _mm256_or_si256((__m256i)eight.words, _mm256_zextsi128_si256((__m128i)four.words));
  if (__builtin_expect(!_mm256_testz_si256(words, words) | ((eight.pending | four.pending | one.pending | one.words[0]) != 0), 0))
    return false;
  if (store) {
    for (int r = 0; r < p.run_count; ++r) {
      const Span span(k, base, p.runs[r]);
      std::fill(shadow.wrote + span.from, shadow.wrote + span.to, tag);
    }
  }
  return true;
}
// Where only a look at each word will do: clocks, atomics.
bool plain(const Worker &k, Intent intent) {
  return !k.kernel.named_barriers && (intent == Intent::load || (intent == Intent::store && k.atomics.empty()));
}

// ---- one run at a time, with what there is to find ---------------------------------------------------------------------------------
SharedProblems shadow_load(Worker &k, uint32_t from, uint32_t n, uint32_t tag) {
  const uint32_t epoch = tag >> 6, born = k.first_epoch << 6;
  SharedProblems p;
  for (uint32_t g = from; g < from + n; ++g) {
    const uint32_t v = k.wrote[g], r = k.read[g];
    p.missing |= v < born;
    p.race |= (v >> 6) == epoch && v != tag;
    k.read[g] = (r >> 6) == epoch && r != tag ? epoch << 6 | 63 : tag;
  }
  return p;
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
// The first word of these that a load would complain of; `to` for none.
uint32_t suspicious(const Worker &k, uint32_t from, uint32_t to, uint32_t tag) {
  for (uint32_t g = from; g < to; ++g)
    if (k.wrote[g] < k.first_epoch << 6 || ((k.wrote[g] >> 6) == (tag >> 6) && k.wrote[g] != tag) || k.pending[g]) return g;
  return to;
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

// Finds, and brings the shadow up to date.
[[gnu::noinline]] void look_closely(const Instruction &i, Warp &w, const Pattern &p, uint64_t base, uint32_t tag, Intent intent) {
  Worker &k = *w.worker;
  // Keep what the shadow says for messages: a pass that changes it comes after the look at it.
  SharedProblems found;
  uint32_t was_wrote = 0, was_read = 0;
  int lane = -1;
  for (int r = 0; r < p.run_count; ++r) {
    const Run &run = p.runs[r];
    const Span span(k, base, run);
    const uint32_t from = span.from, n = span.to - from;
    const uint32_t old_wrote = k.wrote[from], old_read = k.read[from];
    SharedProblems q = k.kernel.named_barriers   ? clocked_access(k, from, n, w.index, intent)
                       : intent == Intent::load  ? shadow_load(k, from, n, tag)
                       : intent == Intent::store ? shadow_store(k, from, n, tag)
                                                 : shadow_atomic(k, from, n, tag);
    if (k.any_pending) q.pending = any_pending(k, from, n);
    if (__builtin_expect(q.missing | q.race | q.pending, 0) && lane < 0) {
      found = q;
      was_wrote = old_wrote;
      was_read = old_read;
      for (uint32_t m = w.mask; m; m &= m - 1) {
        const int l = __builtin_ctz(m);
        if (p.relative[l] < run.offset || p.relative[l] >= run.offset + run.bytes) continue;
        if (lane < 0) lane = l;
        // A load leaves what it found, so that the first lane with a word of this kind can be told from its neighbours.
        if (intent != Intent::load) break;
        const Span own(k, base, {p.relative[l], i.bytes});
        const uint32_t at = suspicious(k, own.from, own.to, tag);
        if (at == own.to) continue;
        lane = l;
        was_wrote = k.wrote[at];
        break;
      }
    }
  }
  if (__builtin_expect(lane >= 0, 0)) {
    const uint32_t at = static_cast<uint32_t>(base + p.relative[lane]);
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

}  // namespace

uint8_t *resolve_shared(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent) {
  uint64_t base;
  if (__builtin_expect(!spread(i, w, c, address_register, base), 0)) return nullptr;
  Worker &k = *w.worker;
  const Pattern &p = *c.pattern;
  if (!(i.flags & kWideAddress)) base &= 0xffffffffu;
  const uint64_t low = base + p.low, high = base + p.high;
  const bool single = !(w.mask & (w.mask - 1));
  if (__builtin_expect(high > k.shared_bytes || low > high, 0)) {
    if (!single) return nullptr;
    k.fault(FindingKind::out_of_bounds, i, w, first_lane(w),
            std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) + " bytes at shared address " + hex(base) +
                "; the block has " + std::to_string(k.shared_bytes) + " bytes of shared memory");
  }
  if (__builtin_expect(((base | p.alignment) & (i.bytes - 1)) != 0, 0) && k.settings.bounds) {
    if (!single) return nullptr;
    k.fault(FindingKind::misaligned, i, w, first_lane(w),
            std::string(intent == Intent::load ? "reads " : "writes ") + std::to_string(i.bytes) + " bytes at shared address " + hex(base) +
                ", which is no multiple of that");
  }
  if ((k.settings.races || k.settings.initialized) && low < k.reserved_from) {
    const uint32_t tag = k.epoch << 6 | w.index;
    if (!(plain(k, intent) && (intent == Intent::load ? unsuspicious<false>(k, p, base, tag) : unsuspicious<true>(k, p, base, tag))))
      look_closely(i, w, p, base, tag, intent);
  }
  if (k.settings.counters) {
    k.counters.shared_wavefronts += p.wavefronts;
    k.counters.shared_wavefronts_ideal += p.wavefronts_ideal;
    if (k.counting_main_loop) {
      k.counters.main_loop_shared_wavefronts += p.wavefronts;
      k.counters.main_loop_shared_wavefronts_ideal += p.wavefronts_ideal;
    }
  }
  return k.shared + base;
}

bool shared_copies_issued(Warp &w, const Pattern &p, uint64_t base) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return true;
  if (!plain(k, Intent::store) || !unsuspicious<true>(k, p, base, k.epoch << 6 | w.index)) return false;
  for (int r = 0; r < p.run_count; ++r) {
    const Span span(k, base, p.runs[r]);
    std::memset(k.pending.data() + span.from, 1, span.to - span.from);
  }
  k.any_pending = true;
  return true;
}

void shared_copy_issued(const Instruction &i, Warp &w, int lane, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const uint32_t tag = k.epoch << 6 | w.index;
  const Span span(k, at, {0, static_cast<int32_t>(bytes)});
  const uint32_t from = span.from, n = span.to - from, old_wrote = k.wrote[from], old_read = k.read[from];
  SharedProblems p = k.kernel.named_barriers ? clocked_access(k, from, n, w.index, Intent::store) : shadow_store(k, from, n, tag);
  if (p.race && k.settings.races && !k.seen(FindingKind::shared_race, i))
    report_race(i, w, lane, at, Intent::store, p, old_wrote, old_read, tag);
  std::memset(k.pending.data() + from, 1, n);
  k.any_pending = true;
}

void shared_copy_done(Warp &w, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const uint32_t tag = k.kernel.named_barriers ? clocked_tag(k, w.index) : k.epoch << 6 | w.index;
  const Span span(k, at, {0, static_cast<int32_t>(bytes)});
  std::fill(k.wrote.data() + span.from, k.wrote.data() + span.to, tag);
  std::memset(k.pending.data() + span.from, 0, span.to - span.from);
}

}  // namespace vgpu

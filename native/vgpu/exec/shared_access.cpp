// Checks and counts of accesses to shared memory.
#include "clocks.h"
#include "spread.h"
#include <algorithm>
#include <cstring>

namespace vgpu {
namespace {

// Shadow words of a run: the first, and one behind the last.
struct Span {
  uint32_t from, to;
  Span(const Worker &k, uint64_t base, const Run &run)
      : from(static_cast<uint32_t>(base + run.offset) >> k.granule_bits),
        to((static_cast<uint32_t>(base + run.offset + run.bytes - 1) >> k.granule_bits) + 1) {}
};
template <class F> [[gnu::always_inline]] inline void each_line(Worker &k, const Span &span, F f) {
  split_by_lines(span.from, span.to, [&](uint32_t n, uint32_t granules) { f(k.shadow.line(n, k.epoch, k.first_epoch), granules); });
}

// What a pattern covers of each line, worked out once for each place of its first lane in a line.
[[gnu::noinline]] void cut(const Worker &k, const Pattern &p, uint64_t base, std::unique_ptr<ShadowPieces> &to) {
  to = std::make_unique<ShadowPieces>();
  const int32_t first = static_cast<int32_t>(base >> k.granule_bits >> 5);
  for (int r = 0; r < p.run_count; ++r) {
    const Span span(k, base, p.runs[r]);
    split_by_lines(span.from, span.to, [&](uint32_t n, uint32_t granules) {
      const int32_t line = static_cast<int32_t>(n) - first;
      if (to->count && to->pieces[to->count - 1].line == line) to->pieces[to->count - 1].granules |= granules;
      else to->pieces[to->count++] = {line, granules};
    });
  }
}
template <class F> [[gnu::always_inline]] inline void each_piece(Worker &k, const Pattern &p, uint64_t base, F f) {
  std::unique_ptr<ShadowPieces> &known = p.pieces[base >> k.granule_bits & 31];
  if (__builtin_expect(!known, 0)) cut(k, p, base, known);
  const uint32_t first = static_cast<uint32_t>(base >> k.granule_bits >> 5), epoch = k.epoch;
  for (uint32_t n = 0; n < known->count; ++n)
    f(k.shadow.line(first + static_cast<uint32_t>(known->pieces[n].line), epoch, k.first_epoch), known->pieces[n].granules);
}

[[gnu::noinline]] bool has_problems(const Worker &k, const ShadowLine &l, uint32_t granules, uint32_t warp, Intent intent) {
  const SharedProblems p = k.shadow.problems(l, granules, warp, intent);
  return (p.missing | p.race | p.pending) != 0;
}

// True if there is nothing to report; then the shadow is up to date. If not, no write has been noted, and the reads that have may be
// again.
template <Intent intent> [[gnu::always_inline]] inline bool unsuspicious(Worker &k, const Pattern &p, uint64_t base, uint32_t warp) {
  bool doubts = false;
  each_piece(k, p, base, [&](ShadowLine &l, uint32_t granules) {
    const uint32_t odd = intent == Intent::load ? granules & ~l.quiet : granules & (l.touched | l.pending);
    if (__builtin_expect(odd, 0)) doubts |= has_problems(k, l, granules, warp, intent);
    if (intent == Intent::load) k.shadow.note(l, granules, warp, intent);
  });
  if (__builtin_expect(doubts, 0)) return false;
  if (intent != Intent::load) each_piece(k, p, base, [&](ShadowLine &l, uint32_t granules) { k.shadow.note(l, granules, warp, intent); });
  return true;
}
bool unsuspicious(Worker &k, const Pattern &p, uint64_t base, uint32_t warp, Intent intent) {
  // Clocks look at each granule. An access from within one, where nothing checks that, covers other ones than the pattern says.
  if (k.kernel.named_barriers || (base & ((1u << k.granule_bits) - 1))) return false;
  switch (intent) {
    case Intent::load: return unsuspicious<Intent::load>(k, p, base, warp);
    case Intent::store: return unsuspicious<Intent::store>(k, p, base, warp);
    case Intent::atomic: return unsuspicious<Intent::atomic>(k, p, base, warp);
  }
  return false;
}

// ---- one run at a time, with what there is to find ---------------------------------------------------------------------------------
SharedProblems touch(Worker &k, const Span &span, uint32_t warp, Intent intent) {
  SharedProblems found;
  if (k.kernel.named_barriers) {
    found = clocked_access(k, span.from, span.to - span.from, warp, intent);
    if (k.any_pending) found.pending = std::memchr(k.pending.data() + span.from, 1, span.to - span.from) != nullptr;
    return found;
  }
  each_line(k, span, [&](ShadowLine &l, uint32_t granules) {
    const SharedProblems p = k.shadow.problems(l, granules, warp, intent);
    if (p.race && !found.race) found.other = p.other, found.other_read = p.other_read;
    found.missing |= p.missing;
    found.race |= p.race;
    found.pending |= p.pending;
    k.shadow.note(l, granules, warp, intent);
  });
  return found;
}
// Whether a load of these by one lane has something to report.
bool suspicious(Worker &k, const Span &span, uint32_t warp) {
  if (k.kernel.named_barriers) return clocked_suspicion(k, span.from, span.to, warp) != span.to;
  bool any = false;
  each_line(k, span, [&](ShadowLine &l, uint32_t granules) { any |= has_problems(k, l, granules, warp, Intent::load); });
  return any;
}

void report_race(const Instruction &i, Warp &w, int lane, uint32_t at, Intent intent, const SharedProblems &found) {
  w.worker->finding(FindingKind::shared_race, i, w, lane,
                    std::string(intent == Intent::load ? "reads" : "writes") + " shared address " + hex(at) + " that " +
                        (found.other >= 0 ? "warp " + std::to_string(found.other) : "several warps") +
                        (found.other_read ? " read" : " wrote") + " with no barrier between");
}

// Finds, and brings the shadow up to date.
[[gnu::noinline]] void look_closely(const Instruction &i, Warp &w, const Pattern &p, uint64_t base, Intent intent) {
  Worker &k = *w.worker;
  if (base + p.low < k.phases.high && base + p.high > k.phases.low)
    for (uint32_t m = w.mask; m; m &= m - 1)
      check_phase_words(i, w, __builtin_ctz(m), base + p.relative[__builtin_ctz(m)], i.bytes, intent);
  SharedProblems found;
  int lane = -1;
  for (int r = 0; r < p.run_count; ++r) {
    const Run &run = p.runs[r];
    const SharedProblems q = touch(k, Span(k, base, run), w.index, intent);
    if (__builtin_expect(!(q.missing | q.race | q.pending) || lane >= 0, 1)) continue;
    found = q;
    for (uint32_t m = w.mask; m; m &= m - 1) {
      const int l = __builtin_ctz(m);
      if (p.relative[l] < run.offset || p.relative[l] >= run.offset + run.bytes) continue;
      if (lane < 0) lane = l;
      // A load leaves what it found, so that the first lane with a word of this kind can be told from its neighbours.
      if (intent != Intent::load) break;
      if (!suspicious(k, Span(k, base, {p.relative[l], i.bytes}), w.index)) continue;
      lane = l;
      break;
    }
  }
  if (__builtin_expect(lane < 0, 1)) return;
  const uint32_t at = static_cast<uint32_t>(base + p.relative[lane]);
  const char *verb = intent == Intent::load ? "reads" : "writes";
  if (found.pending) {
    if (k.settings.races && !k.seen(FindingKind::pending_copy, i))
      k.finding(FindingKind::pending_copy, i, w, lane,
                std::string(verb) + " shared address " + hex(at) +
                    " while a cp.async to it is on its way: neither a cp.async.wait_group nor a test of an mbarrier has waited for it");
  } else if (found.race && k.settings.races && !k.seen(FindingKind::shared_race, i)) {
    report_race(i, w, lane, at, intent, found);
  }
  if (found.missing && !found.pending && k.settings.initialized && intent != Intent::store && !k.seen(FindingKind::uninitialized_shared, i))
    k.finding(FindingKind::uninitialized_shared, i, w, lane,
              std::string("reads shared address ") + hex(at) + " that this block has not written");
}

}  // namespace

[[gnu::always_inline]] static inline uint8_t *checked(const Instruction &i, Warp &w, const Pattern &p, uint64_t base, Intent intent) {
  Worker &k = *w.worker;
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
  if ((k.settings.races || k.settings.initialized) && low < k.reserved_from && !unsuspicious(k, p, base, w.index, intent))
    look_closely(i, w, p, base, intent);
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

uint8_t *resolve_shared(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent) {
  uint64_t base;
  if (__builtin_expect(!spread(i, w, c, address_register, base), 0)) return nullptr;
  return checked(i, w, *c.pattern, base, intent);
}

uint8_t *resolve_shared_load(const Instruction &i, Warp &w, const Pattern &p, uint64_t base) {
  return checked(i, w, p, base, Intent::load);
}

bool shared_copies_issued(Warp &w, const Pattern &p, uint64_t base, ShadowPieces &to) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return true;
  if (!unsuspicious(k, p, base, w.index, Intent::store)) return false;
  const ShadowPieces &known = *p.pieces[base >> k.granule_bits & 31];
  const int32_t first = static_cast<int32_t>(base >> k.granule_bits >> 5);
  to.count = known.count;
  for (uint32_t n = 0; n < known.count; ++n) {
    const auto &[line, granules] = to.pieces[n] = {first + known.pieces[n].line, known.pieces[n].granules};
    Shadow::issue(k.shadow.line(static_cast<uint32_t>(line), k.epoch, k.first_epoch), granules);
  }
  k.any_pending = true;
  return true;
}

void shared_copy_issued(const Instruction &i, Warp &w, int lane, uint32_t at, uint32_t bytes) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  check_phase_words(i, w, lane, at, bytes, Intent::store);
  const Span span(k, at, {0, static_cast<int32_t>(bytes)});
  const SharedProblems p = touch(k, span, w.index, Intent::store);
  if (p.race && k.settings.races && !k.seen(FindingKind::shared_race, i)) report_race(i, w, lane, at, Intent::store, p);
  if (k.kernel.named_barriers) std::memset(k.pending.data() + span.from, 1, span.to - span.from);
  else each_line(k, span, Shadow::issue);
  k.any_pending = true;
}

static void copied(const Worker &k, ShadowLine &l, uint32_t granules, uint32_t warp) {
  k.shadow.note(l, granules, warp, Intent::store);
  l.pending &= ~granules;
}

void shared_copies_done(Warp &w, const ShadowPieces &to) {
  Worker &k = *w.worker;
  for (uint32_t n = 0; n < to.count; ++n)
    copied(k, k.shadow.line(static_cast<uint32_t>(to.pieces[n].line), k.epoch, k.first_epoch), to.pieces[n].granules, w.index);
}

void shared_copy_done(Warp &w, uint32_t at, uint32_t bytes, uint32_t when) {
  Worker &k = *w.worker;
  if (!k.settings.races && !k.settings.initialized) return;
  const Span span(k, at, {0, static_cast<int32_t>(bytes)});
  if (!k.kernel.named_barriers) return each_line(k, span, [&](ShadowLine &l, uint32_t granules) { copied(k, l, granules, w.index); });
  std::fill(k.wrote.data() + span.from, k.wrote.data() + span.to, clocked_tag(k, w.index, when));
  std::memset(k.pending.data() + span.from, 0, span.to - span.from);
}

}  // namespace vgpu

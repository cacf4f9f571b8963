// cp.async. A copy is done at the wait that covers it, the latest moment that PTX allows; until then its words count as
// pending, so that a wait that is missing or too weak shows in the check and in the numbers.
#include "spread.h"
#include <algorithm>

namespace vgpu {
namespace {

// What lanes read lies in `from`, what they do not read is zero.
template <int bytes> void move(const AsyncCopy &copy, uint32_t lanes, uint8_t *shared) {
  const __m256i read = _mm256_load_si256(reinterpret_cast<const __m256i *>(copy.read));
  const auto reading = [&](int n) {
    return lanes & static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(read, _mm256_set1_epi8(static_cast<char>(n)))));
  };
  const uint32_t whole = reading(bytes), none = reading(0);
  for (uint32_t m = whole; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    std::memcpy(shared + copy.to[l], reinterpret_cast<const void *>(copy.from[l]), bytes);
  }
  for (uint32_t m = none; m; m &= m - 1) std::memset(shared + copy.to[__builtin_ctz(m)], 0, bytes);
  for (uint32_t m = lanes & ~(whole | none); m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    std::memcpy(shared + copy.to[l], reinterpret_cast<const void *>(copy.from[l]), copy.read[l]);
    std::memset(shared + copy.to[l] + copy.read[l], 0, static_cast<size_t>(bytes - copy.read[l]));
  }
}

void finish_copy(Warp &w, AsyncCopy &copy, uint32_t lanes) {
  uint8_t *shared = w.worker->shared;
  if (copy.bytes == 16) move<16>(copy, lanes, shared);
  else if (copy.bytes == 8) move<8>(copy, lanes, shared);
  else move<4>(copy, lanes, shared);
  if (lanes == copy.issued && copy.written.count) {
    shared_copies_done(w, copy.written);
  } else {
    for (uint32_t m = lanes; m; m &= m - 1) shared_copy_done(w, copy.to[__builtin_ctz(m)], copy.bytes, copy.arrives);
  }
  copy.mask &= ~lanes;
}

// What is read at the wait comes from memory meanwhile.
void fetch(const Pattern &p, uint64_t base) {
  constexpr uint64_t kLine = 64;
  for (int r = 0; r < p.run_count; ++r) {
    const uint64_t from = base + static_cast<uint64_t>(p.runs[r].offset), to = from + static_cast<uint64_t>(p.runs[r].bytes);
    for (uint64_t at = from & ~(kLine - 1); at < to; at += kLine) __builtin_prefetch(reinterpret_cast<const void *>(at));
  }
}

// Where the copies go; the lanes one by one where one of them faults or has something to report.
void aim(const Instruction &i, Warp &w, AsyncCopy &copy) {
  Worker &k = *w.worker;
  AccessCache &c = k.caches[i.cache + 1];
  const uint8_t *to_register = w.at<uint8_t>(i.o[0]);
  const auto *narrow = reinterpret_cast<const uint32_t *>(to_register);
  const auto *wide = reinterpret_cast<const uint64_t *>(to_register);
  const uint64_t base = i.mode ? wide[first_lane(w)] : narrow[first_lane(w)];
  const Pattern *p = i.mode ? spread(w, c, wide, i.bytes, i.arrangement_to) : spread(w, c, narrow, i.bytes, i.arrangement_to);
  const uint64_t low = base + (p ? p->low : 0), high = base + (p ? p->high : 0);
  copy.written.count = 0;
  if (p && low <= high && high <= k.shared_bytes && !((base | p->alignment) & (i.bytes - 1)) &&
      shared_copies_issued(w, *p, base, copy.written)) {
    for (int l = 0; l < kLanes; ++l) copy.to[l] = static_cast<uint32_t>(base) + static_cast<uint32_t>(p->relative[l]);
    return;
  }
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    const uint64_t to = i.mode ? wide[l] : narrow[l];
    if (to >= k.shared_bytes || i.bytes > k.shared_bytes - to)
      k.fault(FindingKind::out_of_bounds, i, w, l,
              "copies " + std::to_string(i.bytes) + " bytes to shared address " + hex(to) + "; the block has " +
                  std::to_string(k.shared_bytes) + " bytes of shared memory");
    if (to & (i.bytes - 1))
      k.fault(FindingKind::misaligned, i, w, l,
              "copies " + std::to_string(i.bytes) + " bytes to shared address " + hex(to) + ", which is no multiple of that");
    copy.to[l] = static_cast<uint32_t>(to);
    shared_copy_issued(i, w, l, copy.to[l], i.bytes);
  }
}

// Operands: shared address, global address, bytes to read (32 bits); immediate is the offset of the global address, and the
// shared one has none left (the decoder adds it).
void copy_async(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  const uint32_t *read = w.at<uint32_t>(i.o[2]);
  if (w.spare.empty()) w.spare.push_back(std::make_unique<AsyncCopy>());
  AsyncCopy &copy = *w.spare.back();
  const uint32_t all = w.mask;
  copy.number = i.number;
  copy.low = ~uint64_t(0);
  copy.high = 0;
  copy.bytes = i.bytes;
  copy.mask = copy.issued = all;
  copy.serial = ++w.copies_issued;
  copy.arrives = 0;
  const bool wide = i.flags & kWideAddress;
  const uint8_t *from_register = w.at<uint8_t>(i.o[1]);
  uint32_t whole = 0, some = 0, more = 0;
  for (int l = 0; l < kLanes; ++l) {
    whole |= static_cast<uint32_t>(read[l] >= i.bytes) << l;
    some |= static_cast<uint32_t>(read[l] != 0) << l;
    more |= static_cast<uint32_t>(read[l] > i.bytes) << l;
    copy.read[l] = static_cast<uint8_t>(std::min<uint32_t>(read[l], i.bytes));
  }
  for (int l = 0; l < kLanes; ++l)
    copy.from[l] = (wide ? reinterpret_cast<const uint64_t *>(from_register)[l] : reinterpret_cast<const uint32_t *>(from_register)[l]) +
                   static_cast<uint64_t>(i.immediate);
  whole &= all;
  some &= all & ~whole;
  for (uint32_t m = more & all; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    if (!k.seen(FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l,
                "reads " + std::to_string(read[l]) + " bytes for a copy of " + std::to_string(i.bytes) + ", which is not defined");
  }
  // The source: lanes that read less than all (the zero-filled border) are checked for what they read.
  auto check = [&](const Instruction &access) {
    AccessCache &c = k.caches[access.cache];
    const uint8_t *p = resolve_global(access, w, c, from_register, Intent::load);
    if (!p) one_by_one(w, [&] { resolve_global(access, w, c, from_register, Intent::load); });
    return p;
  };
  auto extend = [&](uint64_t from, uint64_t to) { copy.low = std::min(copy.low, from), copy.high = std::max(copy.high, to); };
  if (whole) {
    w.set_mask(whole);
    const Pattern *&pattern = k.caches[i.cache].pattern;
    if (const uint8_t *p = check(i)) {
      const uint64_t base = reinterpret_cast<uint64_t>(p);
      extend(base + pattern->low, base + pattern->high);
      fetch(*pattern, base);
    } else {
      some |= whole;
    }
  }
  for (uint32_t m = some; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    extend(copy.from[l], copy.from[l] + copy.read[l]);
    if (whole >> l & 1) continue;
    Instruction part = i;
    part.bytes = 1;
    part.arrangement = 0;
    for (int n = 0; n < copy.read[l]; ++n, ++part.immediate) w.set_mask(m & -m), check(part);
  }
  w.set_mask(all);
  aim(i, w, copy);
  uint32_t oldest = ~0u;
  for (int l = 0; l < kLanes; ++l) oldest = std::min(oldest, w.committed[l] | ~static_cast<uint32_t>(all == kAll ? -1 : w.lane[l]));
  copy.oldest = oldest;
  std::memcpy(copy.group, w.committed, sizeof copy.group);
  ++k.copies;
  w.copies.push_back(std::move(w.spare.back()));
  w.spare.pop_back();
}

// finish(copy) may do some of it; what is done comes off the list.
template <class F> void each_copy(Warp &w, F finish) {
  size_t kept = 0;
  for (size_t n = 0; n < w.copies.size(); ++n) {
    AsyncCopy &copy = *w.copies[n];
    finish(copy);
    if (copy.mask) std::swap(w.copies[kept++], w.copies[n]);
    else w.spare.push_back(std::move(w.copies[n]));
  }
  Worker &k = *w.worker;
  k.copies -= static_cast<uint32_t>(w.copies.size() - kept);
  k.any_pending = k.copies != 0;
  w.copies.resize(kept);
}

// Does the copies of the active lanes whose group is older than the newest `left` committed ones.
void wait(Warp &w, bool everything, uint32_t left) {
  uint32_t newest = 0;
  for (int l = 0; l < kLanes; ++l) newest = std::max(newest, w.mask >> l & 1 ? w.committed[l] : 0);
  each_copy(w, [&](AsyncCopy &copy) {
    if (!everything && copy.oldest + left >= newest) return;
    uint32_t lanes = 0;
    for (int l = 0; l < kLanes; ++l) lanes |= static_cast<uint32_t>(copy.group[l] + left < w.committed[l]) << l;
    finish_copy(w, copy, (everything ? kAll : lanes) & copy.mask & w.mask);
  });
}

}  // namespace

Handler async_copy_handler() { return copy_async; }

void commit_copies(const Instruction &, Warp &w) {
  for (uint32_t m = w.mask; m; m &= m - 1) ++w.committed[__builtin_ctz(m)];
}
void check_copy_sources(const Instruction &i, Warp &w, const AccessCache &c, uint64_t base) {
  Worker &k = *w.worker;
  if (!k.settings.races) return;
  for (const Warp &reader : k.warps) {
    for (const auto &copy : reader.copies) {
      if (base + c.pattern->high <= copy->low || base + c.pattern->low >= copy->high) continue;
      for (uint32_t m = copy->mask; m; m &= m - 1) {
        const int l = __builtin_ctz(m);
        const uint64_t from = copy->from[l], to = from + copy->read[l];
        for (uint32_t n = w.mask; n; n &= n - 1) {
          const uint64_t at = base + c.pattern->relative[__builtin_ctz(n)];
          if (at >= to || at + i.bytes <= from || k.seen(FindingKind::pending_copy, i)) continue;
          k.finding(FindingKind::pending_copy, i, w, __builtin_ctz(n),
                    "writes " + std::to_string(i.bytes) + " bytes at " + hex(at) + " while the cp.async of PTX line " +
                        std::to_string(k.kernel.places[copy->number].line) + " may still read there: warp " + std::to_string(reader.index) +
                        " has not waited for it, " + describe_address(at, k.launch.launch.device));
        }
      }
    }
  }
}

void wait_for_copies(const Instruction &i, Warp &w) { wait(w, false, static_cast<uint32_t>(i.immediate)); }
void wait_for_all_copies(const Instruction &, Warp &w) { wait(w, true, 0); }
void finish_copies(Warp &w, uint32_t lanes, uint32_t last) {
  each_copy(w, [&](AsyncCopy &copy) {
    if (static_cast<int32_t>(copy.serial - last) <= 0) finish_copy(w, copy, copy.mask & lanes);
  });
}

}  // namespace vgpu
